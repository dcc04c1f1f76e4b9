#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a runtime that calls STATUS makes of it: needs a cluster with CLUSTER_CONTAINERD=2.
# time-limit: 600

setup_file() {
	load cluster
	echo_pods status
}

setup() {
	load cluster
	node=${NODES[-1]}
}

teardown_file() {
	load cluster
	kubectl_ label nodes --all weir.dev/retire- || true
	kubectl_ delete namespace status --timeout 90s
}

# Of the node's condition Ready: "True 2026-...", when it last changed.
readiness() { kubectl_ get node "node-$1" -o 'jsonpath={.status.conditions[?(@.type=="Ready")]'"$2}"; }
is_ready() { [[ $(readiness "$1" .status) == True ]]; }
all_since() { kubectl_ get nodes -o 'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].lastTransitionTime}{"\n"}{end}'; }
address_on() { # NODE
	kubectl_ get pods -n status -l app=echo --field-selector "spec.nodeName=node-$1" -o 'jsonpath={.items[0].status.podIP}'
}

@test "the runtime is one that calls STATUS" {
	[[ $(kubectl_ get node "node-$node" -o 'jsonpath={.status.nodeInfo.containerRuntimeVersion}') == containerd://2.* ]]
}

@test "a rolling upgrade makes no node NotReady" {
	local before

	for n in "${NODES[@]}"; do is_ready "$n"; done
	before=$(all_since)
	kubectl_ rollout restart -n kube-system daemonset/weir
	kubectl_ rollout status -n kube-system daemonset/weir --timeout 120s
	for n in "${NODES[@]}"; do is_ready "$n"; done
	[ "$(all_since)" = "$before" ]
}

no_agent() { [[ -z $(kubectl_ get pods -n kube-system -l app.kubernetes.io/name=weir --field-selector "spec.nodeName=node-$node" -o name) ]]; }
network_is_not_ready() { ! is_ready "$node" && [[ $(readiness "$node" .message) == *NetworkReady=false* ]]; }

@test "a node whose agent is away is Ready for the grace, then not; its pods stay connected, and it comes back" {
	local address start gone

	address=$(address_on "$node")
	start=$SECONDS
	# The chart's agents leave nodes with this label; nothing else happens to them.
	kubectl_ label node "node-$node" weir.dev/retire=true
	eventually no_agent
	is_ready "$node"
	eventually -t 90 network_is_not_ready
	gone=$((SECONDS - start))
	echo "NotReady after $gone s: $(readiness "$node" .message)"
	[ "$gone" -ge 25 ]
	answers "$address"
	kubectl_ label node "node-$node" weir.dev/retire-
	eventually -t 60 is_ready "$node"
	answers "$address"
}
