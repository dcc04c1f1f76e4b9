#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ClusterIP services: from pods and from the node, at the socket and per packet, and what happens when backends change.

setup_file() {
	load nodes
	nodes_up a b
	agent_start a
	agent_start b
	pod_up a client app=client
	pod_up a one app=web
	pod_up b two app=web
	for p in one two; do
		serve "$p" tcp 8080
		serve "$p" udp 5353
	done
	service web 80 8080 -- one two
	service names 53 5353 UDP -- one two
	service nobody 80 8080 --
	eventually pod client peer ask tcp "$(svc4 web)" 80
	eventually pod client peer ask udp "$(svc4 names)" 53
	save_cluster
}

setup() { load nodes && restore_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

answers() { "$@" | cut -d' ' -f1 | sort -u | paste -sd' '; }

@test "TCP through the service reaches every backend, both families, from a pod and from the node" {
	for address in "$(svc4 web)" "$(svc6 web)"; do
		[ "$(answers pod client peer ask tcp "$address" 80 40)" = "one two" ]
		[ "$(answers node a peer ask tcp "$address" 80 40)" = "one two" ]
	done
}

@test "UDP through the service reaches every backend, both families, from a pod and from the node" {
	for address in "$(svc4 names)" "$(svc6 names)"; do
		[ "$(answers pod client peer ask udp "$address" 53 40)" = "one two" ]
		[ "$(answers node a peer ask udp "$address" 53 40)" = "one two" ]
	done
}

@test "the backend sees the client's own address through the service" {
	[ "$(pod client peer ask tcp "$(svc4 web)" 80 | cut -d' ' -f2)" = "::ffff:$(pod4 client)" ]
	[ "$(pod client peer ask tcp "$(svc6 web)" 80 | cut -d' ' -f2)" = "$(pod6 client)" ]
}

@test "what bypasses the socket hook is balanced per packet" {
	for address in "$(svc4 web)" "$(svc6 web)"; do
		[ "$(answers outside_the_cgroup client peer ask tcp "$address" 80 40)" = "one two" ]
	done
	for address in "$(svc4 names)" "$(svc6 names)"; do
		[ "$(answers outside_the_cgroup client peer ask udp "$address" 53 40)" = "one two" ]
	done
}

# Runs in the pod's network namespace but in no cgroup of the node: no socket hook sees it.
outside_the_cgroup() {
	local name=$1

	shift
	nsenter --net="/run/netns/p-$name" -- "$@"
}

@test "a service without endpoints refuses at once" {
	for address in "$(svc4 nobody)" "$(svc6 nobody)"; do
		run pod client peer ask tcp "$address" 80
		[ "$status" -eq 2 ]
		run outside_the_cgroup client peer ask tcp "$address" 80
		[ "$status" -eq 2 ]
	done
}

@test "a backend that leaves gets no new connections, one that comes does" {
	endpoints web 8080 TCP one
	eventually only one
	endpoints web 8080 TCP two
	eventually only two
	endpoints web 8080 TCP one two
	eventually both
}

only() { [ "$(answers pod client peer ask tcp "$(svc4 web)" 80 20)" = "$1" ]; }
both() { [ "$(answers pod client peer ask tcp "$(svc4 web)" 80 40)" = "one two" ]; }

@test "a socket that stays on UDP moves to a live backend when its own leaves" {
	endpoints names 5353 UDP one
	eventually answers_are one
	pod client peer stay udp "$(svc4 names)" 53 100000 >"$WR_T/stay" 3>&- &
	stay=$!
	eventually grep -q '^one' "$WR_T/stay"
	endpoints names 5353 UDP two
	eventually grep -q '^two' "$WR_T/stay"
	kill $stay
	endpoints names 5353 UDP one two
}

answers_are() { [ "$(answers pod client peer ask udp "$(svc4 names)" 53 10)" = "$1" ]; }

@test "a deleted service leaves nothing behind" {
	service gone 80 8080 -- one
	eventually pod client peer ask tcp "$(svc4 gone)" 80
	manifest_rm svc-gone
	manifest_rm slice-gone
	eventually no_frontend "$(svc4 gone)"
	eventually no_frontend "$(svc6 gone)"
}

no_frontend() {
	weir services --instance a -o json | jq -e --arg a "$1" '[.items[] | select(.address == $a)] | length == 0'
}
