# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the bats files of this folder share; they need the cluster up with Weir (make cluster-up).
#
#	eventually [-t SECONDS] CMD...   until it succeeds
#	weir_on NODE ARGS...             the CLI on a node, through kubectl weir
#	outside CMD...                   a command outside the nodes, which knows the way to pods
#	echo_pods NAMESPACE              one pod that answers on port 8080 on each node, Ready
#	pod_addresses NAMESPACE          their first addresses
# shellcheck source=tests/cluster/env.bash disable=SC2034
. "$BATS_TEST_DIRNAME/env.bash"
[[ ! -s $RUN/nodes ]] || read -ra NODES <"$RUN/nodes"

eventually() {
	local limit=30 end

	[[ $1 != -t ]] || { limit=$2; shift 2; }
	end=$((SECONDS + limit))
	until "$@" >"$BATS_FILE_TMPDIR/eventually" 2>&1; do
		if ((SECONDS >= end)); then
			echo "not within $limit s: $*"
			cat "$BATS_FILE_TMPDIR/eventually"
			return 1
		fi
		sleep 0.1
	done
}

fails() { ! "$@"; }
outside() { ip netns exec "$CP" "$@"; }

# kubectl as users have it: on PATH, with a context, able to reach the API server.
kubectl_path() {
	local dir=$BATS_FILE_TMPDIR/path

	mkdir -p "$dir"
	cat >"$dir/kubectl" <<-S
		#!/bin/sh
		exec ip netns exec $CP $BIN/kubectl --kubeconfig $KC "\$@"
	S
	ln -sf "$TOP/deploy/kubectl-weir" "$dir/kubectl-weir"
	chmod +x "$dir/kubectl"
	PATH=$dir:$PATH
}

weir_on() {
	local node=$1

	shift
	kubectl-weir --node "node-$node" "$@"
}

echo_pods() {
	local ns=$1

	kubectl_ create namespace "$ns"
	kubectl_ apply -n "$ns" -f - <<-Y
		apiVersion: apps/v1
		kind: DaemonSet
		metadata: {name: echo}
		spec:
		  selector: {matchLabels: {app: echo}}
		  template:
		    metadata: {labels: {app: echo}}
		    spec:
		      terminationGracePeriodSeconds: 0
		      containers:
		        - name: echo
		          image: registry.k8s.io/e2e-test-images/agnhost:2.56
		          args: [netexec, --http-port=8080, --udp-port=8081]
		          readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
	Y
	kubectl_ rollout status -n "$ns" daemonset/echo --timeout 90s
}

pod_addresses() { kubectl_ get pods -n "$1" -l app=echo -o 'jsonpath={.items[*].status.podIP}'; }

http_host() { # ADDRESS
	if [[ $1 == *:* ]]; then echo "[$1]"; else echo "$1"; fi
}

answers() { # ADDRESS [PORT]
	outside curl -sg --max-time 0.3 "http://$(http_host "$1"):${2:-8080}/hostname" >/dev/null
}

none_answers() {
	local a

	for a; do ! answers "$a" || return 1; done
}

all_answer() {
	local a

	for a; do answers "$a" || return 1; done
}

ms() { date +%s%3N; }
