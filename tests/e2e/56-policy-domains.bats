#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# time-limit: 600
# Domain names as peers: what pods are told by name servers is allowed before they have heard it, and for as long as it lives.

setup_file() {
	load nodes
	load policy
	nodes_up a b
	namespace kube-system
	# Everything that the names mean answers on 8080 and 9090, outside the cluster.
	ip -n fabric route add local 198.51.100.0/24 dev lo
	ip -n fabric -6 route add local 2001:db8:5::/48 dev lo
	zone
	export SERVERS="$U4.1/32,$U6:1/128,$U4.11/32,$U6:11/128,$POD4_NET.0.0/16,$POD6_NET::/56"
	agent_start a --name-servers "$SERVERS"
	agent_start b
	pod_up a client app=client
	pod_up a friend app=friend
	pod_up b far app=client
	NAMESPACE=kube-system pod_up a dns app=dns
	cluster_dns
	name_server dns pod dns :: 5353
	name_server outside out :: 53
	name_server node node a :: 53
	out peer serve tcp :: 8080 web >"$WR_T/log/web" 2>&1 3>&- 4>&- &
	out peer serve tcp :: 9090 web >"$WR_T/log/web2" 2>&1 3>&- 4>&- &
	eventually grep -q ready "$WR_T/log/web" "$WR_T/log/web2" >/dev/null
	limits client
	eventually judged a client egress limits
	eventually judged b far egress limits
	save_cluster
}

setup() {
	load nodes
	load policy
	restore_cluster
}

teardown_file() {
	load nodes && restore_cluster
	cluster_down
}

out() { in_cgroup "$WR_CGROUP/outside" ip netns exec fabric "$@"; }

zone() {
	local i

	{
		for ((i = 1; i <= 21; i++)); do printf 'big%d.allowed.example AAAA 2001:db8:5:%d::c8 30 199\n' "$i" "$i"; done
		printf 'www.allowed.example CNAME cdn.elsewhere.example 60\n'
		printf 'cdn.elsewhere.example SEQ 198.51.100.0 60\ncdn.elsewhere.example A 198.51.100.250 60\ncdn.elsewhere.example AAAA 2001:db8:5::fa 60\n'
		for z in udp tcp out node far; do
			printf '%s.allowed.example SEQ 198.51.100.0 60\n%s.allowed.example SEQ 2001:db8:5:: 60\n' "$z" "$z"
		done
		printf 'exact.example A 198.51.100.240 60\nsub.exact.example A 198.51.100.241 60\nallowed.example A 198.51.100.242 60\n'
		printf 'denied.example A 198.51.100.243 60\n'
		printf 'short.allowed.example A 198.51.100.244 1\nlong.allowed.example A 198.51.100.245 1\n'
		printf 'dead.allowed.example A 198.51.100.246 60\nstranger.allowed.example A 198.51.100.247 60\n'
		printf 'early.allowed.example A 198.51.100.248 60\n'
		printf 'many.allowed.example A 198.51.100.220 60 99\nmany.allowed.example AAAA 2001:db8:5::ff 60 199\n'
		printf 'hint.allowed.example HINT 198.51.100.239 60\nhint.allowed.example A 198.51.100.238 60\n'
		printf 'inside.allowed.example A %s 60\n' "$POD4_NET.11.200"
	} >"$WR_T/zone"
}

# The cluster's name servers, where Kubernetes has them: ports 53 of a Service, another one of its pods.
cluster_dns() {
	manifest kube-dns <<-Y
		apiVersion: v1
		kind: Service
		metadata: {name: kube-dns, namespace: kube-system}
		spec:
		  type: ClusterIP
		  clusterIP: $SVC4_NET.2
		  clusterIPs: ["$SVC4_NET.2", "$SVC6_NET:2"]
		  ipFamilies: [IPv4, IPv6]
		  ipFamilyPolicy: RequireDualStack
		  ports: [{name: dns, port: 53, protocol: UDP, targetPort: 5353}, {name: dns-tcp, port: 53, protocol: TCP, targetPort: 5353}]
		---
		$(dns_slice IPv4 "$(pod4 dns)")
		---
		$(dns_slice IPv6 "$(pod6 dns)")
	Y
}

dns_slice() {
	printf 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: kube-dns-%s, namespace: kube-system, labels: {kubernetes.io/service-name: kube-dns}}\naddressType: %s\nports: [{name: dns, port: 5353, protocol: UDP}, {name: dns-tcp, port: 5353, protocol: TCP}]\nendpoints: [{addresses: ["%s"], nodeName: node-a, conditions: {ready: true}}]\n' \
		"${1,,}" "$1" "$2"
}

# name_server NAME WHERE... ADDR PORT
name_server() {
	local name=$1

	shift
	"${@:1:$#-2}" dns serve "${@: -2}" "$WR_T/zone" >"$WR_T/log/dns-$name" 2>&1 3>&- 4>&- &
	eventually grep -q ready "$WR_T/log/dns-$name" >/dev/null || { cat "$WR_T/log/dns-$name"; return 1; }
}

# Name servers and two sorts of names, else nothing that is outside.
limits() {
	cluster_policy limits <<-Y
		tier: Admin
		priority: 10
		subject: {pods: {podSelector: {matchLabels: {app: $1}}}}
		egress:
		- {action: Accept, to: [{networks: [$POD4_NET.0.0/16, "$POD6_NET::/56", $U4.0/24, "$U6:/64"]}, {pods: {podSelector: {}}}], protocols: [{udp: {destinationPort: {number: 53}}}, {udp: {destinationPort: {number: 5353}}}, {tcp: {destinationPort: {number: 53}}}, {tcp: {destinationPort: {number: 5353}}}]}
		- {action: Accept, name: names, to: [{domainNames: ["*.allowed.example", exact.example]}], protocols: [{tcp: {destinationPort: {number: 8080}}}]}
		- {action: Deny, to: [{networks: [0.0.0.0/0, "::/0"]}, {pods: {podSelector: {}}}]}
	Y
}

visit() { pod "$1" dns visit "${@:2}" 8080; }
asks_name() { pod "$1" dns ask "${@:2}"; }
closed() { unheard client tcp "$1" "${2:-8080}"; }
known() { weir domains --instance a -o json | jq -e --arg name "$1" --arg addr "$2" '.items[] | select(.name == $name and .address == $addr)'; }
unknown() { ! known "$@"; }

# visits POD COUNT ZONE SERVER4 SERVER6 PORT PROTO [FIRST]: each name is new; both families.
visits() {
	local i

	for ((i = ${8:-1}; i < ${8:-1} + $2; i++)); do
		visit "$1" "$4" "$6" "i$i.$3.allowed.example" A "$7" || return 1
		visit "$1" "$5" "$6" "i$i.$3.allowed.example" AAAA "$7" || return 1
	done
}

@test "no address is allowed that nobody was told" {
	closed 198.51.100.1
	closed 2001:db8:5::1
	asks friend tcp 198.51.100.1 8080
}

@test "200 names, asked of a pod through the cluster's service: the connection right after the answer is made at once" {
	visits client 100 udp "$SVC4_NET.2" "$SVC6_NET:2" 53 udp
	# What is known stays open for its time, which is over for the first ones where this has taken long; other ports stay closed.
	asks client tcp 198.51.100.100 8080
	closed 198.51.100.100 9090
	no_drops a policy-egress multicast tcp-midstream unknown-endpoint
}

@test "the same with a server outside, on the node, on another node, and over TCP" {
	visits client 20 out "$U4.1" "$U6:1" 53 udp 101
	visits client 20 tcp "$SVC4_NET.2" "$SVC6_NET:2" 53 tcp 121
	visits client 20 out "$U4.1" "$U6:1" 53 tcp 141
	visits client 4 node "$U4.11" "$U6:11" 53 udp 191
	visits client 5 node "$U4.11" "$U6:11" 53 tcp 195
	# From the other node, whose agent believes the cluster's own servers, found by their Service.
	visits far 20 far "$SVC4_NET.2" "$SVC6_NET:2" 53 udp 161
	visits far 10 far "$SVC4_NET.2" "$SVC6_NET:2" 53 tcp 181
}

@test "other names are answered and stay closed; wildcards mean whole labels; aliases count by every name of theirs" {
	[ "$(asks_name client "$SVC4_NET.2" 53 denied.example A)" = 198.51.100.243 ]
	closed 198.51.100.243
	visit client "$SVC4_NET.2" 53 EXACT.example A udp
	asks_name client "$SVC4_NET.2" 53 sub.exact.example A
	closed 198.51.100.241
	asks_name client "$SVC4_NET.2" 53 allowed.example A
	closed 198.51.100.242
	asks_name client "$SVC4_NET.2" 53 cdn.elsewhere.example A
	closed 198.51.100.250
	visit client "$SVC4_NET.2" 53 www.allowed.example A udp
	visit client "$SVC6_NET:2" 53 www.allowed.example AAAA tcp
	run asks_name client "$SVC4_NET.2" 53 nobody.allowed.example A
	[ "$status" -eq 2 ]
	# Pods are not meant by names.
	[ "$(asks_name client "$SVC4_NET.2" 53 inside.allowed.example A)" = "$POD4_NET.11.200" ]
	closed "$POD4_NET.11.200"
}

@test "addresses that HTTPS records hint at are open, too" {
	closed 198.51.100.239
	visit client "$SVC4_NET.2" 53 hint.allowed.example HTTPS udp
	known hint.allowed.example 198.51.100.239
	# Nobody has asked for the other one.
	closed 198.51.100.238
}

@test "answers of many segments and of fragments are read" {
	visit client "$SVC4_NET.2" 53 many.allowed.example AAAA tcp
	visit client "$U4.1" 53 many.allowed.example A tcp
	asks client tcp 2001:db8:5::f0 8080
	known many.allowed.example 2001:db8:5::38
	# 100 addresses are more than one datagram of Ethernet's holds, 200 of the larger kind more than four.
	visit far "$SVC4_NET.2" 53 many.allowed.example A udp
	visit far "$SVC6_NET:2" 53 many.allowed.example AAAA udp
	visit far "$SVC4_NET.2" 53 many.allowed.example AAAA udp
}

is_over() { weir domains --instance a -o json | jq -e --arg name "$1" '.items[] | select(.name == $name) | .expired'; }
warns() { weir status --instance b | grep -q 'too many addresses of domain names for 1 pod'; }
refused() { node b curl -s http://127.0.0.1:9877/metrics | grep -Eq '^weir_domain_answers_total\{result="refused"\} [1-9]'; }

@test "addresses for which there is no room stay closed, of one pod and not of others, and it is said" {
	pod_up b greedy app=client
	eventually judged b greedy egress limits
	fails warns
	for ((i = 1; i <= 20; i++)); do visit greedy "$SVC6_NET:2" 53 "big$i.allowed.example" AAAA tcp; done
	# 96 of 200 find room.
	asks_name greedy "$SVC6_NET:2" 53 big21.allowed.example AAAA tcp | tail -n1 | grep -qx 2001:db8:5:21::c8
	unheard greedy tcp 2001:db8:5:21::c8 8080
	asks greedy tcp 2001:db8:5:21::1 8080
	visit far "$SVC6_NET:2" 53 i7.far.allowed.example AAAA udp
	eventually warns
	refused
	grep -q 'level=error.*too many addresses with names.*pod=greedy' "$WR_T/log/agent-b"
	weir status --instance b -o json | jq -r '.agent.warnings[]' | grep -q 'further ones stay closed'
	save_cluster
}

holds_long() { nsenter --net=/run/netns/p-client ss -Htn state established dst 198.51.100.245 | grep -q :8080; }

@test "an address is closed when its time is over, but for the connections that it has" {
	visit client "$SVC4_NET.2" 53 short.allowed.example A udp
	visit client "$SVC4_NET.2" 53 long.allowed.example A udp
	nsenter --net=/run/netns/p-client peer hold tcp 198.51.100.245 8080 110 >"$WR_T/log/hold" 2>&1 3>&- 4>&- &
	hold=$!
	eventually holds_long
	known short.allowed.example 198.51.100.244
	# What was let begin goes on, and nothing else begins: it used to, for as long as one was there.
	eventually -t 30 is_over long.allowed.example
	eventually closed 198.51.100.245
	weir domains --instance a | grep -Eq '^long.allowed.example +198.51.100.245 +in use'
	weir why --instance a default/client 198.51.100.245 8080 | grep -q DENIED
	# Not with the next agent either.
	agent_kill a
	closed 198.51.100.245
	agent_start a --name-servers "$SERVERS"
	is_over long.allowed.example
	closed 198.51.100.245
	# Until it is told again.
	visit client "$SVC4_NET.2" 53 long.allowed.example A udp
	# What the visit left is tracked as long as a closed connection is.
	eventually -t 90 unknown short.allowed.example 198.51.100.244
	closed 198.51.100.244
	kill -INT "$hold"
	wait "$hold"
	grep -q 'lost 0' "$WR_T/log/hold"
	save_cluster
}

@test "when the time of some is over there is room again" {
	eventually -t 60 visit greedy "$SVC6_NET:2" 53 big21.allowed.example AAAA tcp
	eventually -t 30 fails warns
}

@test "while the agent is away names are answered, what was known is open, what is new is closed; after its start all is as it was" {
	visit client "$SVC4_NET.2" 53 early.allowed.example A udp
	nsenter --net=/run/netns/p-client peer hold tcp 198.51.100.248 8080 60 >"$WR_T/log/hold" 2>&1 3>&- 4>&- &
	hold=$!
	agent_kill a
	[ "$(asks_name client "$SVC4_NET.2" 53 dead.allowed.example A)" = 198.51.100.246 ]
	closed 198.51.100.246
	asks client tcp 198.51.100.248 8080
	agent_start a --name-servers "$SERVERS"
	known early.allowed.example 198.51.100.248
	asks client tcp 198.51.100.248 8080
	visit client "$SVC4_NET.2" 53 dead.allowed.example A udp
	kill -INT "$hold"
	wait "$hold"
	grep -q 'lost 0' "$WR_T/log/hold"
	save_cluster
}

@test "a stopped agent delays no answer for longer than its lease" {
	kill -STOP "${AGENT_PID[a]}"
	[ "$(asks_name client "$SVC4_NET.2" 53 i200.udp.allowed.example A)" = 198.51.100.200 ]
	kill -CONT "${AGENT_PID[a]}"
	# It has read its copy of what the pod was told.
	eventually asks client tcp 198.51.100.200 8080
}

@test "servers that are not believed are heard by their pods alone" {
	[ "$(asks_name far "$U4.1" 53 stranger.allowed.example A)" = 198.51.100.247 ]
	unheard far tcp 198.51.100.247 8080
	node b curl -s http://127.0.0.1:9877/metrics | grep -Eq '^weir_domain_answers_total\{result="not-believed"\} [1-9]'
	visit far "$SVC4_NET.2" 53 stranger.allowed.example A udp
}

@test "weir says which addresses have which names, and which rule allows them" {
	visit client "$SVC4_NET.2" 53 exact.example A udp
	weir domains --instance a
	weir domains --instance a | grep -Eq '^exact.example +198.51.100.240 +[0-9]+ s +default/client'
	weir why --instance a default/client exact.example 8080 | grep -q 'ClusterNetworkPolicy limits: egress\[1\] "names"'
	weir why --instance a default/client 198.51.100.240 8080 | grep -qx '  names    exact.example'
	weir why --instance a default/client 198.51.100.243 8080 | grep -q 'ClusterNetworkPolicy limits: egress\[2\]'
	node a curl -s http://127.0.0.1:9877/metrics | grep -Eq '^weir_domain_addresses [1-9]'
	[ -z "$(weir policy --instance a -o json | jq '.items[] | select(.problems)')" ]
}

@test "without the policy the names are forgotten by the rules, and nothing is held" {
	manifest_rm np-limits
	eventually judged a client none
	asks client tcp 198.51.100.243 8080
	[ "$(asks_name client "$SVC4_NET.2" 53 denied.example A)" = 198.51.100.243 ]
}
