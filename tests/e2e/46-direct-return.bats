#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# Direct server return (loadBalancerMode: dsr) over three nodes, each behind a router of its own: backends' nodes answer clients
# outside themselves.

setup_file() {
	load nodes
	load services
	load direct
	routed
	nodes_up_routed a b c
	direct_up
	enter_by a
	eventually expect "one three two" ask outside tcp $VIP4 80 40
	eventually expect "one three two" ask outside udp $VIP6 80 40
	save_cluster
}

# Every node is in a network of its own here.
routed() {
	node4() { printf '10.31.%s.2' "${NODE_INDEX[$1]}"; }
	node6() { printf 'fd31:%s::2' "${NODE_INDEX[$1]}"; }
}

enter_by() {
	local i

	for i in 10 11; do # always the same client
		ip -n fabric route replace 192.0.2.$i/32 via "10.31.${NODE_INDEX[$1]}.2" src 10.31.11.1
		ip -n fabric -6 route replace 2001:db8::$i/128 via "fd31:${NODE_INDEX[$1]}::2" src fd31:11::1
	done
	ip -n fabric -6 route flush cache 2>/dev/null || true
}

setup() { load nodes && load services && load direct && restore_cluster && routed; }

teardown() {
	[[ ${#PIDS[@]} == 0 ]] || stop
	[[ -n $BATS_TEST_COMPLETED ]] || said
	save_cluster
}

teardown_file() { load nodes && restore_cluster && cluster_down; }

@test "answers do not pass the node that the client came by: both families, TCP and UDP, load balancer and external addresses" {
	eps web "$WEB" two three
	eventually expect "three two" ask outside tcp $VIP4 80 40
	for address in $VIP4 $VIP6 192.0.2.11 2001:db8::11; do
		for proto in tcp udp; do
			counted inet
			eventually expect "three two" ask outside $proto $address 80 40
			echo "$address $proto: a $(answers_by a), b $(answers_by b), c $(answers_by c)"
			[ "$(answers_by a)" = 0 ]
			[ "$(answers_by b)" -gt 0 ]
			[ "$(answers_by c)" -gt 0 ]
		done
	done
	eps web "$WEB" one two three
}

@test "backends see the client's own address, and a backend of the entry node answers as well" {
	for address in $VIP4 $VIP6; do
		for proto in tcp udp; do
			eventually expect "one three two" ask outside $proto $address 80 40
			[ "$(sees outside $proto $address 80 | sort -u)" = "$(own_address $address)" ]
		done
	done
}

@test "what is in use is said: status, services, flows" {
	dsr_is a 2
	weir status --instance a | grep -q 'Load balancer .*dsr; other nodes: 2 so, 0 by snat'
	weir services --instance a | grep -q dsr
	eps web "$WEB" two
	eventually expect two ask outside udp $VIP4 80 2
	weir flows --unproven --instance a -o json | jq -e '[.items[] | select(.dsr and .proto == "udp" and (.masqueraded | not) and .backend.name == "default/two")] | length > 0' ||
		{ weir flows --unproven --instance a -o json | jq '[.items[] | select(.dsr)][0]'; false; }
	weir flows --unproven --instance b -o json | jq -e '[.items[] | select(.translated and .dst_port == 80)] | length > 0'
	eps web "$WEB" one two three
}

@test "node ports are masqueraded as ever" {
	for n in a b; do
		eventually expect "one three two" ask outside tcp "$(node4 $n)" 30080 40
		expect "one three two" ask outside udp "$(node6 $n)" 30080 40
	done
}

@test "a connection goes on when its client comes by another node, and when agents start anew on its way" {
	eps web "$WEB" two
	eventually expect two ask outside tcp $VIP4 80 4
	spawn hold4 outside peer hold tcp $VIP4 80 60
	spawn hold6 outside peer hold tcp $VIP6 80 60
	spawn holdu outside peer hold udp $VIP4 80 60
	eventually direct_flows a proven 3
	enter_by c
	eventually direct_flows c proven 3
	enter_by b # its own
	agent_kill c TERM
	agent_start c --load-balancer-mode dsr
	enter_by a
	agent_kill a
	agent_start a --load-balancer-mode dsr
	agent_kill b TERM
	agent_start b --load-balancer-mode dsr
	enter_by c
	kill -INT "${PIDS[@]}"
	wait "${PIDS[@]}" || true
	PIDS=()
	cat "$WR_T"/hold4 "$WR_T"/hold6 "$WR_T"/holdu
	for f in hold4 hold6 holdu; do grep -q 'lost 0' "$WR_T/$f"; done
	enter_by a
	eps web "$WEB" one two three
}

# direct_flows NODE KEY N: so many of those that hold are sent on there.
direct_flows() { weir flows --instance "$1" -o json | jq -e --arg k "$2" --argjson n "$3" '[.items[] | select(.dsr and .[$k])] | length >= $n'; }

@test "a backend that goes: connections are reset, datagrams move on" {
	eps web "$WEB" two
	eventually expect two ask outside tcp $VIP4 80 4
	spawn half outside svc half $VIP4 80
	eventually grep -q open "$WR_T/half"
	eps web "$WEB" three
	eventually grep -q reset "$WR_T/half"
	eventually expect three ask outside udp $VIP4 80 4
	eps web "$WEB"
	eventually expect refused ask outside tcp $VIP4 80 1
	expect refused ask outside udp $VIP6 80 1
	eps web "$WEB" one two three
}

@test "policy is judged on the backend's node, with the client's own address" {
	local mine4 mine6

	mine4=$(own_address $VIP4) mine6=$(own_address $VIP6)
	eps web "$WEB" two
	eventually expect two ask outside tcp $VIP4 80 4
	policy "{ipBlock: {cidr: 10.31.12.0/24}}, {ipBlock: {cidr: 'fd31:12::/64'}}, {ipBlock: {cidr: $(node4 a)/32}}"
	eventually expect_drop ask outside tcp $VIP4 80 1
	eventually expect_drop ask outside udp $VIP6 80 1
	policy "{ipBlock: {cidr: $mine4/32}}, {ipBlock: {cidr: '$mine6/128'}}"
	eventually expect two ask outside tcp $VIP4 80 4
	eventually expect two ask outside udp $VIP6 80 4
	manifest_rm policy
	eps web "$WEB" one two three
}

policy() {
	manifest policy <<-Y
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: who, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: web}}
		  policyTypes: [Ingress]
		  ingress: [{from: [$1]}]
	Y
}

@test "source ranges are the client's, on every node" {
	local mine

	mine=$(own_address $VIP4)
	eps web "$WEB" two
	svc web "$PORTS" "type: LoadBalancer" "loadBalancerSourceRanges: ['203.0.113.0/24']" "status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eventually expect_drop ask outside tcp $VIP4 80 1
	svc web "$PORTS" "type: LoadBalancer" "loadBalancerSourceRanges: ['$mine/32']" "status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eventually expect two ask outside tcp $VIP4 80 4
	svc web "$PORTS" "type: LoadBalancer" "externalIPs: [192.0.2.11, '2001:db8::11']" "status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eps web "$WEB" one two three
	eventually expect "one three two" ask outside tcp $VIP6 80 40
}

@test "affinity keeps a client outside at its backend, whichever node it comes by" {
	svc web "$PORTS" "type: LoadBalancer" "sessionAffinity: ClientIP" "status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eventually affine
	who=$(result ask outside tcp $VIP4 80 20)
	enter_by b
	expect "$who" ask outside tcp $VIP4 80 20
	enter_by a
	svc web "$PORTS" "type: LoadBalancer" "externalIPs: [192.0.2.11, '2001:db8::11']" "status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eventually expect "one three two" ask outside tcp $VIP4 80 40
}

affine() { [[ $(result ask outside tcp $VIP4 80 20) =~ ^(one|two|three)$ ]]; }

@test "a process of another node is a backend like any other" {
	POD_IP4[host]=$(node4 b) POD_IP6[host]=$(node6 b) POD_NODE[host]=b
	node b peer serve tcp :: 8090 host >"$WR_T/serve-host" 2>&1 3>&- 4>&- &
	eventually grep -q ready "$WR_T/serve-host"
	svc hosted '{name: main, port: 81, targetPort: 8090, nodePort: 30081}' "type: LoadBalancer" "status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eps hosted '{name: main, port: 8090, protocol: TCP}' host
	eventually expect host ask outside tcp $VIP4 81 10
	counted inet
	expect host ask outside tcp $VIP6 81 10
	[ "$(sees outside tcp $VIP4 81 | sort -u)" = "$(own_address $VIP4)" ]
	[ "$(answers_by a)" = 0 ]
	svc_rm hosted
}

@test "large transfers, large datagrams, and what is too large for the tunnel" {
	pod two peer sink tcp :: 9000 >"$WR_T/sink" 3>&- &
	pod two peer sink udp :: 9000 >"$WR_T/sink-udp" 3>&- &
	eventually grep -q ready "$WR_T/sink"
	eventually grep -q ready "$WR_T/sink-udp"
	svc big '{name: big, port: 9000, targetPort: 9000, protocol: TCP}, {name: udp, port: 9000, targetPort: 9000, protocol: UDP}' "type: LoadBalancer" \
		"status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eps big '{name: big, port: 9000, protocol: TCP}, {name: udp, port: 9000, protocol: UDP}' two
	eventually expect 2000000 outside peer bulk tcp $VIP4 9000 2000000
	expect 2000000 outside peer bulk tcp $VIP6 9000 2000000
	eventually expect 100 outside peer bulk udp $VIP4 9000 100
	# Parts of 1500 bytes that may be cut again: outside, in the tunnel's packets.
	ip -n fabric route flush cache
	expect 6000 outside peer bulk udp $VIP4 9000 6000
	# IPv6 senders are told at their first datagram, and then know.
	eventually expect 6000 outside peer bulk udp $VIP6 9000 6000
	spawn ptb outside tcpdump -lnni port-a -v 'icmp[icmptype] == 3 and icmp[icmpcode] == 4'
	eventually grep -q listening "$WR_T/ptb"
	outside bash -c "head -c 1470 /dev/zero | socat -u - UDP:$VIP4:9000,ip-mtu-discover=2" || true
	eventually grep -q 'need to frag' "$WR_T/ptb"
	svc_rm big
}

@test "a closed port of the backend is told to the client as the service's" {
	svc shut '{name: main, port: 82, targetPort: 8082, protocol: TCP}, {name: udp, port: 82, targetPort: 8082, protocol: UDP}' "type: LoadBalancer" \
		"status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eps shut '{name: main, port: 8082, protocol: TCP}, {name: udp, port: 8082, protocol: UDP}' two
	for address in $VIP4 $VIP6; do
		eventually expect refused ask outside tcp $address 82 1
		eventually expect refused ask outside udp $address 82 1
	done
	svc_rm shut
}

# (A change that nodes hear of an instant apart may cost a packet, which is sent again: direct-return. Queries through the tunnel to a node
# that has not heard of the sender yet: spoofed-tunnel. A client that has gone says so to answers that are under way: icmp-unrelated.)
@test "nothing was dropped that nobody asked for" {
	for n in a b c; do
		no_drops $n unknown-endpoint multicast spoofed-tunnel icmp-unrelated no-backend unknown-service-port policy-ingress source-range tcp-midstream too-big direct-return fragment-without-first
	done
}
