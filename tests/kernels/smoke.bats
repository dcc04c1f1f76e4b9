#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What must work on every kernel that Weir supports: run by tests/kernels/run inside a guest, and anywhere else like an
# end-to-end test.

setup_file() {
	load ../e2e/nodes
	nodes_up a b
	agent_start a
	agent_start b
	pod_up a client app=client
	pod_up a one app=web
	pod_up b two app=web
	for p in one two; do
		serve "$p" tcp 8080
		serve "$p" udp 5353
	done
	service web 80 8080 -- one two
	service names 53 5353 UDP -- one two
	eventually -t 30 pod client peer ask tcp "$(svc4 web)" 80
	eventually -t 30 pod client peer ask tcp "$(pod6 two)" 8080
	save_cluster
}

setup() {
	load ../e2e/nodes
	load ../e2e/policy
	restore_cluster
}

teardown() { save_cluster; }

teardown_file() {
	load ../e2e/nodes && restore_cluster
	local status=0

	no_drops a multicast unknown-endpoint policy-ingress policy-unknown-peer || status=1
	[[ $status == 0 ]] || cluster_logs
	cluster_down
	return $status
}

answers() { "$@" | cut -d' ' -f1 | sort -u | paste -sd' '; }

# In the pod's network namespace, but where no socket hook sees it.
per_packet() { nsenter --net=/run/netns/p-client -- "$@"; }

@test "the node is ready, and says what its programs hang on" {
	weir status --instance a --ready
	weir status --instance a
	weir status --instance a -o json | jq -e '.agent.ready'
}

filters() { node a tc filter show dev eth0 "$1" | grep -c "$2" || true; }

@test "programs are attached as this kernel can: links from 6.6 on, clsact before" {
	IFS=. read -r major minor _ < <(uname -r)
	tcx=$((major * 100 + minor >= 606))
	[ "$(weir status --instance a -o json | jq .agent.tcx)" = "$([[ $tcx == 1 ]] && echo true || echo false)" ]
	[ "$(filters ingress uplink_ingress)" -eq $((1 - tcx)) ]
	[ "$(filters egress uplink_egress)" -eq $((1 - tcx)) ]
}

@test "pods are pinged on the same and on the other node, both families" {
	for address in "$(pod4 one)" "$(pod4 two)" "$(pod6 one)" "$(pod6 two)"; do
		pod client ping -nc 2 -i 0.3 -W 10 "$address"
	done
}

@test "a service is reached at the socket, from a pod and from the node, both families" {
	for address in "$(svc4 web)" "$(svc6 web)"; do
		[ "$(answers pod client peer ask tcp "$address" 80 20)" = "one two" ]
		[ "$(answers node a peer ask tcp "$address" 80 20)" = "one two" ]
	done
	for address in "$(svc4 names)" "$(svc6 names)"; do
		[ "$(answers pod client peer ask udp "$address" 53 20)" = "one two" ]
	done
}

@test "a service is reached per packet, both families" {
	for address in "$(svc4 web)" "$(svc6 web)"; do
		[ "$(answers per_packet peer ask tcp "$address" 80 20)" = "one two" ]
	done
	for address in "$(svc4 names)" "$(svc6 names)"; do
		[ "$(answers per_packet peer ask udp "$address" 53 20)" = "one two" ]
	done
}

@test "messages of many segments arrive whole, straight and through a service, on the same and on the other node" {
	serve_sink one
	serve_sink two
	service sink 81 8081 -- one two
	eventually pod client peer bulk tcp "$(svc4 sink)" 81 1000
	for address in "$(pod4 one)" "$(pod4 two)" "$(pod6 one)" "$(pod6 two)"; do
		[ "$(pod client peer bulk tcp "$address" 8081 300000)" = 300000 ]
	done
	for address in "$(svc4 sink)" "$(svc6 sink)"; do
		[ "$(per_packet peer bulk tcp "$address" 81 300000)" = 300000 ]
		[ "$(per_packet peer bulk tcp "$address" 81 300000)" = 300000 ]
	done
}

serve_sink() {
	pod "$1" peer sink tcp :: 8081 >"$WR_T/log/sink-$1" 2>&1 3>&- 4>&- &
	eventually grep -q ready "$WR_T/log/sink-$1"
}

@test "a pod reaches the outside under its node's address, both families" {
	outside peer serve tcp :: 9000 world >"$WR_T/log/world" 3>&- &
	eventually grep -q ready "$WR_T/log/world"
	[ "$(pod client peer ask tcp "$U4.1" 9000 | cut -d' ' -f1,2)" = "world ::ffff:$U4.11" ]
	[ "$(pod client peer ask tcp "$U6:1" 9000 | cut -d' ' -f1,2)" = "world $U6:11" ]
	kill $!
}

# Longer than the policies' own tests wait: no answer in time is what a slow machine has, too.
unheard() {
	local rc=0

	WEIR_PEER_TIMEOUT_MS=2000 nsenter --net="/run/netns/p-$1" -- peer ask "${@:2}" >/dev/null 2>&1 || rc=$?
	[[ $rc == 1 ]]
}

policy_drops() { weir drops --instance "$1" -o json | jq -e '[.items[] | select(.name | startswith("policy-")) | .packets] | add > 0'; }

@test "a policy closes a pod on the same and on the other node, opens one port to some, and is lifted" {
	policy deny <<<'{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}'
	eventually denied client one 8080
	eventually denied client two 8080
	policy some <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 8080}]}]}'
	eventually allowed client one 8080
	eventually allowed client two 8080
	denied client one 5353 udp
	node a peer ask tcp "$(pod4 one)" 8080
	manifest_rm np-some
	eventually denied client one 8080
	policy_drops a
	policy_drops b
	manifest_rm np-deny
	eventually allowed client one 8080
	eventually allowed client two 5353 udp
}

@test "a connection outlives the agent's death and its return, and pods come and go afterwards" {
	pod client peer hold tcp "$(svc4 web)" 80 600 >"$WR_T/hold4" 3>&- &
	hold4=$!
	per_packet peer hold tcp "$(svc6 web)" 80 600 >"$WR_T/hold6" 3>&- &
	hold6=$!
	agent_kill a
	pod client ping -nc 1 -W 10 "$(pod4 two)"
	agent_start a
	pod_up a late app=late
	pod late ping -nc 1 -W 10 "$(pod4 two)"
	pod late ping -nc 1 -W 10 "$(pod6 client)"
	pod_down late
	pkill -INT -f 'peer hold tcp'
	wait $hold4
	wait $hold6
	grep -E 'sent [1-9][0-9]* lost 0' "$WR_T/hold4"
	grep -E 'sent [1-9][0-9]* lost 0' "$WR_T/hold6"
}

@test "weir shows flows, endpoints and services" {
	pod client peer ask tcp "$(pod4 two)" 8080
	weir flows --instance a | grep -F default/two
	weir endpoints --instance a | grep -F default/client
	weir services --instance a | grep -F default/web
	weir why --instance a client web 80
}

@test "uninstalling takes everything away" {
	agent_kill b TERM
	node b weir-agent --instance b --uninstall
	[ ! -e /sys/fs/bpf/weir/b ]
	[ "$(node b tc filter show dev eth0 ingress | wc -l)" -eq 0 ]
	[ "$(node b tc filter show dev eth0 egress | wc -l)" -eq 0 ]
	fails pod two ping -nc 1 -W 1 "$(pod4 one)"
}
