#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# time-limit: 1500
# Random changes of services under traffic, the agent killed at a random moment of every ten of them.
#   CHANGES=1000     so many (100)
#   SEED=N           the same ones again

setup_file() {
	export BATS_TEST_TIMEOUT=1200
	load nodes
	load services
	services_setup_file a b
	pod_up b three app=web
	serve three tcp 8080
	serve three udp 8080
	svc keep "$KEEP" "type: NodePort"
	eps keep "$WEB" two
	for i in $(seq 10); do
		svc "s$i" "$MAIN, $MAIN_UDP"
		eps "s$i" "$WEB" one two three
	done
	eventually has_backend a tcp "$(svc4 keep)" 80
	eventually has_backend a tcp "$(svc4 s10)" 80
	eventually expect two ask outside tcp "$(node4 a)" 30080 1
	eventually expect "one three two" ask "pod client" tcp "$(svc4 s10)" 80
	save_cluster
}

KEEP='{name: main, port: 80, targetPort: 8080, nodePort: 30080, protocol: TCP}'

setup() { load nodes && load services && restore_cluster; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

declare -A WANT STATE

# Somebody is always ready. Of the first three services nobody ever goes for good: their connections are all permitted ones.
change_endpoints() {
	local i=$1 p list=() ready=()

	for p in one two three; do
		case $((RANDOM % 4)) in
		0 | 1) list+=("$p") ready+=("$p") ;;
		2) list+=("$p:terminating") ;;
		3) ((i > 3)) || list+=("$p:terminating") ;;
		esac
	done
	if [[ ${#ready[@]} == 0 ]]; then
		list=(one two:terminating three:terminating)
		ready=(one)
	fi
	eps "s$i" "$WEB" "${list[@]}"
	WANT[$i]=$(printf '%s\n' "${ready[@]}" | sort -u | paste -sd' ')
}

change_service() {
	local i=$1 lines=()

	STATE[$i]=plain
	case $((RANDOM % 4)) in
	0) lines=("sessionAffinity: ClientIP") STATE[$i]=affine ;;
	1) lines=("type: NodePort") ;;
	2) lines=("externalIPs: ['192.0.2.$i']") ;;
	esac
	svc "s$i" "$MAIN, $MAIN_UDP" "${lines[@]}"
}

# What is beside the one endpoint of the connections that are held.
change_keep() {
	case $((RANDOM % 3)) in
	0) svc keep "$KEEP" "type: NodePort" "externalIPs: ['192.0.2.99']" ;;
	1) svc keep "$KEEP" "type: NodePort" "internalTrafficPolicy: Cluster" ;;
	2) eps keep "$WEB" two three:notready ;;
	esac
}

change() {
	local i=$((1 + RANDOM % 10))

	case $((RANDOM % 8)) in
	0) change_service $i ;;
	1) change_keep ;;
	*) change_endpoints $i ;;
	esac
}

# Ten changes, and the agent's death in their midst; now and then its successor's before that has come up.
ten_changes() {
	local pid=${AGENT_PID[a]} moment killer

	printf -v moment '0.%03d' $((RANDOM % 700))
	(sleep "$moment" && kill -KILL "$pid") 3>&- 4>&- &
	killer=$!
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		change
		sleep "0.0$((RANDOM % 9))"
	done
	wait $killer
	wait "$pid" 2>/dev/null || true
	eventually gone "$pid"
	agent_spawn a
	((RANDOM % 2)) || eventually -t 60 weir status --instance a --ready >/dev/null
}

traffic() {
	spawn hold1 "pod client" peer hold tcp "$(svc4 keep)" 80 1200
	spawn hold2 "raw client" peer hold tcp "$(svc6 keep)" 80 1200
	spawn hold3 outside peer hold tcp "$(node4 a)" 30080 1200
	spawn hold4 "node a" peer hold tcp "$(svc6 keep)" 80 1200
	for i in 1 2 3; do
		spawn "churn$i-pod" "pod client" svc churn "$(svc4 "s$i")" 80 1200
		spawn "churn$i-raw" "raw client" svc churn "$(svc6 "s$i")" 80 1200
	done
	spawn churn4 outside svc churn "$(node4 a)" 30080 1200
}

@test "random changes, the agent killed at random: no permitted connection is lost, the end is the model's" {
	RANDOM=${SEED:=$((RANDOM))}
	echo "SEED=$SEED CHANGES=${CHANGES:=100}"
	for i in $(seq 10); do WANT[$i]="one three two" STATE[$i]=plain; done
	traffic
	for ((n = 0; n < CHANGES; n += 10)); do ten_changes; done
	eventually -t 60 weir status --instance a --ready >/dev/null
	# Enough of traffic: it says how it was.
	kill -INT "${PIDS[@]}"
	wait "${PIDS[@]}" || true
	tail -n 3 "$WR_T"/hold? "$WR_T"/churn*
	for f in "$WR_T"/hold?; do grep -q ' lost 0$' "$f"; done
	for f in "$WR_T"/churn*; do grep -q ' failed 0$' "$f"; done
	eps keep "$WEB" two
	for i in $(seq 10); do
		if [[ ${STATE[$i]} == affine ]]; then
			eventually one_of "${WANT[$i]}" "s$i"
		else
			eventually expect "${WANT[$i]}" ask "pod client" tcp "$(svc4 "s$i")" 80 40
			expect "${WANT[$i]}" ask "raw client" udp "$(svc6 "s$i")" 80 40
		fi
	done
	# As a node has it that nothing has happened to, but for its own addresses.
	eventually same_frontends
}

one_of() {
	local who

	who=$(result ask "pod client" tcp "$(svc4 "$2")" 80 10)
	[[ " $1 " == *" $who "* ]]
}

in_force() {
	weir services --instance "$1" -o json |
		jq -Sc '[.items[] | select(.address | test("^(10[.]30[.]|fd30:)") | not) | {service, address, port, proto, kind, scope, backends, flags}] | sort'
}

same_frontends() { diff <(in_force a) <(in_force b); }

@test "nothing was dropped that nobody asked for" {
	for n in a b; do no_drops "$n" unknown-endpoint multicast tcp-midstream; done
}
