#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Paths narrower than the pods' interfaces: who finds that out says so, the word reaches the pod through every translation,
# and connections go on.

setup_file() {
	load nodes
	load traffic
	nodes_up_routed a b
	local i

	# The fabric routes pod ranges: no tunnel, and a router that answers.
	for i in 11 12; do
		outside ip route add "$POD4_NET.$i.0/24" via "10.31.$i.2"
		outside ip route add "$POD6_NET:$i::/64" via "fd31:$i::2"
	done
	traffic_up --routing direct
	# A world behind a narrow link.
	netns_add world
	ip -n world link add eth0 type veth peer name port-world netns fabric
	ip -n fabric addr add 10.40.0.1/24 dev port-world
	ip -n fabric addr add fd40::1/64 dev port-world nodad
	ip -n world addr add 10.40.0.2/24 dev eth0
	ip -n world addr add fd40::2/64 dev eth0 nodad
	ip -n fabric link set port-world mtu 1320 up
	ip -n world link set eth0 up
	ip -n world route add default via 10.40.0.1
	ip -n world -6 route add default via fd40::1
	save_cluster
}

setup() {
	load nodes && load traffic && restore_cluster
	forget_paths
}

teardown_file() {
	load nodes && restore_cluster
	local status=0

	# A router that drops an IPv6 fragment says so of each; later ones do not say whose they were, and small ones arrive alone.
	no_drops a multicast unknown-endpoint too-big icmp-unrelated || status=1
	no_drops b multicast unknown-endpoint too-big fragment-without-first || status=1
	cluster_down
	return $status
}

narrow() { ip -n fabric link set port-b mtu "$1"; }

forget_paths() {
	narrow 1500
	for p in client near far; do
		ip netns exec "p-$p" ip route flush cache
		ip netns exec "p-$p" ip -6 route flush cache
	done
}

path_mtu() { ip netns exec "p-$1" ip route get "$2" | grep -oE 'mtu [0-9]+' | head -n1; }

bulk_passes() { [ "$("$@")" = 3000000 ]; }

@test "a router's too-big reaches the pod, which learns the path's MTU, and TCP goes on" {
	narrow 1300
	for to in $(both far); do
		[ "$(pod client peer bulk tcp "$to" 8090 3000000)" = 3000000 ]
		[ "$(path_mtu client "$to")" = "mtu 1300" ]
	done
}

@test "a too-big packet with ping is named with the router's MTU" {
	narrow 1300
	run pod client ping -nc 3 -i 0.2 -W 2 -M "do" -s 1400 "$(pod4 far)"
	[[ $output == *"mtu = 1300"* || $output == *"mtu=1300"* ]]
	run pod client ping -nc 3 -i 0.2 -W 2 -M "do" -s 1400 "$(pod6 far)"
	[[ $output == *"mtu = 1300"* || $output == *"mtu=1300"* ]]
}

@test "a path that narrows under a running connection slows it, and does not end it" {
	for to in $(both far); do
		forget_paths
		pod client peer hold tcp "$to" 8080 4 >"$WR_T/hold" 3>&- 4>&- &
		hold=$!
		narrow 1300
		[ "$(pod client peer bulk tcp "$to" 8090 20000000)" = 20000000 ]
		wait $hold
		grep -q 'lost 0' "$WR_T/hold"
	done
}

@test "too-big about a connection through a service comes back as the service's, at the socket and per packet" {
	narrow 1300
	for to in $(both_svc far-bulk); do
		[ "$(per_packet client peer bulk tcp "$to" 90 3000000)" = 3000000 ]
		[ "$(path_mtu client "$to")" = "mtu 1300" ]
		[ "$(pod client peer bulk tcp "$to" 90 3000000)" = 3000000 ]
		[ "$(node a peer bulk tcp "$to" 90 3000000)" = 3000000 ]
	done
}

@test "too-big about a masqueraded connection reaches the pod behind it" {
	ip netns exec world peer sink tcp :: 8090 >"$WR_T/log/world-sink" 3>&- 4>&- &
	eventually grep -q ready "$WR_T/log/world-sink"
	for to in 10.40.0.2 fd40::2; do
		[ "$(pod client peer bulk tcp "$to" 8090 3000000)" = 3000000 ]
		[ "$(path_mtu client "$to")" = "mtu 1320" ]
		[ "$(node a peer bulk tcp "$to" 8090 3000000)" = 3000000 ]
	done
}

@test "datagrams larger than the path are fragmented on the way, or before it" {
	narrow 1300
	for to in $(both far); do
		# The first one may be what tells the pod (IPv6), or what is fragmented once more by the router (IPv4).
		[ "$(pod client peer bulk udp "$to" 8091 20000)" = 20000 ] || [ "$(pod client peer bulk udp "$to" 8091 20000)" = 20000 ]
	done
}

@test "the node's uplink narrower than the pods' interfaces: the datapath itself says too big" {
	# Whoever widens a pod by hand meets the datapath, which knows the way.
	pod client ip link set eth0 mtu 1500
	node a ip link set eth0 mtu 1400
	eventually pod_mtu_is 1400
	host=$(node a ip -o link | sed -nE 's/^[0-9]+: (wr[0-9a-f]{10})@.* mtu 1400 .*/\1/p' | head -n1)
	[ -n "$host" ]
	for link in $(node a ip -o link | sed -nE 's/^[0-9]+: (wr[0-9a-f]{10})@.*/\1/p'); do node a ip link set "$link" mtu 1500; done
	pod client ip link set eth0 mtu 1500
	for to in $(both far); do
		[ "$(pod client peer bulk tcp "$to" 8090 3000000)" = 3000000 ]
		[ "$(path_mtu client "$to")" = "mtu 1400" ]
	done
	node a ip link set eth0 mtu 1500
	eventually pod_mtu_is 1500
}

pod_mtu_is() { [ "$(pod_mtu client)" = "$1" ]; }
