# shellcheck shell=bash disable=SC2004,SC2034,SC2128,SC2178 # arrays of nodes.bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of services share, on top of nodes.bash.
#
#	svc NAME PORTS [LINE...]     a dual-stack Service with these ports (YAML, flow style); a LINE goes into its spec, after
#	                             "meta: " into its metadata; "status: ..." is its status
#	eps NAME PORTS POD[:STATE]...  EndpointSlices of both families; STATE as in nodes.bash's slice, or hint=ZONE,...
#	result CMD...                who answers ("one two"), "refused", "silent" or "error N"
#	expect WANT CMD...           result is WANT, else says what it is
#	ask WHERE PROTO ADDR PORT [N]  asks N (30) times; WHERE: "pod client", "node a", "outside", ...
#	raw POD CMD...               in the pod's network namespace, past the socket hooks
#	spawn, stop                  processes in the background
#	frontends NODE ADDRESS       how many frontends the node has in force on the address

svc() {
	local name=$1 ports=$2 i line spec=() meta=() status=()

	shift 2
	for line; do
		case $line in
		meta:*) meta+=("${line#meta: }") ;;
		status:*) status+=("$line") ;;
		*) spec+=("$line") ;;
		esac
	done
	SVC_INDEX[$name]=${SVC_INDEX[$name]:-$((${#SVC_INDEX[@]} + 10))}
	i=${SVC_INDEX[$name]}
	manifest "svc-$name" <<-Y
		apiVersion: v1
		kind: Service
		metadata:
		  name: $name
		  namespace: default
		$( ((${#meta[@]} == 0)) || printf '  %s\n' "${meta[@]}")
		spec:
		$([[ " ${spec[*]}" == *" type:"* ]] || echo '  type: ClusterIP')
		$([[ " ${spec[*]}" == *" clusterIP:"* ]] || printf '  clusterIP: %s\n  clusterIPs: ["%s", "%s"]\n  ipFamilies: [IPv4, IPv6]\n' \
			"$(svc4 "$name")" "$(svc4 "$name")" "$(svc6 "$name")")
		  ports: [$ports]
		$( ((${#spec[@]} == 0)) || printf '  %s\n' "${spec[@]}")
		$( ((${#status[@]} == 0)) || printf '%s\n' "${status[@]}")
	Y
}

# eps NAME PORTS POD[:STATE[,hints=ZONE+ZONE][,nodehints=NODE+NODE]]...
eps() {
	local name=$1

	manifest "slice-$name" < <(eps_of "$name" IPv4 "${@:2}"; echo ---; eps_of "$name" IPv6 "${@:2}")
}

eps_of() {
	local name=$1 family=$2 ports=$3 p what ip state hints word

	shift 3
	printf 'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: %s\n  namespace: default\n' \
		"${SLICE:-$name}-${family,,}"
	printf '  labels: {kubernetes.io/service-name: %s}\naddressType: %s\nports: [%s]\nendpoints:%s\n' \
		"$name" "$family" "$ports" "$([[ $# != 0 ]] || echo ' []')"
	for p; do
		what=${p#*:} p=${p%%:*} state='ready: true, serving: true, terminating: false' hints=''
		[[ $what != "$p" ]] || what=ready
		for word in ${what//,/ }; do
			case $word in
			ready) ;;
			notready) state='ready: false, serving: false, terminating: false' ;;
			terminating) state='ready: false, serving: true, terminating: true' ;;
			ending) state='ready: false, serving: false, terminating: true' ;;
			hints=*) hints+="forZones: [$(printf '{name: %s}' "${word#*=}" | sed 's/+/}, {name: /g')], " ;;
			nodehints=*) hints+="forNodes: [$(printf '{name: %s}' "${word#*=}" | sed 's/+/}, {name: /g')], " ;;
			esac
		done
		ip=${POD_IP4[$p]}
		[[ $family == IPv4 ]] || ip=${POD_IP6[$p]}
		printf -- '- {addresses: ["%s"], nodeName: node-%s, zone: zone-%s, conditions: {%s}%s}\n' \
			"$ip" "${POD_NODE[$p]}" "${POD_NODE[$p]}" "$state" "${hints:+, hints: {${hints%, }\}}"
	done
}

# spawn FILE WHERE CMD...: in the background, output to $WR_T/FILE; the process itself is what PIDS names.
spawn() {
	local file=$1 where

	read -ra where <<<"$2"
	shift 2
	(
		case ${where[0]} in
		pod) echo "$BASHPID" >"$WR_CGROUP/${POD_NODE[${where[1]}]}/pod-${where[1]}/cgroup.procs" ;;
		node) echo "$BASHPID" >"$WR_CGROUP/${where[1]}/node/cgroup.procs" ;;
		*) mkdir -p "$WR_CGROUP/others" && echo "$BASHPID" >"$WR_CGROUP/others/cgroup.procs" ;; # for cluster_down
		esac
		exec nsenter --net="/run/netns/$(netns_of "${where[@]}")" -- "$@"
	) >"$WR_T/$file" 2>&1 3>&- 4>&- &
	PIDS+=($!)
}

netns_of() {
	case $1 in
	pod | raw) echo "p-$2" ;;
	node) echo "n-$2" ;;
	*) echo fabric ;;
	esac
}

PIDS=()

# stop: ends what was spawned.
stop() {
	kill "${PIDS[@]}" 2>/dev/null || true
	wait "${PIDS[@]}" 2>/dev/null || true
	PIDS=()
}

last_is() { [[ "$(tail -n1 "$WR_T/$1" | cut -d' ' -f1)" == "$2" ]]; }

# svc_rm NAME: the service and its slices.
svc_rm() {
	manifest_rm "svc-$1"
	manifest_rm "slice-$1"
}

result() {
	local out status=0

	out=$(WEIR_PEER_TIMEOUT_MS=${WEIR_PEER_TIMEOUT_MS:-1500} "$@" 2>/dev/null) || status=$?
	case $status in
	0) cut -d' ' -f1 <<<"$out" | sort -u | paste -sd' ' ;;
	1) echo silent ;;
	2) echo refused ;;
	*) echo "error $status" ;;
	esac
}

expect() {
	local want=$1 have

	shift
	have=$(result "$@")
	[[ $have == "$want" ]] || { printf '%s: "%s", not "%s"\n' "$*" "$have" "$want"; return 1; }
}

# expect_drop CMD...: no answer of any kind, soon said.
expect_drop() { WEIR_PEER_TIMEOUT_MS=400 expect silent "$@"; }

# ask "WHERE" PROTO ADDR PORT [N]
ask() {
	local where

	read -ra where <<<"$1"
	"${where[@]}" peer ask "$2" "$3" "$4" "${5:-30}"
}

raw() {
	local name=$1

	shift
	nsenter --net="/run/netns/p-$name" -- "$@"
}

frontends() {
	weir services --instance "$1" -o json | jq --arg a "$2" '[.items[] | select(.address == $a)] | length'
}

# has_frontends NODE ADDRESS N
has_frontends() { [[ $(frontends "$1" "$2") == "$3" ]]; }

node4() { printf '%s' "$U4.${NODE_INDEX[$1]}"; }
node6() { printf '%s' "$U6:${NODE_INDEX[$1]}"; }

# sees "WHERE" PROTO ADDR PORT: the client's address as the backend sees it.
sees() {
	local where

	read -ra where <<<"$1"
	"${where[@]}" peer ask "$2" "$3" "$4" | cut -d' ' -f2 | sed 's/^::ffff://'
}

# agents_up NODE...: all at once, since each verifies its programs for seconds.
agents_up() {
	local n

	for n; do agent_spawn "$n"; done
	for n; do eventually -t 90 weir status --instance "$n" --ready >/dev/null; done
}

# webs_up: pod "client" on a, backends "one" on a and "two" on b, which serve TCP and UDP on 8080.
webs_up() {
	local p

	pod_up a client app=client
	pod_up a one app=web
	pod_up b two app=web
	for p in one two; do
		serve "$p" tcp 8080
		serve "$p" udp 8080
	done
}

MAIN='{name: main, port: 80, targetPort: 8080, protocol: TCP}'
MAIN_UDP='{name: udp, port: 80, targetPort: 8080, protocol: UDP}'
WEB='{name: main, port: 8080, protocol: TCP}, {name: udp, port: 8080, protocol: UDP}'

# The traps' boilerplate of every file.
services_setup_file() {
	nodes_up "$@"
	agents_up "$@"
	webs_up
}
