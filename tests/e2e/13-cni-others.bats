#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=plugin
# The plugin beside others: a delegated IPAM plugin, another main plugin before it in the chain, later ones after it.

setup_file() {
	load nodes
	load cni
	setup_node
}

setup() {
	load nodes
	load cni
	restore_cluster
	t=$BATS_TEST_TMPDIR msg=
	# Debian's plugins speak no 1.1.0.
	host_local='.cniVersion = "1.0.0" | .ipam = {type: "host-local", dataDir: "'$t'", ranges: [[{subnet: "10.9.0.0/24"}], [{subnet: "fd00:9::/64"}]]}'
}

teardown() { clean_or_sweep; }

teardown_file() {
	load nodes && restore_cluster
	cluster_logs >&2
	cluster_down
}

given() { find "$t/weir" -name '10.9*' -o -name 'fd00*'; }

# A script as IPAM plugin: it answers with what is in $t/answer and notes what it was asked.
fake_ipam() {
	mkdir -p "$t/bin"
	cat >"$t/bin/ipam" <<-'END'
		#!/bin/bash
		here=$(dirname "$0")/..
		echo "$CNI_COMMAND $CNI_CONTAINERID $(jq -c .ipam)" >>"$here/asked"
		cat "$here/answer"
		exit "$(cat "$here/status")"
	END
	chmod +x "$t/bin/ipam"
	echo "$1" >"$t/answer"
	echo "${2:-0}" >"$t/status"
	export CNI_PLUGINS=$t/bin
	ipam='.ipam = {type: "ipam", own: [1, {a: "b"}]}'
}

@test "a delegated IPAM plugin gives the addresses, and gets them back" {
	sandbox_add d1
	add d1 "$host_local" >"$t/result"
	[ "$(jq -c '[.ips[].address]' "$t/result")" = '["10.9.0.2/32","fd00:9::2/128"]' ]
	[ -n "$(given)" ]
	[ -z "$(leases)" ]
	cni_config a | jq -c --slurpfile r "$t/result" "$host_local | .prevResult = \$r[0]" | plugin CHECK d1
	del d1 "$host_local"
	[ -z "$(given)" ]
	sandbox_del d1
}

@test "a delegated IPAM plugin gets the whole input and every verb" {
	fake_ipam '{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.7/24"}]}'
	sandbox_add d2
	add d2 "$ipam" >"$t/result"
	cni_config a | jq -c --slurpfile r "$t/result" "$ipam | .prevResult = \$r[0]" | plugin CHECK d2
	plugin STATUS d2 < <(conf "$ipam")
	del d2 "$ipam"
	plugin GC d2 < <(conf "$ipam | .\"cni.dev/valid-attachments\" = []")
	[ "$(cut -d' ' -f1 "$t/asked" | paste -sd' ')" = "ADD CHECK STATUS DEL GC" ]
	[ "$(head -n1 "$t/asked")" = 'ADD c-d2 {"type":"ipam","own":[1,{"a":"b"}]}' ]
	sandbox_del d2
}

@test "STATUS does not wait for an IPAM plugin that hangs" {
	local start took=9

	fake_ipam '{}'
	printf '#!/bin/bash\nexec sleep 30\n' >"$t/bin/ipam"
	code 50 plugin STATUS x < <(conf "$ipam")
	[[ $msg == *"IPAM plugin ipam"* ]]
	# Half a second is what it allows itself; here processors are shared, programs sanitized, and the shell takes its time too.
	for _ in {1..5}; do
		start=$EPOCHREALTIME
		fails plugin STATUS x < <(conf "$ipam")
		took=$(bc <<<"$EPOCHREALTIME - $start")
		echo "took $took"
		[ "$(bc <<<"$took < 1")" = 0 ] || break
	done
	[ "$(bc <<<"$took < 1")" = 1 ]
}

@test "a failing IPAM plugin's error becomes ours, and it is asked to clean up" {
	fake_ipam '{"cniVersion":"1.1.0","code":11,"msg":"no more addresses"}' 1
	sandbox_add d3
	code 11 add d3 "$ipam"
	[[ $msg == *ipam*"no more addresses"* ]]
	[ "$(cut -d' ' -f1 "$t/asked" | paste -sd' ')" = "ADD DEL" ]
	nothing_left d3
	fake_ipam 'not json' 1
	code 103 add d3 "$ipam"
	fake_ipam '{"cniVersion":"1.1.0","ips":[]}'
	code 103 add d3 "$ipam"
	fake_ipam '{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.7/24"},{"address":"10.9.0.8/24"}]}'
	code 7 add d3 "$ipam"
	fake_ipam '[' 0
	code 103 add d3 "$ipam"
	sandbox_del d3
}

@test "when ADD fails later, the delegated addresses are given back" {
	sandbox_add d4
	ip -n p-d4 link add eth0 type veth peer name other
	code 101 add d4 "$host_local"
	[ -z "$(given)" ]
	sandbox_del d4
}

@test "an IPAM plugin that is not there is named" {
	sandbox_add d5
	code 7 add d5 '.ipam = {type: "no-such-ipam"}'
	[[ $msg == *no-such-ipam* ]]
	sandbox_del d5
}

# ptp makes the pair and its addresses; Weir comes second.
ptp() {
	local verb=$1 name=$2 prev=${3:-null}

	jq -nc --slurpfile prev <(cat "$prev" 2>/dev/null || echo null) \
		'{cniVersion: "1.0.0", name: "weir", type: "ptp", ipam: {type: "host-local", dataDir: "'"$t"'", subnet: "10.244.11.128/25"}}
		| if $prev[0] then .prevResult = $prev[0] else . end' |
		node a env CNI_COMMAND="$verb" CNI_CONTAINERID="c-$name" CNI_NETNS="/run/netns/p-$name" CNI_IFNAME=eth0 \
			CNI_PATH=/usr/lib/cni /usr/lib/cni/ptp
}

@test "chained after another main plugin, its interface is enforced and its result passed on" {
	local host

	sandbox_add d6
	ptp ADD d6 >"$t/prev"
	cni_config a | jq -c --slurpfile r "$t/prev" '.cniVersion = "1.0.0" | .prevResult = $r[0]' >"$t/conf"
	plugin ADD d6 <"$t/conf" >"$t/result"
	[ "$(jq -Sc 'del(.dns)' "$t/result")" = "$(jq -Sc 'del(.dns)' "$t/prev")" ]
	host=$(jq -r '.interfaces[] | select(.sandbox == null or .sandbox == "") | .name' "$t/prev")
	[ "$(enforced)" = c-d6 ]
	weir endpoints --instance a -o json | jq -e --arg host "$host" '.items[0].interface == $host'
	jq -e '.chained == true' "$(files endpoints)"
	plugin CHECK d6 <"$t/conf"

	plugin DEL d6 <"$t/conf"
	ip -n n-a link show "$host"
	clean_node
	ptp DEL d6
	sandbox_del d6
}

@test "chained after a plugin that makes no veth pair, ADD says so" {
	sandbox_add d7
	ip -n p-d7 link add br7 type bridge
	ip -n p-d7 link set br7 name eth0
	jq -n '{cniVersion: "1.1.0", interfaces: [{name: "eth0", sandbox: "/run/netns/p-d7"}], ips: []}' >"$t/prev"
	code 7 plugin ADD d7 < <(cni_config a | jq -c --slurpfile r "$t/prev" '.prevResult = $r[0]')
	[[ $msg == *veth* ]]
	sandbox_del d7
}

@test "a previous result that cannot be read is refused with its place" {
	sandbox_add d8
	code 7 add d8 '.prevResult = {ips: [{address: 7}]}'
	[[ $msg == *prevResult*'ips[0].address'* ]]
	code 7 add d8 '.prevResult = 7'
	sandbox_del d8
}

@test "what later plugins of the chain change is tolerated by CHECK" {
	sandbox_add d9
	add d9 >"$t/result"
	ip -n p-d9 link set eth0 address 02:00:00:00:00:42
	jq '.interfaces[1].mac = "02:00:00:00:00:42" | .interfaces += [{name: "ifb0"}] | .dns.nameservers = ["10.0.0.10"]' \
		"$t/result" >"$t/changed"
	ip -n n-a neigh replace "$(jq -r '.ips[0].address | rtrimstr("/32")' "$t/result")" lladdr 02:00:00:00:00:42 \
		dev "$(jq -r '.interfaces[0].name' "$t/result")"
	check d9 "$t/changed"
	del d9
	sandbox_del d9
}

gives_the_250th() {
	tries=$((tries + 1))
	add d10 >"$t/result" && del d10 && [[ $(jq -r '.ips[0].address' "$t/result") == "$POD4_NET.11.250/32" ]]
}

# A Pod deleted without grace is gone from the API before its sandbox is from the node.
@test "addresses to which another network has routes are not given" {
	local tries=0

	sandbox_add d10
	for i in {2..249} {251..254}; do echo "route add $POD4_NET.11.$i/32 dev eth0"; done | ip -n n-a -batch -
	eventually -t 15 gives_the_250th
	# Not because all others have had their turn.
	[ "$tries" -lt 200 ]
	for i in {2..249} {251..254}; do echo "route del $POD4_NET.11.$i/32 dev eth0"; done | ip -n n-a -force -batch - || true
	sandbox_del d10
}
