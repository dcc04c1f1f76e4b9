#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# A node with routes over several interfaces: two uplinks and a bridge of another program. The host's tables say where translated
# packets go (its stack would take them for martians), and answers leave by the interface that their client came in by.

NODEPORT='{name: main, port: 80, targetPort: 8080, nodePort: 30080, protocol: TCP}, {name: udp, port: 80, targetPort: 8080, nodePort: 30080, protocol: UDP}'

# Node a has eth1, too, in a network of its own, and the second best default route there.
second_uplink() {
	ip -n n-a link add eth1 type veth peer name port-a2 netns fabric
	ip -n fabric addr add 10.32.1.1/24 dev port-a2
	ip -n fabric addr add fd32:1::1/64 dev port-a2 nodad
	ip -n fabric link set port-a2 up
	ip -n n-a addr add 10.32.1.2/24 dev eth1
	ip -n n-a addr add fd32:1::2/64 dev eth1 nodad
	ip -n n-a link set eth1 up
	ip -n n-a route add default via 10.32.1.1 dev eth1 metric 500
	ip -n n-a -6 route add default via fd32:1::1 dev eth1 metric 2048
	ip -n n-a link add docker0 type bridge
	ip -n n-a addr add 172.17.0.1/16 dev docker0
	ip -n n-a link set docker0 up
}

# A client that is behind both ways.
far_client() {
	netns_add far
	ip -n far link add eth0 type veth peer name port-far netns fabric
	ip -n fabric addr add 10.33.0.1/24 dev port-far
	ip -n fabric addr add fd33::1/64 dev port-far nodad
	ip -n fabric link set port-far up
	ip -n far addr add 10.33.0.2/24 dev eth0
	ip -n far addr add fd33::2/64 dev eth0 nodad
	ip -n far link set eth0 up
	ip -n far route add default via 10.33.0.1
	ip -n far -6 route add default via fd33::1
}

setup_file() {
	load nodes
	load services
	nodes_up a b
	second_uplink
	far_client
	agents_up a b
	webs_up
	svc web "$NODEPORT" "type: NodePort"
	eps web "$WEB" one two
	eventually expect "one two" ask "pod client" tcp "$(svc4 web)" 80
	save_cluster
}

setup() { load nodes && load services && restore_cluster; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

far() { ip netns exec far "$@"; }

serve_far() {
	local proto

	for proto in tcp udp; do
		mkdir -p "$WR_CGROUP/others"
		in_cgroup "$WR_CGROUP/others" ip netns exec far peer serve $proto :: 9999 world >"$WR_T/world-$proto" 2>&1 3>&- 4>&- &
		eventually grep -q ready "$WR_T/world-$proto"
	done
}

@test "pods reach the world, though another program's bridge has a route too" {
	serve_far
	for proto in tcp udp; do
		expect world ask "pod client" $proto 10.33.0.2 9999 5
		expect world ask "pod client" $proto fd33::2 9999 5
	done
	[ "$(sees "pod client" tcp 10.33.0.2 9999)" = "$(node4 a)" ]
	pod client ping -nc 1 -W 2 10.33.0.2
	pod client ping -nc 1 -W 2 fd33::2
}

@test "a large transfer of a pod to the world" {
	in_cgroup "$WR_CGROUP/others" ip netns exec far peer sink tcp :: 9000 >"$WR_T/sink" 2>&1 3>&- 4>&- &
	eventually grep -q ready "$WR_T/sink"
	expect 3000000 pod client peer bulk tcp 10.33.0.2 9000 3000000
	expect 3000000 pod client peer bulk tcp fd33::2 9000 3000000
}

@test "where one uplink's network ends, its gateway is asked; a network of the other is reached by that" {
	ip -n n-a route add 10.33.0.0/24 via 10.32.1.1 dev eth1
	ip -n n-a -6 route add fd33::/64 via fd32:1::1 dev eth1
	before=$(sent eth1)
	expect world ask "pod client" tcp 10.33.0.2 9999 10
	expect world ask "pod client" tcp fd33::2 9999 10
	[ $(($(sent eth1) - before)) -ge 60 ]
	ip -n n-a route del 10.33.0.0/24
	ip -n n-a -6 route del fd33::/64
}

sent() { ip -n n-a -j -s link show "$1" | jq '.[0].stats64.tx.packets'; }

# answers_by INTERFACE ADDRESS PORT WHO: each protocol, and the answers' packets (three a connection at the least) are counted.
answers_by() {
	local proto before n

	for proto in tcp udp; do
		before=$(sent "$1")
		expect "$4" ask far $proto "$2" "$3" 40
		n=$(($(sent "$1") - before))
		echo "$proto $2: $n packets by $1"
		[[ $n -ge 40 ]] || return 1
	done
}

@test "a client at the second uplink is answered there: backends here and on another node" {
	eps web "$WEB" one
	eventually expect one ask far tcp 10.32.1.2 30080 20
	answers_by eth1 10.32.1.2 30080 one
	answers_by eth1 fd32:1::2 30080 one
	eps web "$WEB" two
	eventually expect two ask far tcp 10.32.1.2 30080 20
	answers_by eth1 10.32.1.2 30080 two
	answers_by eth1 fd32:1::2 30080 two
	eps web "$WEB" one two
	eventually expect "one two" ask far tcp "$(node4 a)" 30080
	answers_by eth0 "$(node4 a)" 30080 "one two"
	answers_by eth0 "$(node6 a)" 30080 "one two"
}

@test "also when a process of the node itself is the backend" {
	for proto in tcp udp; do
		node a peer serve $proto :: 8088 process >"$WR_T/process-$proto" 2>&1 3>&- 4>&- &
		eventually grep -q ready "$WR_T/process-$proto"
	done
	POD_NODE[process]=a POD_IP4[process]=$(node4 a) POD_IP6[process]=$(node6 a)
	svc own '{name: main, port: 80, targetPort: 8088, nodePort: 30088, protocol: TCP}, {name: udp, port: 80, targetPort: 8088, nodePort: 30088, protocol: UDP}' "type: NodePort"
	eps own '{name: main, port: 8088, protocol: TCP}, {name: udp, port: 8088, protocol: UDP}' process
	eventually expect process ask far tcp 10.32.1.2 30088 5
	answers_by eth1 10.32.1.2 30088 process
	answers_by eth1 fd32:1::2 30088 process
	answers_by eth0 "$(node4 a)" 30088 process
	svc_rm own
}

@test "large transfers by the second uplink" {
	pod one peer sink tcp :: 9001 >"$WR_T/sink1" 3>&- &
	pod two peer sink tcp :: 9001 >"$WR_T/sink2" 3>&- &
	eventually grep -q ready "$WR_T/sink1"
	eventually grep -q ready "$WR_T/sink2"
	svc big '{name: big, port: 9000, targetPort: 9001, nodePort: 30089}' "type: NodePort"
	eps big '{name: big, port: 9001}' one two
	eventually expect 100 far peer bulk tcp 10.32.1.2 30089 100
	for _ in 1 2 3 4; do
		expect 2000000 far peer bulk tcp 10.32.1.2 30089 2000000
		expect 2000000 far peer bulk tcp fd32:1::2 30089 2000000
	done
	svc_rm big
}

@test "nothing was dropped that nobody asked for" {
	for n in a b; do no_drops "$n" unknown-endpoint tcp-midstream unknown-service-port no-backend multicast; done
}
