#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=plugin
# Many pods at once, and more than there are addresses.

setup_file() {
	load nodes
	load cni
	nodes_up a
	# Ranges of 30 and 5 usable addresses.
	sed -i 's,podCIDR: .*,podCIDR: 10.244.11.0/26,; s,podCIDRs: .*,podCIDRs: ["10.244.11.0/26"\, "fd00:10:244:11::/64"],' \
		"$MANIFESTS/node-a.yaml"
	agent_start a
	save_cluster
}

setup() {
	load nodes
	load cni
	restore_cluster
	t=$BATS_TEST_TMPDIR msg=
}

teardown() { clean_or_sweep; }

teardown_file() {
	load nodes && restore_cluster
	cluster_logs >&2
	cluster_down
}

# at_once VERB FIRST LAST: fails when one of them fails.
at_once() {
	local verb=$1 n pids=() failed=0

	for ((n = $2; n <= $3; n++)); do
		conf | plugin "$verb" "m$n" >"$t/$verb-$n" 3>&- &
		pids+=($!)
	done
	for n in "${pids[@]}"; do wait "$n" || failed=1; done
	[[ $failed == 0 ]] || { cat "$t/$verb"-*; return 1; }
}

@test "32 ADDs at once all succeed with addresses of their own; 32 DELs at once leave nothing" {
	local n

	for n in {1..32}; do sandbox_add "m$n"; done
	at_once ADD 1 32
	[ "$(cat "$t"/ADD-* | jq -r '.ips[].address' | sort -u | wc -l)" -eq 64 ]
	[ "$(enforced | sort -u | wc -l)" -eq 32 ]
	for n in {1..32}; do check "m$n" "$t/ADD-$n"; done
	at_once DEL 1 32
	clean_node
	for n in {1..32}; do sandbox_del "m$n"; done
}

@test "a GC that runs beside ADDs of what it keeps costs none of them" {
	local n keep collecting

	for n in {1..8}; do sandbox_add "m$n"; done
	keep=$(jq -nc '[range(1; 9) | {containerID: "c-m\(.)", ifname: "eth0"}]')
	(until [[ -e $t/enough ]]; do plugin GC x < <(conf ".\"cni.dev/valid-attachments\" = $keep") || touch "$t/failed"; done) \
		>"$t/gc" 3>&- &
	collecting=$!
	for _ in {1..3}; do
		at_once ADD 1 8
		for n in {1..8}; do check "m$n" "$t/ADD-$n"; done
		at_once DEL 1 8
	done
	touch "$t/enough"
	wait $collecting
	[ ! -e "$t/failed" ] || { cat "$t/gc"; return 1; }
	clean_node
	for n in {1..8}; do sandbox_del "m$n"; done
}

@test "a full pool is code 11, names itself and its size, and costs no other pod" {
	local n

	for n in {1..62}; do sandbox_add "m$n"; done
	at_once ADD 1 32
	at_once ADD 33 61
	code 11 add m62
	[[ $msg == *10.244.11.0/26*61* ]]
	nothing_left m62
	# A released address is given again once nothing else is free.
	del m5
	add m62 >"$t/result"
	[ "$(jq -r '.ips[0].address' "$t/result")" = "$(jq -r '.ips[0].address' "$t/ADD-5")" ]
	plugin GC x < <(conf '."cni.dev/valid-attachments" = []')
	clean_node
	for n in {1..62}; do sandbox_del "m$n"; done
}

@test "an address is not used again while others are free" {
	local n seen=

	sandbox_add r1
	for n in {1..20}; do
		add r1 >"$t/result"
		seen+=$(jq -r '.ips[0].address' "$t/result")$'\n'
		del r1
	done
	[ "$(sort -u <<<"$seen" | grep -c .)" -eq 20 ]
	sandbox_del r1
}
