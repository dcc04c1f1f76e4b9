#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What happens to clusters happens to this one, under continuous traffic: not one connection of an untouched pod is lost, no new one
# is refused. CLUSTER_API_AWAY: seconds that the API server is away (60; a patient run says 300).
# time-limit: 1800

setup_file() {
	load cluster
	load traffic
	traffic_setup disruption
	declare -p T SERVICE FAR | sed 's/^declare/declare -g/' >"$BATS_FILE_TMPDIR/state"
}

setup() {
	load cluster
	# shellcheck source=tests/cluster/nodes.bash
	. "$S/nodes.bash"
	load traffic
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
	kubectl_ delete namespace disruption --timeout 90s
}

nodes_ready() { [[ $(kubectl_ get nodes --no-headers | grep -cw Ready) -eq ${#NODES[@]} ]]; }
api_answers() { kubectl_ get --raw /readyz; }
weir_rolled() { kubectl_ rollout status -n kube-system daemonset/weir --timeout 1s; }

@test "nothing at all: traffic is whole" {
	traffic_start 5
	traffic_end
}

@test "the API server is away" {
	local away=${CLUSTER_API_AWAY:-60}

	traffic_start $((away + 10))
	process_stop "$RUN/kube-apiserver.pid"
	sleep "$away"
	control_start kube-apiserver
	eventually -t 60 api_answers
	traffic_end
	# The kubelet takes its time to hear that the controller manager has given it up.
	eventually -t 240 nodes_ready
}

@test "every agent is killed" {
	local n

	traffic_start 15
	for n in "${NODES[@]}"; do node_exec "$n" pkill -KILL -x weir-agent; done
	eventually -t 60 weir_rolled
	traffic_end
}

@test "containerd and the kubelet are killed and started again" {
	traffic_start 20
	node_process_restart a containerd
	node_process_restart b containerd
	node_process_restart a kubelet
	node_process_restart b kubelet
	eventually -t 60 nodes_ready
	traffic_end
}

revision_before() { ip netns exec "$CP" "$BIN/helm" --kubeconfig "$KC" rollback weir --namespace kube-system --wait --timeout 180s; }
abi() { node_exec a ls /sys/fs/bpf/weir/default; }
# shellcheck disable=SC2016
flow_slots() { node_exec a sh -c 'bpftool -j map show pinned "$(ls -d /sys/fs/bpf/weir/default/*/maps/wr_new_flows | head -n 1)"' | jq .max_entries; }

# echo_on NAME: a new pod on node a, that answers.
echo_on() {
	kubectl_ run -n disruption "$1" --image registry.k8s.io/e2e-test-images/agnhost:2.56 --restart Never \
		--overrides '{"spec":{"nodeName":"node-a","terminationGracePeriodSeconds":0}}' -- netexec --http-port=8080 &&
		kubectl_ wait -n disruption --for condition=Ready "pod/$1" --timeout 90s &&
		eventually answers "$(kubectl_ get pod -n disruption "$1" -o 'jsonpath={.status.podIP}')"
}

@test "the chart brings an agent of another ABI with other maps, and is rolled back" {
	local slots

	[ "$(abi)" = 1 ]
	slots=$(flow_slots)
	traffic_start 150
	WEIR_AGENT=$WEIR_BUILD/tests/e2e/weir-agent-abi99 "$S/install" --set config.mapSizes.flows=131072,config.mapSizes.newFlows=16384
	[ "$(abi)" = 99 ]
	[ "$(flow_slots)" != "$slots" ]
	echo_on above
	revision_before
	[ "$(abi)" = 1 ]
	[ "$(flow_slots)" = "$slots" ]
	echo_on below
	answers "$(kubectl_ get pod -n disruption above -o 'jsonpath={.status.podIP}')"
	still_held
	traffic_end
	eventually -t 60 nodes_ready
}

pods_of() { kubectl_ get pods -n disruption -l app=many --field-selector status.phase=Running --no-headers | wc -l; }

@test "a hundred pods are rolled" {
	kubectl_ create deployment -n disruption many --image registry.k8s.io/pause:3.10.1 --replicas 100
	kubectl_ rollout status -n disruption deployment/many --timeout 300s
	traffic_start 60
	kubectl_ rollout restart -n disruption deployment/many
	kubectl_ rollout status -n disruption deployment/many --timeout 300s
	traffic_end
	kubectl_ delete deployment -n disruption many --timeout 90s
}

@test "another node is rebooted: its network state is gone, and it serves again" {
	local n=${NODES[-1]}

	[[ $n != a && $n != b ]] || skip 'needs three nodes'
	traffic_start 60
	node_stop "$n"
	node_plug "$n"
	node_start "$n"
	eventually -t 90 nodes_ready
	kubectl_ run -n disruption again --image registry.k8s.io/e2e-test-images/agnhost:2.56 --restart Never \
		--overrides '{"spec":{"nodeName":"node-'"$n"'","terminationGracePeriodSeconds":0}}' -- netexec --http-port=8080
	kubectl_ wait -n disruption --for condition=Ready pod/again --timeout 90s
	eventually answers "$(kubectl_ get pod -n disruption again -o 'jsonpath={.status.podIP}')"
	traffic_end
}
