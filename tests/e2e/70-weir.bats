#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What weir says of two real nodes: names, filters, widths, and what is left of it when the agent is away.

setup_file() {
	load nodes
	nodes_up a b
	agent_start a --flow-events=true
	agent_start b
	pod_up a client app=client
	pod_up a one app=web
	pod_up b two app=web
	for p in one two; do
		serve "$p" tcp 8080
		serve "$p" udp 5353
	done
	service web 80 8080 -- one two
	service nobody 80 8080 --
	eventually pod client peer ask tcp "$(svc4 web)" 80
	eventually pod client peer ask tcp "$(pod6 two)" 8080
	# The tunnel carries until the first probe has been answered.
	eventually ways_are_direct
	save_cluster
}

ways_are_direct() {
	weir nodes --instance a -o json |
		jq -e '[.items[] | [.name, .via]] | sort == [["node-a", "self"], ["node-b", "direct"]]'
}

teardown_file() { load nodes && restore_cluster && cluster_down; }

setup() {
	load nodes && restore_cluster
	export WEIR_INSTANCE=a
}

json() { weir "$@" -o json; }

# fits COLUMNS FILE: no line is wider on a terminal.
fits() { [ "$(LC_ALL=C.UTF-8 wc -L <"$2")" -le "$1" ] || { cat "$2"; return 1; }; }

@test "status names the node, its readiness, sources and what is attached" {
	run weir status
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *"on node-a, instance a: agent up for"* ]]
	[[ $output == *"Ready         yes"* ]]
	[[ $output == *"Source        $MANIFESTS"* ]]
	[[ $output == *"other nodes: 1 direct, 0 by VXLAN"* ]]
	[[ $output == *"overlay, uplink-eth0, cgroup, 2 pods"* ]]
	[[ $output == *"cgroup root   $WR_CGROUP/a"* ]]
	[[ $output == *"Not enforced  bandwidth"* ]]
	json status | jq -e '.kind == "Status" and .agent.ready and (.maps | length > 10)'
}

@test "nodes shows each node with its ranges and the way there" {
	ways_are_direct
}

@test "endpoints lists the node's own pods with their addresses" {
	json endpoints | jq -e --arg a "$(pod4 client)" '.items[] | select(.name == "default/client") |
		.ipv4 == $a and .state == "ready" and .policy == "none"'
	[ "$(json endpoints | jq '.items | length')" -eq 2 ]
}

@test "a service is found by name and by address, with its backends, their nodes and picks" {
	json service web | jq -e '.ports[0] | .service == "default/web:main" and (.backends | length == 4)'
	json service "$(svc4 web):80" | jq -e '.ports[0].backends | map(.node) | unique == ["node-a", "node-b"]'
	json service web | jq -e '[.ports[0].backends[].picks] | add >= 1'
	[[ $(weir service nobody) == *"no backend: new connections are refused at once"* ]]
	run weir service nosuch
	[ "$status" -eq 4 ]
}

@test "lb lookup asks the selection itself: every backend, or the reason why none" {
	json lb lookup client web --times 300 | jq -e '.answers | map(.name) == ["default/one", "default/two"]'
	json lb lookup client web --times 300 | jq -e '[.answers[].times] | min > 100'
	json lb lookup client "$(svc4 nobody):80" | jq -e '.answers[0].reason == "no-backend"'
	json lb lookup client "$(pod4 two):8080" | jq -e '.answers[0].result == "not-a-service"'
}

@test "a connection is listed with pod, backend and service, and found by each of them" {
	pod client peer hold tcp "$(svc4 web)" 80 30 >"$WR_T/hold" 3>&- &
	hold=$!
	eventually found --pod client --service web
	to=$(json flows --pod client --service web | jq -r '.items[0].backend.name')
	found --src client --dst "$to"
	found --dst "${to#default/}" --port 8080 --proto tcp
	[ "$(json flows --src "$to" | jq '[.items[] | select(.state == "established")] | length')" -eq 0 ]
	kill $hold
}

found() { json flows "$@" | jq -e '[.items[] | select(.state == "established" and .src_name == "default/client")] | length > 0'; }

@test "a connection through the per-packet path is one line with what both directions carried" {
	nsenter --net=/run/netns/p-client -- peer stay tcp "$(svc4 web)" 80 5
	json flows --src client --dst "$(svc4 web)" | jq -e '.items | length == 1 and
		(.[0] | .translated and .packets_sent > 5 and .packets_replied > 5 and .nat.dst_port == 8080)'
}

@test "monitor shows a dropped packet with its reason as it happens, and connections" {
	weir monitor --drops --pod client --limit 1 -o json >"$WR_T/drop" 3>&- &
	monitor=$!
	weir monitor --flows --limit 1 >"$WR_T/new" 3>&- &
	flows=$!
	eventually forged_ping_is_seen
	wait $monitor
	jq -e '.reason == "spoofed-address" and .dst_name == "default/one" and .pod == "default/client"' "$WR_T/drop"
	eventually connection_is_seen
	wait $flows
	fits 100 "$WR_T/new"
	weir drops --recent | grep -q spoofed-address
}

forged_ping_is_seen() {
	pod client ip addr add 10.244.11.250/32 dev eth0
	pod client ping -nc 1 -W 1 -I 10.244.11.250 "$(pod4 one)" || true
	pod client ip addr del 10.244.11.250/32 dev eth0
	[ -s "$WR_T/drop" ]
}

connection_is_seen() {
	pod client peer ask tcp "$(svc4 web)" 80
	[ -s "$WR_T/new" ]
}

@test "every table fits a hundred columns" {
	local command

	for command in status nodes endpoints services 'service web' backends flows 'flows --unproven' 'drops --all' \
		'drops --recent' ipam 'lb lookup client web --times 9' policy 'why client web 80' version help; do
		# shellcheck disable=SC2086 # words of one command
		weir $command >"$WR_T/table"
		fits 100 "$WR_T/table"
		# shellcheck disable=SC2086
		weir $command --help >"$WR_T/table"
		fits 100 "$WR_T/table"
	done
	weir-agent --help >"$WR_T/table"
	fits 100 "$WR_T/table"
}

@test "ipam counts what is held" {
	json ipam | jq -e '.pools[] | select(.pool == "10.244.11.0/24") | .held == 2 and .free == 251'
	json ipam | jq -e --arg a "$(pod4 one)" '.items[] | select(.address == $a) | .name == "default/one" and .state == "held"'
}

host_port() { json services | jq -e '.items[] | select(.kind == "host-port" and .service == "default/hp:hostPort") | .port == 8081'; }

@test "a host port is shown under its pod's name, not under the key of its record" {
	POD_CONFIG='.runtimeConfig.portMappings = [{hostPort: 8081, containerPort: 8080, protocol: "tcp"}]' pod_up a hp
	eventually host_port
	[[ $(weir service hp) == *:8081* ]]
	pod_down hp
	eventually fails host_port
}

@test "with the agent away the maps are shown all the same, names of own pods too, and one line says so" {
	agent_kill a
	for command in flows services backends status; do
		weir "$command" >"$WR_T/out" 2>"$WR_T/err"
		[ "$(wc -l <"$WR_T/err")" -eq 1 ]
		grep -q 'the agent is away' "$WR_T/err"
		[ -s "$WR_T/out" ]
	done
	weir endpoints | grep -q default/client
	json services | jq -e --arg a "$(svc4 web)" '.items[] | select(.address == $a) | .backends == 2'
	json service "$(svc4 web)" | jq -e '.ports[0].backends | length == 4'
	run weir status --ready
	[ "$status" -eq 1 ]
	run weir monitor
	[ "$status" -eq 3 ]
	agent_start a
	weir status --ready
}
