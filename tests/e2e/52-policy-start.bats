#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154 # nodes.bash reads the arrays
# NetworkPolicy before a pod's first packet (point 12), and while the agent comes and goes (point 17).

setup_file() {
	load nodes
	load policy
	nodes_up a
	namespace other team=red
	agent_start a
	pod_up a web app=web
	pod_up a friend app=friend
	pod_up a stranger app=stranger
	serve web tcp 8080
	eventually allowed friend web 8080
	save_cluster
}

setup() {
	load nodes
	load policy
	restore_cluster
}

# In the test's own shell: what it has learned of agents is kept.
teardown() {
	[[ -d $MANIFESTS ]] || mv "$MANIFESTS.away" "$MANIFESTS"
	[[ -n ${AGENT_PID[a]-} ]] || agent_start a
	POD_NODE[late]=a
	pod_down late 2>/dev/null || true
	no_policies a
	save_cluster
}

teardown_file() {
	load nodes && restore_cluster
	cluster_down
}

# arrive [NAMESPACE]: ADD of a pod of which no object is known.
arrive() {
	POD_NODE[late]=a POD_NS[late]=${1:-default}
	ip netns list | grep -qw p-late || ip netns add p-late
	cni_config a | cni ADD late >"$WR_T/late"
}

late_is_up() {
	POD_IP4[late]=$(jq -r '.ips[].address' "$WR_T/late" | sed -n 's,/32$,,p')
	POD_IP6[late]=$(jq -r '.ips[].address' "$WR_T/late" | sed -n 's,/128$,,p')
	serve late tcp 8080
}

is_wired() { grep -q '"late"' "$WR_T"/state/a/endpoints/*; }
deny_all() { policy all <<<'{podSelector: {}, policyTypes: [Ingress]}'; }

@test "point 12: a pod that a known policy selects is closed when its ADD returns" {
	deny_all
	eventually judged a web ingress default/all
	pod_up a late app=web
	judged a late ingress default/all
	serve late tcp 8080
	denied stranger late 8080
	node a peer ask tcp "$(pod4 late)" 8080
}

@test "point 12: ADD waits for the Pod object, and the pod is closed by its labels then" {
	policy web <<<'{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}'
	eventually judged a web ingress default/web
	arrive &
	add=$!
	eventually is_wired
	kill -0 "$add"
	POD_NODE[late]=a POD_NS[late]=default
	pod_manifest late "" "" app=web
	wait "$add"
	late_is_up
	judged a late ingress default/web
	denied stranger late 8080
}

@test "point 12: a pod whose object never comes is not opened: its ADD answers 11" {
	deny_all
	eventually judged a web ingress default/all
	start=$SECONDS
	run arrive
	[ "$status" -ne 0 ]
	((SECONDS - start >= 7))
	[ "$(jq .code "$WR_T/late")" = 11 ]
	grep -q 'Pod object has not arrived' "$WR_T/late"
}

@test "point 12: a pod that no policy could select needs no Pod object" {
	policy elsewhere other <<<'{podSelector: {}, policyTypes: [Ingress]}'
	eventually judged a web none
	start=$SECONDS
	arrive
	((SECONDS - start < 5))
	late_is_up
	allowed stranger late 8080
}

@test "point 12: a Pod object of another UID is not this pod's" {
	deny_all
	eventually judged a web ingress default/all
	POD_NODE[late]=a POD_NS[late]=default
	pod_manifest late "" "" app=web
	sed -i 's/uid: uid-late/uid: uid-of-another/' "$MANIFESTS/pod-late.yaml"
	run arrive
	[ "$status" -ne 0 ]
	[ "$(jq .code "$WR_T/late")" = 11 ]
}

@test "point 12: a static pod's mirror is known by its config hash" {
	deny_all
	eventually judged a web ingress default/all
	POD_NODE[late]=a POD_NS[late]=default
	pod_manifest late "" "" app=web
	sed -i 's/uid: uid-late/uid: uid-of-the-mirror\n  annotations: {kubernetes.io\/config.hash: uid-late}/' "$MANIFESTS/pod-late.yaml"
	arrive
	late_is_up
	judged a late ingress default/all
	denied stranger late 8080
}

# What is kept for such a start is written within a second of the change.
away() {
	eventually test -s "$WR_T/state/a/selected"
	agent_kill a
	mv "$MANIFESTS" "$MANIFESTS.away"
	agent_spawn a
	eventually -t 40 weir status --instance a --ready
}

@test "point 12: an agent that starts while its source is away opens what no policy could select, and nothing else" {
	deny_all
	eventually judged a web ingress default/all
	away
	start=$SECONDS
	arrive other
	((SECONDS - start < 6))
	late_is_up
	asks late tcp "$(pod4 late)" 8080
	# As a peer it is nobody yet: closed where a policy judges.
	denied late web 8080
	node a peer ask tcp "$(pod4 late)" 8080
	pod_down late
	run arrive
	[ "$status" -ne 0 ]
	[ "$(jq .code "$WR_T/late")" = 11 ]
	mv "$MANIFESTS.away" "$MANIFESTS"
	eventually judged a web ingress default/all
	# And with its source back, the same pod comes up, closed.
	POD_NODE[late]=a POD_NS[late]=default
	pod_manifest late "" "" app=web
	arrive
	late_is_up
	denied stranger late 8080
}

friends() {
	policy friends <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: friend}}}]}]}'
	eventually judged a web ingress default/friends
}

holds() {
	nsenter --net=/run/netns/p-friend peer hold tcp "$(pod4 web)" 8080 60 >"$WR_T/log/holds" 2>&1 3>&- 4>&- &
	HOLDS=$!
}

@test "point 17: a killed agent, its absence and its next start change no verdict and cut no connection" {
	friends
	knocks stranger web
	holds
	eventually nsenter --net=/run/netns/p-friend ss -Htn state established
	agent_kill a
	allowed friend web 8080
	denied stranger web 8080
	agent_start a
	agent_kill a TERM
	agent_start a
	eventually judged a web ingress default/friends
	denied stranger web 8080
	kill -0 "$HOLDS"
	kill "$KNOCKS" "$HOLDS"
	[ ! -s "$WR_T/log/knocks" ]
}

@test "GHSA-r5x6-w42p-jhpp, GO-2024-3072: no start of the agent, not even without its programs, lets anything in" {
	friends
	knocks stranger web
	for _ in 1 2 3; do
		agent_kill a
		# As if another version had been there: every program is loaded and put in place anew.
		rm -f /sys/fs/bpf/weir/a/*/progs/*
		agent_start a
	done
	eventually judged a web ingress default/friends
	kill -0 "$KNOCKS"
	kill "$KNOCKS"
	[ ! -s "$WR_T/log/knocks" ]
	allowed friend web 8080
}
