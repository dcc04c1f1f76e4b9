#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=plugin
# Malformed environment and configuration: an error object that names what is wrong, on standard output, and nothing made.

setup_file() {
	load nodes
	load cni
	setup_node
	sandbox_add i
}

setup() {
	load nodes
	load cni
	restore_cluster
	msg=
}

teardown() { clean_or_sweep; }

teardown_file() {
	load nodes && restore_cluster
	cluster_logs >&2
	cluster_down
}

given() { printf '%s' "$1"; }

@test "every missing variable is named, in the configuration's version" {
	code 4 plugin ADD i CNI_CONTAINERID= CNI_IFNAME= CNI_NETNS= < <(conf '.cniVersion = "0.4.0"')
	[[ $msg == *CNI_CONTAINERID*CNI_IFNAME*CNI_NETNS* ]]
	code 4 plugin DEL i CNI_CONTAINERID= CNI_IFNAME= < <(conf)
	code 4 plugin CHECK i CNI_NETNS= < <(conf)
	code 4 plugin GC i CNI_PATH= < <(conf)
	code 4 plugin FROBNICATE i < <(conf)
	[[ $msg == *FROBNICATE* ]]
}

@test "bad names are refused by every verb that takes them" {
	local verb id name

	for verb in ADD DEL CHECK; do
		for id in -a .a a/b 'a b' "$(printf 'a%.0s' {1..300})"; do
			code 4 plugin $verb i CNI_CONTAINERID="$id" < <(conf)
		done
		for name in . .. a/b a:b 'a b' 0123456789abcdef; do
			code 4 plugin $verb i CNI_IFNAME="$name" < <(conf)
		done
	done
}

@test "unknown CNI_ARGS are an error unless they are to be ignored" {
	code 4 plugin ADD i CNI_ARGS='FOO=bar' < <(conf)
	[[ $msg == *FOO* ]]
	conf | plugin ADD i CNI_ARGS='FOO=bar;IgnoreUnknown=true;;=;K8S_POD_NAME=;K8S_POD_NAME=x'
	conf | plugin DEL i CNI_ARGS='FOO=bar'
}

@test "input that is not a JSON object is code 6, whatever it is" {
	local text

	for text in '' ' ' '{' '[]' '1' 'null' '"x"' '{"name":"weir"' $'\xff\xfe' '{"a":1}}'; do
		code 6 plugin ADD i < <(given "$text")
	done
	code 6 plugin ADD i < <(head -c 100000 /dev/urandom)
	code 6 plugin ADD i < <(printf '[%.0s' {1..100000})
}

@test "input larger than any configuration is refused" {
	code 5 plugin ADD i < <(head -c 5000000 /dev/zero | tr '\0' ' ')
}

@test "each member of the wrong type is named" {
	local key

	for key in name cniVersion instance ipam dns prevResult runtimeConfig; do
		code 7 plugin ADD i < <(conf ".$key = [7]")
		[[ $msg == *$key* ]]
	done
	code 7 plugin ADD i < <(conf 'del(.name)')
	code 7 plugin ADD i < <(conf '.name = "a/b"')
	code 7 plugin ADD i < <(conf '.instance = "../x"')
	code 1 plugin ADD i < <(conf '.cniVersion = "9.9.9"')
	[[ $msg == *9.9.9* ]]
}

@test "a configuration with unknown members works" {
	conf '.foo = {bar: [1, null]} | .capabilities.ips = "true" | .args = {labels: []}' | plugin ADD i
	del i
}

@test "an error's version is the configuration's, and its exit status not 0" {
	run plugin ADD i CNI_NETNS=/nonexistent < <(conf '.cniVersion = "0.3.1"')
	[ "$status" -eq 1 ]
	[ "$(jq -r .cniVersion <<<"$output")" = 0.3.1 ]
	jq -e '(.code | type) == "number" and (.msg | length) > 0 and (.details | type) == "string"' <<<"$output"
}

@test "an ADD whose result nobody can read fails and leaves nothing behind" {
	conf | plugin ADD i >/dev/full && return 1
	clean_node
	[ -z "$(ip -n p-i -o link show eth0 2>/dev/null)" ]
}
