#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pods reach each other: same node, other node, the node itself, the world; both families, every protocol.

setup_file() {
	load nodes
	nodes_up a b
	agent_start a
	agent_start b
	pod_up a web app=web
	pod_up a client app=client
	pod_up b far app=web
	for p in web far; do
		serve "$p" tcp 8080
		serve "$p" udp 5353
	done
	eventually reachable_over_both_families
	save_cluster
}

setup() { load nodes && restore_cluster; }

teardown_file() {
	load nodes && restore_cluster
	local status=0

	no_drops a multicast unknown-endpoint spoofed-address ttl-exceeded || status=1
	no_drops b multicast unknown-endpoint ttl-exceeded || status=1
	cluster_down
	return $status
}

reachable_over_both_families() {
	pod client peer ask tcp "$(pod4 far)" 8080 && pod client peer ask tcp "$(pod6 far)" 8080
}

@test "a pod reaches a pod of its node over TCP, and is seen under its own address" {
	[ "$(pod client peer ask tcp "$(pod4 web)" 8080 | cut -d' ' -f1,2)" = "web ::ffff:$(pod4 client)" ]
	[ "$(pod client peer ask tcp "$(pod6 web)" 8080 | cut -d' ' -f1,2)" = "web $(pod6 client)" ]
}

@test "a pod reaches a pod of its node over UDP" {
	[ "$(pod client peer ask udp "$(pod4 web)" 5353 | cut -d' ' -f1)" = web ]
	[ "$(pod client peer ask udp "$(pod6 web)" 5353 | cut -d' ' -f1)" = web ]
}

@test "a pod reaches a pod of another node over TCP and UDP, and is seen under its own address" {
	[ "$(pod client peer ask tcp "$(pod4 far)" 8080 | cut -d' ' -f1,2)" = "far ::ffff:$(pod4 client)" ]
	[ "$(pod client peer ask tcp "$(pod6 far)" 8080 | cut -d' ' -f1,2)" = "far $(pod6 client)" ]
	[ "$(pod client peer ask udp "$(pod4 far)" 5353 | cut -d' ' -f1)" = far ]
	[ "$(pod client peer ask udp "$(pod6 far)" 5353 | cut -d' ' -f1)" = far ]
}

@test "ping works within the node and across nodes, both families" {
	for address in "$(pod4 web)" "$(pod4 far)" "$(pod6 web)" "$(pod6 far)"; do
		pod client ping -nc 2 -i 0.2 -W 2 "$address"
	done
}

@test "a TTL of one ends at the first hop with time exceeded" {
	run pod client ping -nc 1 -t 1 -W 2 "$(pod4 far)"
	[ "$status" -ne 0 ]
	[[ $output == *"Time to live exceeded"* ]]
	run pod client ping -nc 1 -t 1 -W 2 "$(pod6 far)"
	[ "$status" -ne 0 ]
	[[ $output == *"Hop limit"* || $output == *"Time exceeded"* ]]
}

@test "the node reaches its own pods and those of the other node" {
	for address in "$(pod4 web)" "$(pod6 web)" "$(pod4 far)" "$(pod6 far)"; do
		node a peer ask tcp "$address" 8080
	done
}

@test "a pod reaches its own node and the other node" {
	for address in "$U4.11" "$U4.12" "$U6:11" "$U6:12"; do
		pod client ping -nc 1 -W 2 "$address"
	done
}

@test "a pod reaches the outside under its node's address" {
	outside peer serve tcp :: 9000 world >"$WR_T/log/world" 3>&- &
	eventually grep -q ready "$WR_T/log/world"
	[ "$(pod client peer ask tcp "$U4.1" 9000 | cut -d' ' -f1,2)" = "world ::ffff:$U4.11" ]
	[ "$(pod client peer ask tcp "$U6:1" 9000 | cut -d' ' -f1,2)" = "world $U6:11" ]
	pod client ping -nc 1 -W 2 "$U4.1"
	pod client ping -nc 1 -W 2 "$U6:1"
	kill $!
}

@test "large messages arrive whole: TCP segments and UDP fragments" {
	pod web peer sink tcp :: 8090 >"$WR_T/log/sink-t" 3>&- &
	pod far peer sink tcp :: 8090 >"$WR_T/log/sink-ft" 3>&- &
	pod web peer sink udp :: 8091 >"$WR_T/log/sink-u" 3>&- &
	pod far peer sink udp :: 8091 >"$WR_T/log/sink-fu" 3>&- &
	for f in sink-t sink-ft sink-u sink-fu; do eventually grep -q ready "$WR_T/log/$f"; done
	for address in "$(pod4 web)" "$(pod4 far)" "$(pod6 web)" "$(pod6 far)"; do
		[ "$(pod client peer bulk tcp "$address" 8090 5000000)" = 5000000 ]
		[ "$(pod client peer bulk udp "$address" 8091 9000)" = 9000 ]
	done
}

@test "a pod cannot send under an address that is not its own" {
	before=$(weir drops --instance a -o json | jq '[.items[] | select(.name == "spoofed-address") | .packets] | add // 0')
	pod client ip addr add 10.244.11.250/32 dev eth0
	run pod client ping -nc 1 -W 1 -I 10.244.11.250 "$(pod4 web)"
	pod client ip addr del 10.244.11.250/32 dev eth0
	[ "$status" -ne 0 ]
	after=$(weir drops --instance a -o json | jq '[.items[] | select(.name == "spoofed-address") | .packets] | add // 0')
	[ "$after" -gt "$before" ]
}

@test "the flow of a conversation is listed with both ends and its packets" {
	pod client peer stay tcp "$(pod4 far)" 8080 3
	weir flows --instance a -o json |
		jq -e --arg s "$(pod4 client)" --arg d "$(pod4 far)" \
			'[.items[] | select(.src == $s and .dst == $d and .dst_port == 8080)] | length > 0'
}
