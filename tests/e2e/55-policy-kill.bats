#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent is killed at each bpf() call of a policy change in turn, under traffic that is allowed before and after, and
# traffic that is denied before and after.

setup_file() {
	load nodes
	load policy
	nodes_up a
	agent_start a
	pod_up a web app=web
	pod_up a friend app=friend tier=gold
	pod_up a stranger app=stranger
	serve web tcp 8080
	serve web tcp 9090
	eventually allowed friend web 8080
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

# The other policy splits the friend's identity, and makes another ruleset.
one() { policy change <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}]}]}'; }
other() {
	policy change <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}], ports: [{port: 8080}]}, {from: [{podSelector: {matchLabels: {tier: gold}}}, {ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 8080}]}]}'
}
one_is_in_force() { judged a web ingress default/change && asks friend tcp "$(pod4 web)" 9090; }
other_is_in_force() { judged a web ingress default/change && unheard friend tcp "$(pod4 web)" 9090; }

holds() {
	nsenter --net=/run/netns/p-friend peer hold tcp "$1" 8080 110 >"$WR_T/log/hold-$2" 2>&1 3>&- 4>&- &
	HOLDS+=($!)
}

traffic_is_right() {
	local f

	kill -0 "${HOLDS[@]}" "$KNOCKS" || { cat "$WR_T"/log/hold-*; return 1; }
	[ ! -s "$WR_T/log/knocks" ]
	for f in "$(pod4 web)" "$(pod6 web)"; do asks friend tcp "$f" 8080; done
}

traced() { grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$1/status"; }
gone() { [[ ! -e /proc/$1 || $(cut -d' ' -f3 "/proc/$1/stat") == Z ]]; }
gone_or() { gone "$1" || "${@:2}"; }

# change N TO: the agent dies instead of its N-th bpf() call from now on; fails when it lives to see the change in force.
change() {
	local pid=${AGENT_PID[a]} tracer alive=

	strace -qq -f -p "$pid" -e trace=bpf -e inject=bpf:signal=KILL:when="$1" -o "$WR_T/strace" 2>/dev/null 3>&- 4>&- &
	tracer=$!
	eventually traced "$pid" >/dev/null
	"$2"
	eventually gone_or "$pid" "$2_is_in_force" >/dev/null
	gone "$pid" || alive=1
	kill "$tracer" 2>/dev/null || true
	wait "$tracer" 2>/dev/null || true
	[[ -z $alive ]] || return 1
	wait "$pid" 2>/dev/null || true
	unset "AGENT_PID[a]"
}

each_call() {
	local n to=other

	for ((n = 1; n < 60; n++)); do
		change "$n" "$to" || break
		traffic_is_right || { echo "killed at call $n of the change to $to"; return 1; }
		agent_start a
		eventually "${to}_is_in_force" >/dev/null
		traffic_is_right || { echo "after the start that followed a kill at call $n"; return 1; }
		[[ $to == one ]] && to=other || to=one
	done
	echo "$((n - 1)) calls"
	[[ $n -gt 5 && $n -lt 60 ]]
}

@test "a kill at any bpf() call of a policy change loses no allowed packet and passes no denied one" {
	one
	eventually judged a web ingress default/change
	eventually unheard stranger tcp "$(pod4 web)" 8080
	HOLDS=()
	holds "$(pod4 web)" 4
	holds "$(pod6 web)" 6
	knocks stranger web
	each_call
	kill "${HOLDS[@]}" "$KNOCKS"
	save_cluster
}
