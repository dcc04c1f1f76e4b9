#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What must work on every kernel between nodes that reach each other through the tunnel only.

setup_file() {
	load ../e2e/nodes
	nodes_up_routed a b
	agent_start a
	agent_start b
	pod_up a client app=client
	pod_up b far app=web
	serve far tcp 8080
	serve far udp 5353
	pod far peer sink tcp :: 8081 >"$WR_T/log/sink" 2>&1 3>&- 4>&- &
	eventually grep -q ready "$WR_T/log/sink"
	service web 80 8080 -- far
	eventually -t 30 pod client peer ask tcp "$(svc4 web)" 80
	eventually -t 30 pod client peer ask tcp "$(pod6 far)" 8080
	save_cluster
}

setup() { load ../e2e/nodes && restore_cluster; }

teardown_file() {
	load ../e2e/nodes && restore_cluster
	local status=0

	no_drops a multicast unknown-endpoint || status=1
	no_drops b multicast unknown-endpoint || status=1
	[[ $status == 0 ]] || cluster_logs
	cluster_down
	return $status
}

per_packet() { nsenter --net=/run/netns/p-client -- "$@"; }

@test "the other node is reached by VXLAN" { weir status --instance a | grep '0 direct, 1 by VXLAN'; }

@test "pods, pings and a service beyond the tunnel, from a pod and from the node, both families" {
	for address in "$(pod4 far)" "$(pod6 far)"; do
		pod client ping -nc 2 -i 0.3 -W 10 "$address"
		pod client peer ask udp "$address" 5353
		node a peer ask tcp "$address" 8080
	done
	for address in "$(svc4 web)" "$(svc6 web)"; do
		pod client peer ask tcp "$address" 80
		per_packet peer ask tcp "$address" 80
		node a peer ask tcp "$address" 80
	done
}

@test "messages of many segments arrive whole through the tunnel, both families" {
	for address in "$(pod4 far)" "$(pod6 far)"; do
		[ "$(pod client peer bulk tcp "$address" 8081 300000)" = 300000 ]
	done
}
