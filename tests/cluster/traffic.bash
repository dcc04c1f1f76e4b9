# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Continuous traffic, while something is done to the cluster: pods of nodes a and b talk to each other, through a ClusterIP and,
# from outside, a NodePort; long-lived TCP, short TCP and UDP, both families.
#
#	traffic_setup NAMESPACE   pods, servers in them, a Service; once
#	traffic_start             traffic from now on
#	still_held                what was done is over before the connections that stay end by themselves
#	traffic_end               ends it; fails, and says what, if a connection was lost or refused, or a question had no answer
#	traffic_teardown          servers end; the namespace is the caller's
PEER=$WEIR_BUILD/tests/e2e/peer
export WEIR_PEER_TIMEOUT_MS=5000

pod_on() { # NAMESPACE NODE
	kubectl_ get pods -n "$1" -l app=echo --field-selector "spec.nodeName=node-$2" -o "jsonpath={.items[0]$3}"
}

# in_pod NODE CMD...: in the network namespace of the test's pod there.
in_pod() {
	local n=$1

	shift
	node_exec "$n" nsenter --net="$(cat "$T/netns-$n")" "$@"
}

find_netns() { # NAMESPACE NODE
	local link

	# find's -inum sees what the files are mounted on.
	link=$(kubectl_ exec -n "$1" "$(pod_on "$1" "$2" .metadata.name)" -- readlink /proc/self/ns/net)
	link=${link#*[}
	# shellcheck disable=SC2016
	node_exec "$2" bash -c 'for f in /run/netns/*; do [[ $(stat -c %i "$f") != "$0" ]] || echo "$f"; done' "${link%]}" >"$T/netns-$2"
	[[ -s $T/netns-$2 ]]
}

traffic_setup() {
	local ns=$1 n proto

	T=$BATS_FILE_TMPDIR/traffic
	mkdir -p "$T"
	echo_pods "$ns"
	kubectl_ apply -n "$ns" -f - <<-Y
		apiVersion: v1
		kind: Service
		metadata: {name: talk}
		spec:
		  type: NodePort
		  ipFamilyPolicy: PreferDualStack
		  selector: {app: echo}
		  ports:
		    - {name: tcp, port: 9000, protocol: TCP, nodePort: 31900}
		    - {name: udp, port: 9000, protocol: UDP, nodePort: 31900}
	Y
	for n in a b; do
		find_netns "$ns" "$n"
		for proto in tcp udp; do
			in_pod "$n" "$PEER" serve $proto :: 9000 "$n" >/dev/null 2>&1 3>&- 4>&- &
		done
	done
	# Only nodes a and b have a server.
	kubectl_ patch daemonset -n "$ns" echo --type merge -p \
		'{"spec":{"template":{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"kubernetes.io/hostname","operator":"In","values":["node-a","node-b"]}]}]}}}}},"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}'
	read -ra SERVICE <<<"$(kubectl_ get service -n "$ns" talk -o 'jsonpath={.spec.clusterIPs[*]}')"
	read -ra FAR <<<"$(pod_on "$ns" b '.status.podIPs[*].ip')"
	eventually in_pod a "$PEER" ask tcp "${SERVICE[0]}" 9000 20
	eventually outside "$PEER" ask tcp "$U4.11" 31900 20
}

# ask_on NAME COMMAND...: again and again, each question in a connection of its own; counts.
ask_on() {
	local name=$1 asked=0 failed=0

	shift
	until [[ -e $T/end ]]; do
		asked=$((asked + 1))
		"$@" >/dev/null 2>>"$T/$name.log" || { failed=$((failed + 1)) && date +%T.%N >>"$T/$name.log"; }
		sleep 0.02
	done
	echo "$asked $failed" >"$T/$name.asked"
}

# hold_on NAME COMMAND...: one connection; how it ended.
hold_on() {
	local name=$1 rc=0

	shift
	"$@" >"$T/$name.held" 2>&1 || rc=$?
	echo "exit $rc" >>"$T/$name.held"
}

traffic_start() { # SECONDS that the connections that stay are to last
	local address

	rm -f "$T"/*.{held,asked,log} "$T/end"
	for address in "${FAR[@]}"; do
		hold_on "pod-${address//:/-}" in_pod a "$PEER" hold tcp "$address" 9000 "$1" 3>&- 4>&- &
	done
	for address in "${SERVICE[@]}"; do
		hold_on "service-${address//:/-}" in_pod a "$PEER" hold tcp "$address" 9000 "$1" 3>&- 4>&- &
		ask_on "tcp-${address//:/-}" in_pod a "$PEER" ask tcp "$address" 9000 3>&- 4>&- &
		ask_on "udp-${address//:/-}" in_pod a "$PEER" ask udp "$address" 9000 3>&- 4>&- &
	done
	hold_on nodeport outside "$PEER" hold tcp "$U4.11" 31900 "$1" 3>&- 4>&- &
	ask_on tcp-nodeport outside "$PEER" ask tcp "$U4.12" 31900 3>&- 4>&- &
}

all_ended() { [[ $(find "$T" -name '*.held' -exec grep -l '^exit' {} + | wc -l) -eq $((${#FAR[@]} + ${#SERVICE[@]} + 1)) ]]; }
all_counted() { [[ $(find "$T" -name '*.asked' | wc -l) -eq $((2 * ${#SERVICE[@]} + 1)) ]]; }

# Connections that were to stay do: what was done has not outlasted them.
still_held() { fails grep -q '^exit' "$T"/*.held; }

traffic_end() {
	local f asked failed bad=0

	eventually -t 120 all_ended
	: >"$T/end"
	eventually all_counted
	for f in "$T"/*.held; do
		echo "# $(basename "$f" .held): $(tr '\n' ' ' <"$f")"
		grep -q 'lost 0' "$f" && grep -q 'exit 0' "$f" || bad=1
	done
	for f in "$T"/*.asked; do
		read -r asked failed <"$f"
		echo "# $(basename "$f" .asked): asked $asked, failed $failed"
		[[ $asked -gt 5 && $failed -eq 0 ]] || { bad=1 && sed 's/^/#   /' "${f%.asked}.log"; }
	done
	return $bad
}

traffic_teardown() {
	local n

	# Only the node's own processes are to be seen there.
	for n in a b; do node_exec "$n" pkill -KILL -f "$PEER serve" || true; done
}
