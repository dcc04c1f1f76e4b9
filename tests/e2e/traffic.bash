# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What must be true of traffic however it crosses nodes; used by a file for each way (21 direct, 22 tunnelled).
#
#	traffic_up [--flag...]   nodes a and b with these flags, pods client and near on a, far on b, servers, services

traffic_up() {
	agent_start a "$@"
	agent_start b "$@"
	pod_up a client app=client
	pod_up a near app=web
	pod_up b far app=web
	local p

	for p in near far; do
		serve "$p" tcp 8080
		serve "$p" udp 5353
		run_server "$p" peer sink tcp :: 8090
		run_server "$p" peer sink udp :: 8091
		run_server "$p" sctp serve :: 3868 "$p"
	done
	service web 80 8080 -- near far
	service names 53 5353 UDP -- near far
	service calls 3868 3868 SCTP -- near far
	service far-bulk 90 8090 -- far
	service far-dgram 91 8091 UDP -- far
	service far-closed 53 5999 UDP -- far
	eventually pod client peer ask tcp "$(pod4 far)" 8080
	eventually pod client peer ask tcp "$(pod6 far)" 8080
	eventually pod client peer bulk tcp "$(svc6 far-bulk)" 90 10
	eventually pod client peer ask udp "$(svc6 names)" 53
	eventually pod client sctp ask "$(svc6 calls)" 3868
}

# run_server POD CMD...: in the background, once it says that it is ready.
run_server() {
	local name=$1 log

	shift
	log=$WR_T/log/$name-${*//[^a-z0-9]/-}
	pod "$name" "$@" >"$log" 2>&1 3>&- 4>&- &
	eventually grep -q ready "$log" >/dev/null
}

answers() { "$@" | cut -d' ' -f1 | sort -u | paste -sd' '; }

# In the pod's network namespace, in no cgroup of its node: no socket hook sees it.
per_packet() {
	local name=$1

	shift
	nsenter --net="/run/netns/p-$name" -- "$@"
}

# both POD: its addresses, one a line.
both() { printf '%s\n%s\n' "$(pod4 "$1")" "$(pod6 "$1")"; }
both_svc() { printf '%s\n%s\n' "$(svc4 "$1")" "$(svc6 "$1")"; }
mapped() { if [[ $1 == *:* ]]; then printf '%s' "$1"; else printf '::ffff:%s' "$1"; fi; }

# own_of ADDRESS POD: the pod's address of that family.
own_of() { if [[ $1 == *:* ]]; then pod6 "$2"; else pod4 "$2"; fi; }

every_protocol_reaches() { # POD
	local to

	for to in $(both "$1"); do
		[ "$(pod client peer ask tcp "$to" 8080 3 | cut -d' ' -f1,2 | sort -u)" = "$1 $(mapped "$(own_of "$to" client)")" ]
		[ "$(pod client peer ask udp "$to" 5353 3 | cut -d' ' -f1,2 | sort -u)" = "$1 $(mapped "$(own_of "$to" client)")" ]
		[ "$(pod client sctp ask "$to" 3868 3 | cut -d' ' -f1,2 | sort -u)" = "$1 $(own_of "$to" client)" ]
		pod client ping -nc 2 -i 0.2 -W 2 "$to"
	done
}

services_are_balanced() {
	local to

	for to in $(both_svc web); do
		[ "$(answers pod client peer ask tcp "$to" 80 40)" = "far near" ]
		[ "$(answers per_packet client peer ask tcp "$to" 80 40)" = "far near" ]
		[ "$(answers node a peer ask tcp "$to" 80 40)" = "far near" ]
	done
	for to in $(both_svc names); do
		[ "$(answers pod client peer ask udp "$to" 53 40)" = "far near" ]
		[ "$(answers per_packet client peer ask udp "$to" 53 40)" = "far near" ]
		[ "$(answers node a peer ask udp "$to" 53 40)" = "far near" ]
	done
	for to in $(both_svc calls); do
		[ "$(answers pod client sctp ask "$to" 3868 40)" = "far near" ]
		[ "$(answers node a sctp ask "$to" 3868 40)" = "far near" ]
	done
}

large_messages_arrive() { # POD
	local to

	for to in $(both "$1"); do
		[ "$(pod client peer bulk tcp "$to" 8090 20000000)" = 20000000 ]
		[ "$(pod client peer bulk udp "$to" 8091 60000)" = 60000 ]
		pod client ping -nc 2 -i 0.2 -W 2 -s 20000 "$to"
		[ "$(pod client sctp ask "$to" 3868 2 20000 | cut -d' ' -f1 | sort -u)" = "$1" ]
	done
}

# A whole packet at exactly the pod's MTU, and not one byte more: 20 + 8 and 40 + 8 are headers.
packets_of_the_mtu_arrive() {
	local mtu

	mtu=$(pod_mtu client)
	pod client ping -nc 1 -W 2 -M "do" -s $((mtu - 28)) "$(pod4 far)"
	pod client ping -nc 1 -W 2 -M "do" -s $((mtu - 48)) "$(pod6 far)"
	fails pod client ping -nc 1 -W 2 -M "do" -s $((mtu - 27)) "$(pod4 far)"
}

large_messages_through_a_service() {
	local to

	for to in $(both_svc far-bulk); do
		[ "$(pod client peer bulk tcp "$to" 90 5000000)" = 5000000 ]
		[ "$(per_packet client peer bulk tcp "$to" 90 5000000)" = 5000000 ]
		[ "$(node a peer bulk tcp "$to" 90 5000000)" = 5000000 ]
	done
	for to in $(both_svc far-dgram); do
		[ "$(pod client peer bulk udp "$to" 91 30000)" = 30000 ]
		[ "$(per_packet client peer bulk udp "$to" 91 30000)" = 30000 ]
	done
}

# exit status 2: refused
port_unreachable_comes_back() {
	local to status

	for to in $(both far) $(both near); do
		status=0; pod client peer ask udp "$to" 5999 || status=$?
		[ "$status" -eq 2 ]
	done
	for to in $(both_svc far-closed); do
		status=0; pod client peer ask udp "$to" 53 || status=$?
		[ "$status" -eq 2 ]
		status=0; per_packet client peer ask udp "$to" 53 || status=$?
		[ "$status" -eq 2 ]
	done
}

node_reaches_far_pods() {
	local to

	for to in $(both far); do
		[ "$(node a peer ask tcp "$to" 8080 | cut -d' ' -f1)" = far ]
		[ "$(node a peer ask udp "$to" 5353 | cut -d' ' -f1)" = far ]
		[ "$(node a sctp ask "$to" 3868 | cut -d' ' -f1)" = far ]
		node a ping -nc 1 -W 2 "$to"
		[ "$(node a peer bulk tcp "$to" 8090 5000000)" = 5000000 ]
	done
}

# hop TTL ADDRESS: who says that the TTL is used up.
hop() { pod client ping -nc 1 -t "$1" -W 2 "$2" | sed -nE 's/^From ([^ ]+).*(Time to live|Hop limit|Time exceeded).*/\1/p'; }
