#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# What users of other implementations have complained about, one regression test each.

setup_file() {
	load nodes
	load services
	nodes_up a b
	agent_spawn b
	agent_start a --map-sizes newFlows=512
	eventually -t 90 weir status --instance b --ready >/dev/null
	webs_up
	svc web "$PORTS" "type: NodePort"
	eps web "$WEB" one two
	eventually expect "one two" ask outside udp "$(node4 a)" 30080
	save_cluster
}

PORTS='{name: main, port: 80, targetPort: 8080, nodePort: 30080, protocol: TCP}, {name: udp, port: 80, targetPort: 8080, nodePort: 30080, protocol: UDP}'

setup() { load nodes && load services && restore_cluster; }

teardown() { save_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

# talkers NAME PORT NODEPORT: UDP sockets that never stop: in a pod, past the hooks, on the node, outside; free and connected.
talkers() {
	local verb where n=0

	SOCKETS=()
	for where in "pod client" "raw client" "node a" outside; do
		for verb in send stay; do
			if [[ $where == outside ]]; then
				spawn "talk-$n" outside env WEIR_PEER_TIMEOUT_MS=200 svc $verb "$(node4 a)" "$3" 100000 20
			else
				spawn "talk-$n" "$where" env WEIR_PEER_TIMEOUT_MS=200 svc $verb "$(svc4 "$1")" "$2" 100000 20
			fi
			SOCKETS+=("talk-$n")
			n=$((n + 1))
		done
	done
}

all_with() {
	local s

	for s in "${SOCKETS[@]}"; do last_is "$s" "$1" || { echo "$s: $(tail -n1 "$WR_T/$s")"; return 1; }; done
}

@test "UDP black hole: clients that spoke before there were endpoints (Kubernetes #113250, #126934)" {
	svc early "{name: udp, port: 81, targetPort: 8080, nodePort: 30081, protocol: UDP}" "type: NodePort"
	eps early "$WEB"
	eventually expect refused ask "pod client" udp "$(svc4 early)" 81 1
	talkers early 81 30081
	eventually expect refused ask outside udp "$(node4 a)" 30081 1
	eps early "$WEB" two
	eventually -t 5 all_with two
	stop
	svc_rm early
}

@test "UDP black hole: clients that spoke before there was a service (Kubernetes #126934)" {
	SVC_INDEX[late]=77
	SOCKETS=()
	for where in "pod client" "raw client" "node a"; do
		for a in "$(svc4 late)" "$(svc6 late)"; do
			spawn "late-${#SOCKETS[@]}" "$where" env WEIR_PEER_TIMEOUT_MS=200 svc stay "$a" 82 100000 20
			SOCKETS+=("late-${#SOCKETS[@]}")
		done
	done
	# Long enough for their flows to be taken for one-way traffic, which is not looked at packet by packet.
	eventually oneway_flows 6
	svc late "{name: udp, port: 82, targetPort: 8080, protocol: UDP}"
	eps late "$WEB" one
	eventually -t 5 all_with one
	stop
	svc_rm late
}

oneway_flows() {
	[ "$(weir flows --instance a -o json | jq --arg a "$(svc4 late)" --arg b "$(svc6 late)" \
		'[.items[] | select(.proven and (.dst == $a or .dst == $b))] | length')" -ge "$1" ]
}

@test "UDP black hole: the backend's pod is deleted and another takes its place (Kubernetes #19029, #59368, #139628; Cilium #48096, #48244, #37577)" {
	pod_up b mortal app=mortal
	serve mortal udp 8080
	svc dns "{name: udp, port: 83, targetPort: 8080, nodePort: 30083, protocol: UDP}" "type: NodePort"
	eps dns "$WEB" mortal
	eventually expect mortal ask outside udp "$(node4 a)" 30083 1
	talkers dns 83 30083
	eventually all_with mortal
	pod_down mortal
	pod_up b heir app=mortal
	serve heir udp 8080
	eps dns "$WEB" heir
	eventually -t 5 all_with heir
	stop
	svc_rm dns
	pod_down heir
}

built() { weir status --instance a -o json | jq '[.. | objects | .built? // empty] | add' ; }

metric() { node a curl -s http://127.0.0.1:9877/metrics | awk -v m="$1" '$1 == m { print $2 }'; }

@test "sync cost grows with the change, not with the cluster (Kubernetes #126013, #139513, #135639)" {
	for i in $(seq 2000); do
		printf -- '---\napiVersion: v1\nkind: Service\nmetadata: {name: many-%d, namespace: default}\nspec: {clusterIP: 10.97.%d.%d, clusterIPs: [10.97.%d.%d], ports: [{port: 80}]}\n' \
			"$i" $((i >> 8)) $((i & 255)) $((i >> 8)) $((i & 255))
	done | manifest many
	eventually -t 30 has_frontends a 10.97.7.208 1
	before=$(metric weir_service_builds_total)
	eps web "$WEB" one
	eventually expect one ask "pod client" tcp "$(svc4 web)" 80 10
	after=$(metric weir_service_builds_total)
	# One Service, one list of endpoints in two slices: at most two builds.
	echo "$before -> $after"
	[ -n "$before" ]
	[ $((after - before)) -le 2 ]
	eps web "$WEB" one two
	manifest_rm many
	eventually -t 30 has_frontends a 10.97.7.208 0
}

@test "external policy Local: reachable from inside without an endpoint here (Kubernetes #71596, #75262)" {
	svc local "{name: main, port: 84, targetPort: 8080, nodePort: 30084}" "type: LoadBalancer" "externalTrafficPolicy: Local" \
		'status: {loadBalancer: {ingress: [{ip: 192.0.2.84}]}}'
	eps local "$WEB" two
	for where in "pod client" "raw client" "node a"; do
		eventually expect two ask "$where" tcp 192.0.2.84 84 5
		expect two ask "$where" tcp "$(node4 a)" 30084 5
	done
	# The endpoint itself, through the load balancer (hairpin).
	expect two ask "pod two" tcp 192.0.2.84 84 5
	svc_rm local
}

@test "external policy Local: an endpoint that terminates here still serves (Kubernetes #99299)" {
	svc local "{name: main, port: 84, targetPort: 8080, nodePort: 30084}" "type: NodePort" "externalTrafficPolicy: Local"
	eps local "$WEB" one two
	eventually expect one ask outside tcp "$(node4 a)" 30084 5
	eps local "$WEB" one:terminating two
	eventually ending_here
	expect one ask outside tcp "$(node4 a)" 30084 10
	svc_rm local
}

# The service has one backend inside (two is ready) and, for outside, the one that terminates.
ending_here() {
	weir service --instance a local -o json | jq -e '[.ports[].backends[] | select(.state == "terminating")] | length >= 1'
}

@test "SNAT with ports still free (Cilium #33074, #31643): 64 ports are 64 flows of pods to one destination, again and again" {
	agent_kill a TERM
	agent_start a --map-sizes newFlows=512 --nat-ports 50000-50063 --timeouts udpNew=3s,udp=3s
	spawn world outside peer serve udp "$U4.1" 9999 world
	eventually grep -q ready "$WR_T/world"
	for _ in 1 2; do eventually -t 30 sixty_four; done
	stop
	agent_kill a TERM
	agent_start a --map-sizes newFlows=512
}

sixty_four() {
	n=$(WEIR_PEER_TIMEOUT_MS=200 pod client svc many "$U4.1" 9999 75)
	echo "$n of 75"
	[ "$n" = 64 ]
}

@test "live connections are not evicted (Cilium #20068, #5048): new flows churn a table of 512, established ones stay" {
	spawn hold outside peer hold tcp "$(node4 a)" 30080 6
	spawn hold6 outside peer hold tcp "$(node6 a)" 30080 6
	spawn holdp "raw client" peer hold tcp "$(svc4 web)" 80 6
	eventually held 3
	for _ in 1 2 3; do outside svc many "$(node4 a)" 30080 900 >/dev/null; done
	wait "${PIDS[@]}"
	for h in hold hold6 holdp; do
		cat "$WR_T/$h"
		grep -q ' lost 0$' "$WR_T/$h"
	done
}

held() { [ "$({ pod one ss -Htn state established; pod two ss -Htn state established; } | grep -c ':8080')" -ge "$1" ]; }

@test "ICMP loops and black holes (Cilium #14118, #47755): echo to a service's address ends here, errors about service flows arrive" {
	ip -n fabric route replace "$(svc4 web)/32" via "$(node4 a)"
	# A packet that is sent back and forth between node and router would end in time exceeded.
	run outside ping -nc 1 -W 1 "$(svc4 web)"
	[[ "$output" != *"exceeded"* ]]
	run raw client ping -nc 1 -W 1 "$(svc4 web)"
	[[ "$output" != *"exceeded"* ]]
	# A backend whose way is narrower than the client's: what is too large is said, and the transfer goes on smaller.
	pod two peer sink tcp :: 9000 >"$WR_T/sink" 3>&- &
	eventually grep -q ready "$WR_T/sink"
	svc narrow '{name: big, port: 86, targetPort: 9000, nodePort: 30086}' "type: NodePort"
	eps narrow '{name: big, port: 9000}' two
	eventually expect 100 outside peer bulk tcp "$(node4 a)" 30086 100
	agent_kill b TERM
	agent_start b --mtu 1300
	for where in outside "raw client"; do
		read -ra cmd <<<"$where"
		to=("$(node4 a)" 30086)
		[[ $where == outside ]] || to=("$(svc6 narrow)" 86)
		eventually -t 20 expect 500000 "${cmd[@]}" peer bulk tcp "${to[@]}" 500000
	done
	svc_rm narrow
}

@test "an agent restart refuses no connection (Calico #12192) and mixes up no backend (#13279)" {
	svc lone "{name: main, port: 85, targetPort: 8080, nodePort: 30085}" "type: NodePort"
	eps lone "$WEB" two
	eventually expect two ask outside tcp "$(node4 a)" 30085 1
	spawn churn1 "pod client" svc churn "$(svc4 lone)" 85 10
	spawn churn2 "raw client" svc churn "$(svc6 lone)" 85 10
	spawn churn3 outside svc churn "$(node4 a)" 30085 10
	spawn churn4 "node a" svc churn "$(svc4 lone)" 85 10
	for _ in 1 2 3; do
		agent_kill a
		agent_start a --map-sizes newFlows=512
		expect two ask "pod client" tcp "$(svc4 lone)" 85 20
		expect two ask outside tcp "$(node4 a)" 30085 20
	done
	wait "${PIDS[@]}" || true
	for c in churn1 churn2 churn3 churn4; do
		cat "$WR_T/$c"
		grep -q ' failed 0$' "$WR_T/$c"
	done
	svc_rm lone
}
