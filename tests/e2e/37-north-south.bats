#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# Traffic from outside: one backend whichever node it enters by, fragments, ICMP errors.
# Three nodes, each behind a router of its own.

VIP4=192.0.2.10 VIP6=2001:db8::10

setup_file() {
	load nodes
	load services
	routed
	nodes_up_routed a b c
	agents_up a b c
	webs_up
	pod_up c three app=web
	serve three tcp 8080
	serve three udp 8080
	svc web '{name: main, port: 80, targetPort: 8080, nodePort: 30080, protocol: TCP}, {name: udp, port: 80, targetPort: 8080, nodePort: 30080, protocol: UDP}' \
		"type: LoadBalancer" "status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eps web "$WEB" one two three
	enter_by a
	eventually expect "one three two" ask outside tcp $VIP4 80 40
	save_cluster
}

# Every node is in a network of its own here.
routed() {
	node4() { printf '10.31.%s.2' "${NODE_INDEX[$1]}"; }
	node6() { printf 'fd31:%s::2' "${NODE_INDEX[$1]}"; }
}

enter_by() {
	ip -n fabric route replace $VIP4/32 via "10.31.${NODE_INDEX[$1]}.2"
	ip -n fabric -6 route replace $VIP6/128 via "fd31:${NODE_INDEX[$1]}::2"
	ip -n fabric -6 route flush cache 2>/dev/null || true
}

setup() { load nodes && load services && restore_cluster && routed; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

# picks NODE ADDRESS CLIENT: which backend each of 200 source ports gets there, as the programs choose.
picks() {
	local port

	for port in $(seq 20000 37 27400); do
		weir lb lookup --instance "$1" --external "$3:$port" "$2:80" -o json | jq -r '.answers[0].address'
	done
}

@test "Maglev: every node picks the same backend for the same client" {
	picks a $VIP4 198.51.100.7 >"$WR_T/picks-a"
	picks b $VIP4 198.51.100.7 >"$WR_T/picks-b"
	picks c $VIP4 198.51.100.7 >"$WR_T/picks-c"
	cmp "$WR_T/picks-a" "$WR_T/picks-b"
	cmp "$WR_T/picks-a" "$WR_T/picks-c"
	[ "$(sort -u "$WR_T/picks-a" | wc -l)" = 3 ]
}

say_from() { outside bash -c "echo ask | socat -t1 - UDP:$VIP4:80,bind=10.31.11.1:$1"; }

@test "a datagram flow that changes its way in stays with its backend" {
	for port in $(seq 21000 21009); do
		enter_by a
		who=$(say_from $port | cut -d' ' -f1)
		[ -n "$who" ]
		enter_by b
		[ "$(say_from $port | cut -d' ' -f1)" = "$who" ]
	done
	enter_by a
}

@test "from outside by tunnel: both families, both protocols, every backend" {
	for n in a b c; do
		for proto in tcp udp; do
			expect "one three two" ask outside $proto "$(node4 $n)" 30080 40
			expect "one three two" ask outside $proto "$(node6 $n)" 30080 40
		done
	done
}

@test "SCTP from outside: node ports and load balancer addresses, every backend" {
	for p in one two three; do
		pod $p sctp serve :: 3868 $p >"$WR_T/sctp-$p" 2>&1 3>&- 4>&- &
		eventually grep -q ready "$WR_T/sctp-$p"
	done
	svc calls '{name: sctp, port: 3868, targetPort: 3868, nodePort: 30868, protocol: SCTP}' "type: LoadBalancer" \
		"status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eps calls '{name: sctp, port: 3868, protocol: SCTP}' one two three
	for to in "$(node4 a)" "$(node4 b)" "$(node6 a)" "$(node6 c)"; do
		eventually expect "one three two" outside sctp ask "$to" 30868 30
	done
	eventually expect "one three two" outside sctp ask $VIP4 3868 30
	expect "one three two" outside sctp ask $VIP6 3868 30
	svc_rm calls
}

@test "large transfers from outside: segments fit the tunnel" {
	pod two peer sink tcp :: 9000 >"$WR_T/sink" 3>&- &
	eventually grep -q ready "$WR_T/sink"
	svc big '{name: big, port: 9000, targetPort: 9000, nodePort: 30090}' "type: NodePort"
	eps big '{name: big, port: 9000}' two
	eventually expect "2000000" outside peer bulk tcp "$(node4 a)" 30090 2000000
	expect "2000000" outside peer bulk tcp "$(node6 a)" 30090 2000000
	expect "2000000" outside peer bulk tcp "$(node4 b)" 30090 2000000
	svc_rm big
}

@test "fragments from outside follow their first part, through masquerade and tunnel" {
	pod two peer sink udp :: 9000 >"$WR_T/sink-udp" 3>&- &
	eventually grep -q ready "$WR_T/sink-udp"
	svc frag '{name: big, port: 9000, targetPort: 9000, nodePort: 30091, protocol: UDP}' "type: NodePort"
	eps frag '{name: big, port: 9000, protocol: UDP}' two
	eventually expect 100 outside peer bulk udp "$(node4 a)" 30091 100
	for i in $(seq 5); do
		whole "$(node4 a)"
		whole "$(node6 b)"
	done
	svc_rm frag
}

# The tunnel takes less than the client's link: it is told so at its first datagram by a node, and then knows.
whole() {
	local i

	for i in 1 2; do
		[[ $(result outside peer bulk udp "$1" 30091 6000) != 6000 ]] || return 0
	done
	return 1
}

@test "path MTU: what is too large for the tunnel is said to the client in its own terms" {
	# A client that sets DF learns the tunnel's MTU from an error that quotes the packet that it sent itself.
	ip -n fabric route flush cache
	spawn ptb outside tcpdump -lnni port-a -v 'icmp[icmptype] == 3 and icmp[icmpcode] == 4'
	eventually grep -q listening "$WR_T/ptb"
	eps web "$WEB" two
	eventually expect two ask outside udp "$(node4 a)" 30080 10
	outside bash -c "head -c 1470 /dev/zero | socat -u - UDP:$(node4 a):30080,ip-mtu-discover=2" || true
	eventually grep -q 'need to frag' "$WR_T/ptb"
	grep -q "$(node4 a).30080" "$WR_T/ptb"
	stop
	eps web "$WEB" one two three
}

@test "a closed port of a backend is told to the client as the service's" {
	svc shut '{name: udp, port: 81, targetPort: 8081, nodePort: 30092, protocol: UDP}, {name: main, port: 81, targetPort: 8081, nodePort: 30092}' "type: NodePort"
	eps shut '{name: main, port: 8081, protocol: TCP}, {name: udp, port: 8081, protocol: UDP}' two
	for address in "$(node4 a)" "$(node4 b)" "$(node6 a)"; do
		eventually expect refused ask outside tcp "$address" 30092 1
		# ICMP unreachable, translated inside and out: else the socket would not know whose it is.
		expect refused ask outside udp "$address" 30092 1
	done
	expect refused ask "raw client" udp "$(svc4 shut)" 81 1
	expect refused ask "raw client" udp "$(svc6 shut)" 81 1
	svc_rm shut
}

# What Cilium #33074 and #31643 failed at: no port, while there are some.
@test "masquerade uses every port of a pair, refuses the next with a reason, and finds one that comes free" {
	agent_kill a TERM
	agent_start a --nat-ports 50000-50063 --timeouts udpNew=12s,udp=12s
	eps web "$WEB" two
	eventually expect two ask outside udp "$(node4 a)" 30080 1
	# Those of before are over, as is the one of the line above.
	eventually -t 30 no_udp_flows
	WEIR_PEER_TIMEOUT_MS=1000 outside svc many "$(node4 a)" 30080 70 >"$WR_T/many"
	nat_ports >"$WR_T/ports"
	cat "$WR_T/many" "$WR_T/ports"
	[ "$(cat "$WR_T/many")" = 64 ]
	[ "$(sort -u "$WR_T/ports" | wc -l)" = 64 ]
	[ "$(sort -n "$WR_T/ports" | sed -n '1p;$p' | paste -sd' ')" = "50000 50063" ]
	weir drops --instance a -o json | jq -e '.items[] | select(.name == "nat-exhausted") | .packets >= 6'
	# TCP to the same backend has its own, and UDP gets them back.
	expect two ask outside tcp "$(node4 a)" 30080 20
	eventually -t 30 expect two ask outside udp "$(node4 a)" 30080 20
	agent_kill a TERM
	agent_start a
	eps web "$WEB" one two three
}

udp_flows() { weir flows --unproven --instance a -o json | jq '[.items[] | select(.proto == "udp" and .dst_port == 30080)]'; }
no_udp_flows() { [ "$(udp_flows | jq length)" = 0 ]; }
nat_ports() { udp_flows | jq '.[].nat.src_port'; }

# (Of datagrams whose other parts were too large, the last parts are left.)
@test "nothing was dropped that nobody asked for" {
	for n in a b c; do no_drops "$n" nat-exhausted unknown-endpoint tcp-midstream unknown-service-port no-backend multicast too-big fragment-without-first; done
}
