#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# NodePorts: where they answer, for whom, and how they come and go; the proxy's own health.

NODEPORT='{name: main, port: 80, targetPort: 8080, nodePort: 30080, protocol: TCP}, {name: udp, port: 80, targetPort: 8080, nodePort: 30080, protocol: UDP}'

setup_file() {
	load nodes
	load services
	services_setup_file a b
	svc web "$NODEPORT" "type: NodePort"
	eps web "$WEB" one two
	eventually expect "one two" ask outside tcp "$(node4 a)" 30080
	eventually expect "one two" ask outside tcp "$(node4 b)" 30080
	save_cluster
}

setup() { load nodes && load services && restore_cluster; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

# on_nodes WANT CMD-WHERE: on both nodes' addresses, both families and protocols.
on_nodes() {
	local n proto

	for n in a b; do
		for proto in tcp udp; do
			expect "$1" ask "$2" $proto "$(node4 $n)" 30080
			expect "$1" ask "$2" $proto "$(node6 $n)" 30080
		done
	done
}

@test "NodePort from outside, on every node, whichever has the endpoints" {
	on_nodes "one two" outside
}

@test "NodePort from pods, at the socket and per packet" {
	on_nodes "one two" "pod client"
	on_nodes "one two" "raw client"
}

@test "NodePort from the node itself and from another node" {
	on_nodes "one two" "node a"
	on_nodes "one two" "node b"
}

@test "a NodePort cannot be bound by others on the node, in a pod it can" {
	for address in 0.0.0.0 :: "$(node4 a)" "$(node6 a)"; do
		for proto in tcp udp; do
			run node a svc bind $proto "$address" 30080
			[ "$status" -eq 2 ]
		done
	done
	node a svc bind tcp 0.0.0.0 30081
	pod client svc bind tcp 0.0.0.0 30080
}

@test "changes of type add and remove the port cleanly" {
	svc turn "{name: main, port: 80, targetPort: 8080, protocol: TCP}"
	eps turn "$WEB" one
	eventually expect one ask "pod client" tcp "$(svc4 turn)" 80 1
	expect refused ask outside tcp "$(node4 a)" 30090 1
	svc turn "{name: main, port: 80, targetPort: 8080, nodePort: 30090, protocol: TCP}" "type: NodePort"
	eventually expect one ask outside tcp "$(node4 a)" 30090 1
	run node a svc bind tcp 0.0.0.0 30090
	[ "$status" -eq 2 ]
	svc turn "{name: main, port: 80, targetPort: 8080, nodePort: 30091, protocol: TCP}" "type: NodePort"
	eventually expect one ask outside tcp "$(node6 a)" 30091 1
	eventually node a svc bind tcp 0.0.0.0 30090
	expect refused ask outside tcp "$(node4 a)" 30090 1
	svc turn "{name: main, port: 80, targetPort: 8080, protocol: TCP}"
	eventually node a svc bind tcp 0.0.0.0 30091
	expect refused ask outside tcp "$(node4 a)" 30091 1
	expect one ask "pod client" tcp "$(svc4 turn)" 80 1
	svc turn "" "type: ExternalName" "externalName: example.org" "clusterIP: ''"
	eventually has_frontends a "$(svc4 turn)" 0
	svc_rm turn
}

@test "two protocols share a port number, and one port of a node belongs to one service" {
	svc alpha "{name: main, port: 80, targetPort: 8080, nodePort: 30095, protocol: TCP}" "type: NodePort"
	eps alpha "$WEB" one
	svc beta "{name: udp, port: 80, targetPort: 8080, nodePort: 30095, protocol: UDP}, {name: main, port: 81, targetPort: 8080, nodePort: 30095, protocol: TCP}" "type: NodePort"
	eps beta "$WEB" two
	eventually expect two ask outside udp "$(node4 a)" 30095 3
	eventually expect one ask outside tcp "$(node4 a)" 30095 3
	weir service --instance a beta | grep 'default/alpha has it'
	# The one that waited inherits the port.
	svc_rm alpha
	eventually expect two ask outside tcp "$(node4 a)" 30095 3
	svc_rm beta
}

@test "the client's address is masqueraded when the endpoint is elsewhere, and kept when it is here" {
	eps web "$WEB" one
	eventually expect one ask outside tcp "$(node4 b)" 30080 10
	eventually expect one ask outside tcp "$(node4 a)" 30080 10
	[ "$(sees outside tcp "$(node4 b)" 30080)" = "$(node4 b)" ]
	[ "$(sees outside udp "$(node6 b)" 30080)" = "$(node6 b)" ]
	[ "$(sees outside tcp "$(node4 a)" 30080)" = "$U4.1" ]
	eps web "$WEB" one two
	eventually expect "one two" ask outside tcp "$(node4 b)" 30080
}

@test "nodePortAddresses says on which addresses" {
	ip -n n-a addr add 10.30.0.51/24 dev eth0
	eventually expect "one two" ask outside tcp 10.30.0.51 30080
	agent_kill a TERM
	agent_start a --node-port-addresses 10.30.0.51/32
	eventually expect refused ask outside tcp "$(node4 a)" 30080 1
	expect "one two" ask outside tcp 10.30.0.51 30080
	agent_kill a TERM
	agent_start a
	eventually expect "one two" ask outside tcp "$(node4 a)" 30080
}

@test "node addresses that come and go take their frontends along" {
	ip -n n-b addr add 10.30.0.52/24 dev eth0
	ip -n n-b addr add fd30::52/64 dev eth0 nodad
	eventually expect "one two" ask outside tcp 10.30.0.52 30080
	eventually expect "one two" ask outside udp fd30::52 30080
	ip -n n-b addr del 10.30.0.52/24 dev eth0
	eventually has_frontends b 10.30.0.52 0
	expect "one two" ask outside tcp "$(node4 b)" 30080
	ip -n n-b addr del fd30::52/64 dev eth0
}

@test "127.0.0.1:nodePort works from the node when that is on, and not when it is off" {
	expect refused ask "node a" tcp 127.0.0.1 30080 1
	agent_kill a TERM
	agent_start a --localhost-node-ports
	eventually expect "one two" ask "node a" tcp 127.0.0.1 30080
	expect "one two" ask "node a" udp 127.0.0.1 30080
	expect "one two" ask "node a" tcp ::1 30080
	expect refused ask "pod client" tcp 127.0.0.1 30080 1
	agent_kill a TERM
	agent_start a
	eventually expect refused ask "node a" tcp 127.0.0.1 30080 1
}

proxy_status() { node "$1" curl -s -o /dev/null -w '%{http_code}' "http://$2:10256/$3"; }
proxy_says() { [[ $(proxy_status a "$1" "$2") == "$3" ]]; }

@test "/healthz and /livez on 10256; a node that is to be deleted is not eligible, and still alive" {
	eventually proxy_says "$(node4 a)" healthz 200
	proxy_says "[$(node6 a)]" livez 200
	[ "$(outside curl -s "http://$(node4 a):10256/healthz" | jq .nodeEligible)" = true ]
	cp "$MANIFESTS/node-a.yaml" "$WR_T/node-a"
	sed 's/^spec:/spec:\n  taints: [{key: ToBeDeletedByClusterAutoscaler, effect: NoSchedule}]/' "$WR_T/node-a" | manifest node-a
	eventually proxy_says "$(node4 a)" healthz 503
	proxy_says "$(node4 a)" livez 200
	manifest node-a <"$WR_T/node-a"
	eventually proxy_says "$(node4 a)" healthz 200
	sed 's/^metadata:/metadata:\n  deletionTimestamp: "2026-01-01T00:00:00Z"/' "$WR_T/node-a" | manifest node-a
	eventually proxy_says "$(node4 a)" healthz 503
	proxy_says "$(node4 a)" livez 200
	manifest node-a <"$WR_T/node-a"
	eventually proxy_says "$(node4 a)" healthz 200
}

@test "nothing was dropped that nobody asked for" {
	for n in a b; do no_drops "$n" unknown-endpoint unknown-service-port no-backend multicast; done
}
