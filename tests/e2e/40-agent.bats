#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The agent comes and goes, its source of objects too, and packets do not notice; what it is told wrong it says.

setup_file() {
	load nodes
	nodes_up a b
	agent_start a
	agent_start b
	pod_up a client app=client
	pod_up b far app=web
	serve far tcp 8080
	service web 80 8080 -- far
	eventually pod client peer ask tcp "$(svc4 web)" 80
	eventually pod client peer ask tcp "$(svc6 web)" 80
	save_cluster
}

setup() { load nodes && restore_cluster; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

# ping_from_client ADDRESS: for ever, as a process of its own (a function in the background would be a shell around it).
ping_from_client() {
	# shellcheck disable=SC2016 # expanded inside
	exec bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$WR_CGROUP/a/pod-client" \
		nsenter --net=/run/netns/p-client ping -nq -i 0.02 -w 100 "$1"
}

# lossless CMD...: pings the other node's pod, both families, while CMD runs; every echo must come back.
lossless() {
	local pids=() f

	ping_from_client "$(pod4 far)" >"$WR_T/log/ping4" 2>&1 3>&- 4>&- &
	pids+=($!)
	ping_from_client "$(pod6 far)" >"$WR_T/log/ping6" 2>&1 3>&- 4>&- &
	pids+=($!)
	"$@"
	kill -INT "${pids[@]}"
	wait "${pids[@]}" || true
	for f in ping4 ping6; do
		grep -q ' 0% packet loss' "$WR_T/log/$f" || { cat "$WR_T/log/$f"; return 1; }
	done
}

restart() { agent_kill "$1" "${2:-KILL}" && agent_start "$1"; }

both_services_answer() {
	[ "$(pod client peer ask tcp "$(svc4 web)" 80 | cut -d' ' -f1)" = far ] &&
		[ "$(pod client peer ask tcp "$(svc6 web)" 80 | cut -d' ' -f1)" = far ]
}

@test "a killed agent and its restart lose no packet, on either node" {
	lossless restart a
	lossless restart b
	both_services_answer
}

@test "an agent that is told to stop leaves everything in force" {
	agent_kill a TERM
	both_services_answer
	pod client ping -nc 2 -i 0.2 -W 2 "$(pod4 far)"
	agent_start a
}

@test "a restart while the source of objects is away deletes nothing" {
	mv "$MANIFESTS" "$MANIFESTS.away"
	agent_kill a
	agent_spawn a
	eventually -t 30 weir endpoints --instance a
	eventually grep -q 'manifests cannot be read' "$WR_T/log/agent-a"
	both_services_answer
	pod client ping -nc 2 -i 0.2 -W 2 "$(pod6 far)"
	# Pods can be wired all the same: the node's ranges are kept on disk.
	eventually -t 20 weir status --instance a --ready
	mv "$MANIFESTS.away" "$MANIFESTS"
	eventually weir status --instance a -o json
	both_services_answer
}

@test "a second agent of the same instance gives way with exit code 75" {
	run node a weir-agent --instance a --node node-a --manifests "$MANIFESTS" --install-cni=false
	[ "$status" -eq 75 ]
	[[ $output == *"another agent of instance a runs"* ]]
	both_services_answer
}

@test "wrong configuration ends with exit code 2 and says what and where" {
	printf 'apiVersion: weir.dev/v1alpha1\nkind: AgentConfiguration\nroutng: auto\n' >"$WR_T/agent.yaml"
	run weir-agent --config "$WR_T/agent.yaml" --check-config
	[ "$status" -eq 2 ]
	[[ $output == "weir-agent: $WR_T/agent.yaml: line 3: routng: unknown key" ]]
	run weir-agent --mtu 9 --check-config
	[ "$status" -eq 2 ]
	[[ $output == *"mtu: must be 0 or at least 1280"* ]]
}

@test "a manifest that breaks is reported with its line, and its last good state stays in force" {
	cp "$MANIFESTS/slices-web.yaml" "$WR_T/good" 2>/dev/null || cp "$(grep -l EndpointSlice "$MANIFESTS"/*.yaml | head -n1)" "$WR_T/good"
	file=$(basename "$(grep -l EndpointSlice "$MANIFESTS"/*.yaml | head -n1)" .yaml)
	printf 'kind: EndpointSlice\n  broken: [\n' | manifest "$file"
	eventually grep -q "manifest not in force.*file=$file.yaml.*line 2" "$WR_T/log/agent-a"
	both_services_answer
	manifest "$file" <"$WR_T/good"
	eventually grep -q "manifest is good again.*file=$file.yaml" "$WR_T/log/agent-a"
	both_services_answer
}

@test "garbage on the socket ends that connection only" {
	socket=$WEIR_RUN_DIR/a/agent.sock
	[ "$(stat -c %a "$socket")" = 600 ]
	head -c 100000 /dev/urandom | timeout 5 socat - "UNIX-CONNECT:$socket" || true
	printf '\xff\xff\xff\x7f' | timeout 5 socat - "UNIX-CONNECT:$socket"
	printf '\x05\0\0\0[1,2]' | timeout 5 socat - "UNIX-CONNECT:$socket"
	printf '\x02\0\0\0{}' | timeout 5 socat -t 1 - "UNIX-CONNECT:$socket" | grep -q 'version: must be'
	grep -q 'connection closed: not our protocol' "$WR_T/log/agent-a"
	weir status --instance a --ready
}

@test "health, readiness and metrics are on one port" {
	[ "$(node a curl -s http://127.0.0.1:9877/healthz)" = ok ]
	node a curl -sf http://127.0.0.1:9877/readyz | grep -qx 'services: ok'
	node a curl -sf http://127.0.0.1:9877/metrics >"$WR_T/metrics"
	grep -qx 'weir_endpoints 1' "$WR_T/metrics"
	grep -qx 'weir_nodes 2' "$WR_T/metrics"
	grep -q '^weir_agent_ready{need="datapath"} 1$' "$WR_T/metrics"
	grep -q '^weir_map_entries{map="wr_peers"} ' "$WR_T/metrics"
	# Every sample belongs to a metric that says what it is.
	awk '/^# TYPE/ { known[$3] = 1 } !/^#/ { sub(/[{ ].*/, ""); if (!known[$0]) { print; bad = 1 } } END { exit bad }' "$WR_T/metrics"
	[ "$(node a curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:9877/nothing)" = 404 ]
	[ "$(node a curl -s -o /dev/null -w '%{http_code}' -X POST http://127.0.0.1:9877/metrics)" = 405 ]
}

@test "a slow client of the health port is let go, and does not keep others" {
	# Half a request and then nothing: the agent closes, and read ends with 1 instead of its own timeout (above 128).
	node a timeout 20 bash -c 'exec 5<>/dev/tcp/127.0.0.1/9877; printf "GET /he" >&5; read -t 15 -r -u 5 _; [ $? -eq 1 ]' 3>&- 4>&- &
	slow=$!
	[ "$(node a curl -s -m 2 http://127.0.0.1:9877/healthz)" = ok ]
	wait "$slow"
}

@test "an address that the node gets or loses is the node's, or not, at once" {
	node a ip addr add "$U4.111/24" dev eth0
	eventually pod client ping -nc 1 -W 1 "$U4.111"
	eventually is_host_address "$U4.111"
	node a ip addr del "$U4.111/24" dev eth0
	eventually fails is_host_address "$U4.111"
}

is_host_address() {
	local a b c d

	IFS=. read -r a b c d <<<"$1"
	bpftool map lookup pinned /sys/fs/bpf/weir/a/1/maps/wr_ep_by_addr \
		key 0 0 0 0 0 0 0 0 0 0 255 255 "$a" "$b" "$c" "$d" | grep -q value
}

@test "the MTU of new pods follows the uplink" {
	node a ip link set eth0 mtu 1400
	eventually mtu_is a 1330
	node a ip link set eth0 mtu 1500
	eventually mtu_is a 1430
}

mtu_is() { [ "$(weir status --instance "$1" -o json | jq '.. | .mtu? // empty | numbers' | head -n1)" = "$2" ]; }

@test "a drop is seen by a monitor as it happens" {
	timeout 20 weir monitor --instance a -o json >"$WR_T/log/monitor" 2>&1 3>&- &
	eventually monitors_are 1
	pod client ip addr add 10.244.11.250/32 dev eth0
	pod client ping -nc 1 -W 1 -I 10.244.11.250 "$(pod4 far)" || true
	pod client ip addr del 10.244.11.250/32 dev eth0
	eventually grep -q spoofed-address "$WR_T/log/monitor"
	kill $!
	eventually monitors_are 0
}

monitors_are() { node a curl -s http://127.0.0.1:9877/metrics | grep -qx "weir_monitors $1"; }

warns() { weir status --instance a | grep -q "WARNING *rules of kube-proxy are in force ($1"; }

@test "rules of kube-proxy are reported while they are there, whoever made them" {
	weir status --instance a
	fails warns
	node a nft add table ip6 kube-proxy
	eventually warns 'nftables, table kube-proxy)'
	node a nft delete table ip6 kube-proxy
	node a iptables-nft -t nat -N KUBE-SERVICES
	eventually warns 'iptables (nf_tables), chain KUBE-SERVICES)'
	node a iptables-nft -t nat -X KUBE-SERVICES
	node a ip6tables-legacy -t nat -N KUBE-KUBELET-CANARY
	node a ip6tables-legacy -t nat -N KUBE-SERVICES
	eventually warns 'iptables (legacy), chain KUBE-SERVICES)'
	node a ip6tables-legacy -t nat -X KUBE-SERVICES
	eventually fails warns
	grep -q 'rules of kube-proxy are gone' "$WR_T/log/agent-a"
}
