#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# Load balancer addresses, external addresses, traffic policies, and who counts as inside.

VIP4=192.0.2.10 VIP6=2001:db8::10
EXT4=192.0.2.20 EXT6=2001:db8::20

setup_file() {
	load nodes
	load services
	nodes_up a b
	agent_spawn b --map-sizes maglev=4100
	agents_up a
	eventually -t 90 weir status --instance b --ready >/dev/null
	webs_up
	# The outside reaches these by node a, or by node b as a test wishes.
	lb_by a
	svc web "$LB_PORTS" "${LB[@]}" "$(ingress VIP)"
	eps web "$WEB" one two
	eventually expect "one two" ask outside tcp $VIP4 80
	save_cluster
}

LB_PORTS='{name: main, port: 80, targetPort: 8080, nodePort: 30080, protocol: TCP}, {name: udp, port: 80, targetPort: 8080, nodePort: 30080, protocol: UDP}'
LB=("type: LoadBalancer")

ingress() { # MODE
	printf 'status: {loadBalancer: {ingress: [{ip: "%s", ipMode: %s}, {ip: "%s", ipMode: %s}]}}' $VIP4 "$1" $VIP6 "$1"
}

lb_by() {
	local v

	for v in $VIP4 $EXT4; do ip -n fabric route replace $v/32 via "$(node4 "$1")"; done
	for v in $VIP6 $EXT6; do ip -n fabric -6 route replace $v/128 via "$(node6 "$1")"; done
}

setup() { load nodes && load services && restore_cluster; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

web() { svc web "$LB_PORTS" "${LB[@]}" "$@"; }

# outer WANT WHERE A4 A6 [PORT]: both protocols, both families.
outer() {
	local proto

	for proto in tcp udp; do
		expect "$1" ask "$2" $proto "$3" "${5:-80}"
		expect "$1" ask "$2" $proto "$4" "${5:-80}"
	done
}

@test "LoadBalancer: addresses of status answer from outside, from pods and from nodes" {
	outer "one two" outside $VIP4 $VIP6
	outer "one two" "pod client" $VIP4 $VIP6
	outer "one two" "raw client" $VIP4 $VIP6
	outer "one two" "node a" $VIP4 $VIP6
	lb_by b
	outer "one two" outside $VIP4 $VIP6
	lb_by a
}

@test "LoadBalancer: an unknown port of its address is refused" {
	expect refused ask outside tcp $VIP4 81 1
	expect refused ask outside udp $VIP6 81 1
	expect refused ask "pod client" tcp $VIP4 81 1
}

@test "LoadBalancer: ipMode Proxy has no frontends, so the balancer itself is asked" {
	web "$(ingress Proxy)"
	eventually has_frontends a $VIP4 0
	has_frontends a $VIP6 0
	expect "one two" ask outside tcp "$(node4 a)" 30080
	web "$(ingress VIP)"
	eventually expect "one two" ask outside tcp $VIP4 80
}

@test "LoadBalancer: allocateLoadBalancerNodePorts false has none" {
	svc lone "$MAIN" "type: LoadBalancer" "allocateLoadBalancerNodePorts: false" \
		"status: {loadBalancer: {ingress: [{ip: $EXT4}]}}"
	eps lone "$WEB" one
	eventually expect one ask outside tcp $EXT4 80 3
	[ "$(weir services --instance a -o json | jq '[.items[] | select(.kind == "node-port" and (.service // "" | test("/lone")))] | length')" = 0 ]
	svc_rm lone
	eventually has_frontends a $EXT4 0
}

@test "loadBalancerSourceRanges: others are dropped; the node port and the cluster address are not limited" {
	web "loadBalancerSourceRanges: ['$U4.1/32', '$POD4_NET.0.0/16']" "$(ingress VIP)"
	eventually flags_of $VIP4 source-ranges
	expect "one two" ask outside tcp $VIP4 80
	expect "one two" ask "pod client" tcp $VIP4 80
	# Ranges of one family close the other.
	expect_drop ask outside tcp $VIP6 80 1
	web "loadBalancerSourceRanges: ['198.51.100.0/24']" "$(ingress VIP)"
	eventually expect_drop ask outside tcp $VIP4 80 1
	expect_drop ask "pod client" tcp $VIP4 80 1
	expect_drop ask "pod client" udp $VIP4 80 1
	expect "one two" ask outside tcp "$(node4 a)" 30080
	expect "one two" ask "pod client" tcp "$(svc4 web)" 80
	expect "one two" ask "node a" tcp $VIP4 80
	weir drops --instance a -o json | jq -e '[.items[] | select(.name == "source-range" and .packets > 0)] | length == 1'
	web "$(ingress VIP)"
	eventually expect "one two" ask outside tcp $VIP4 80
	expect "one two" ask outside tcp $VIP6 80
}

flags_of() { weir services --instance a -o json | jq -e --arg a "$1" --arg f "$2" '[.items[] | select(.address == $a and (.flags | index($f)))] | length > 0'; }

@test "without room for another Maglev table an address answers all the same, and it is said" {
	# Node b has room for two tables, and four ports (two families, two protocols).
	lb_by b
	outer "one two" outside $VIP4 $VIP6
	lb_by a
	# (A table that has gone makes room a second later.)
	eventually with_flag_is maglev 2
	with_flag_is no-table 2
	weir service --instance b web | grep -q 'no room for a Maglev table'
	# What goes makes room.
	svc web "{name: udp, port: 80, targetPort: 8080, nodePort: 30080, protocol: UDP}" "${LB[@]}" "$(ingress VIP)"
	eventually with_flag_is maglev 2
	eventually with_flag_is no-table 0
	fails bash -c "weir service --instance b web | grep -q 'no room'"
	web "$(ingress VIP)"
	eventually expect "one two" ask outside tcp $VIP4 80
	eventually expect "one two" ask outside tcp $VIP6 80
}

with_flag() {
	weir services --instance b -o json | jq --arg f "$1" --arg a $VIP4 --arg b $VIP6 \
		'[.items[] | select((.address == $a or .address == $b) and (.flags | index($f)))] | length'
}

with_flag_is() { [ "$(with_flag "$1")" = "$2" ]; }

@test "externalIPs answer whether or not a node owns the address" {
	svc ext "$MAIN, $MAIN_UDP" "externalIPs: ['$EXT4', '$EXT6', '$U4.61']"
	eps ext "$WEB" one two
	eventually expect "one two" ask outside tcp $EXT4 80
	outer "one two" outside $EXT4 $EXT6
	outer "one two" "pod client" $EXT4 $EXT6
	outer "one two" "node b" $EXT4 $EXT6
	# The node's own address from now on: the port is the service's, the others are the node's.
	ip -n n-a addr add $U4.61/24 dev eth0
	eventually expect "one two" ask outside tcp $U4.61 80
	node a peer serve tcp $U4.61 8088 mine >"$WR_T/mine" 3>&- &
	eventually grep -q ready "$WR_T/mine"
	eventually expect mine ask outside tcp $U4.61 8088 2
	ip -n n-a addr del $U4.61/24 dev eth0
	svc_rm ext
	eventually has_frontends a $EXT4 0
}

@test "externalTrafficPolicy Local: only to endpoints here, with the client's address" {
	web "externalTrafficPolicy: Local" "$(ingress VIP)"
	eventually expect one ask outside tcp $VIP4 80
	outer one outside $VIP4 $VIP6
	outer one outside "$(node4 a)" "$(node6 a)" 30080
	eventually expect two ask outside tcp "$(node4 b)" 30080
	outer two outside "$(node4 b)" "$(node6 b)" 30080
	[ "$(sees outside tcp $VIP4 80)" = $U4.1 ]
	[ "$(sees outside udp $VIP6 80)" = ${U6}:1 ]
	[ "$(sees outside tcp "$(node4 b)" 30080)" = $U4.1 ]
}

@test "inside to outside addresses: external policy Local does not limit pods and nodes" {
	for where in "pod client" "raw client" "node a"; do
		outer "one two" "$where" $VIP4 $VIP6
		outer "one two" "$where" "$(node4 a)" "$(node6 a)" 30080
	done
}

@test "externalTrafficPolicy Local: none here is dropped, not refused" {
	eps web "$WEB" two
	eventually expect_drop ask outside tcp $VIP4 80 1
	expect_drop ask outside udp $VIP6 80 1
	expect_drop ask outside tcp "$(node4 a)" 30080 1
	expect two ask outside tcp "$(node4 b)" 30080
	outer two "pod client" $VIP4 $VIP6
	weir drops --instance a -o json | jq -e '[.items[] | select(.name == "no-local-backend" and .packets > 0)] | length == 1'
	eps web "$WEB" one two
	eventually expect one ask outside tcp $VIP4 80
}

check_says() { # NODE CODE COUNT
	local got

	got=$(node "$1" curl -s -w ' %{http_code}' "http://$(node4 "$1"):32000/healthz")
	[[ ${got##* } == "$2" && $(jq .localEndpoints <<<"${got% *}") == "$3" ]] || { echo "$got"; return 1; }
}

@test "healthCheckNodePort: 200 with the count, 503 without, and 503 when only terminating endpoints remain" {
	pod_up a third app=web
	web "externalTrafficPolicy: Local" "healthCheckNodePort: 32000" "$(ingress VIP)"
	eps web "$WEB" one third two
	eventually check_says a 200 2
	eventually check_says b 200 1
	eps web "$WEB" one:terminating two
	eventually check_says a 503 0
	check_says b 200 1
	# From outside and from a pod too, and traffic still reaches what terminates.
	[ "$(outside curl -s -o /dev/null -w '%{http_code}' "http://$(node4 a):32000/")" = 503 ]
	[ "$(pod client curl -s -o /dev/null -w '%{http_code}' "http://$(node4 a):32000/")" = 503 ]
	[ "$(pod client curl -s -o /dev/null -w '%{http_code}' "http://$(node4 b):32000/")" = 200 ]
	expect one ask outside tcp $VIP4 80
	eps web "$WEB" two
	eventually check_says a 503 0
	eps web "$WEB" one two
	eventually check_says a 200 1
	# A service without the policy has no such port.
	web "$(ingress VIP)"
	eventually fails node a curl -s "http://$(node4 a):32000/healthz"
	pod_down third
}

@test "healthCheckNodePort without an address from a cloud, and an endpoint that terminates in manifest mode" {
	pod_up a ending app=ending
	svc hc "{name: main, port: 80, targetPort: 8080, nodePort: 30097}" "type: LoadBalancer" "externalTrafficPolicy: Local" \
		"healthCheckNodePort: 32000" "selector: {app: ending}"
	eventually check_says a 200 1
	sed 's/^metadata:/metadata:\n  deletionTimestamp: "2026-01-01T00:00:00Z"/' "$MANIFESTS/pod-ending.yaml" | manifest pod-ending
	eventually check_says a 503 0
	svc_rm hc
	pod_down ending
}

@test "internalTrafficPolicy Local: inside traffic only to endpoints here, none here is dropped" {
	svc inner "$MAIN, $MAIN_UDP" "internalTrafficPolicy: Local"
	eps inner "$WEB" one two
	for where in "pod client" "raw client" "node a"; do
		eventually expect one ask "$where" tcp "$(svc4 inner)" 80
		expect one ask "$where" udp "$(svc6 inner)" 80
	done
	eventually expect two ask "node b" tcp "$(svc4 inner)" 80
	eps inner "$WEB" two
	for where in "pod client" "raw client"; do
		eventually expect_drop ask "$where" tcp "$(svc4 inner)" 80 1
		expect_drop ask "$where" udp "$(svc6 inner)" 80 1
	done
	eps inner "$WEB"
	eventually expect_drop ask "pod client" tcp "$(svc4 inner)" 80 1
	svc_rm inner
}

@test "nothing was dropped that nobody asked for" {
	for n in a b; do no_drops "$n" unknown-endpoint unknown-service-port no-backend multicast source-range no-local-backend; done
}
