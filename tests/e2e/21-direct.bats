#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every kind of traffic within a node and between nodes that reach each other's pods without a tunnel.

setup_file() {
	load nodes
	load traffic
	nodes_up a b
	traffic_up --routing direct
	weir status --instance a | grep -q '1 direct, 0 by VXLAN'
	save_cluster
}

setup() { load nodes && load traffic && restore_cluster; }

teardown_file() {
	load nodes && restore_cluster
	local status=0

	no_drops a multicast unknown-endpoint ttl-exceeded || status=1
	no_drops b multicast unknown-endpoint ttl-exceeded || status=1
	cluster_down
	return $status
}

@test "TCP, UDP, SCTP and ICMP reach a pod of the same node, both families" { every_protocol_reaches near; }

@test "TCP, UDP, SCTP and ICMP reach a pod of another node, both families" { every_protocol_reaches far; }

@test "TCP, UDP and SCTP services reach every backend, from pods and from the node" { services_are_balanced; }

@test "large messages arrive whole within the node: segments, fragments" { large_messages_arrive near; }

@test "large messages arrive whole between nodes: segments, fragments" { large_messages_arrive far; }

@test "packets as large as the pod's MTU arrive unfragmented, larger ones are refused" { packets_of_the_mtu_arrive; }

@test "large messages arrive whole through a service, at the socket and per packet" { large_messages_through_a_service; }

@test "a closed UDP port is noticed, straight and through a service" { port_unreachable_comes_back; }

@test "the node itself reaches pods of the other node over every protocol" { node_reaches_far_pods; }

@test "each hop that a TTL ends at says so" {
	[ "$(hop 1 "$(pod4 far)")" = "$(pod client ip -4 route get "$(pod4 far)" | sed -nE 's/.* via ([^ ]+).*/\1/p')" ]
	[ -n "$(hop 1 "$(pod6 far)")" ]
	pod client ping -nc 1 -W 2 -t 3 "$(pod4 far)"
	pod client ping -nc 1 -W 2 -t 3 "$(pod6 far)"
}

is_well() { weir status --instance a --ready && fails grep FAILING <(weir status --instance a); }

@test "a route of another origin that leads where its own would is as good, and its own comes back" {
	local range gateway

	read -r range _ gateway _ < <(node a ip -4 route show proto 87 | grep ' via ')
	[ -n "$gateway" ]
	agent_kill a
	node a ip route replace "$range" via "$gateway" proto static
	agent_start a --routing direct
	eventually is_well
	ping_far
	node a ip route show "$range" | grep -q static
	node a ip route del "$range"
	kill -HUP "${AGENT_PID[a]}"
	eventually own_route "$range"
	save_cluster
}

own_route() { node a ip route show proto 87 | grep -q "^$1 via"; }
ping_far() { pod client ping -nc 2 -W 2 "$(pod4 far)" && node a ping -nc 2 -W 2 "$(pod4 far)"; }
