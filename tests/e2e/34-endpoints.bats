#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# Which endpoints new connections may take: readiness, termination, topology, affinity; host ports of pods.

setup_file() {
	load nodes
	load services
	services_setup_file a b c
	pod_up c three app=web
	serve three tcp 8080
	serve three udp 8080
	svc web "$MAIN, $MAIN_UDP"
	eps web "$WEB" one two three
	eventually expect "one three two" ask "pod client" tcp "$(svc4 web)" 80
	save_cluster
}

setup() { load nodes && load services && restore_cluster; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

# web_is WANT [WHERE...]: TCP and UDP, both families.
web_is() {
	local want=$1 where proto

	shift
	for where in "${@:-pod client}"; do
		for proto in tcp udp; do
			eventually expect "$want" ask "$where" $proto "$(svc4 web)" 80 40
			eventually expect "$want" ask "$where" $proto "$(svc6 web)" 80 40
		done
	done
}

@test "readiness: new connections take ready endpoints only" {
	eps web "$WEB" one:notready two three
	web_is "three two" "pod client" "raw client" "node a"
	eps web "$WEB" one:notready two:notready three:notready
	web_is refused "pod client" "node a"
}

@test "readiness: when all terminate, those still serving stand in" {
	eps web "$WEB" one:terminating two:ending three:terminating
	web_is "one three" "pod client" "raw client"
	eps web "$WEB" one:terminating two three:terminating
	web_is two
	eps web "$WEB" one:ending two:ending three:notready
	web_is refused
}

@test "terminating: established connections go on, new ones avoid them" {
	eps web "$WEB" one
	web_is one
	pod client peer hold tcp "$(svc4 web)" 80 3 >"$WR_T/hold" 3>&- &
	hold=$!
	raw client peer hold tcp "$(svc6 web)" 80 3 >"$WR_T/hold-raw" 3>&- &
	held=$!
	eventually held_by 8080 2
	eps web "$WEB" one:terminating two
	web_is two
	wait $hold
	wait $held
	grep -q 'lost 0' "$WR_T/hold"
	grep -q 'lost 0' "$WR_T/hold-raw"
}

# held_by PORT N: pod one has so many connections there.
held_by() { [ "$(pod one ss -Htn state established "sport = :$1" | wc -l)" -ge "$2" ]; }

@test "publishNotReadyAddresses takes all" {
	svc web "$MAIN, $MAIN_UDP" "publishNotReadyAddresses: true"
	eps web "$WEB" one:notready two:terminating three
	web_is "one three two"
	svc web "$MAIN, $MAIN_UDP"
	web_is three
}

@test "hints: PreferSameZone takes the zone's, and all where one lacks hints or the zone has none" {
	svc web "$MAIN, $MAIN_UDP" "trafficDistribution: PreferSameZone"
	eps web "$WEB" one:hints=zone-a two:hints=zone-b three:hints=zone-c
	web_is one "pod client" "raw client"
	web_is two "node b"
	eps web "$WEB" one:hints=zone-a+zone-b two:hints=zone-b three:hints=zone-c+zone-a
	web_is "one three"
	eps web "$WEB" one:hints=zone-a two three:hints=zone-c
	web_is "one three two"
	eps web "$WEB" two:hints=zone-b three:hints=zone-b
	web_is "three two"
	eps web "$WEB" one:notready,hints=zone-a two:hints=zone-a three:hints=zone-c
	web_is two
}

@test "hints: PreferClose and PreferSameNode" {
	svc web "$MAIN, $MAIN_UDP" "trafficDistribution: PreferClose"
	eps web "$WEB" one:hints=zone-a two:hints=zone-b three:hints=zone-c
	web_is one
	svc web "$MAIN, $MAIN_UDP" "trafficDistribution: PreferSameNode"
	eps web "$WEB" one:hints=zone-a,nodehints=node-c two:hints=zone-b,nodehints=node-b three:hints=zone-a,nodehints=node-a
	web_is three
	web_is one "node c"
	# No endpoint for this node: the zone's.
	eps web "$WEB" one:hints=zone-a,nodehints=node-c two:hints=zone-b,nodehints=node-b three:hints=zone-b,nodehints=node-b
	web_is one
	svc web "$MAIN, $MAIN_UDP"
	eps web "$WEB" one two three
	web_is "one three two"
}

@test "without slices, the manifests' pods stand in: named ports, readiness, topology" {
	svc own "{name: main, port: 80, targetPort: http}" "selector: {app: web}"
	eventually expect "one three two" ask "pod client" tcp "$(svc4 own)" 80
	svc own "{name: main, port: 80, targetPort: http}" "selector: {app: web}" "trafficDistribution: PreferSameNode"
	eventually expect one ask "pod client" tcp "$(svc4 own)" 80
	eventually expect three ask "node c" tcp "$(svc4 own)" 80
	svc_rm own
}

AFFINE=("sessionAffinity: ClientIP" "sessionAffinityConfig: {clientIP: {timeoutSeconds: 3}}")

# sticks WHERE PROTO ADDRESS: thirty connections, one backend, which is printed.
sticks() {
	local who

	who=$(result ask "$1" "$2" "$3" 80 30)
	echo "$who"
	[[ $who == one || $who == two || $who == three ]]
}

# A service that nobody has asked yet: a datagram from the port of an earlier one would still go to that one's backend.
@test "sessionAffinity ClientIP: per client, on at once, off at once" {
	svc fond "$MAIN, $MAIN_UDP"
	eps fond "$WEB" one two three
	eventually expect "one three two" ask "pod client" tcp "$(svc4 fond)" 80
	svc fond "$MAIN, $MAIN_UDP" "${AFFINE[@]}"
	for where in "pod client" "raw client" "node a" "node b"; do
		eventually sticks "$where" tcp "$(svc4 fond)"
		sticks "$where" udp "$(svc6 fond)"
	done
	svc fond "$MAIN, $MAIN_UDP"
	eventually expect "one three two" ask "pod client" tcp "$(svc4 fond)" 80
	eventually expect "one three two" ask "pod client" udp "$(svc6 fond)" 80
	svc_rm fond
}

@test "sessionAffinity: survives the agent, ends with the backend, and when its time is up" {
	svc web "$MAIN, $MAIN_UDP" "sessionAffinity: ClientIP"
	eventually sticks "pod client" tcp "$(svc4 web)"
	who=$(sticks "pod client" tcp "$(svc4 web)")
	agent_kill a
	[ "$(sticks "pod client" tcp "$(svc4 web)")" = "$who" ]
	agent_start a
	[ "$(sticks "pod client" tcp "$(svc4 web)")" = "$who" ]
	[ "$(weir services --instance a -o json | jq --arg a "$(svc4 web)" '[.items[] | select(.address == $a)][0].affinity_seconds')" = 10800 ]
	mapfile -t rest < <(printf '%s\n' one two three | grep -vx "$who")
	eps web "$WEB" "${rest[@]}"
	eventually moved_from "$who"
	eps web "$WEB" one two three
	svc web "$MAIN, $MAIN_UDP" "${AFFINE[@]}"
	# Its time up, a client may go anywhere: after a few times it has.
	eventually -t 60 has_moved_in_time
	svc web "$MAIN, $MAIN_UDP"
}

moved_from() { ! [ "$(sticks "pod client" tcp "$(svc4 web)")" = "$1" ]; }

has_moved_in_time() {
	local before

	before=$(sticks "pod client" tcp "$(svc4 web)")
	sleep 3.2
	! [ "$(sticks "pod client" tcp "$(svc4 web)")" = "$before" ]
}

# host_pod NODE NAME MAPPING...: a pod with host ports ("8443:8080:tcp[:ADDRESS]"), by the plugin's capability.
host_pod() {
	local where=$1 name=$2 m maps=() result

	shift 2
	for m; do
		IFS=: read -r h c p ip <<<"$m"
		maps+=("{\"hostPort\":$h,\"containerPort\":$c,\"protocol\":\"$p\"${ip:+,\"hostIP\":\"$ip\"}}")
	done
	POD_NODE[$name]=$where
	ip netns add "p-$name"
	pod_manifest "$name" "" "" "app=$name"
	result=$(cni_config "$where" | jq --argjson m "[$(IFS=,; echo "${maps[*]}")]" '. + {runtimeConfig: {portMappings: $m}}' | cni ADD "$name")
	POD_IP4[$name]=$(jq -r '.ips[].address' <<<"$result" | sed -n 's,/32$,,p')
	POD_IP6[$name]=$(jq -r '.ips[].address' <<<"$result" | sed -n 's,/128$,,p')
	pod_manifest "$name" "${POD_IP4[$name]}" "${POD_IP6[$name]}" "app=$name"
	serve "$name" tcp 8080
	serve "$name" udp 8080
}

@test "hostPort: leads to its pod, keeps the client's address, is released with the pod" {
	host_pod b hp 8443:8080:tcp 8443:8080:udp
	for where in outside "pod client" "raw client" "node a" "node b"; do
		eventually expect hp ask "$where" tcp "$(node4 b)" 8443 3
		expect hp ask "$where" udp "$(node6 b)" 8443 3
	done
	[ "$(sees outside tcp "$(node4 b)" 8443)" = $U4.1 ]
	weir services --instance b | grep 'default/hp'
	pod_down hp
	eventually expect refused ask outside tcp "$(node4 b)" 8443 1
}

@test "hostPort: the same port on different hostIPs or protocols does not clash" {
	ip -n n-b addr add 10.30.0.62/24 dev eth0
	host_pod b hp1 "8444:8080:tcp:$(node4 b)"
	host_pod b hp2 8444:8080:tcp:10.30.0.62
	host_pod b hp3 "8444:8080:udp:$(node4 b)"
	eventually expect hp1 ask outside tcp "$(node4 b)" 8444 3
	eventually expect hp2 ask outside tcp 10.30.0.62 8444 3
	eventually expect hp3 ask outside udp "$(node4 b)" 8444 3
	pod_down hp1
	eventually expect refused ask outside tcp "$(node4 b)" 8444 1
	expect hp2 ask outside tcp 10.30.0.62 8444 3
	expect hp3 ask outside udp "$(node4 b)" 8444 3
	pod_down hp2
	pod_down hp3
	ip -n n-b addr del 10.30.0.62/24 dev eth0
}

@test "nothing was dropped that nobody asked for" {
	for n in a b c; do no_drops "$n" unknown-endpoint unknown-service-port no-backend multicast; done
}
