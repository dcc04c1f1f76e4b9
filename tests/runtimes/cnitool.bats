#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# CNI's own client, cnitool, and its library, with the configuration that the agent installs.

setup_file() {
	load ../e2e/nodes
	load ../e2e/cni
	# libcni keeps results in /var/lib/cni.
	mount -t tmpfs -o mode=755 tmpfs /var/lib
	nodes_up a
	agent_start a --install-cni=true --cni-bin-dir "$WR_T/cni/bin" --cni-conf-dir "$WR_T/cni/net.d" \
		--cni-plugin "$WR_BUILD/bin/weir-cni"
	save_cluster
}

setup() {
	load ../e2e/nodes
	load ../e2e/cni
	restore_cluster
	t=$BATS_TEST_TMPDIR
	eventually test -e "$WR_T/cni/net.d/05-weir.conflist"
	sandbox_add tool
}

teardown() {
	sandbox_del tool
	clean_node
}

teardown_file() {
	load ../e2e/nodes && restore_cluster
	cluster_logs >&2
	cluster_down
}

client() {
	local program=$1

	shift
	CNI_PATH=$WR_T/cni/bin NETCONFPATH=$WR_T/cni/net.d node a "$WR_RUNTIMES/bin/$program" "$@"
}
cnitool() { client cnitool "$1" weir /run/netns/p-tool; }

@test "cnitool adds, checks and deletes" {
	cnitool add >"$t/result"
	[ "$(jq -r .cniVersion "$t/result")" = 1.1.0 ]
	[ "$(jq '.ips | length' "$t/result")" -eq 2 ]
	ip -n p-tool link show eth0
	cnitool check
	ip -n p-tool -6 addr flush dev eth0
	run -1 cnitool check
	[[ $output == *address* ]]
	cnitool del
	clean_node
}

@test "cnitool finds the status well while the agent is there" {
	cnitool status
}

@test "cnitool's gc deletes what it has in its cache" {
	cnitool add
	# It sends no list of valid attachments, which the specification requires, and says so.
	run -1 cnitool gc
	[[ $output == *valid-attachments* ]]
	clean_node
}

@test "libcni's gc keeps what is valid and removes what is not" {
	local id

	cnitool add
	id=$(leases | head -n1)
	client gc weir "$id/eth0"
	cnitool check
	client gc weir other/eth0
	clean_node
}

@test "libcni's gc removes what its cache does not know" {
	cnitool add
	rm -rf /var/lib/cni
	client gc weir
	clean_node
}

@test "cnitool passes capabilities: address, MAC, port mappings" {
	CAP_ARGS='{"ips":["10.244.11.99/24"],"mac":"02:00:00:00:00:99","portMappings":[{"hostPort":80,"containerPort":80,"protocol":"tcp"}]}' \
		cnitool add >"$t/result"
	jq -e '.capabilities' "$WR_T/cni/net.d/05-weir.conflist" || jq . "$WR_T/cni/net.d/05-weir.conflist"
	[ "$(jq -r '.ips[0].address' "$t/result")" = 10.244.11.99/32 ]
	[ "$(jq -r '.interfaces[1].mac' "$t/result")" = 02:00:00:00:00:99 ]
	cnitool del
}
