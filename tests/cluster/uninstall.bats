#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Leaving: a node goes back to the network it had before, and the chart is uninstalled, with pods that stay connected.
# time-limit: 1200

setup_file() {
	load cluster
	echo_pods leaving
	# The network that the last node had before Weir.
	node=${NODES[-1]}
	etc=$NODES_DIR/$node/etc/cni/net.d
	node_exec "$node" cp "$BIN/cni/ptp" "$BIN/cni/host-local" /opt/cni/bin/
	jq -n '{cniVersion: "1.0.0", name: "before", plugins: [{type: "ptp", ipam: {type: "host-local",
		ranges: [[{subnet: "10.99.0.0/24"}]], routes: [{dst: "0.0.0.0/0"}]}}]}' >"$etc/.before"
	mv "$etc/.before" "$etc/10-before.conflist"
	"$S/install" --set config.cniReplace=true
}

setup() {
	load cluster
	kubectl_path
	node=${NODES[-1]} first=${NODES[0]}
	etc=$NODES_DIR/$node/etc/cni/net.d opt=$NODES_DIR/$node/opt/cni/bin
}

teardown_file() {
	load cluster
	kubectl_ label nodes --all weir.dev/retire- || true
	kubectl_ delete daemonset -n kube-system weir-retire --ignore-not-found
	rm -f "$NODES_DIR/${NODES[-1]}/etc/cni/net.d/"10-before.conflist*
	"$S/install"
	kubectl_ delete namespace leaving --timeout 90s
}

address_on() { # NODE
	kubectl_ get pods -n leaving -l app=echo --field-selector "spec.nodeName=node-$1" -o 'jsonpath={.items[0].status.podIP}'
}

pods_of() { # NODE: lines "namespace name" of pods with a network of their own
	kubectl_ get pods -A --field-selector "spec.nodeName=node-$1" \
		-o 'jsonpath={range .items[*]}{.spec.hostNetwork}{" "}{.metadata.namespace}{" "}{.metadata.name}{"\n"}{end}' |
		sed -n 's/^ //p'
}

nothing_left() { # NODE
	# shellcheck disable=SC2016
	node_exec "$1" bash -c '
		[[ ! -e /sys/fs/bpf/weir/default && ! -e /opt/cni/bin/weir-cni && ! -e /var/lib/weir/default ]] || exit 1
		! ip -o link | grep -qE "weir-vxlan|wr[0-9a-f]{10}"'
}

@test "the chart takes the place of the network that was there" {
	eventually test -e "$etc/10-before.conflist.weir-disabled"
	eventually test -e "$etc/05-weir.conflist"
	[ ! -e "$etc/10-before.conflist" ]
}

@test "kubectl weir uninstall hands new pods back at once, and serves those that are there" {
	local address

	address=$(address_on "$node")
	kubectl-weir --node "node-$node" uninstall --no-wait
	eventually -t 60 test -e "$etc/10-before.conflist"
	[ ! -e "$etc/05-weir.conflist" ]
	[ -x "$opt/weir-cni" ]
	eventually answers "$address"
	# The other nodes are not touched.
	[ -e "$NODES_DIR/$first/etc/cni/net.d/05-weir.conflist" ]
	[ "$(kubectl-weir agents | wc -l)" -eq $((${#NODES[@]} - 1)) ]
}

@test "when its last pod is gone Weir is removed from the node, and new pods run on the network before" {
	local ns name address

	pods_of "$node" | while read -r ns name; do
		kubectl_ delete pod -n "$ns" "$name" --wait=false </dev/null
	done
	run timeout 120 kubectl-weir --node "node-$node" uninstall
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"node-$node: Weir is removed"* ]]
	eventually nothing_left "$node"
	kubectl_ rollout status -n leaving daemonset/echo --timeout 90s
	address=$(address_on "$node")
	[[ $address == 10.99.* ]]
	eventually node_exec "$node" curl -s --max-time 1 "http://$address:8080/hostname"
}

weir_is_back() { [[ -e $etc/05-weir.conflist && ! -e $etc/10-before.conflist ]]; }

@test "without its label the node is Weir's again" {
	kubectl_ label node "node-$node" weir.dev/retire-
	eventually -t 90 weir_is_back
	kubectl_ delete pod -n leaving -l app=echo --field-selector "spec.nodeName=node-$node"
	kubectl_ rollout status -n leaving daemonset/echo --timeout 90s
	eventually answers "$(address_on "$node")"
	kubectl_ delete daemonset -n kube-system weir-retire
}

no_agent() { [[ -z $(kubectl_ get pods -n kube-system -l app.kubernetes.io/name=weir -o name) ]]; }

@test "helm uninstall leaves running pods connected, and a new install takes them over" {
	local -a all
	local pod

	read -ra all <<<"$(pod_addresses leaving)"
	eventually all_answer "${all[@]}"
	ip netns exec "$CP" "$BIN/helm" --kubeconfig "$KC" uninstall weir --namespace kube-system --wait --timeout 60s
	eventually no_agent
	all_answer "${all[@]}"
	pod=$(kubectl_ get pods -n leaving --field-selector "spec.nodeName=node-$first" -o 'jsonpath={.items[0].metadata.name}')
	kubectl_ exec -n leaving "$pod" -- curl -sf --max-time 2 "http://${all[-1]}:8080/hostname"
	"$S/install"
	all_answer "${all[@]}"
	eventually sh -c "[ \$(ip netns exec $CP $BIN/kubectl --kubeconfig $KC get pods -n leaving --no-headers | grep -c Running) -eq ${#NODES[@]} ]"
}
