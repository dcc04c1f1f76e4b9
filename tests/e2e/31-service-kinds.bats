#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# What a Service means: kinds, ports, families, labels, and what its addresses answer beside its ports.

setup_file() {
	load nodes
	load services
	services_setup_file a b
	svc web "$MAIN, $MAIN_UDP"
	eps web "$WEB" one two
	eventually expect "one two" ask "pod client" tcp "$(svc4 web)" 80
	save_cluster
}

setup() { load nodes && load services && restore_cluster; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

# everywhere CMD... PROTO-PORT: from a pod (at its socket and per packet) and from both nodes, both protocols and families.
everywhere() { # WANT NAME PORT
	local where proto

	for where in "pod client" "raw client" "node a" "node b"; do
		for proto in tcp udp; do
			expect "$1" ask "$where" "$proto" "$(svc4 "$2")" "$3"
			expect "$1" ask "$where" "$proto" "$(svc6 "$2")" "$3"
		done
	done
}

@test "ClusterIP balances over its endpoints" {
	everywhere "one two" web 80
}

@test "headless and ExternalName have no frontends, and say so" {
	svc none "$MAIN" "clusterIP: None" "clusterIPs: [None]"
	eps none "$WEB" one
	svc name "$MAIN" "type: ExternalName" "externalName: example.org" "clusterIP: ''"
	eventually skipped_says none headless
	eventually skipped_says name ExternalName
	[ "$(weir services --instance a -o json | jq '[.items[].service // "" | select(test("/(none|name)"))] | length')" = 0 ]
	svc_rm none
	svc_rm name
}

skipped_says() { weir service --instance a "$1" 2>&1 | grep "$2"; }

@test "many ports, the same number under two protocols, targets by name which each slice resolves for its endpoints" {
	svc many "{name: main, port: 80, targetPort: http, protocol: TCP}, {name: udp, port: 80, targetPort: dns, protocol: UDP}, \
		{name: more, port: 90, targetPort: 9090, protocol: TCP}"
	serve one tcp 9090
	serve two tcp 9091
	# The target "http" is 8080 in one and 9091 in two.
	SLICE=many-1 eps_of many IPv4 "$WEB, {name: more, port: 9090, protocol: TCP}" one >"$WR_T/many"
	echo --- >>"$WR_T/many"
	SLICE=many-2 eps_of many IPv4 "{name: main, port: 9091, protocol: TCP}, {name: udp, port: 8080, protocol: UDP}" two >>"$WR_T/many"
	manifest slice-many <"$WR_T/many"
	eventually expect "one two" ask "pod client" tcp "$(svc4 many)" 80
	expect "one two" ask "raw client" tcp "$(svc4 many)" 80
	expect "one two" ask "pod client" udp "$(svc4 many)" 80
	expect one ask "pod client" tcp "$(svc4 many)" 90
	svc_rm many
}

@test "single stack has one family's frontends, dual stack both, either family first" {
	svc four "$MAIN" "clusterIP: 10.96.0.200" "clusterIPs: [10.96.0.200]" "ipFamilies: [IPv4]"
	eps four "$WEB" one
	svc six "$MAIN" "clusterIP: 'fd00:10:96::200'" "clusterIPs: ['fd00:10:96::200']" "ipFamilies: [IPv6]"
	eps six "$WEB" two
	svc sixfirst "$MAIN" "clusterIP: 'fd00:10:96::201'" "clusterIPs: ['fd00:10:96::201', 10.96.0.201]" "ipFamilies: [IPv6, IPv4]"
	eps sixfirst "$WEB" one two
	eventually expect one ask "pod client" tcp 10.96.0.200 80
	eventually expect two ask "pod client" tcp fd00:10:96::200 80
	eventually expect "one two" ask "pod client" tcp 10.96.0.201 80
	expect "one two" ask "pod client" tcp fd00:10:96::201 80
	[ "$(weir services --instance a -o json | jq '[.items[] | select(.service // "" | test("/four")) | .address] | unique')" = "$(jq -n '["10.96.0.200"]')" ]
	svc_rm four
	svc_rm six
	svc_rm sixfirst
}

@test "several slices of one service merge, and an endpoint that two of them name counts once" {
	svc merged "$MAIN"
	{
		SLICE=merged-1 eps_of merged IPv4 "$WEB" one
		echo ---
		SLICE=merged-2 eps_of merged IPv4 "$WEB" one two
	} >"$WR_T/merged"
	manifest slice-merged <"$WR_T/merged"
	eventually backends_are merged 2
	expect "one two" ask "pod client" tcp "$(svc4 merged)" 80
	svc_rm merged
}

backends_are() {
	weir services --instance a -o json |
		jq -e --arg a "$(svc4 "$1")" --argjson n "$2" '[.items[] | select(.address == $a and .port == 80)][0].backends == $n'
}

@test "no endpoints: refused at once, never a timeout" {
	svc nobody "$MAIN, $MAIN_UDP"
	eps nobody "$WEB"
	eventually has_frontends a "$(svc4 nobody)" 2
	eventually has_frontends b "$(svc4 nobody)" 2
	WEIR_PEER_TIMEOUT_MS=4000 everywhere refused nobody 80
	svc_rm nobody
}

@test "labels: another proxy's services and headless ones are left alone" {
	svc theirs "$MAIN" "meta: labels: {service.kubernetes.io/service-proxy-name: theirs}"
	eps theirs "$WEB" one
	svc quiet "$MAIN" "meta: labels: {service.kubernetes.io/headless: ''}"
	eps quiet "$WEB" one
	svc ours "$MAIN"
	eps ours "$WEB" one
	eventually expect one ask "pod client" tcp "$(svc4 ours)" 80 1
	has_frontends a "$(svc4 theirs)" 0
	has_frontends a "$(svc4 quiet)" 0
	# Taken over, and given away again.
	svc theirs "$MAIN"
	eventually expect one ask "pod client" tcp "$(svc4 theirs)" 80 1
	svc theirs "$MAIN" "meta: labels: {service.kubernetes.io/service-proxy-name: theirs}"
	eventually has_frontends a "$(svc4 theirs)" 0
	svc_rm theirs
	svc_rm quiet
	svc_rm ours
}

@test "hairpin: a pod reaches itself through its own service" {
	svc itself "$MAIN, $MAIN_UDP"
	eps itself "$WEB" one
	for proto in tcp udp; do
		for address in "$(svc4 itself)" "$(svc6 itself)"; do
			eventually expect one ask "pod one" "$proto" "$address" 80 5
			expect one ask "raw one" "$proto" "$address" 80 5
		done
	done
	svc_rm itself
}

@test "the source address is kept through ClusterIP, on the same node and across" {
	for where in "pod client" "raw client"; do
		for proto in tcp udp; do
			for _ in $(seq 6); do
				[ "$(sees "$where" "$proto" "$(svc4 web)" 80)" = "$(pod4 client)" ]
				[ "$(sees "$where" "$proto" "$(svc6 web)" 80)" = "$(pod6 client)" ]
			done
		done
	done
}

@test "an unknown port on an owned address is refused, not routed on" {
	everywhere refused web 81
	ip -n fabric route replace "$(svc4 web)/32" via "$(node4 a)"
	ip -n fabric -6 route replace "$(svc6 web)/128" via "$(node6 a)"
	expect refused ask outside tcp "$(svc4 web)" 81 1
	expect refused ask outside udp "$(svc6 web)" 81 1
}

@test "a cluster address is refused from outside" {
	ip -n fabric route replace "$(svc4 web)/32" via "$(node4 a)"
	ip -n fabric -6 route replace "$(svc6 web)/128" via "$(node6 a)"
	expect refused ask outside tcp "$(svc4 web)" 80 1
	expect refused ask outside tcp "$(svc6 web)" 80 1
}

@test "ICMP echo to a service address does not loop" {
	ip -n fabric route replace "$(svc4 web)/32" via "$(node4 a)"
	ip -n fabric -6 route replace "$(svc6 web)/128" via "$(node6 a)"
	for where in "pod client" "node a" outside; do
		read -ra cmd <<<"$where"
		for address in "$(svc4 web)" "$(svc6 web)"; do
			run "${cmd[@]}" ping -nc 1 -W 1 "$address"
			# Answered, or unreachable at once; a packet that went round would have used up its hops.
			[[ "$output" != *"ime to live exceeded"* && "$output" != *"Hop limit"* ]]
			[[ "$status" == 0 || "$output" == *nreachable* ]]
		done
	done
}

@test "node-local DNS: an address that is configured on the node is never translated there" {
	svc dns "{name: main, port: 53, targetPort: 8080, protocol: TCP}, {name: udp, port: 53, targetPort: 8080, protocol: UDP}"
	eps dns "$WEB" two
	eventually expect two ask "pod client" udp "$(svc4 dns)" 53 2
	ip -n n-a link add nodelocal type veth peer name nodelocal1
	ip -n n-a link set nodelocal up
	ip -n n-a addr add "$(svc4 dns)/32" dev nodelocal
	ip -n n-a addr add "$(svc6 dns)/128" dev nodelocal nodad
	for proto in tcp udp; do
		for address in "$(svc4 dns)" "$(svc6 dns)"; do
			node a peer serve $proto "$address" 53 local >"$WR_T/local-$proto-$address" 3>&- &
			eventually grep -q ready "$WR_T/local-$proto-$address"
		done
	done
	for where in "pod client" "raw client" "node a"; do
		for proto in tcp udp; do
			eventually expect local ask "$where" "$proto" "$(svc4 dns)" 53 5
			eventually expect local ask "$where" "$proto" "$(svc6 dns)" 53 5
		done
	done
	# Elsewhere, and when it is gone again, the service answers.
	expect two ask "node b" udp "$(svc4 dns)" 53 2
	ip -n n-a link del nodelocal
	eventually expect two ask "pod client" udp "$(svc4 dns)" 53 2
	svc_rm dns
}

@test "nothing was dropped that nobody asked for" {
	for n in a b; do no_drops "$n" unknown-endpoint unknown-service-port no-backend multicast; done
}
