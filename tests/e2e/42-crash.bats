#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Running flows of every kind while the agent dies, starts, is upgraded, and while its objects are away: not one packet is lost.

setup_file() {
	load nodes
	load traffic
	nodes_up a b
	agent_start a
	agent_start b
	pod_up a client app=client
	pod_up a near app=web
	pod_up b far app=web
	for p in near far; do
		serve "$p" tcp 8080
		serve "$p" udp 5353
	done
	service web 80 8080 -- near far
	service names 53 5353 UDP -- near far
	eventually has_backend a tcp "$(svc6 web)" 80
	eventually has_backend a udp "$(svc6 names)" 53
	eventually pod client peer ask tcp "$(svc6 web)" 80
	eventually pod client peer ask udp "$(svc6 names)" 53
	eventually pod client peer ask tcp "$(pod6 far)" 8080
	save_cluster
}

setup() { load nodes && load traffic && restore_cluster; }

teardown() {
	[[ -n $BATS_TEST_COMPLETED ]] || cluster_logs
	save_cluster
}

teardown_file() {
	load nodes && restore_cluster
	local status=0

	no_drops a multicast unknown-endpoint || status=1
	no_drops b multicast unknown-endpoint || status=1
	cluster_down
	return $status
}

# start_flow NAME WHERE CMD...: a process of its own in the pod's namespace; at the socket, or per packet (in no cgroup of ours).
start_flow() {
	local name=$1 where=$2

	shift 2
	(
		[[ $where != socket ]] || echo "$BASHPID" >"$WR_CGROUP/a/pod-client/cgroup.procs"
		exec nsenter --net=/run/netns/p-client -- "$@"
	) >"$WR_T/log/flow-$name" 2>&1 3>&- 4>&- &
	FLOWS[$name]=$!
}

# Segments that were sent again and were missing: what had arrived all the same (probes of a sender that was not scheduled for long)
# is told by a duplicate SACK (RFC 2883).
retransmissions() {
	ip netns exec p-client nstat -asz TcpRetransSegs TcpExtTCPDSACKRecv |
		awk '/TcpRetransSegs/ { n += $2 } /TCPDSACKRecv/ { n -= $2 } END { print n }'
}

# A flow of each protocol, family, distance and way to a service.
start_flows() {
	local to

	declare -gA FLOWS=()
	RETRANSMITTED=$(retransmissions)
	for to in near far; do
		start_flow "tcp4-$to" socket peer hold tcp "$(pod4 $to)" 8080 100
		start_flow "tcp6-$to" socket peer hold tcp "$(pod6 $to)" 8080 100
		start_flow "udp4-$to" socket peer hold udp "$(pod4 $to)" 5353 100
		start_flow "udp6-$to" socket peer hold udp "$(pod6 $to)" 5353 100
		start_flow "icmp4-$to" socket ping -nq -i 0.02 -w 100 "$(pod4 $to)"
		start_flow "icmp6-$to" socket ping -nq -i 0.02 -w 100 "$(pod6 $to)"
	done
	for to in socket packet; do
		start_flow "svc-tcp4-$to" $to peer hold tcp "$(svc4 web)" 80 100
		start_flow "svc-tcp6-$to" $to peer hold tcp "$(svc6 web)" 80 100
		start_flow "svc-udp4-$to" $to peer hold udp "$(svc4 names)" 53 100
		start_flow "svc-udp6-$to" $to peer hold udp "$(svc6 names)" 53 100
	done
	start_flow out-icmp4 socket ping -nq -i 0.02 -w 100 "$U4.1"
	start_flow out-icmp6 socket ping -nq -i 0.02 -w 100 "$U6:1"
	eventually flows_are_known
}

flows_are_known() { [ "$(weir flows --instance a -o json | jq '[.items[] | select(.state == "established")] | length')" -ge 8 ]; }

# Every flow was there to the end, and nothing had to be sent twice.
all_flows_are_whole() {
	local name bad=0

	kill -INT "${FLOWS[@]}" 2>/dev/null || true
	for name in "${!FLOWS[@]}"; do wait "${FLOWS[$name]}" || true; done
	for name in "${!FLOWS[@]}"; do
		grep -qE '(^sent [0-9]{2,} lost 0$)|( 0% packet loss)' "$WR_T/log/flow-$name" && continue
		printf '%s: %s\n' "$name" "$(cat "$WR_T/log/flow-$name")"
		bad=1
	done
	[ "$(retransmissions)" -le "$RETRANSMITTED" ] || { echo "TCP sent again: $RETRANSMITTED, now $(retransmissions)"; bad=1; }
	return $bad
}

# says TEXT: the agent has, since before_lines were counted.
says() { tail -n "+$((before_lines + 1))" "$WR_T/log/agent-a" | grep -q "$1"; }

under_traffic() {
	start_flows
	"$@"
	all_flows_are_whole
}

restart() { agent_kill a && agent_start a "$@"; }

kill_thrice_while_it_starts() {
	local i

	for i in 1 2 3; do
		agent_kill a
		agent_spawn a
		# At another place of its start each time.
		sleep "0.$((i * 2))"
	done
	eventually -t 60 weir status --instance a --ready
}

@test "kill -9 and a restart on either node lose nothing: TCP, UDP, ICMP, both families, services, the outside" {
	both_nodes() { restart && agent_kill b && agent_start b; }
	under_traffic both_nodes
}

@test "an agent that is killed again and again while it starts loses nothing" {
	under_traffic kill_thrice_while_it_starts
}

@test "an agent with other programs takes over without losing anything, and back" {
	program_ids() { bpftool -j prog show pinned "/sys/fs/bpf/weir/a/1/progs/pod_egress" | jq .id; }
	before=$(program_ids)
	there_and_back() { restart --flow-events=true && [ "$(program_ids)" != "$before" ] && restart; }
	under_traffic there_and_back
}

@test "an agent with other table sizes moves the flows without losing any" {
	printf 'apiVersion: weir.dev/v1alpha1\nkind: AgentConfiguration\nmapSizes: {flows: 131072, newFlows: 16384, services: 4096, backends: 8192}\n' >"$WR_T/sizes.yaml"
	other_sizes() { restart --config "$WR_T/sizes.yaml"; }
	under_traffic other_sizes
	under_traffic restart
}

@test "an agent of another ABI takes everything over without losing anything, and back" {
	other_abi_and_back() {
		agent_kill a
		WR_AGENT=weir-agent-abi99 agent_start a
		[ -e /sys/fs/bpf/weir/a/99/progs ]
		pod_up a between app=web
		pod between ping -nc 1 -W 2 "$(pod4 far)"
		restart
	}
	under_traffic other_abi_and_back
	[ -e /sys/fs/bpf/weir/a/1/progs ]
	[ ! -e /sys/fs/bpf/weir/a/99 ]
	pod between ping -nc 1 -W 2 "$(pod4 far)"
	pod_down between
}

@test "objects that go away, or cannot be read, while the agent starts change nothing" {
	away() {
		mv "$MANIFESTS" "$MANIFESTS.away"
		restart
		eventually grep -q 'manifests cannot be read' "$WR_T/log/agent-a"
		mkdir "$MANIFESTS.file" && rmdir "$MANIFESTS.file" && touch "$MANIFESTS"
		agent_kill a
		agent_start a
		[ "$(weir services --instance a -o json | jq '.items | length')" -ge 4 ]
		[ "$(weir endpoints --instance a -o json | jq '.items | length')" -ge 2 ]
		before_lines=$(wc -l <"$WR_T/log/agent-a")
		rm "$MANIFESTS"
		mv "$MANIFESTS.away" "$MANIFESTS"
		eventually says 'reading manifests'
	}
	under_traffic away
}

@test "a directory of objects that vanishes under a running agent deletes nothing" {
	vanish() {
		before_lines=$(wc -l <"$WR_T/log/agent-a")
		mv "$MANIFESTS" "$MANIFESTS.away"
		eventually says 'manifest not in force'
		[ "$(pod client peer ask tcp "$(svc4 web)" 80 | wc -l)" -eq 1 ]
		[ "$(weir services --instance a -o json | jq '.items | length')" -ge 4 ]
		mv "$MANIFESTS.away" "$MANIFESTS"
	}
	under_traffic vanish
	service late 81 8080 -- near
	eventually pod client peer ask tcp "$(svc4 late)" 81
}
