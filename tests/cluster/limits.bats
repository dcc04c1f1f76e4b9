#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A node's tables at their limits: closed stays closed, and people are told.

setup_file() {
	load cluster
	echo_pods weir-limits
}

setup() {
	load cluster
	kubectl_path
	read -ra addresses <<<"$(pod_addresses weir-limits)"
}

teardown_file() {
	load cluster
	kubectl_ delete namespace weir-limits --timeout 60s
	"$S/install" >&2
}

apply() { kubectl_ apply -n weir-limits -f -; }

# told_of REASON NAME TEXT: an Event about that object
told_of() {
	kubectl_ get events -A --field-selector "reason=$1,involvedObject.name=$2" -o 'jsonpath={.items[*].message}' | grep "$3"
}

# ports N: a rule that lets in any peer on N ports, none of them the pods'.
ports() {
	local i

	printf '{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: many}, spec: {podSelector: {}, ingress: ['
	printf '{ports: [{port: 8080}]}, {ports: [{port: 20000}'
	for ((i = 1; i < $1; i++)); do
		printf ', {port: %d}' $((20000 + 2 * i))
	done
	printf ']}]}}'
}

@test "rules that do not fit close their pods, and each has an Event; with room they are open again" {
	"$S/install" --set config.mapSizes.rules=64
	eventually all_answer "${addresses[@]}"
	ports 200 | apply
	eventually none_answers "${addresses[@]}"
	for pod in $(kubectl_ get pods -n weir-limits -o name); do
		eventually told_of PolicyOverflow "${pod#pod/}" 'mapSizes.rules'
	done
	weir_on "${NODES[0]}" policy | grep -i 'do not fit'
	"$S/install"
	eventually all_answer "${addresses[@]}"
	kubectl_ delete -n weir-limits networkpolicy many
}

@test "a table that is nearly full is told of on its Node" {
	"$S/install" --set config.mapSizes.frontends=32
	for ((i = 0; i < 32; i++)); do
		kubectl_ create service clusterip "crowd-$i" -n weir-limits --tcp 80
	done
	for n in "${NODES[@]}"; do
		eventually -t 60 told_of MapNearlyFull "node-$n" 'wr_frontends holds .* (config.mapSizes)'
	done
}
