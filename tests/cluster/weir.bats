#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What Weir's users do in a real cluster: kubectl weir, a policy, and what they are told when something is wrong.

setup_file() {
	load cluster
	echo_pods weir-test
}

setup() {
	load cluster
	kubectl_path
	read -ra addresses <<<"$(pod_addresses weir-test)"
}

teardown_file() {
	load cluster
	kubectl_ delete namespace weir-test --timeout 60s
}

apply() { kubectl_ apply -n weir-test -f -; }

@test "kubectl weir shows the status of every node at once" {
	kubectl-weir status >"$BATS_TEST_TMPDIR/out"
	for n in "${NODES[@]}"; do
		grep -q "=== node-$n" "$BATS_TEST_TMPDIR/out"
	done
	[ "$(grep -cE '^ +Ready +yes' "$BATS_TEST_TMPDIR/out")" -eq "${#NODES[@]}" ]
	[ "$(kubectl-weir agents | wc -l)" -eq "${#NODES[@]}" ]
}

@test "kubectl weir runs a command on one node, and on the node of a pod" {
	local n=${NODES[-1]} pod

	weir_on "$n" status | grep -q "on node-$n,"
	pod=$(kubectl_ get pods -n weir-test --field-selector "spec.nodeName=node-$n" -o 'jsonpath={.items[0].metadata.name}')
	kubectl-weir --pod "weir-test/$pod" endpoints | grep -q "$pod"
	run kubectl-weir --node nowhere status
	[ "$status" -ne 0 ]
	[[ $output == *'no agent runs on node nowhere'* ]]
	run kubectl-weir --node "node-$n" nonsense
	[ "$status" -eq 2 ]
}

@test "a policy is enforced on every node within a second, and gone as fast" {
	local start took

	eventually all_answer "${addresses[@]}"
	apply <<-Y
		{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed}, spec: {podSelector: {}}}
	Y
	start=$(ms)
	eventually none_answers "${addresses[@]}"
	# The last question was answered by silence, which takes its time for each node.
	took=$(($(ms) - start - 300 * ${#addresses[@]}))
	echo "enforced after $took ms"
	[ "$took" -lt 1000 ]
	kubectl_ delete -n weir-test networkpolicy closed
	start=$(ms)
	eventually all_answer "${addresses[@]}"
	took=$(($(ms) - start))
	echo "gone after $took ms"
	[ "$took" -lt 1000 ]
}

policy_events() {
	kubectl_ get events -n weir-test --field-selector "involvedObject.name=$1,reason=PolicyNotUnderstood" \
		-o 'jsonpath={range .items[*]}{.message}{"\n"}{end}'
}

has_events() { [ -n "$(policy_events "$1")" ]; }

@test "a policy that is not understood gets one Event that says what" {
	# The API server takes leading zeros, which one reads as decimal and another as octal.
	apply <<-Y
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: vague}
		spec:
		  podSelector: {matchLabels: {app: none}}
		  ingress: [{from: [{ipBlock: {cidr: 010.0.0.0/8}}]}]
	Y
	eventually has_events vague
	policy_events vague
	[[ $(policy_events vague) == *ipBlock* ]]
	# Every agent has seen it, and one Event speaks for all.
	kubectl_ get events -n weir-test -o wide
	[ "$(policy_events vague | wc -l)" -eq 1 ]
	kubectl_ delete -n weir-test networkpolicy vague
}

@test "an agent may change its own Node, and no other" {
	local token node=node-${NODES[0]} other=node-${NODES[1]} pod

	pod=$(kubectl-weir --node "$node" agents | cut -d' ' -f3)
	token=$(kubectl_ create token weir -n kube-system --bound-object-kind Pod --bound-object-name "$pod")
	as_agent() { outside "$BIN/kubectl" --server "https://$API_HOST:6443" --certificate-authority "$RUN/ca.crt" --token "$token" "$@"; }
	as_agent annotate node "$node" weir.dev/test=1 --overwrite
	run as_agent annotate node "$other" weir.dev/test=1 --overwrite
	[ "$status" -ne 0 ]
	[[ $output == *'only the Node it runs on'* ]]
}
