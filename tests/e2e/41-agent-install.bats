#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the agent puts on a node, and that it takes everything away again. Nodes behind routers: the tunnel.

setup_file() {
	load nodes
	nodes_up_routed a b
	mkdir -p "$WR_T/net.d"
	echo '{"cniVersion":"1.0.0","name":"other","plugins":[]}' >"$WR_T/net.d/10-other.conflist"
	save_cluster
}

setup() {
	load nodes && restore_cluster
	BIN=$WR_T/bin CONF=$WR_T/net.d
	INSTALL=(--install-cni --cni-bin-dir "$BIN" --cni-conf-dir "$CONF" --cni-replace)
}

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

@test "nothing is configured before the node can serve an ADD" {
	mv "$MANIFESTS/node-a.yaml" "$WR_T/node-a.yaml"
	agent_spawn a "${INSTALL[@]}"
	eventually -t 20 test -x "$BIN/weir-cni"
	eventually grep -q 'there is no Node object named node-a' "$WR_T/log/agent-a"
	run weir status --instance a --ready
	[ "$status" -ne 0 ]
	[ ! -e "$CONF/05-weir.conflist" ]
	[ -e "$CONF/10-other.conflist" ]
}

@test "with its Node object the agent is ready and the configuration appears, others step aside" {
	mv "$WR_T/node-a.yaml" "$MANIFESTS/node-a.yaml"
	eventually weir status --instance a --ready
	eventually test -e "$CONF/05-weir.conflist"
	[ ! -e "$CONF/10-other.conflist" ]
	jq -e '.cniVersion == "1.0.0" and .plugins[0].type == "weir-cni" and .plugins[0].instance == "a"' "$CONF/05-weir.conflist"
	cmp "$BIN/weir-cni" "$WR_BUILD/bin/weir-cni"
	# It runs on hosts whose libraries nobody knows.
	readelf -lW "$BIN/weir-cni" >"$WR_T/segments"
	grep -q LOAD "$WR_T/segments"
	fails grep -q INTERP "$WR_T/segments"
	# No temporary file is left, and nothing that a runtime would read beside ours.
	[ "$(find "$CONF" -type f | wc -l)" -eq 2 ]
}

@test "what a package upgrade wipes is put back" {
	rm "$BIN/weir-cni" "$CONF/05-weir.conflist"
	eventually cmp "$BIN/weir-cni" "$WR_BUILD/bin/weir-cni"
	eventually test -e "$CONF/05-weir.conflist"
	echo broken >"$CONF/05-weir.conflist"
	eventually jq -e '.name == "weir"' "$CONF/05-weir.conflist"
	rm -r "$BIN"
	eventually -t 20 test -x "$BIN/weir-cni"
}

@test "nodes behind routers reach each other's pods through the tunnel, large packets too" {
	agent_start b
	pod_up a client app=client
	pod_up b far app=web
	serve far tcp 8080
	eventually pod client peer ask tcp "$(pod4 far)" 8080
	eventually pod client peer ask tcp "$(pod6 far)" 8080
	weir status --instance a | grep -q '0 direct, 1 by VXLAN'
	pod far peer sink tcp :: 8090 >"$WR_T/log/sink" 3>&- 4>&- &
	eventually grep -q ready "$WR_T/log/sink"
	for address in "$(pod4 far)" "$(pod6 far)"; do
		[ "$(pod client peer bulk tcp "$address" 8090 3000000)" = 3000000 ]
		pod client ping -nc 1 -W 2 "$address"
	done
	# The node's own traffic takes the tunnel as well, and the other node answers a pod.
	node a peer ask tcp "$(pod4 far)" 8080
	node a peer ask tcp "$(pod6 far)" 8080
	pod client ping -nc 1 -W 2 10.31.12.2
	pod client ping -nc 1 -W 2 fd31:12::2
}

@test "a stopped agent leaves the configuration where it is" {
	agent_kill a TERM
	[ -e "$CONF/05-weir.conflist" ]
	[ -x "$BIN/weir-cni" ]
	pod client ping -nc 1 -W 2 "$(pod4 far)"
}

@test "an agent that make install has put somewhere finds its plugin, and the unit finds the agent" {
	local root=$WR_T/root

	env -u MAKEFLAGS -u MAKELEVEL make -s -o programs -C "$WR_TOP" BUILD="$WR_BUILD" \
		install DESTDIR="$root" PREFIX=/usr
	[ -x "$root$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$root/usr/lib/systemd/system/weir-agent.service")" ]
	rm "$BIN/weir-cni"
	PATH=$root/usr/sbin:$PATH agent_spawn a "${INSTALL[@]}"
	eventually -t 60 cmp "$BIN/weir-cni" "$WR_BUILD/bin/weir-cni"
	agent_kill a TERM
}

@test "uninstalling removes everything and brings the others back" {
	cgroup_has_programs
	node a weir-agent --instance a --uninstall "${INSTALL[@]}"
	[ ! -e "$CONF/05-weir.conflist" ]
	[ -e "$CONF/10-other.conflist" ]
	[ ! -e "$BIN/weir-cni" ]
	[ ! -e /sys/fs/bpf/weir/a ]
	[ ! -e "$WEIR_STATE_DIR/a" ]
	[ ! -e "$WEIR_RUN_DIR/a" ]
	[ "$(node a ip -o link | grep -cE 'weir-vxlan|wr[0-9a-f]{10}')" -eq 0 ]
	[ -z "$(node a ip route show proto 87)$(node a ip -6 route show proto 87)" ]
	[ -z "$(node a cat /proc/sys/net/ipv4/ip_local_reserved_ports)" ]
	fails eth0_has_programs
	fails cgroup_has_programs
	# Again: what is missing is success.
	node a weir-agent --instance a --uninstall "${INSTALL[@]}"
}

@test "the DEL of a pod whose node was uninstalled succeeds" {
	cni_config a | cni DEL client
}

cgroup_has_programs() { bpftool cgroup tree "$WR_CGROUP/a" | grep -E 'connect|sendmsg|bind'; }

eth0_has_programs() { node a bpftool net show dev eth0 | grep -qE 'uplink_(ingress|egress)'; }
