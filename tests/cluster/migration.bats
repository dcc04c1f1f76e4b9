#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster on ptp and kube-proxy becomes one on Weir, node by node, and goes back, under traffic between the nodes that are not
# being moved; at each step every pod reaches every other, services answer everywhere, and what is mixed is said. Needs a cluster
# with CLUSTER_NETWORK=reference, which it leaves as it was.
# time-limit: 1500

setup_file() {
	load cluster
	load traffic
	kubectl_ label nodes --all weir.dev/moved-
	# It tolerates everything, so that no node could be emptied.
	kubectl_ patch deployment -n kube-system coredns --type json -p '[{"op": "remove", "path": "/spec/template/spec/tolerations"}]'
	kubectl_ rollout status -n kube-system deployment/coredns --timeout 90s
	traffic_setup moving
	echo_pods everywhere
	# shellcheck disable=SC2153
	declare -p T SERVICE FAR | sed 's/^declare/declare -g/' >"$BATS_FILE_TMPDIR/state"
}

setup() {
	load cluster
	# shellcheck source=tests/cluster/nodes.bash
	. "$S/nodes.bash"
	load traffic
	kubectl_path
	# shellcheck source=/dev/null
	. "$BATS_FILE_TMPDIR/state"
}

teardown() {
	: >"$T/end"
}

teardown_file() {
	load cluster
	load traffic
	traffic_teardown
	kubectl_ delete namespace moving everywhere --timeout 90s
}

helm() { ip netns exec "$CP" "$BIN/helm" --kubeconfig "$KC" "$@" --namespace kube-system; }

# Pods with a network of their own, as "NAMESPACE NAME".
pods_on() {
	kubectl_ get pods -A --field-selector "spec.nodeName=node-$1" \
		-o 'jsonpath={range .items[*]}{.spec.hostNetwork}{" "}{.metadata.namespace}{" "}{.metadata.name}{"\n"}{end}' | sed -n 's/^ //p'
}

# Deleted, and gone: what is made anew gets the network that the node has by then.
renew_pods() {
	local ns name

	pods_on "$1" | while read -r ns name; do
		kubectl_ delete pod -n "$ns" "$name" --timeout 60s </dev/null
	done
}

proxy_stop() {
	# shellcheck disable=SC2016
	node_exec "$1" sh -c 'kill $(cat /run/kube-proxy.pid)'
	node_exec "$1" "$BIN/kube-proxy" --config "$RUN/proxy-$1.yaml" --hostname-override "node-$1" --cleanup
}

proxy_start() {
	# shellcheck disable=SC2016
	node_exec "$1" bash -c 'setsid "$0/kube-proxy" --config="$1/proxy-$2.yaml" --hostname-override="node-$2" --v=2 \
		>>"$3/kube-proxy.log" 2>&1 3>&- 4>&- </dev/null & echo $! >/run/kube-proxy.pid' "$BIN" "$RUN" "$1" "$NODES_DIR/$1"
}

echo_rolled() { kubectl_ rollout status -n everywhere daemonset/echo --timeout 90s; }

# Each node's pod asks each node's pod, the service, and is asked from its node and from outside.
all_reach_all() {
	local from to address service

	service=$(kubectl_ get service -n everywhere all -o 'jsonpath={.spec.clusterIP}')
	for from in "${NODES[@]}"; do
		for to in "${NODES[@]}"; do
			for address in $(pod_on everywhere "$to" '.status.podIPs[*].ip'); do
				kubectl_ exec -n everywhere "$(pod_on everywhere "$from" .metadata.name)" -- \
					curl -sfg --max-time 2 "http://$(http_host "$address"):8080/hostname" || { echo "$from to $to, $address" && return 1; }
			done
			outside curl -sf --max-time 2 "http://$U4.$(node_index "$from"):31800/hostname" || { echo "node port of $from" && return 1; }
			kubectl_ exec -n everywhere "$(pod_on everywhere "$from" .metadata.name)" -- curl -sf --max-time 2 "http://$service/hostname" ||
				{ echo "service from $from" && return 1; }
		done
		node_exec "$from" curl -sf --max-time 2 "http://$service/hostname" || { echo "service from node $from" && return 1; }
	done
}

warns() { kubectl-weir --node "node-$1" status | grep -A1 WARNING | grep -q "$2"; }

# Weir comes to a node: its pods keep running, and are renewed after kube-proxy has gone.
move() {
	local n=$1

	kubectl_ cordon "node-$n"
	kubectl_ label node "node-$n" weir.dev/moved=true
	kubectl_ rollout status -n kube-system daemonset/weir --timeout 120s
	eventually weir_on "$n" status --ready
	eventually warns "$n" 'rules of kube-proxy are in force'
	eventually -t 60 warns "$n" 'of another network: .*everywhere/echo'
	proxy_stop "$n"
	renew_pods "$n"
	kubectl_ uncordon "node-$n"
	echo_rolled
	eventually -t 60 fails warns "$n" .
}

empty() { [[ -z $(pods_on "$1") ]]; }

# The network that comes back knows nothing of addresses that Weir has given: no pod of the one is there with one of the other.
move_back() {
	local n=$1

	kubectl_ taint node "node-$n" weir.test/leaving=:NoExecute
	eventually -t 60 empty "$n"
	timeout 120 kubectl-weir --node "node-$n" uninstall
	[ -e "$NODES_DIR/$n/etc/cni/net.d/10-reference.conflist" ]
	proxy_start "$n"
	kubectl_ label node "node-$n" weir.dev/moved- weir.dev/retire-
	kubectl_ taint node "node-$n" weir.test/leaving-
	eventually -t 90 echo_rolled
}

@test "before: all reach all" {
	kubectl_ apply -n everywhere -f - <<-Y
		{apiVersion: v1, kind: Service, metadata: {name: all}, spec: {type: NodePort, selector: {app: echo}, ports: [{port: 80, targetPort: 8080, nodePort: 31800}]}}
	Y
	eventually all_reach_all
}

@test "the chart is installed, for nodes that carry a label" {
	"$S/install" --set config.routing=direct,config.cniReplace=true --set-string 'nodeSelector.weir\.dev/moved=true'
	[ -z "$(kubectl_ get pods -n kube-system -l app.kubernetes.io/name=weir -o name)" ]
	all_reach_all
}

restarts() {
	kubectl_ get pods -n kube-system -l app.kubernetes.io/name=weir-retire -o 'jsonpath={.items[*].status.containerStatuses[0].restartCount}'
}

@test "a node that never had Weir is left at once" {
	run timeout 90 kubectl-weir --node "node-${NODES[-1]}" uninstall
	kubectl_ describe pods -n kube-system -l app.kubernetes.io/name=weir-retire | tail -n 25
	kubectl_ logs -n kube-system -l app.kubernetes.io/name=weir-retire
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"node-${NODES[-1]}: Weir is removed"* ]]
	[ "$(restarts)" = 0 ]
	all_reach_all
	kubectl_ label node "node-${NODES[-1]}" weir.dev/retire-
	kubectl_ delete daemonset -n kube-system weir-retire
}

@test "a node moves, and the connections of the others do not notice" {
	traffic_start 90
	move "${NODES[-1]}"
	still_held
	traffic_end
	eventually all_reach_all
}

@test "the other nodes move" {
	local n

	for n in "${NODES[@]:0:${#NODES[@]}-1}"; do
		move "$n"
		eventually all_reach_all
	done
}

@test "and back: a node leaves Weir" {
	move_back "${NODES[-1]}"
	eventually all_reach_all
}

@test "the others leave, and nothing of Weir remains" {
	local n

	for n in "${NODES[@]:0:${#NODES[@]}-1}"; do
		move_back "$n"
		eventually all_reach_all
	done
	helm uninstall weir --wait --timeout 60s
	kubectl_ delete daemonset -n kube-system weir-retire --ignore-not-found
	for n in "${NODES[@]}"; do
		fails node_exec "$n" test -e /sys/fs/bpf/weir/default
		fails node_exec "$n" test -e /etc/cni/net.d/05-weir.conflist
	done
	all_reach_all
}
