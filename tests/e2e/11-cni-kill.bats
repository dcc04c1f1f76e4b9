#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# time-limit: 900
# The runtime may kill the plugin at any instant: instead of each of its system calls in turn, here.

setup_file() {
	load nodes
	load cni
	setup_node --garbage-collection 1s
	sandbox_add k
	export BATS_TEST_TIMEOUT=600
}

setup() {
	load nodes
	load cni
	restore_cluster
	t=$BATS_TEST_TMPDIR
	conf '."cni.dev/valid-attachments" = []' >"$t/conf"
}

teardown() { clean_or_sweep; }

teardown_file() {
	load nodes && restore_cluster
	cluster_logs >&2
	cluster_down
}

# plugin_k VERB [PROGRAM...]: as plugin does, with what never changes worked out once.
plugin_k() {
	local verb=$1

	shift
	node a env CNI_COMMAND="$verb" CNI_CONTAINERID=c-k CNI_NETNS=/run/netns/p-k CNI_IFNAME=eth0 \
		CNI_PATH="$CNI_PLUGINS" CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAME=k" "$@" "$WR_BUILD/bin/weir-cni" <"$t/conf"
}

# each_call VERB PREPARE CLEAN: kills VERB instead of each of its calls, after PREPARE; then CLEAN must leave nothing.
each_call() {
	local verb=$1 prepare=$2 clean=$3 n rc=0

	for ((n = 1; n < 1000; n++)); do
		$prepare
		rc=0
		plugin_k "$verb" killat "$n" >/dev/null 2>&1 || rc=$?
		[[ $rc == 0 || $rc == 3 ]] || { echo "$verb, call $n: $rc"; return 1; }
		$clean || { echo "after $verb was killed instead of call $n: $clean"; return 1; }
		no_traces some_traces || { echo "left after $verb was killed instead of call $n, and $clean"; return 1; }
		[[ $rc == 0 ]] || break
	done
	echo "$verb has $((n - 1)) calls"
	[[ -n ${chained-} || -z $(ip -n p-k -o link show eth0 2>/dev/null) ]]
	[[ $n -gt 20 && $n -lt 1000 ]]
}

nothing() { :; }
added() { plugin_k ADD >/dev/null; }
deleted() { plugin_k DEL; }
collected() { plugin_k GC; }
added_or_found() {
	local out

	out=$(plugin_k ADD) || [[ $(jq .code <<<"$out") == 101 ]] || { echo "$out"; return 1; }
	deleted
}

@test "DEL cleans up after an ADD that was killed at any system call" {
	each_call ADD nothing deleted
}

@test "GC cleans up after an ADD that was killed at any system call" {
	each_call ADD nothing collected
}

@test "the next ADD succeeds after one that was killed at any system call, or finds its interface there" {
	each_call ADD nothing added_or_found
}

@test "DEL finishes what a DEL that was killed at any system call began" {
	each_call DEL added deleted
}

@test "GC finishes what a DEL that was killed at any system call began" {
	each_call DEL added collected
}

@test "GC finishes what a GC that was killed at any system call began" {
	each_call GC added collected
}

@test "DEL cleans up after an ADD with a delegated IPAM plugin that was killed at any system call" {
	conf '.cniVersion = "1.0.0" | .ipam = {type: "host-local", dataDir: "'"$t"'", subnet: "10.9.0.0/24"}' >"$t/conf"
	each_call ADD nothing deleted
	[ -z "$(find "$t/weir" -name '10.*')" ]
}

@test "DEL cleans up after a chained ADD that was killed at any system call, and leaves the other's interface" {
	local chained=1

	ip -n n-a link add other-k up type veth peer name eth0 netns p-k
	ip -n p-k addr add 10.244.11.200/32 dev eth0
	conf '.prevResult = {cniVersion: "1.1.0", ips: [{address: "10.244.11.200/32", interface: 1}],
		interfaces: [{name: "other-k"}, {name: "eth0", sandbox: "/run/netns/p-k"}]}' >"$t/conf"
	each_call ADD nothing deleted
	[ -z "$(tc -n n-a filter show dev other-k ingress)$(tc -n n-a filter show dev other-k egress)" ]
	ip -n p-k link del eth0
}

# adding NAME COMMAND...: an ADD of a sandbox of its own, run by the command.
adding() {
	local name=$1

	shift
	conf | node a env CNI_COMMAND=ADD CNI_CONTAINERID="c-$name" CNI_NETNS="/run/netns/p-$name" CNI_IFNAME=eth0 \
		"$@" "$WR_BUILD/bin/weir-cni"
}

# Records that the filter is true of; temporary files of those who were killed while they wrote are swept, too.
recorded() { find "$(state)/endpoints" -name '[!.]*.json' -print0 | xargs -0r jq -r "select($1) | .container" | sort; }
no_ready() { [[ -z $(recorded .ready) ]]; }

# bats test_tags=plugin
@test "the agent collects what is left of killed ADDs by itself, once they are long ago and their namespaces gone" {
	local n young

	# Every tenth call of those that make something; more than there are.
	for ((n = 1; n < 160; n += 10)); do
		sandbox_add "g$n"
		adding "g$n" killat -c "$n" >/dev/null 2>&1 || [[ $? == 3 ]]
		sandbox_del "g$n"
	done
	# Those that may be under way still are let be; one that was killed as it answered is a pod like any other.
	young=$(recorded '.ready | not')
	[[ $(wc -l <<<"$young") -ge 3 ]]
	eventually -t 30 no_ready
	[ "$(recorded '.ready | not')" = "$young" ]
	sed -i 's/"createdMs":[0-9]*/"createdMs":1/' "$(state)"/endpoints/*.json
	eventually -t 30 clean_node
}

# bats test_tags=plugin
@test "the agent collects a pod whose interface is gone, and not one whose Pod object is gone" {
	sandbox_add h1 h2
	# shellcheck disable=SC2034,SC2154 # an associative array of nodes.bash
	POD_NODE[h1]=a
	pod_manifest h1 "" ""
	add h1 >"$t/result"
	add h2
	manifest_rm pod-h1
	ip -n p-h2 link del eth0
	eventually -t 30 nothing_left h2
	check h1 "$t/result"
	[ "$(leases | sort -u)" = c-h1 ]
	del h1
	sandbox_del h1 h2
}
