#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every kind of traffic between nodes behind routers of their own, through the tunnel.

setup_file() {
	load nodes
	load traffic
	nodes_up_routed a b
	traffic_up --routing vxlan
	weir status --instance a | grep -q '0 direct, 1 by VXLAN'
	save_cluster
}

setup() {
	load nodes && load traffic && restore_cluster
	ip -n fabric link set port-b mtu 1500
}

teardown_file() {
	load nodes && restore_cluster
	local status=0

	no_drops a multicast unknown-endpoint ttl-exceeded too-big || status=1
	no_drops b multicast unknown-endpoint ttl-exceeded too-big || status=1
	cluster_down
	return $status
}

@test "TCP, UDP, SCTP and ICMP reach a pod of another node through the tunnel, both families" { every_protocol_reaches far; }

@test "TCP, UDP and SCTP services reach every backend through the tunnel" { services_are_balanced; }

@test "large messages arrive whole through the tunnel: segments, fragments" { large_messages_arrive far; }

@test "packets as large as the pod's MTU go through the tunnel unfragmented" {
	fabric_fragments() { outside nstat -asz 2>/dev/null | awk '/(IpFragCreates|Ip6FragCreates)/ { n += $2 } END { print n + 0 }'; }
	before=$(fabric_fragments)
	packets_of_the_mtu_arrive
	[ "$(fabric_fragments)" -eq "$before" ]
}

@test "large messages through a service take the tunnel whole" { large_messages_through_a_service; }

@test "a closed UDP port beyond the tunnel is noticed, straight and through a service" { port_unreachable_comes_back; }

@test "the node itself reaches pods through the tunnel over every protocol" { node_reaches_far_pods; }

@test "a TTL of one ends before the tunnel, two suffice to cross it" {
	[ -n "$(hop 1 "$(pod4 far)")" ]
	[ -n "$(hop 1 "$(pod6 far)")" ]
	pod client ping -nc 1 -W 2 -t 3 "$(pod4 far)"
	pod client ping -nc 1 -W 2 -t 3 "$(pod6 far)"
}

@test "an underlay narrower than the uplinks say slows tunnels, and does not cut them" {
	ip -n fabric link set port-b mtu 1400
	for to in $(both far); do
		[ "$(pod client peer bulk tcp "$to" 8090 2000000)" = 2000000 ]
		[ "$(pod client peer bulk udp "$to" 8091 20000)" = 20000 ]
	done
}

@test "with offloads off, segments are made before the tunnel" {
	node a ethtool -K eth0 tso off gso off tx off
	for to in $(both far); do
		[ "$(pod client peer bulk tcp "$to" 8090 5000000)" = 5000000 ]
	done
	node a ethtool -K eth0 tso on gso on tx on
	node a ethtool -K weir-vxlan tso off gso off
	for to in $(both far); do
		[ "$(pod client peer bulk tcp "$to" 8090 5000000)" = 5000000 ]
	done
}
