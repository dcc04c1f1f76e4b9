# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# An initramfs with this system's tools, the programs under test, their tests, and one kernel's modules; not packed,
# because an emulated processor takes long to unpack it.
#
#	image_make ROOT RELEASE FILE    ROOT: where the kernel package was unpacked
#
# The caller has set $top (sources) and $build.
# shellcheck disable=SC2154

# What the runners, nodes.bash and the tests call.
image_tools=(bash sh sed grep awk find xargs kill ps pkill mount umount findmnt unshare nsenter flock ip bridge tc ping sysctl
	jq cmp diff modprobe kmod bpftool hostname busybox curl dd socat ss strace tcpdump)
image_modules=(veth vxlan bridge dummy sch_ingress cls_bpf sctp)

# with_libraries FILE...: the files and what they link to.
with_libraries() {
	local f

	for f; do
		printf '%s\n' "$f"
		ldd "$f" 2>/dev/null | grep -oE '/[^ ]+' || true
	done | sort -u
}

files_of() { dpkg -L "$1" | while read -r f; do [[ ! -f $f ]] || printf '%s\n' "$f"; done; }

# copy TREE FILE...: keeps paths; what a link leads to comes along.
copy() {
	local to=$1 f

	shift
	for f; do
		mkdir -p "$to$(dirname "$f")"
		cp -L "$f" "$to$f"
	done
}

copy_programs() {
	local to=$1 paths=()

	mapfile -t paths < <(type -P "${image_tools[@]}"; files_of coreutils | grep /bin/; files_of bats | grep -v /share/)
	mapfile -t paths < <(with_libraries "${paths[@]}" "$build"/bin/* "$build"/tests/e2e/* "$build"/tests/bpf/test_*)
	copy "$to" "${paths[@]}" /etc/protocols /etc/services /etc/passwd /etc/group /etc/nsswitch.conf
	mkdir -p "$to/usr/lib/locale" "$to$top/tests"
	cp -r /usr/lib/locale/C.utf8 "$to/usr/lib/locale/"
	cp -r "$top/tests/e2e" "$top/tests/kernels" "$to$top/tests/"
	cp -r "$top/tools" "$to$top/"
}

copy_modules() {
	local to=$1 root=$2 release=$3 f files=()

	[[ -e $root/lib/modules/$release/modules.dep.bin ]] || depmod -b "$root" "$release"
	mapfile -t files < <(modprobe -d "$root" -S "$release" -aD "${image_modules[@]}" 2>/dev/null |
		sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u)
	for f in "${files[@]}" "$root/lib/modules/$release"/modules.*; do
		mkdir -p "$to/usr/lib/modules/$release/$(dirname "${f#*/"$release"/}")"
		cp "$f" "$to/usr/lib/modules/$release/${f#*/"$release"/}"
	done
}

image_make() {
	local root=$1 release=$2 file=$3 tree=$3.tree

	rm -rf "$tree"
	# As on this machine: tools live below /usr.
	mkdir -p "$tree"/{usr/bin,usr/sbin,usr/lib,usr/lib64,proc,sys,dev,run,tmp,etc,root,var/lib}
	ln -s usr/bin "$tree/bin" && ln -s usr/sbin "$tree/sbin" && ln -s usr/lib "$tree/lib" && ln -s usr/lib64 "$tree/lib64"
	copy_programs "$tree"
	copy_modules "$tree" "$root" "$release"
	sed "s,@TOP@,$top,; s,@BUILD@,$build," "$top/tests/kernels/init" >"$tree/init"
	chmod 755 "$tree/init"
	(cd "$tree" && find . -print0 | cpio --null -o -H newc --quiet --owner 0:0) >"$file"
	rm -rf "$tree"
}
