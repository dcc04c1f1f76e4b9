# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Kernel packages, from wherever this machine gets its packages.
#
#	package_fetch SUITE    unpacks the suite's kernel to $work/SUITE; what is there serves where no newer can be had
#
# The caller has set $work.
# shellcheck disable=SC2154

# shellcheck disable=SC2016 # apt's own variables
mirror() { apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' | head -n1; }

# Lists of its own: the machine's sources need not know backports, and stay as they are.
apt_config() {
	local own=$work/apt uri suite

	uri=$(mirror)
	[[ -n $uri ]] || { apt-get update -q >"$work/apt.log" 2>&1 && uri=$(mirror); }
	mkdir -p "$own/lists/partial" "$own/cache/archives/partial"
	for suite in bookworm bookworm-backports; do
		printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' "$uri" "$suite"
	done >"$own/sources.list"
	cat >"$own/apt.conf" <<-E
		Dir::Etc::sourcelist "$own/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::lists "$own/lists";
		Dir::Cache "$own/cache";
		APT::Sandbox::User "root";
		Acquire::Retries "3";
	E
}

# A day's lists are new enough: what matters is the series.
update() {
	[[ -z $(find "$work/apt/lists" -name '*Packages*' -mtime -1 -print -quit) ]] || return 0
	apt-get update -q >"$work/apt.log" 2>&1 || cat "$work/apt.log" >&2
}

# The package that the suite's meta package stands for today.
package_of() { apt-cache depends "linux-image-cloud-amd64/$1" | sed -nE 's/^ +Depends: (linux-image-.*)/\1/p' | head -n1; }

unpack() { # PACKAGE DIR
	local to=$2

	rm -rf "$to.new" && mkdir -p "$to.new"
	(cd "$to.new" && apt-get download -q "$1" && dpkg-deb -x ./*.deb . && rm ./*.deb && touch "$1") \
		>>"$work/apt.log" 2>&1 || { cat "$work/apt.log" >&2; return 1; }
	rm -rf "$to" && mv "$to.new" "$to"
}

package_fetch() {
	local package to=$work/$1

	apt_config
	export APT_CONFIG=$work/apt/apt.conf
	update
	package=$(package_of "$1") || true
	[[ -z $package || -e $to/$package ]] || unpack "$package" "$to" || true
	unset APT_CONFIG
	[[ -d $to/lib/modules ]] || { echo "no kernel of $1: neither downloaded nor in $to" >&2; return 1; }
}
