#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent is killed at each call of a policy change that changes something, each bpf() among them, and between any two
# stores into mapped tables, under traffic that is
# allowed before and after, and traffic that is denied before and after.

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
	serve web udp 8080
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
	policy change <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}], ports: [{port: 8080}]}, {from: [{podSelector: {matchLabels: {tier: gold}}}, {ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 8080}, {port: 8080, protocol: UDP}]}]}'
}
one_is_in_force() { judged a web ingress default/change && asks friend tcp "$(pod4 web)" 9090; }
other_is_in_force() { judged a web ingress default/change && unheard friend tcp "$(pod4 web)" 9090; }

# By both protocols: TCP would send again what is lost once, and nobody would know.
hold_all() {
	local proto address

	HOLDS=()
	for proto in tcp udp; do
		for address in "$(pod4 web)" "$(pod6 web)"; do
			nsenter --net=/run/netns/p-friend peer hold "$proto" "$address" 8080 300 >"$WR_T/log/hold-$proto-$address" 2>&1 3>&- 4>&- &
			HOLDS+=($!)
		done
	done
}

traffic_is_right() {
	local f

	kill -0 "${HOLDS[@]}" "$KNOCKS" || { cat "$WR_T"/log/hold-*; return 1; }
	[[ ! -s $WR_T/log/knocks ]] || { echo 'let in:'; head -n1 "$WR_T/log/knocks"; return 1; }
	for f in "$(pod4 web)" "$(pod6 web)"; do asks friend tcp "$f" 8080 || return 1; done
}

traced() { grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$1/status"; }
gone() { [[ ! -e /proc/$1 || $(cut -d' ' -f3 "/proc/$1/stat") == Z ]]; }
gone_or() { gone "$1" || "${@:2}"; }

# What changes the kernel's tables, and the files that a start reads; endpoints' words are flipped in mapped memory, below.
CALLS=bpf,fsync,rename,renameat,renameat2,unlink,unlinkat

# change N TO: 0: the agent died instead of its N-th such call from now on; 1: it lived to see the change in force; 2: neither.
change() {
	local pid=${AGENT_PID[a]} tracer

	strace -qq -f -p "$pid" -e trace="$CALLS" -e inject="$CALLS:signal=KILL:when=$1" -o "$WR_T/strace" 2>/dev/null 3>&- 4>&- &
	tracer=$!
	eventually gone_or "$pid" traced "$pid" || return 2 # its own round of looking may come first
	"$2"
	eventually gone_or "$pid" "$2_is_in_force" || return 2
	if ! gone "$pid"; then
		kill "$tracer"
		wait "$tracer" 2>/dev/null
		return 1
	fi
	wait "$tracer" "$pid" 2>/dev/null
	unset "AGENT_PID[a]"
	return 0
}

# kill_once CHANGE N TO: as CHANGE N TO; then, after the agent's next start, TO is in force.
kill_once() {
	local rc=0

	"$1" "$2" "$3" || rc=$?
	[[ $rc == 0 ]] || return "$rc"
	traffic_is_right || { echo "killed at point $2 of the change to $3"; return 2; }
	agent_start a >/dev/null || { cluster_logs; return 2; }
	eventually "$3_is_in_force" || return 2
	traffic_is_right || { echo "after the start that followed a kill at point $2 of the change to $3"; return 2; }
	kills=$((kills + 1))
}

# each_point CHANGE: until both changes, there and back, have fewer points than that.
each_point() {
	local n kills=0 before to rc

	for ((n = 1; n < 40; n++)); do
		before=$kills
		for to in other one; do
			rc=0
			kill_once "$1" "$n" "$to" || rc=$?
			[[ $rc != 2 ]] || return 1
		done
		((kills > before)) || break
	done
	echo "$kills kills"
	[[ $kills -ge 4 && $n -lt 40 ]]
}

# ---- between two words of mapped memory

# die_at N: instead of the N-th store from now on; 0: never.
die_at() { printf '%b\0\0\0\0\0\0\0' "\\x$(printf %02x "$1")" | dd of="$WR_MORTAL" conv=notrunc status=none; }

# As change, above, by stores.
change_words() {
	local pid=${AGENT_PID[a]}

	die_at "$1"
	"$2"
	eventually gone_or "$pid" "$2_is_in_force" || return 2
	# Or the next start would count its own stores: an agent may die of its last ones after it was seen alive here.
	die_at 0
	gone "$pid" || return 1
	wait "$pid" 2>/dev/null
	unset "AGENT_PID[a]"
	return 0
}

@test "a kill between any two words of a policy change loses no allowed packet and passes no denied one" {
	export WR_MORTAL=$WR_T/mortal WR_AGENT=weir-agent-mortal
	dd if=/dev/zero of="$WR_MORTAL" bs=8 count=1 status=none
	agent_kill a
	agent_start a
	one
	eventually one_is_in_force
	hold_all
	knocks stranger web
	each_point change_words
	die_at 0
	kill "${HOLDS[@]}" "$KNOCKS"
	save_cluster
}

@test "a kill at any bpf() call of a policy change, and at any that changes a file, loses no allowed packet and passes no denied one" {
	one
	eventually judged a web ingress default/change
	eventually unheard stranger tcp "$(pod4 web)" 8080
	hold_all
	knocks stranger web
	each_point change
	kill "${HOLDS[@]}" "$KNOCKS"
	save_cluster
}
