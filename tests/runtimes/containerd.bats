#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Debian's containerd and runc with the agent's own installation of the plugin and its configuration.

setup_file() {
	load ../e2e/nodes
	load ../e2e/cni
	private_run
	nodes_up a
	SOCKET=$WR_T/containerd.sock
	agent_start a --install-cni=true --cni-bin-dir "$WR_T/cni/bin" --cni-conf-dir "$WR_T/cni/net.d" \
		--cni-plugin "$WR_BUILD/bin/weir-cni"
	cp /usr/lib/cni/loopback "$WR_T/cni/bin/"
	containerd_start
	node a ctr -a "$SOCKET" -n k8s.io images import "$WR_RUNTIMES/image.tar" >/dev/null
	save_cluster
}

setup() {
	load ../e2e/nodes
	load ../e2e/cni
	restore_cluster
	SOCKET=$WR_T/containerd.sock
	t=$BATS_TEST_TMPDIR
}

teardown() {
	local id

	for id in $(cri pods); do cri remove-pod "$id"; done
	clean_node
}

teardown_file() {
	load ../e2e/nodes
	load ../e2e/cni
	restore_cluster
	SOCKET=$WR_T/containerd.sock
	tail -n 20 "$WR_T/log/containerd" >&2
	cluster_logs >&2
	cluster_down
	remove_v1_cgroups
}

# Shims insist on /run/containerd.
private_run() {
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir /run/netns
}

containerd_start() {
	cat >"$WR_T/containerd.toml" <<-Y
		version = 2
		root = "$WR_T/containerd"
		state = "/run/containerd"
		[grpc]
		  address = "$SOCKET"
		[plugins."io.containerd.internal.v1.opt"]
		  path = "$WR_T/opt"
		[plugins."io.containerd.grpc.v1.cri"]
		  restrict_oom_score_adj = true
		  sandbox_image = "weir.test/busybox:1"
		  [plugins."io.containerd.grpc.v1.cri".containerd]
		    snapshotter = "native"
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "$WR_T/cni/bin"
		    conf_dir = "$WR_T/cni/net.d"
	Y
	node a containerd --config "$WR_T/containerd.toml" >"$WR_T/log/containerd" 2>&1 3>&- 4>&- &
	eventually node a ctr -a "$SOCKET" version
}

cri() { CRI_CGROUP="/$(basename "$WR_CGROUP")/a" node a "$WR_RUNTIMES/bin/cri" "$SOCKET" "$@"; }

# runc makes directories in each v1 hierarchy, too.
remove_v1_cgroups() {
	local d

	for d in /sys/fs/cgroup/*/"$(basename "$WR_CGROUP")"; do
		[[ $d == "$WR_CGROUP" ]] || find "$d" -depth -type d -exec rmdir {} + 2>/dev/null || true
	done
}

network_ready() { cri status | jq -e '.conditions[] | select(.type == "NetworkReady") | .status'; }

image() { printf 'weir.test/busybox:1'; }
addresses() { cri pod "$1" | jq -r '.network | .ip, .additional_ips[].ip'; }

@test "the runtime finds the network ready with the configuration that the agent has installed" {
	eventually network_ready
	[ "$(ls "$WR_T/cni/net.d")" = 05-weir.conflist ]
}

@test "a sandbox has an address of each family, and the agent enforces it" {
	local id

	id=$(cri run-pod web)
	addresses "$id" >"$t/addresses"
	[[ $(sed -n 1p "$t/addresses") == 10.244.11.* ]]
	[[ $(sed -n 2p "$t/addresses") == fd00:10:244:11::* ]]
	[ "$(enforced)" = "$id" ]
}

@test "the pod's name, annotations and port mappings reach the agent" {
	cri run-pod noted example.org/note=yes
	jq -e '.podNamespace == "default" and .podName == "noted" and .podUid == "uid-noted"' "$(files endpoints)"
	jq -e '.ports == [{hostPort: 8080, containerPort: 80, protocol: "tcp"}] or .ports[0].hostPort == 8080' "$(files endpoints)"
	grep -q 'example.org/note' "$(files endpoints)"
}

@test "containers of two pods talk over both families" {
	local server client main ip url

	server=$(cri run-pod server)
	client=$(cri run-pod client)
	cri run "$server" "$(image)" /bin/busybox httpd -f -p '[::]:80' -h /etc
	main=$(cri run "$client" "$(image)" /bin/busybox sleep 1000)
	for ip in $(addresses "$server"); do
		url=$ip
		[[ $ip != *:* ]] || url="[$ip]"
		eventually cri exec "$main" /bin/busybox wget -O - "http://$url/hostname"
	done
}

@test "a removed sandbox leaves nothing" {
	local id

	id=$(cri run-pod brief)
	cri remove-pod "$id"
	clean_node
	[ -z "$(find /run/netns -name 'cni-*')" ]
}

@test "a sandbox that is asked for while the agent is away starts when it is back" {
	local starting

	agent_kill a
	cri run-pod patient >"$t/id" 3>&- &
	starting=$!
	agent_start a --install-cni=true --cni-bin-dir "$WR_T/cni/bin" --cni-conf-dir "$WR_T/cni/net.d" \
		--cni-plugin "$WR_BUILD/bin/weir-cni"
	save_cluster
	wait $starting
	[ "$(enforced)" = "$(cat "$t/id")" ]
}

@test "sandboxes stop while the agent is away, and it learns of that later" {
	local id

	id=$(cri run-pod orphan)
	agent_kill a
	network_ready
	cri remove-pod "$id"
	[ -z "$(leases)$(pod_links)" ]
	agent_start a --install-cni=true --cni-bin-dir "$WR_T/cni/bin" --cni-conf-dir "$WR_T/cni/net.d" \
		--cni-plugin "$WR_BUILD/bin/weir-cni"
	save_cluster
	eventually clean_node
}

@test "ten sandboxes at once" {
	local n pids=()

	for n in {1..10}; do
		cri run-pod "crowd$n" >"$t/$n" 3>&- &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n"; done
	[ "$(enforced | wc -l)" -eq 10 ]
}
