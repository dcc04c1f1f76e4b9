#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# What must happen when things change: UDP follows the living, TCP ends with a reset, nothing stale is left.

setup_file() {
	load nodes
	load services
	services_setup_file a b
	svc web "$MAIN, $MAIN_UDP"
	eps web "$WEB" one two
	eventually expect "one two" ask "pod client" tcp "$(svc4 web)" 80
	save_cluster
}

setup() { load nodes && load services && restore_cluster; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

SOCKETS=()

# udp_sockets NAME: unconnected and connected, in a pod (seen and unseen by the socket hook) and on the host, both families.
udp_sockets() {
	local n=0 where a

	SOCKETS=()
	for where in "pod client" "raw client" "node a"; do
		for a in "$(svc4 "$1")" "$(svc6 "$1")"; do
			spawn "free-$n" "$where" env WEIR_PEER_TIMEOUT_MS=300 svc send "$a" 80 100000 20
			spawn "bound-$n" "$where" env WEIR_PEER_TIMEOUT_MS=300 svc stay "$a" 80 100000 20
			SOCKETS+=("free-$n" "bound-$n")
			n=$((n + 1))
		done
	done
}

all_with() { # WORD
	local s

	for s in "${SOCKETS[@]}"; do
		last_is "$s" "$1" || { echo "$s: $(tail -n1 "$WR_T/$s")"; return 1; }
	done
}

@test "UDP: when a backend goes its flows go, unconnected and connected, in pods and on the host" {
	eps web "$WEB" one
	eventually expect one ask "pod client" udp "$(svc4 web)" 80 10
	udp_sockets web
	eventually all_with one
	eps web "$WEB" two
	eventually -t 5 all_with two
	eps web "$WEB" one
	eventually -t 5 all_with one
	stop
	eps web "$WEB" one two
}

@test "UDP: a backend that goes and comes back, and goes again for good" {
	eps web "$WEB" one
	eventually expect one ask "pod client" udp "$(svc4 web)" 80 10
	udp_sockets web
	eventually all_with one
	for next in two one; do
		eps web "$WEB" $next
		eventually -t 5 all_with $next
	done
	eps web "$WEB"
	eventually expect refused ask "pod client" udp "$(svc4 web)" 80 1
	eps web "$WEB" one
	eventually -t 5 all_with one
	eps web "$WEB" two
	eventually -t 5 all_with two
	stop
	eps web "$WEB" one two
}

@test "UDP: also when the number of backends was zero in between" {
	eps web "$WEB" one
	eventually expect one ask "pod client" udp "$(svc4 web)" 80 10
	udp_sockets web
	eventually all_with one
	eps web "$WEB"
	eventually expect refused ask "pod client" udp "$(svc4 web)" 80 1
	eps web "$WEB" two
	eventually -t 5 all_with two
	stop
	eps web "$WEB" one two
}

@test "UDP: reconciled from state, so a backend that left while the agent was away is noticed" {
	eps web "$WEB" one
	eventually expect one ask "pod client" udp "$(svc4 web)" 80 10
	udp_sockets web
	eventually all_with one
	agent_kill a
	eps web "$WEB" two
	agent_start a
	eventually -t 5 all_with two
	stop
	eps web "$WEB" one two
}

@test "UDP: a backend that is not ready any more gets no more datagrams, a terminating one keeps its own" {
	eps web "$WEB" one
	eventually expect one ask "pod client" udp "$(svc4 web)" 80 10
	udp_sockets web
	eventually all_with one
	eps web "$WEB" one:terminating two
	eventually expect two ask "pod client" udp "$(svc4 web)" 80 10
	all_with one
	eps web "$WEB" one:notready two
	eventually -t 5 all_with two
	stop
	eps web "$WEB" one two
}

@test "UDP: also when another service still has the backend" {
	svc other "$MAIN_UDP"
	eps other "$WEB" one two
	eps web "$WEB" one
	eventually expect one ask "pod client" udp "$(svc4 web)" 80 10
	udp_sockets web
	eventually all_with one
	eps web "$WEB" two
	eventually -t 5 all_with two
	expect "one two" ask "pod client" udp "$(svc4 other)" 80
	stop
	svc_rm other
	eps web "$WEB" one two
}

@test "UDP from outside moves on too" {
	svc np "{name: udp, port: 80, targetPort: 8080, nodePort: 30086, protocol: UDP}" "type: NodePort"
	eps np "$WEB" one
	eventually expect one ask outside udp "$(node4 b)" 30086 1
	spawn out4 outside svc stay "$(node4 b)" 30086 100000 20
	spawn out6 outside svc stay "$(node6 a)" 30086 100000 20
	SOCKETS=(out4 out6)
	eventually all_with one
	eps np "$WEB" two
	eventually -t 5 all_with two
	stop
	svc_rm np
}

@test "TCP: connections to a removed backend end with a reset, from pods, the node and outside" {
	svc np "{name: main, port: 80, targetPort: 8080, nodePort: 30087}" "type: NodePort"
	eps web "$WEB" one
	eps np "$WEB" two
	eventually expect two ask outside tcp "$(node4 a)" 30087 1
	spawn t1 "pod client" svc half "$(svc4 np)" 80
	spawn t2 "raw client" svc half "$(svc6 np)" 80
	spawn t3 "node a" svc half "$(svc4 np)" 80
	spawn t4 outside svc half "$(node4 a)" 30087
	spawn t5 outside svc half "$(node6 b)" 30087
	SOCKETS=(t1 t2 t3 t4 t5)
	eventually all_with open
	eps np "$WEB" one
	eventually -t 5 all_with reset
	stop
	svc_rm np
	eps web "$WEB" one two
}

@test "TCP: connections to terminating backends finish, from outside too" {
	svc np "{name: main, port: 80, targetPort: 8080, nodePort: 30088}" "type: NodePort"
	eps np "$WEB" two
	eventually expect two ask outside tcp "$(node4 a)" 30088 1
	spawn h1 outside peer hold tcp "$(node4 a)" 30088 2
	spawn h2 outside peer hold tcp "$(node6 b)" 30088 2
	spawn h3 "pod client" peer hold tcp "$(svc4 np)" 80 2
	eventually two_holds 3
	eps np "$WEB" two:terminating one
	eventually expect one ask outside tcp "$(node4 a)" 30088 5
	wait "${PIDS[@]}"
	for h in h1 h2 h3; do grep -q ' lost 0$' "$WR_T/$h"; done
	svc_rm np
}

two_holds() { [ "$(pod two ss -Htn state established 'sport = :8080' | wc -l)" -ge "$1" ]; }

@test "a service that is made again with another address leaves nothing behind" {
	svc again "$MAIN"
	eps again "$WEB" one
	eventually expect one ask "pod client" tcp "$(svc4 again)" 80 1
	old4=$(svc4 again) old6=$(svc6 again)
	manifest_rm svc-again
	SVC_INDEX[again]=99
	svc again "$MAIN"
	eventually expect one ask "pod client" tcp "$(svc4 again)" 80 1
	for n in a b; do
		eventually has_frontends $n "$old4" 0
		eventually has_frontends $n "$old6" 0
	done
	# The same name and address, other port and protocol.
	svc again "{name: udp, port: 81, targetPort: 8080, protocol: UDP}"
	eventually expect one ask "pod client" udp "$(svc4 again)" 81 1
	expect refused ask "pod client" tcp "$(svc4 again)" 80 1
	svc_rm again
	eventually has_frontends a "$(svc4 again)" 0
	# No slot or backend is left either, but those of what is there.
	eventually backends_are_those_of_web a
}

backends_are_those_of_web() {
	weir backends --instance "$1" -o json |
		jq -e '[.items[] | select(.state != "removed") | .address] | unique | length == 4'
}

@test "a backlog of changes while the agent was away is worked off, and restarts lose nothing" {
	agent_kill a
	for i in $(seq 40); do
		svc "s$i" "{name: main, port: $((8000 + i)), targetPort: 8080}"
		eps "s$i" "$WEB" one
	done
	for i in $(seq 1 2 40); do svc_rm "s$i"; done
	for i in $(seq 2 4 40); do eps "s$i" "$WEB" two; done
	agent_start a
	eventually expect two ask "pod client" tcp "$(svc4 s2)" 8002 2
	for i in $(seq 4 4 40); do expect one ask "pod client" tcp "$(svc4 "s$i")" $((8000 + i)) 1; done
	for i in $(seq 2 4 40); do expect two ask "pod client" tcp "$(svc4 "s$i")" $((8000 + i)) 1; done
	for i in 1 21 39; do has_frontends a "$(svc4 "s$i")" 0; done
	for i in $(seq 2 2 40); do svc_rm "s$i"; done
}

# Pods have the tunnel's MTU, nodes more: an IPv6 sender is told so at its first datagram to either pod, and then knows.
whole() {
	local i

	for i in 1 2 3; do
		[[ $("${cmd[@]}" peer bulk udp "$1" "$2" 8000 2>/dev/null) != 8000 ]] || return 0
	done
	return 1
}

@test "a large UDP request: the fragments reach the same backend as their first part" {
	for p in one two; do
		pod $p peer sink udp :: 9000 >"$WR_T/sink-$p" 3>&- &
		eventually grep -q ready "$WR_T/sink-$p"
	done
	svc big "{name: big, port: 9000, targetPort: 9000, nodePort: 30089, protocol: UDP}" "type: NodePort"
	eps big '{name: big, port: 9000, protocol: UDP}' one two
	eventually pod client peer bulk udp "$(svc4 big)" 9000 100
	for where in "pod client" "raw client" "node a" outside; do
		read -ra cmd <<<"$where"
		for i in $(seq 6); do
			if [[ $where == outside ]]; then
				whole "$(node4 a)" 30089
				whole "$(node6 b)" 30089
			else
				whole "$(svc4 big)" 9000
				whole "$(svc6 big)" 9000
			fi
		done
	done
	svc_rm big
}

@test "INVALID packets of half-known connections do not reset good ones" {
	svc np "{name: main, port: 80, targetPort: 8080, nodePort: 30085}" "type: NodePort"
	eps np "$WEB" two
	eventually expect two ask outside tcp "$(node4 a)" 30085 1
	spawn h1 outside peer hold tcp "$(node4 a)" 30085 4
	spawn h2 "raw client" peer hold tcp "$(svc4 np)" 80 4
	eventually two_holds 2
	# The server's late segments are translated like all others, or dropped; the client never sees a stranger's.
	pod two ss -Htn state established 'sport = :8080' | awk '{ print $NF }' >"$WR_T/peers"
	while IFS=: read -r address port; do
		address=${address//[\[\]]/}
		pod two svc stray "$(pod4 two)" 8080 "${address#::ffff:}" "$port"
		pod two svc stray "$(pod4 two)" 8080 "${address#::ffff:}" 7
	done < <(sed 's/^\[::ffff:\(.*\)\]/\1/' "$WR_T/peers")
	[ -s "$WR_T/peers" ]
	wait "${PIDS[@]}"
	for h in h1 h2; do grep -q ' lost 0$' "$WR_T/$h"; done
	svc_rm np
}

# (Sockets that were closed are told so of by their kernel: icmp-unrelated.)
@test "nothing was dropped that nobody asked for" {
	for n in a b; do no_drops "$n" unknown-endpoint unknown-service-port no-backend multicast tcp-midstream tcp-state too-big icmp-unrelated; done
}
