#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bats file_tags=plugin
# Each verb of the plugin, against a real agent.

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
}

teardown() { clean_or_sweep; }

teardown_file() {
	load nodes && restore_cluster
	cluster_logs >&2
	cluster_down
}

# Addresses of the pod's interface, as the kernel has them.
pod_addresses() { ip -n "p-$1" -j addr show dev "${2:-eth0}" | jq -r '.[0].addr_info[] | "\(.local)/\(.prefixlen)"' | sort; }

@test "without CNI_COMMAND it says what it is on stderr and exits 0" {
	run --separate-stderr env -u CNI_COMMAND weir-cni </dev/null
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[[ $stderr == *weir-cni*1.1.0* ]]
}

@test "VERSION lists all versions, with empty stdin and a dummy environment" {
	run -0 env CNI_COMMAND=VERSION CNI_NETNS=dummy CNI_IFNAME=dummy CNI_PATH=dummy CNI_CONTAINERID=dummy weir-cni </dev/null
	[ "$(jq -c .supportedVersions <<<"$output")" = '["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]' ]
}

@test "ADD gives the pod an interface with both addresses, default routes and the node's MTU" {
	sandbox_add v1
	add v1 >"$t/result"
	[ "$(pod_addresses v1)" = "$(jq -r '.ips[].address' "$t/result" | sort)" ]
	[[ $(jq -r '.ips[0].address' "$t/result") == 10.244.11.*/32 ]]
	[[ $(jq -r '.ips[1].address' "$t/result") == fd00:10:244:11::*/128 ]]
	[ "$(ip -n p-v1 -j route show default | jq -r '.[0].gateway')" = 169.254.1.1 ]
	[ "$(ip -n p-v1 -j -6 route show default | jq -r '.[0].gateway')" = fe80::1 ]
	[ "$(ip -n p-v1 -j link show eth0 | jq '.[0].mtu')" = "$(jq '.interfaces[1].mtu' "$t/result")" ]
	del v1
	sandbox_del v1
}

@test "ADD's result names the host side without and the pod's side with exactly CNI_NETNS" {
	local host

	sandbox_add v2
	add v2 >"$t/result"
	host=$(jq -r '.interfaces[0].name' "$t/result")
	[ "$(jq -r '.interfaces[0].sandbox // ""' "$t/result")" = "" ]
	[ "$(jq -r '.interfaces[1].sandbox' "$t/result")" = /run/netns/p-v2 ]
	[ "$(jq -r '.interfaces[1].name' "$t/result")" = eth0 ]
	[ "$(jq -c '[.ips[].interface]' "$t/result")" = '[1,1]' ]
	[ "$(ip -n n-a -j link show "$host" | jq -r '.[0].address')" = "$(jq -r '.interfaces[0].mac' "$t/result")" ]
	[ "$(ip -n p-v2 -j link show eth0 | jq -r '.[0].address')" = "$(jq -r '.interfaces[1].mac' "$t/result")" ]
	del v2
	sandbox_del v2
}

@test "ADD has no duplicate address detection to wait for" {
	sandbox_add v3
	ip netns exec p-v3 sysctl -qw net.ipv6.conf.all.accept_dad=1 net.ipv6.conf.default.accept_dad=1
	add v3
	[ -z "$(ip -n p-v3 -6 addr show tentative)" ]
	del v3
	sandbox_del v3
}

@test "ADD answers in each version that it is asked in" {
	local v

	sandbox_add v4
	for v in 0.1.0 0.2.0; do
		add v4 ".cniVersion = \"$v\"" >"$t/result"
		[ "$(jq -r .cniVersion "$t/result")" = $v ]
		[ "$(pod_addresses v4)" = "$(jq -r '.ip4.ip, .ip6.ip' "$t/result" | sort)" ]
		del v4 ".cniVersion = \"$v\""
	done
	for v in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		add v4 ".cniVersion = \"$v\"" >"$t/result"
		[ "$(jq -r .cniVersion "$t/result")" = $v ]
		[ "$(pod_addresses v4)" = "$(jq -r '.ips[].address' "$t/result" | sort)" ]
		case $v in
		0.*) [ "$(jq -c '[.ips[].version]' "$t/result")" = '["4","6"]' ] ;;
		*) [ "$(jq -c '[.ips[].version]' "$t/result")" = '[null,null]' ] ;;
		esac
		del v4 ".cniVersion = \"$v\""
	done
	sandbox_del v4
}

@test "the same ADD again is refused and leaves the first one as it was" {
	sandbox_add v5
	add v5 >"$t/result"
	code 101 add v5
	[ "$(pod_addresses v5)" = "$(jq -r '.ips[].address' "$t/result" | sort)" ]
	[ "$(leases | wc -l)" -eq 2 ]
	check v5 "$t/result"
	del v5
	sandbox_del v5
}

@test "ADD over a foreign interface of that name is refused and leaves it alone" {
	sandbox_add v6
	ip -n p-v6 link add eth0 type veth peer name other
	code 101 add v6
	nothing_left v6
	ip -n p-v6 link show eth0
	del v6
	ip -n p-v6 link show eth0
	sandbox_del v6
}

@test "ADD when an earlier one lost its interface makes it anew and keeps the addresses" {
	sandbox_add v7
	add v7 >"$t/first"
	ip -n p-v7 link del eth0
	add v7 >"$t/second"
	[ "$(jq -c .ips "$t/first")" = "$(jq -c .ips "$t/second")" ]
	check v7 "$t/second"
	del v7
	sandbox_del v7
}

@test "two interfaces of one container have different addresses and go one by one" {
	sandbox_add v8
	add v8 >"$t/first"
	conf | plugin ADD v8 CNI_IFNAME=net1 >"$t/second"
	[ "$(pod_addresses v8 net1)" = "$(jq -r '.ips[].address' "$t/second" | sort)" ]
	[ "$(pod_addresses v8)" != "$(pod_addresses v8 net1)" ]
	conf | plugin DEL v8 CNI_IFNAME=net1
	check v8 "$t/first"
	del v8
	sandbox_del v8
}

@test "ADD hands pod, port mappings and annotations to the agent" {
	sandbox_add v9
	add v9 '.runtimeConfig = {portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}],
		"io.kubernetes.cri.pod-annotations": {"example.org/a": "b"}}'
	jq -e '.podNamespace == "default" and .podName == "v9" and .podUid == "uid-v9"' "$(files endpoints)"
	jq -e '.ports[0].hostPort == 8080' "$(files endpoints)"
	grep -q example.org/a "$(files endpoints)"
	del v9
	sandbox_del v9
}

@test "ADD gives the address and the MAC that are asked for, once" {
	sandbox_add v10 v11
	add v10 '.runtimeConfig = {ips: ["10.244.11.77/24", "fd00:10:244:11::77"], mac: "02:00:00:00:00:77"}' >"$t/result"
	[ "$(jq -c '[.ips[].address]' "$t/result")" = '["10.244.11.77/32","fd00:10:244:11::77/128"]' ]
	[ "$(ip -n p-v10 -j link show eth0 | jq -r '.[0].address')" = 02:00:00:00:00:77 ]
	code 11 add v11 '.runtimeConfig = {ips: ["10.244.11.77"]}'
	[[ $msg == *10.244.11.77*c-v10* ]]
	code 7 add v11 '.runtimeConfig = {ips: ["10.9.9.9"]}'
	code 2 add v11 '.runtimeConfig = {bandwidth: {ingressRate: 1000}}'
	nothing_left v11
	del v10
	sandbox_del v10 v11
}

@test "ADD's result has the DNS of the configuration, or what the runtime asks for" {
	sandbox_add v30
	add v30 '.dns = {nameservers: ["192.0.2.1"], domain: "d"}' >"$t/result"
	[ "$(jq -Sc .dns "$t/result")" = '{"domain":"d","nameservers":["192.0.2.1"]}' ]
	del v30
	add v30 '.dns = {nameservers: ["192.0.2.1"]} | .runtimeConfig = {dns: {servers: ["192.0.2.9"], searches: ["s"]}}' >"$t/result"
	[ "$(jq -Sc .dns "$t/result")" = '{"nameservers":["192.0.2.9"],"search":["s"]}' ]
	del v30
	sandbox_del v30
}

@test "DEL succeeds again and again, and for what never was" {
	sandbox_add v12
	add v12
	del v12
	[ -z "$(ip -n p-v12 -o link show eth0 2>/dev/null)" ]
	del v12
	del v12
	del never-was
	sandbox_del v12
}

@test "DEL succeeds without a namespace: empty, gone, or not one" {
	local netns

	touch "$t/file"
	for netns in "" /run/netns/p-gone "$t/file" /nonexistent/x; do
		sandbox_add v13
		add v13
		conf | plugin DEL v13 CNI_NETNS="$netns"
		nothing_left v13
		sandbox_del v13
	done
}

@test "DEL succeeds when the namespace went first, and releases the addresses" {
	sandbox_add v14
	add v14
	sandbox_del v14
	del v14
	nothing_left v14
}

@test "DEL removes everything when the record is lost or damaged" {
	sandbox_add v15
	add v15
	rm "$(files endpoints)"
	del v15
	clean_node
	add v15
	echo '{"container":' >"$(files endpoints)"
	del v15
	clean_node
	sandbox_del v15
}

@test "DEL with a previous result, of any version, is the same" {
	local v

	sandbox_add v16
	for v in 0.2.0 0.4.0 1.1.0; do
		add v16 ".cniVersion = \"$v\"" >"$t/result"
		cni_config a | jq -c --slurpfile r "$t/result" ".cniVersion = \"$v\" | .prevResult = \$r[0]" | plugin DEL v16
		nothing_left v16
	done
	sandbox_del v16
}

@test "CHECK is silent when all is well" {
	sandbox_add v17
	add v17 >"$t/result"
	run -0 --separate-stderr check v17 "$t/result"
	[ -z "$output$stderr" ]
	del v17
	sandbox_del v17
}

@test "CHECK names what is missing: interface, address, route, MAC, host side" {
	local host

	sandbox_add v18
	add v18 >"$t/result"
	host=$(jq -r '.interfaces[0].name' "$t/result")

	ip -n p-v18 addr del "$(jq -r '.ips[1].address' "$t/result")" dev eth0
	code 102 check v18 "$t/result"
	[[ $msg == *address* ]]
	ip -n p-v18 addr add "$(jq -r '.ips[1].address' "$t/result")" dev eth0 nodad
	ip -n p-v18 route del default
	code 102 check v18 "$t/result"
	[[ $msg == *route* ]]
	ip -n p-v18 route add default via 169.254.1.1 dev eth0 onlink
	check v18 "$t/result"

	ip -n p-v18 link set eth0 address 02:00:00:00:00:99
	code 102 check v18 "$t/result"
	[[ $msg == *MAC* ]]
	# A later plugin that changes the MAC says so in the result.
	jq '.interfaces[1].mac = "02:00:00:00:00:99"' "$t/result" >"$t/changed"
	ip -n n-a link set "$host" down
	code 102 check v18 "$t/changed"
	[[ $msg == *"$host"* ]]

	ip -n p-v18 link del eth0
	code 102 check v18 "$t/result"
	[[ $msg == *eth0* ]]
	del v18
	sandbox_del v18
}

@test "CHECK notices a lost reservation, lost programs, a lost map entry and a lost record" {
	local bytes

	sandbox_add v19
	add v19 >"$t/result"
	mv "$(state)/ipam/leases" "$t/leases"
	code 102 check v19 "$t/result"
	[[ $msg == *reserved* ]]
	mv "$t/leases" "$(state)/ipam/leases"
	check v19 "$t/result"

	node a tc qdisc del dev "$(jq -r '.interfaces[0].name' "$t/result")" clsact
	code 102 check v19 "$t/result"
	[[ $msg == *pod_egress* ]]
	del v19

	add v19 >"$t/result"
	read -ra bytes < <(jq -r '.ips[0].address | rtrimstr("/32") | gsub("[.]"; " ")' "$t/result")
	bpftool map delete pinned "$(pins)/maps/wr_ep_by_addr" key 0 0 0 0 0 0 0 0 0 0 255 255 "${bytes[@]}"
	code 102 check v19 "$t/result"
	[[ $msg == *"endpoint map"* ]]
	del v19
	add v19 >"$t/result"
	rm "$(files endpoints)"
	code 102 check v19 "$t/result"
	del v19
	sandbox_del v19
}

@test "CHECK tolerates what others added" {
	sandbox_add v20
	add v20 >"$t/result"
	ip -n p-v20 addr add 192.0.2.1/32 dev eth0
	ip -n p-v20 route add 192.0.2.128/25 via 169.254.1.1 dev eth0 onlink
	ip -n p-v20 link add net7 type veth peer name net8
	check v20 "$t/result"
	del v20
	sandbox_del v20
}

@test "CHECK needs the previous result, and one that is about this interface" {
	sandbox_add v21
	add v21 >"$t/result"
	code 7 plugin CHECK v21 < <(conf)
	jq '.interfaces[1].sandbox = "/run/netns/other"' "$t/result" >"$t/other"
	code 102 check v21 "$t/other"
	jq '.ips[0].address = "10.9.9.9/32"' "$t/result" >"$t/other"
	code 102 check v21 "$t/other"
	code 1 plugin CHECK v21 < <(conf '.cniVersion = "0.3.1"')
	del v21
	sandbox_del v21
}

@test "STATUS is 0 and silent while an ADD could be served" {
	run -0 --separate-stderr plugin STATUS x < <(conf)
	[ -z "$output$stderr" ]
	code 1 plugin STATUS x < <(conf '.cniVersion = "1.0.0"')
}

@test "GC keeps what is listed and removes the rest of this network" {
	sandbox_add v22 v23 v24
	add v22 >"$t/result"
	add v23
	add v24 '.name = "other"'
	plugin GC x < <(conf '."cni.dev/valid-attachments" = [{containerID: "c-v22", ifname: "eth0"}]')
	nothing_left v23
	check v22 "$t/result"
	[ "$(leases | sort -u)" = "$(printf 'c-v22\nc-v24')" ]
	# The older name of the list.
	plugin GC x < <(conf '."cni.dev/attachments" = [{containerID: "c-v22", ifname: "eth1"}]')
	nothing_left v22
	plugin GC x < <(conf '.name = "other" | ."cni.dev/valid-attachments" = []')
	nothing_left v24
	sandbox_del v22 v23 v24
}

@test "GC without a list is an error and removes nothing" {
	sandbox_add v25
	add v25 >"$t/result"
	code 7 plugin GC x < <(conf)
	[[ $msg == *valid-attachments* ]]
	code 7 plugin GC x < <(conf '."cni.dev/valid-attachments" = [{containerID: "c"}]')
	code 4 plugin GC x CNI_PATH= < <(conf '."cni.dev/valid-attachments" = []')
	code 1 plugin GC x < <(conf '.cniVersion = "1.0.0" | ."cni.dev/valid-attachments" = []')
	check v25 "$t/result"
	del v25
	sandbox_del v25
}

@test "GC removes reservations and endpoints whose record is lost" {
	sandbox_add v26
	add v26
	rm "$(files endpoints)"
	plugin GC x < <(conf '."cni.dev/valid-attachments" = []')
	clean_node
	sandbox_del v26
}

@test "the plugin's own namespace is refused before anything is touched" {
	local verb

	for verb in ADD CHECK DEL; do
		code 8 plugin $verb v27 CNI_NETNS=/proc/self/ns/net < <(conf)
		code 8 plugin $verb v27 CNI_NETNS=/run/netns/n-a < <(conf)
	done
	clean_node
}

@test "a namespace that does not exist is an unknown container, a file that is none an error of its own" {
	touch "$t/file"
	code 3 plugin ADD v28 CNI_NETNS=/run/netns/none < <(conf)
	code 8 plugin ADD v28 CNI_NETNS="$t/file" < <(conf)
	clean_node
}

@test "unknown environment and TRACEPARENT are ignored" {
	sandbox_add v29
	conf | plugin ADD v29 TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 CNI_FOO=bar
	del v29
	sandbox_del v29
}
