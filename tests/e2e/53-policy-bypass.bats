#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What must not get around a policy: points 14 to 16, and the faults that other implementations have had.

setup_file() {
	load nodes
	load policy
	nodes_up a b
	namespace other team=red
	agent_start a
	agent_start b
	pod_up a web app=web
	pod_up a client app=client
	pod_up b far app=client
	pod_up b dns app=dns
	for p in web far; do
		serve "$p" tcp 8080
		serve "$p" udp 5353
	done
	serve dns tcp 53
	serve dns udp 53
	serve dns udp 5400
	serve web udp 5400
	pod web peer sink udp :: 7000 >"$WR_T/log/sink" 2>&1 3>&- 4>&- &
	service names 53 53 UDP -- dns
	service names-tcp 53 53 -- dns
	service pair 53 5400 UDP -- dns web
	eventually asks client udp "$(svc4 names)" 53
	eventually allowed client far 8080
	save_cluster
}

setup() {
	load nodes
	load policy
	restore_cluster
}

teardown() {
	load nodes && load policy && restore_cluster
	rm -f "$MANIFESTS/np-"*
	labels client app=client
	endpoints pair 5400 UDP dns web
	no_policies a b
}

teardown_file() {
	load nodes && restore_cluster
	node a ip addr del 169.254.20.10/32 dev lo 2>/dev/null || true
	cluster_down
}

only_dns() {
	policy dns <<<'{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{ports: [{port: 53}, {port: 53, protocol: UDP}]}]}'
	eventually judged a client egress default/dns
}

@test "point 14: egress for DNS alone works over UDP and TCP, through the service and to the server itself" {
	only_dns
	for address in "$(svc4 names)" "$(svc6 names)" "$(pod4 dns)" "$(pod6 dns)"; do
		pod client peer ask udp "$address" 53
		asks client udp "$address" 53
	done
	for address in "$(svc4 names-tcp)" "$(svc6 names-tcp)" "$(pod4 dns)" "$(pod6 dns)"; do
		pod client peer ask tcp "$address" 53
	done
	denied client web 8080
	denied client far 5353 udp
}

@test "point 14: a resolver on the node itself is reached, and nothing else there" {
	node a ip addr add 169.254.20.10/32 dev lo
	node a peer serve udp 169.254.20.10 53 local >"$WR_T/log/local" 2>&1 3>&- 4>&- &
	node a peer serve tcp 169.254.20.10 8080 local >"$WR_T/log/local-tcp" 2>&1 3>&- 4>&- &
	eventually asks client udp 169.254.20.10 53
	eventually asks client tcp 169.254.20.10 8080
	only_dns
	asks client udp 169.254.20.10 53
	unheard client tcp 169.254.20.10 8080
}

sink_got() { [ "$(WEIR_PEER_TIMEOUT_MS=500 nsenter --net="/run/netns/p-$1" peer bulk udp "$2" 7000 "$3")" = "$3" ]; }

@test "point 15: fragments follow their first part, whole or not at all" {
	policy ports <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 7000, protocol: UDP}]}]}'
	eventually judged a web ingress default/ports
	for p in client far; do
		sink_got "$p" "$(pod4 web)" 5000
		sink_got "$p" "$(pod6 web)" 5000
	done
	policy ports <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 7001, protocol: UDP}]}]}'
	eventually fails sink_got client "$(pod4 web)" 5000
	for p in client far; do
		fails sink_got "$p" "$(pod4 web)" 5000
		fails sink_got "$p" "$(pod6 web)" 5000
	done
	# Not even a later part by itself.
	fails arrives web 'ip[6:2] & 0x1fff != 0 or ip6 proto 44' sink_got client "$(pod4 web)" 5000
}

# arrives POD FILTER CMD...: whether a packet that CMD sends to the pod gets there.
arrives() {
	local to=$1 filter=$2 dump rc=0

	shift 2
	: >"$WR_T/dump"
	nsenter --net="/run/netns/p-$to" timeout 60 tcpdump -nli eth0 -c 1 "$filter" >"$WR_T/seen" 2>"$WR_T/dump" 3>&- 4>&- &
	dump=$!
	eventually grep -q listening "$WR_T/dump"
	"$@" || true
	# From here on, not from the start: a busy machine needs a second to get here.
	eventually -t 2 [ -s "$WR_T/seen" ] || rc=1
	kill "$dump" 2>/dev/null || true
	wait "$dump" || true
	return "$rc"
}

with_options() { # PORT
	echo ask | nsenter --net=/run/netns/p-client socat -t 0.3 - "UDP4:$(pod4 web):$1,ipoptions=x01010101"
}

# with_header PORT-HEX: UDP behind a destination options header; the checksum is of nobody's interest.
with_header() {
	printf '%b' "\\x11\\x00\\x01\\x04\\0\\0\\0\\0\\x10\\0$1\\0\\x0c\\0\\0ask\\n" |
		nsenter --net=/run/netns/p-client socat -u - "IP6-SENDTO:[$(pod6 web)]:60"
}

@test "point 15, and a fixed header of 20 bytes: IP options and extension headers hide nothing" {
	policy ports <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 5353, protocol: UDP}]}]}'
	eventually judged a web ingress default/ports
	arrives web 'udp dst port 5353' with_options 5353
	fails arrives web 'udp' with_options 53
	arrives web 'ip6 proto 60' with_header '\x14\xe9'
	fails arrives web 'ip6 proto 60' with_header '\0\x35'
}

short4() { printf '\x03\xe8\x1f\x90' | nsenter --net=/run/netns/p-client socat -u - "IP4-SENDTO:$(pod4 web):6"; }
short6() { printf '\x03' | nsenter --net=/run/netns/p-client socat -u - "IP6-SENDTO:[$(pod6 web)]:17"; }

@test "point 15: a packet that ends inside its headers goes nowhere" {
	policy all <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{}]}'
	eventually judged a web ingress default/all
	fails arrives web 'ip proto 6' short4
	fails arrives web 'ip6 proto 17' short6
}

from_4000() {
	echo ask | nsenter --net=/run/netns/p-client socat -t 0.3 - "UDP4:$(svc4 pair):53,sourceport=4000" | cut -d' ' -f1
}

@test "point 16: UDP to a backend that has left goes to a living one with its next packet" {
	was=$(from_4000)
	[ "$was" = "$(from_4000)" ]
	endpoints pair 5400 UDP "$([[ $was == dns ]] && echo web || echo dns)"
	eventually moved_from "$was"
}

moved_from() {
	local now

	now=$(from_4000)
	[[ -n $now && $now != "$1" ]] || { weir flows --instance a; weir drops --instance a; return 1; }
}

# node_port POLICY: the service "gate" on node port 30080 of every node, with this external traffic policy.
node_port() {
	service gate 80 8080 -- web
	sed "s/type: ClusterIP/type: NodePort\n  externalTrafficPolicy: $1/; s/targetPort: 8080/&, nodePort: 30080/" \
		"$MANIFESTS/svc-gate.yaml" >"$WR_T/gate"
	manifest svc-gate <"$WR_T/gate"
}

from_outside() { WEIR_PEER_TIMEOUT_MS=300 outside peer ask tcp "$1" 30080; }

from_block() {
	policy gate <<<"{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: $1}}]}]}"
	eventually judged a web ingress default/gate
}

@test "point 4: from outside, the client's address is judged under external policy Local, the node's where it is masqueraded" {
	node_port Local
	eventually from_outside "$U4.11"
	from_block 203.0.113.0/24
	eventually fails from_outside "$U4.11"
	from_block "$U4.1/32"
	eventually from_outside "$U4.11"
	node_port Cluster
	from_block 0.0.0.0/0
	eventually from_outside "$U4.12"
	from_block "$U4.1/32"
	eventually fails from_outside "$U4.12"
	manifest_rm svc-gate
	manifest_rm slice-gate
}

@test "GO-2022-0393: no echo passes a deny" {
	deny_web
	eventually judged a web ingress default/deny
	for p in client far; do
		for address in "$(pod4 web)" "$(pod6 web)"; do
			run pod "$p" ping -nc 2 -i 0.2 -W 1 "$address"
			[ "$status" -eq 1 ]
		done
	done
}

@test "GO-2023-1643: IPv6 is no way around a policy, whatever its rules are about" {
	policy four <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}'
	eventually judged a web ingress default/four
	for p in client far; do
		asks "$p" tcp "$(pod4 web)" 8080
		unheard "$p" tcp "$(pod6 web)" 8080
		unheard "$p" udp "$(pod6 web)" 5353
	done
}

@test "GO-2023-2078: labels that a pod gives itself do not make it a pod of another namespace" {
	policy red <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}}]}]}'
	eventually judged a web ingress default/red
	labels client app=client team=red kubernetes.io/metadata.name=other io.kubernetes.pod.namespace=other
	cluster_policy selected <<<'{tier: Admin, priority: 9, subject: {pods: {namespaceSelector: {}, podSelector: {matchLabels: {team: red}}}}, egress: [{action: Pass, to: [{namespaces: {}}]}]}'
	eventually judged a client egress selected
	denied client web 8080
}

@test "GO-2024-3208: a deny for a range is not lost to an allow for one of its addresses" {
	cluster_policy range <<<'{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: [{networks: [10.244.12.0/24]}]}]}'
	policy narrow <<-Y
		podSelector: {matchLabels: {app: client}}
		policyTypes: [Egress]
		egress: [{to: [{ipBlock: {cidr: "$(pod4 far)/32"}}, {ipBlock: {cidr: 10.244.0.0/16}}]}]
	Y
	eventually judged a client egress range default/narrow
	unheard client tcp "$(pod4 far)" 8080
	asks client tcp "$(pod4 web)" 8080
}

@test "AWS network policy agent: more than 24 ports of one block are all in force, and none beside them" {
	ports=$(for ((i = 0; i < 60; i++)); do printf '{port: %d}, ' $((7960 + i * 2)); done)
	policy many <<<"{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [$ports]}]}"
	eventually judged a web ingress default/many
	unheard client tcp "$(pod4 web)" 8080
	policy many <<<"{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [$ports {port: 8080}]}]}"
	eventually asks client tcp "$(pod4 web)" 8080
	asks far tcp "$(pod4 web)" 8080
	unheard client udp "$(pod4 web)" 5353
}

@test "Cilium 42044: an implicit denial names the policies that isolate the pod" {
	deny_web
	policy other <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 1}]}]}'
	eventually judged a web ingress default/deny default/other
	denied client web 8080
	weir why --instance a default/client default/web 8080 | grep -q 'no ingress rule of NetworkPolicy default/deny, default/other'
	eventually drop_says 'no ingress rule of NetworkPolicy default/deny, default/other'
}

drop_says() { weir drops --instance a --recent -o json | jq -e --arg text "$1" '[.items[] | select(.policy == $text)] | length > 0'; }
