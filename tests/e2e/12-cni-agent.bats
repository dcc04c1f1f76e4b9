#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=plugin
# The plugin while the agent is away, hangs, or comes and goes.

setup() {
	load nodes
	load cni
	t=$BATS_TEST_TMPDIR msg=
	setup_node
}

teardown() {
	agent_kill a 2>/dev/null || true
	for ns in $(ip netns list | cut -d' ' -f1); do ip netns del "$ns"; done
	rm -rf /sys/fs/bpf/weir
}

# seconds CMD...: sets $took.
seconds() {
	local start=$EPOCHREALTIME rc=0

	"$@" || rc=$?
	took=$(bc <<<"$EPOCHREALTIME - $start")
	return $rc
}

away_since() { touch -d "-$1 seconds" "$(state)/last-contact"; }

@test "DEL without the agent succeeds at once and leaves a tombstone that the agent takes up" {
	sandbox_add w1
	add w1
	agent_kill a
	seconds del w1
	[ "$(bc <<<"$took < 2")" = 1 ]
	[ -n "$(files tombstones)" ]
	[ -z "$(files endpoints)$(leases)$(pod_links)" ]
	agent_start a
	eventually clean_node
}

@test "DEL without the agent's state, pins and socket succeeds" {
	sandbox_add w2
	add w2
	agent_kill a
	rm -rf "$WR_T/run/a"
	rm -rf "$(state)"
	del w2
	[ -z "$(pod_links)" ]
}

@test "DEL does not wait for an agent that hangs" {
	sandbox_add w3
	add w3
	agent_signal STOP
	seconds del w3
	[ "$(bc <<<"$took < 10")" = 1 ]
	[ -z "$(pod_links)$(leases)" ]
	agent_signal CONT
	eventually clean_node
}

@test "ADD waits for an agent that comes back" {
	sandbox_add w4
	agent_kill a
	add w4 >"$t/result" 3>&- &
	adding=$!
	agent_start a
	wait $adding
	check w4 "$t/result"
}

@test "ADD gives up after 30 seconds with code 11 and leaves nothing" {
	sandbox_add w5
	agent_kill a
	seconds code 11 add w5
	[[ $msg == *agent* ]]
	[ "$(bc <<<"$took > 29 && $took < 35")" = 1 ]
	[ -z "$(files endpoints)$(files tombstones)$(pod_links)" ]
	[ -z "$(ip -n p-w5 -o link show eth0 2>/dev/null)" ]
}

@test "GC goes on past what it cannot remove, reports it, and finishes the next time" {
	sandbox_add w7 w8
	add w7
	add w8
	agent_kill a
	rm -rf "$(state)/tombstones"
	touch "$(state)/tombstones"
	code 104 plugin GC x < <(conf '."cni.dev/valid-attachments" = []')
	[[ $msg == *c-w7* && $msg == *c-w8* ]]
	[ -z "$(pod_links)$(leases)" ]
	rm "$(state)/tombstones"
	agent_start a
	plugin GC x < <(conf '."cni.dev/valid-attachments" = []')
	clean_node
}

@test "an ADD that the agent cannot enforce fails with its reason, and all that was made is undone" {
	local n before

	agent_kill a
	# The first number is the node's own.
	agent_start a --map-sizes endpoints=16
	for n in {1..15}; do
		sandbox_add "e$n"
		add "e$n" >"$t/e$n"
	done
	before=$(some_traces | sort)
	sandbox_add e16
	code 11 add e16
	[[ $msg == *mapSizes.endpoints* ]]
	nothing_left e16
	[ "$(some_traces | sort)" = "$before" ]
	[ -z "$(ip -n p-e16 -o link show eth0 2>/dev/null)" ]
	del e3
	add e16 >"$t/e16"
	check e16 "$t/e16"
	check e15 "$t/e15"
}

@test "a node with one family gives its pods one address" {
	agent_kill a
	sed -i 's,podCIDRs: .*,podCIDRs: ["fd00:10:244:11::/64"],; /podCIDR:/d' "$MANIFESTS/node-a.yaml"
	agent_start a
	sandbox_add w9
	add w9 >"$t/result"
	[ "$(jq -c '[.ips[].address]' "$t/result")" = '["fd00:10:244:11::2/128"]' ]
	[ -z "$(ip -n p-w9 -4 addr show dev eth0)" ]
	check w9 "$t/result"
	del w9
}

@test "STATUS stays 0 for 30 seconds after the last contact and is 50 afterwards" {
	plugin STATUS x < <(conf)
	agent_kill a
	plugin STATUS x < <(conf)
	away_since 25
	plugin STATUS x < <(conf)
	away_since 31
	code 50 plugin STATUS x < <(conf)
	[[ $msg == *agent* ]]
	away_since -3600
	code 50 plugin STATUS x < <(conf)
	agent_start a
	plugin STATUS x < <(conf)
}

@test "STATUS stays 0 for 30 seconds after the machine has started, whatever the last contact says" {
	local uptime

	agent_kill a
	away_since 60
	read -r uptime _ </proc/uptime
	uptime=${uptime%.*}
	conf >"$t/conf"
	node a env CNI_COMMAND=STATUS unshare --time --fork --boottime="$((10 - uptime))" weir-cni <"$t/conf"
	code 50 node a env CNI_COMMAND=STATUS unshare --time --fork --boottime="$((40 - uptime))" weir-cni <"$t/conf"
}

@test "STATUS is 51 when pods exist and what enforces them is gone" {
	sandbox_add w6
	add w6
	agent_kill a
	away_since 60
	code 50 plugin STATUS x < <(conf)
	umount /sys/fs/bpf
	mount -t bpf bpf /sys/fs/bpf
	code 51 plugin STATUS x < <(conf)
}

@test "STATUS takes at most 500 ms when the agent hangs" {
	local idle

	seconds plugin STATUS x < <(conf)
	idle=$took
	agent_signal STOP
	away_since 60
	# Where processors are shared, a single measurement says little: the shortest counts.
	for _ in {1..5}; do
		seconds plugin STATUS x < <(conf) >"$t/answer" && return 1
		[ "$(jq .code "$t/answer")" -eq 50 ]
		echo "idle $idle, hanging $took"
		[ "$(bc <<<"$took - $idle < 0.5")" = 0 ] || break
	done
	agent_signal CONT
	[ "$(bc <<<"$took - $idle < 0.5")" = 1 ]
}

@test "an agent that is killed and started again under a burst of ADDs costs none of them" {
	local n pids=()

	for n in {1..12}; do sandbox_add "b$n"; done
	for n in {1..12}; do
		add "b$n" >"$t/b$n" 3>&- &
		pids+=($!)
		[[ $n != 6 ]] || agent_kill a
	done
	agent_start a
	for n in "${pids[@]}"; do wait "$n"; done
	for n in {1..12}; do check "b$n" "$t/b$n"; done
	[ "$(leases | wc -l)" -eq 24 ]
	for n in {1..12}; do del "b$n"; done
	clean_node
}
