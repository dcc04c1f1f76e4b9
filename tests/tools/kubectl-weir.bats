#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kubectl weir, with a kubectl that only knows what it was asked. A real cluster tries it in tests/cluster.

bats_require_minimum_version 1.5.0

setup() {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/kubectl" <<-'S'
		#!/bin/sh
		echo "$*" >>"$BATS_TEST_TMPDIR/asked"
		case "$*" in
		*'get pods'*app.kubernetes.io/name=weir*) printf 'node-b kube-system weir-2\nnode-a kube-system weir-1\n' ;;
		*'get pod --namespace shop web'*) echo node-b ;;
		*'get pod lost'*) ;;
		*exec*weir-1*) echo "one: ${*##* -- }" ;;
		*exec*weir-2*) echo "two: ${*##* -- }" && exit "${FAKE_STATUS:-0}" ;;
		esac
	S
	chmod +x "$BATS_TEST_TMPDIR/bin/kubectl"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

kubectl_weir() { "$BATS_TEST_DIRNAME/../../deploy/kubectl-weir" "$@"; }

@test "a command runs on every node, in the order of nodes" {
	run -0 kubectl_weir status -w
	[ "$output" = $'=== node-a\none: weir status -w\n=== node-b\ntwo: weir status -w' ]
}

@test "JSON has no headings" {
	run -0 kubectl_weir status -o json
	[ "$output" = $'one: weir status -o json\ntwo: weir status -o json' ]
}

@test "the worst exit status is the answer" {
	FAKE_STATUS=4 run -4 kubectl_weir service nosuch
}

@test "one node's answer is passed on as it is" {
	run -0 kubectl_weir --node node-b drops
	[ "$output" = 'two: weir drops' ]
	FAKE_STATUS=3 run -3 kubectl_weir --node=node-b drops
}

@test "a pod stands for its node" {
	run -0 kubectl_weir --pod shop/web why shop/web shop/db 5432
	[ "$output" = 'two: weir why shop/web shop/db 5432' ]
	run -1 kubectl_weir --pod lost endpoints
	[[ $output == *'pod lost is on no node yet'* ]]
}

@test "every line of a monitor names its node" {
	run -0 kubectl_weir monitor --drops
	[ "$(sort <<<"$output")" = $'node-a: one: weir monitor --drops\nnode-b: two: weir monitor --drops' ]
}

@test "the context and the configuration are kubectl's" {
	run -0 kubectl_weir --context prod --kubeconfig /k agents
	[ "$output" = $'node-a kube-system weir-1\nnode-b kube-system weir-2' ]
	grep -q -- '^--context=prod --kubeconfig=/k get pods' "$BATS_TEST_TMPDIR/asked"
}

@test "what is not understood is said, with the usage" {
	run -2 kubectl_weir
	run -2 kubectl_weir --nonsense status
	[[ $output == *'--nonsense: unknown option'* ]]
	run -2 kubectl_weir --node
	run -1 kubectl_weir --node node-x status
	[[ $output == *'no agent runs on node node-x'* ]]
	run -1 kubectl_weir uninstall
	[[ $output == *'the chart is not installed'* ]]
}
