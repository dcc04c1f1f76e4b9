#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# NetworkPolicy with traffic, points 1 to 7: whom a policy selects, whom and what it lets in and out.

setup_file() {
	load nodes
	load policy
	nodes_up a b
	namespace other team=red
	agent_start a
	agent_start b
	pod_up a web app=web
	pod_up a friend app=friend tier=gold
	pod_up a stranger app=stranger
	pod_up b far app=friend
	NAMESPACE=other pod_up b guest app=friend
	for p in web friend far guest; do
		serve "$p" tcp 8080
		serve "$p" tcp 9090
		serve "$p" udp 5353
	done
	service shop 80 8080 -- web
	eventually allowed friend web 8080
	eventually allowed far web 8080
	eventually allowed guest web 8080
	eventually asks stranger tcp "$(svc4 shop)" 80
	save_cluster
}

setup() {
	load nodes
	load policy
	restore_cluster
}

teardown() {
	load nodes && load policy && restore_cluster
	no_policies a b
}

teardown_file() {
	load nodes && restore_cluster
	cluster_down
}

@test "point 1: default deny closes one direction of the selected pod, in both families, and its deletion opens it" {
	deny_web
	eventually judged a web ingress default/deny
	denied stranger web 8080
	denied far web 8080
	allowed web friend 8080
	allowed stranger friend 8080
	manifest_rm np-deny
	eventually allowed stranger web 8080
	allowed far web 8080
}

@test "point 1: allows of several policies are a union" {
	deny_web
	policy gold <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {tier: gold}}}], ports: [{port: 8080}]}]}'
	policy strangers <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: stranger}}}], ports: [{port: 9090}]}]}'
	eventually judged a web ingress default/deny default/gold default/strangers
	allowed friend web 8080
	denied friend web 9090
	allowed stranger web 9090
	denied stranger web 8080
	denied far web 8080
}

@test "point 1: an empty list of rules denies, an empty rule allows all" {
	policy none <<<'{podSelector: {matchLabels: {app: web}}, ingress: []}'
	eventually judged a web ingress default/none
	denied friend web 8080
	policy all <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{}]}'
	eventually judged a web ingress default/all default/none
	allowed friend web 8080
	allowed friend web 5353 udp
}

@test "point 1: types default to ingress, and to egress where egress rules exist" {
	policy plain <<<'{podSelector: {matchLabels: {app: web}}}'
	eventually judged a web ingress default/plain
	denied friend web 8080
	allowed web friend 8080
	policy plain <<<'{podSelector: {matchLabels: {app: web}}, egress: [{ports: [{port: 9090}]}]}'
	eventually judged a web both default/plain
	denied friend web 8080
	denied web friend 8080
	allowed web friend 9090
	policy plain <<<'{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}'
	eventually judged a web egress default/plain
	allowed friend web 8080
	denied web friend 9090
}

@test "point 2: no peers, or none listed, is anybody" {
	policy any <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [], ports: [{port: 8080}]}]}'
	eventually judged a web ingress default/any
	allowed stranger web 8080
	allowed guest web 8080
	denied stranger web 9090
}

@test "point 2: an empty pod selector is the policy's own namespace" {
	policy own <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]}'
	eventually judged a web ingress default/own
	allowed stranger web 8080
	allowed far web 8080
	denied guest web 8080
}

@test "point 2: namespace and pod selector of one peer are both asked for" {
	policy and <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}, podSelector: {matchLabels: {app: friend}}}]}]}'
	eventually judged a web ingress default/and
	allowed guest web 8080
	denied friend web 8080
	policy and <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: red}}, podSelector: {matchLabels: {app: stranger}}}]}]}'
	eventually denied guest web 8080
}

@test "point 2: expressions ask for values, other values, a key, or none" {
	expression() {
		policy expression <<<"{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchExpressions: [$1]}}]}]}"
	}
	expression '{key: app, operator: In, values: [stranger, nobody]}'
	eventually judged a web ingress default/expression
	allowed stranger web 8080
	denied friend web 8080
	expression '{key: app, operator: NotIn, values: [stranger, nobody]}'
	eventually allowed friend web 8080
	eventually denied stranger web 8080
	expression '{key: tier, operator: Exists}'
	eventually denied far web 8080
	allowed friend web 8080
	expression '{key: tier, operator: DoesNotExist}'
	eventually allowed far web 8080
	eventually denied friend web 8080
}

@test "point 2: a namespace is selected by the name that every namespace has" {
	policy here <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: other}}}]}]}'
	eventually judged a web ingress default/here
	allowed guest web 8080
	denied friend web 8080
}

@test "point 3: a block with a hole matches pods' addresses, each family by its own blocks" {
	policy block <<-Y
		podSelector: {matchLabels: {app: web}}
		ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0, except: ["$(pod4 stranger)/32"]}}]}]
	Y
	eventually judged a web ingress default/block
	unheard stranger tcp "$(pod4 web)" 8080
	asks friend tcp "$(pod4 web)" 8080
	asks far tcp "$(pod4 web)" 8080
	unheard friend tcp "$(pod6 web)" 8080
	policy block <<-Y
		podSelector: {matchLabels: {app: web}}
		ingress: [{from: [{ipBlock: {cidr: "::/0", except: ["$(pod6 stranger)/128"]}}]}]
	Y
	eventually asks friend tcp "$(pod6 web)" 8080
	unheard stranger tcp "$(pod6 web)" 8080
	unheard friend tcp "$(pod4 web)" 8080
}

@test "point 3: every IPv6 address is no IPv4 address, and the other way round, outside the cluster too" {
	in_cgroup "$WR_CGROUP/world" ip netns exec fabric peer serve tcp :: 8088 world >"$WR_T/log/world" 2>&1 3>&- 4>&- &
	eventually asks stranger tcp "$U4.1" 8088
	eventually asks stranger tcp "$U6:1" 8088
	policy world <<<'{podSelector: {matchLabels: {app: stranger}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "::/0"}}]}]}'
	eventually judged a stranger egress default/world
	asks stranger tcp "$U6:1" 8088
	unheard stranger tcp "$U4.1" 8088
	policy world <<<'{podSelector: {matchLabels: {app: stranger}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}'
	eventually asks stranger tcp "$U4.1" 8088
	unheard stranger tcp "$U6:1" 8088
}

@test "point 3: what one policy's hole leaves out, another may allow" {
	policy hole <<-Y
		podSelector: {matchLabels: {app: web}}
		ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16, except: ["$(pod4 stranger)/32", "$(pod4 far)/32"]}}]}]
	Y
	policy fill <<-Y
		podSelector: {matchLabels: {app: web}}
		ingress: [{from: [{ipBlock: {cidr: "$(pod4 stranger)/32"}}]}]
	Y
	eventually judged a web ingress default/hole default/fill
	asks stranger tcp "$(pod4 web)" 8080
	asks friend tcp "$(pod4 web)" 8080
	unheard far tcp "$(pod4 web)" 8080
}

@test "point 4: policy is judged on a service's backend and its port, at the socket and per packet" {
	policy label <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}], ports: [{port: 8080}]}]}'
	eventually judged a web ingress default/label
	for address in "$(svc4 shop)" "$(svc6 shop)"; do
		pod friend peer ask tcp "$address" 80
		asks friend tcp "$address" 80
		unheard stranger tcp "$address" 80
		WEIR_PEER_TIMEOUT_MS=300 run pod stranger peer ask tcp "$address" 80
		[ "$status" -eq 1 ]
	done
	policy label <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}]}'
	eventually unheard friend tcp "$(svc4 shop)" 80
	unheard friend tcp "$(svc6 shop)" 80
}

@test "point 4: egress to a service is egress to its backends; the service's own address is nobody's" {
	policy out <<<'{podSelector: {matchLabels: {app: stranger}}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}]}'
	eventually judged a stranger egress default/out
	pod stranger peer ask tcp "$(svc4 shop)" 80
	asks stranger tcp "$(svc6 shop)" 80
	policy out <<-Y
		podSelector: {matchLabels: {app: stranger}}
		egress: [{to: [{ipBlock: {cidr: "$(svc4 shop)/32"}}]}]
		policyTypes: [Egress]
	Y
	eventually unheard stranger tcp "$(svc4 shop)" 80
	WEIR_PEER_TIMEOUT_MS=300 run pod stranger peer ask tcp "$(svc4 shop)" 80
	[ "$status" -eq 1 ]
}

@test "point 5: a named port is the number that the pod gave it, by protocol" {
	policy named <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: http}]}]}'
	eventually judged a web ingress default/named
	allowed stranger web 8080
	denied stranger web 9090
	denied stranger web 5353 udp
	policy named <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: dns, protocol: UDP}]}]}'
	eventually allowed stranger web 5353 udp
	denied stranger web 8080
	# The pod has a port of this name, but for UDP.
	policy named <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: dns}]}]}'
	eventually denied stranger web 5353 udp
}

@test "point 5: a named port of egress is the destination's, and never a block's" {
	policy out <<<'{podSelector: {matchLabels: {app: stranger}}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}], ports: [{port: http}]}]}'
	eventually judged a stranger egress default/out
	denied stranger web 9090
	allowed stranger web 8080
	allowed stranger far 8080
	denied stranger far 9090
	denied stranger guest 8080
	# Another number by the same name, on one pod only.
	sed -i 's/name: http, containerPort: 8080/name: http, containerPort: 9090/' "$MANIFESTS/pod-far.yaml"
	eventually allowed stranger far 9090
	denied stranger far 8080
	allowed stranger web 8080
	labels far app=friend
	policy out <<-Y
		podSelector: {matchLabels: {app: stranger}}
		policyTypes: [Egress]
		egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: http}]}]
	Y
	eventually unheard stranger tcp "$(pod4 web)" 8080
}

@test "point 6: endPort is inclusive, no port is every port of the protocol, and the protocol is TCP unless said" {
	policy range <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8000, endPort: 8080}]}]}'
	eventually judged a web ingress default/range
	allowed stranger web 8080
	denied stranger web 9090
	policy range <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8000, endPort: 8079}, {port: 9090, endPort: 9090}]}]}'
	eventually denied stranger web 8080
	allowed stranger web 9090
	policy range <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{protocol: UDP}]}]}'
	eventually allowed stranger web 5353 udp
	denied stranger web 9090
	policy range <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{}]}]}'
	eventually allowed stranger web 9090
	denied stranger web 5353 udp
}

pings() { pod "$1" ping -nc 1 -W 2 "$(pod4 "$2")" && pod "$1" ping -nc 1 -W 2 "$(pod6 "$2")"; }
silent() { fails pod "$1" ping -nc 1 -W 1 "$(pod4 "$2")" && fails pod "$1" ping -nc 1 -W 1 "$(pod6 "$2")"; }

@test "point 7: ping follows rules of all ports, not those of some" {
	policy ports <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8080}]}]}'
	eventually judged a web ingress default/ports
	allowed stranger web 8080
	silent stranger web
	policy ports <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: stranger}}}]}]}'
	eventually pings stranger web
	silent friend web
}

# arrives POD HEX FILTER CMD...: whether a packet that CMD sends to the pod gets there.
arrives() {
	local to=$1 filter=$2 dump rc=0

	shift 2
	: >"$WR_T/dump"
	nsenter --net="/run/netns/p-$to" timeout 60 tcpdump -nli eth0 -c 1 "$filter" >"$WR_T/seen" 2>"$WR_T/dump" 3>&- 4>&- &
	dump=$!
	eventually grep -q listening "$WR_T/dump"
	"$@"
	# From here on, not from the start: a busy machine needs a second to get here.
	eventually -t 2 [ -s "$WR_T/seen" ] || rc=1
	kill "$dump" 2>/dev/null || true
	wait "$dump" || true
	return "$rc"
}

# raw FROM TO PROTOCOL HEX: a packet of any protocol, both families.
raw4() { printf '%b' "$4" | nsenter --net="/run/netns/p-$1" socat -u - "IP4-SENDTO:$(pod4 "$2"):$3"; }
raw6() { printf '%b' "$4" | nsenter --net="/run/netns/p-$1" socat -u - "IP6-SENDTO:[$(pod6 "$2")]:$3"; }

# An INIT from port 1000 to port 0x1f90 (8080) or 0x2382 (9090): policy reads no further than the ports.
sctp_init() { printf '\\x03\\xe8%s\\0\\0\\0\\0\\0\\0\\0\\0\\x01\\0\\0\\x14\\0\\0\\0\\x01\\0\\x01\\0\\0\\0\\x01\\0\\x01\\0\\0\\0\\x01' "$1"; }

@test "point 7: SCTP is a protocol like the others" {
	policy sctp <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{protocol: SCTP, port: 8080}]}]}'
	eventually judged a web ingress default/sctp
	arrives web 'ip proto 132' raw4 stranger web 132 "$(sctp_init '\x1f\x90')"
	arrives web 'ip6 proto 132' raw6 stranger web 132 "$(sctp_init '\x1f\x90')"
	fails arrives web 'ip proto 132' raw4 stranger web 132 "$(sctp_init '\x23\x82')"
	fails arrives web 'ip6 proto 132' raw6 stranger web 132 "$(sctp_init '\x23\x82')"
	denied stranger web 8080
}

@test "point 7: what is no protocol that rules can name is closed on an isolated pod, whatever its rules say" {
	arrives web 'ip proto 253' raw4 stranger web 253 '\1\2\3\4\5\6\7\0'
	policy all <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{}]}'
	eventually judged a web ingress default/all
	fails arrives web 'ip proto 253' raw4 stranger web 253 '\1\2\3\4\5\6\7\0'
	fails arrives web 'ip6 proto 253' raw6 stranger web 253 '\1\2\3\4\5\6\7\0'
	allowed stranger web 8080
}

@test "point 7: ICMP errors of an allowed flow pass, though no rule allows ICMP" {
	policy out <<<'{podSelector: {matchLabels: {app: stranger}}, policyTypes: [Ingress, Egress], egress: [{ports: [{protocol: UDP, port: 4444}]}]}'
	eventually judged a stranger both default/out
	# Nobody listens: the port unreachable comes back as a refusal.
	for address in "$(pod4 web)" "$(pod6 web)" "$(pod4 far)" "$(pod6 far)"; do
		run pod stranger peer ask udp "$address" 4444
		[ "$status" -eq 2 ]
	done
	silent stranger web
}
