# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A small cluster without Kubernetes, for end-to-end tests and the demo: nodes are network namespaces on an
# underlay, pods are namespaces wired by the real plugin, the real agent of each node reads one directory
# of manifests. Run inside tests/e2e/sandbox, which takes everything away afterwards.
#
#	nodes_up a b        underlay and nodes: names n-a, n-b; one broadcast domain
#	nodes_up_routed a b the same, each node behind a router of its own (so VXLAN where routing is auto)
#	agent_start a [--flag...]     start node a's agent and wait until it is ready (agent_spawn: and do not wait)
#	WR_AGENT=PROGRAM agent_start a    another build of the agent
#	agent_kill a [SIGNAL]         end it (KILL) and wait until it is gone
#	pod_up a web [app=web ...]    make pod web on node a (labels follow) by CNI ADD, write its manifest
#	POD_CONFIG=FILTER pod_up ...  the plugin's configuration through jq first
#	NAMESPACE=shop pod_up ...     there, not in default
#	POD_UID[web]=UID pod_up ...   with this UID, not one made of its name
#	pod_down web                  CNI DEL, manifest removed, namespace removed
#	node a CMD...   pod web CMD...   outside CMD...     run CMD there
#	pod4 web   pod6 web           its addresses     pod_mtu web   its interface's MTU
#	service NAME PORT TARGET [PROTO] [SPEC-LINE...] -- POD...  Service + EndpointSlices of these pods, dual stack
#	svc4 NAME   svc6 NAME         its cluster addresses
#	eventually [-t SECONDS] CMD...  until it succeeds
#
# Everything lives below $WR_T (temporary directory of the run).

U4=10.30.0 U6=fd30:
POD4_NET=10.244 POD6_NET=fd00:10:244
SVC4_NET=10.96.0 SVC6_NET=fd00:10:96:
declare -gA NODE_INDEX=() POD_NODE=() POD_NS=() POD_UID=() POD_IP4=() POD_IP6=() AGENT_PID=() SVC_INDEX=()

cluster_init() {
	WR_T=${WR_T:-$(mktemp -d)}
	MANIFESTS=$WR_T/manifests
	mkdir -p "$MANIFESTS" "$WR_T/log"
	export WEIR_STATE_DIR=$WR_T/state WEIR_RUN_DIR=$WR_T/run
	manifest namespace-default <<-Y
		apiVersion: v1
		kind: Namespace
		metadata: {name: default, labels: {kubernetes.io/metadata.name: default}}
	Y
}

# manifest NAME < TEXT: put in place in one step, as an operator's tools do.
manifest() {
	cat >"$MANIFESTS/.$1.new"
	mv "$MANIFESTS/.$1.new" "$MANIFESTS/$1.yaml"
}

manifest_rm() { rm -f "$MANIFESTS/$1.yaml"; }

eventually() {
	local limit=10 end

	[[ $1 != -t ]] || { limit=$2; shift 2; }
	# WR_PATIENCE: how many times slower than the machines these limits were made for.
	end=$((SECONDS + limit * ${WR_PATIENCE:-1}))
	until "$@" >"$WR_T/eventually" 2>&1; do
		if ((SECONDS >= end)); then
			echo "not within $limit s: $*"
			cat "$WR_T/eventually"
			return 1
		fi
		sleep 0.05
	done
	cat "$WR_T/eventually"
}

fails() { ! "$@"; }

gone() { ! kill -0 "$1" 2>/dev/null; }

# --- underlay

netns_add() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	ip netns exec "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
}

fabric_up() {
	netns_add fabric
	ip -n fabric link add br0 type bridge
	ip -n fabric addr add "$U4.1/24" dev br0
	ip -n fabric addr add "${U6}:1/64" dev br0 nodad
	ip -n fabric link set br0 up
	ip netns exec fabric sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# node_index NAME: a is 11, b is 12, ...
node_index() { printf '%d' "$((10 + $(printf '%d' "'$1") - 96))"; }

node_up() {
	local name=$1 i ns=n-$1

	i=$(node_index "$name")
	NODE_INDEX[$name]=$i
	netns_add "$ns"
	ip -n "$ns" link add eth0 type veth peer name "port-$name" netns fabric
	ip -n fabric link set "port-$name" master br0 up
	ip -n "$ns" addr add "$U4.$i/24" dev eth0
	ip -n "$ns" addr add "$U6:$i/64" dev eth0 nodad
	ip -n "$ns" link set eth0 up
	ip -n "$ns" route add default via "$U4.1"
	ip -n "$ns" -6 route add default via "$U6:1"
	mkdir -p "$WR_CGROUP/$name/node"
	node_manifest "$name" "$U4.$i" "$U6:$i"
}

node_manifest() {
	local i=${NODE_INDEX[$1]}

	manifest "node-$1" <<-Y
		apiVersion: v1
		kind: Node
		metadata:
		  name: node-$1
		  labels: {kubernetes.io/hostname: node-$1, topology.kubernetes.io/zone: zone-$1}
		spec:
		  podCIDR: $POD4_NET.$i.0/24
		  podCIDRs: ["$POD4_NET.$i.0/24", "$POD6_NET:$i::/64"]
		status:
		  addresses:
		  - {type: InternalIP, address: "$2"}
		  - {type: InternalIP, address: "$3"}
		  - {type: Hostname, address: node-$1}
	Y
}

nodes_up() {
	local name

	[[ -n ${MANIFESTS-} ]] || cluster_init
	fabric_up
	for name; do node_up "$name"; done
}

# Each node in a subnet of its own (10.31.<i>.0/24) behind the fabric, which routes between them.
nodes_up_routed() {
	local name i ns

	[[ -n ${MANIFESTS-} ]] || cluster_init
	fabric_up
	for name; do
		i=$(node_index "$name") ns=n-$name
		NODE_INDEX[$name]=$i
		netns_add "$ns"
		ip -n "$ns" link add eth0 type veth peer name "port-$name" netns fabric
		ip -n fabric addr add "10.31.$i.1/24" dev "port-$name"
		ip -n fabric addr add "fd31:$i::1/64" dev "port-$name" nodad
		ip -n fabric link set "port-$name" up
		ip -n "$ns" addr add "10.31.$i.2/24" dev eth0
		ip -n "$ns" addr add "fd31:$i::2/64" dev eth0 nodad
		ip -n "$ns" link set eth0 up
		ip -n "$ns" route add default via "10.31.$i.1"
		ip -n "$ns" -6 route add default via "fd31:$i::1"
		mkdir -p "$WR_CGROUP/$name/node"
		node_manifest "$name" "10.31.$i.2" "fd31:$i::2"
	done
}

# in_cgroup DIR CMD...: joins, then runs.
in_cgroup() {
	local dir=$1

	shift
	mkdir -p "$dir"
	bash -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$dir" "$@"
}

node() {
	local name=$1

	shift
	in_cgroup "$WR_CGROUP/$name/node" nsenter --net="/run/netns/n-$name" -- "$@"
}

outside() { ip netns exec fabric "$@"; }

# --- agents

agent_spawn() {
	local name=$1

	shift
	# The process itself, not a shell around it: agent_kill must not miss.
	(
		echo "$BASHPID" >"$WR_CGROUP/$name/node/cgroup.procs"
		exec nsenter --net="/run/netns/n-$name" -- "${WR_AGENT:-weir-agent}" --instance "$name" --node "node-$name" \
			--manifests "$MANIFESTS" --cgroup-root "$WR_CGROUP/$name" --install-cni=false "$@"
	) >>"$WR_T/log/agent-$name" 2>&1 3>&- 4>&- &
	AGENT_PID[$name]=$!
}

agent_start() {
	agent_spawn "$@"
	# The first load verifies every program: seconds, where processors are shared.
	eventually -t 60 weir status --instance "$1" --ready || { agent_log "$1" | tail -n 20; return 1; }
}

agent_kill() {
	local pid=${AGENT_PID[$1]}

	kill "-${2:-KILL}" "$pid"
	wait "$pid" 2>/dev/null || true
	# It may be another shell's child.
	eventually gone "$pid"
	unset "AGENT_PID[$1]"
}

agent_log() { cat "$WR_T/log/agent-$1"; }

# --- pods

cni_config() { # NODE
	printf '{"cniVersion":"1.1.0","name":"weir","type":"weir-cni","instance":"%s","capabilities":{"portMappings":true}}' "$1"
}

# cni VERB POD [STDIN-FILE]: the plugin as a runtime calls it, on the pod's node.
cni() {
	local verb=$1 name=$2 where=${POD_NODE[$2]}

	CNI_COMMAND=$verb CNI_CONTAINERID=c-$name CNI_NETNS=/run/netns/p-$name CNI_IFNAME=eth0 \
		CNI_PATH=$WR_BUILD/bin \
		CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=${POD_NS[$name]:-default};K8S_POD_NAME=$name;K8S_POD_UID=${POD_UID[$name]:-uid-$name}" \
		node "$where" weir-cni
}

pod_up() {
	local where=$1 name=$2 result

	shift 2
	POD_NODE[$name]=$where POD_NS[$name]=${NAMESPACE:-default}
	ip netns add "p-$name"
	pod_manifest "$name" "" "" "$@"
	result=$(cni_config "$where" | jq -c "${POD_CONFIG:-.}" | cni ADD "$name") || { printf '%s\n' "$result"; return 1; }
	POD_IP4[$name]=$(jq -r '.ips[].address' <<<"$result" | sed -n 's,/32$,,p')
	POD_IP6[$name]=$(jq -r '.ips[].address' <<<"$result" | sed -n 's,/128$,,p')
	pod_manifest "$name" "${POD_IP4[$name]}" "${POD_IP6[$name]}" "$@"
}

pod_manifest() {
	local name=$1 ip4=$2 ip6=$3 labels

	shift 3
	labels=$(printf '%s\n' "$@" | sed -nE 's/^([^=]+)=(.*)$/\1: "\2"/p' | paste -sd, -)
	manifest "pod-$name" <<-Y
		apiVersion: v1
		kind: Pod
		metadata:
		  name: $name
		  namespace: ${POD_NS[$name]:-default}
		  uid: uid-$name
		  labels: {$labels}
		spec:
		  nodeName: node-${POD_NODE[$name]}
		  containers:
		  - name: main
		    ports:
		    - {name: http, containerPort: 8080, protocol: TCP}
		    - {name: dns, containerPort: 5353, protocol: UDP}
		status:
		  phase: $([[ -n $ip4$ip6 ]] && echo Running || echo Pending)
		  conditions: [{type: Ready, status: "$([[ -n $ip4$ip6 ]] && echo True || echo False)"}]
		  podIPs: [$([[ -z $ip4 ]] || printf '{ip: "%s"}' "$ip4")$([[ -z $ip4 || -z $ip6 ]] || printf ', ')$([[ -z $ip6 ]] || printf '{ip: "%s"}' "$ip6")]
	Y
}

pod_down() {
	cni_config "${POD_NODE[$1]}" | cni DEL "$1"
	manifest_rm "pod-$1"
	ip netns del "p-$1"
	unset "POD_IP4[$1]" "POD_IP6[$1]"
}

pod() {
	local name=$1

	shift
	in_cgroup "$WR_CGROUP/${POD_NODE[$name]}/pod-$name" nsenter --net="/run/netns/p-$name" -- "$@"
}

pod4() { printf '%s' "${POD_IP4[$1]}"; }
pod6() { printf '%s' "${POD_IP6[$1]}"; }

pod_mtu() { pod "$1" ip -o link show eth0 | sed -E 's/.* mtu ([0-9]+) .*/\1/'; }

# serve POD PROTO PORT: a server in the pod, on both families, that answers with the pod's name.
serve() {
	pod "$1" peer serve "$2" :: "$3" "$1" >"$WR_T/log/serve-$1-$2-$3" 2>&1 3>&- 4>&- &
	eventually grep -q ready "$WR_T/log/serve-$1-$2-$3" >/dev/null || { cat "$WR_T/log/serve-$1-$2-$3"; return 1; }
}

# --- services

# service NAME PORT TARGET [PROTO [SPEC-LINE...]] -- POD...
service() {
	local name=$1 port=$2 target=$3 proto=TCP extra=() i

	shift 3
	[[ $1 == -- ]] || { proto=$1; shift; }
	while [[ $1 != -- ]]; do extra+=("$1"); shift; done
	shift
	SVC_INDEX[$name]=${SVC_INDEX[$name]:-$((${#SVC_INDEX[@]} + 10))}
	i=${SVC_INDEX[$name]}
	manifest "svc-$name" <<-Y
		apiVersion: v1
		kind: Service
		metadata: {name: $name, namespace: default}
		spec:
		  type: ClusterIP
		  clusterIP: $SVC4_NET.$i
		  clusterIPs: ["$SVC4_NET.$i", "$SVC6_NET:$i"]
		  ipFamilies: [IPv4, IPv6]
		  ipFamilyPolicy: RequireDualStack
		  ports: [{name: main, port: $port, protocol: $proto, targetPort: $target}]
		$(printf '  %s\n' "${extra[@]}")
	Y
	endpoints "$name" "$target" "$proto" "$@"
}

# endpoints SERVICE TARGET PROTO POD[:terminating|:notready]...
endpoints() {
	local name=$1 target=$2 proto=$3

	shift 3
	slice "$name" IPv4 "$target" "$proto" "$@" >"$WR_T/slices"
	echo --- >>"$WR_T/slices"
	slice "$name" IPv6 "$target" "$proto" "$@" >>"$WR_T/slices"
	manifest "slice-$name" <"$WR_T/slices"
}

slice() {
	local name=$1 family=$2 target=$3 proto=$4 p state ip

	shift 4
	cat <<-Y
		apiVersion: discovery.k8s.io/v1
		kind: EndpointSlice
		metadata:
		  name: $name-${family,,}
		  namespace: default
		  labels: {kubernetes.io/service-name: $name}
		addressType: $family
		ports: [{name: main, port: $target, protocol: $proto}]
		endpoints:$([[ $# != 0 ]] || echo ' []')
	Y
	for p; do
		state=${p#*:} p=${p%%:*}
		[[ $state != "$p" ]] || state=ready
		ip=${POD_IP4[$p]}
		[[ $family == IPv4 ]] || ip=${POD_IP6[$p]}
		case $state in
		ready) state='ready: true, serving: true, terminating: false' ;;
		notready) state='ready: false, serving: false, terminating: false' ;;
		terminating) state='ready: false, serving: true, terminating: true' ;;
		esac
		printf -- '- {addresses: ["%s"], nodeName: node-%s, zone: zone-%s, conditions: {%s}, targetRef: {kind: Pod, name: %s, namespace: default}}\n' \
			"$ip" "${POD_NODE[$p]}" "${POD_NODE[$p]}" "$state" "$p"
	done
}

svc4() { printf '%s.%s' "$SVC4_NET" "${SVC_INDEX[$1]}"; }
svc6() { printf '%s:%s' "$SVC6_NET" "${SVC_INDEX[$1]}"; }

# --- what every run ends with

# has_backend NODE PROTOCOL ADDRESS PORT: connections of the pod "client" to this service would be taken somewhere. Before its
# slices are read a service refuses them, which counts as drops.
has_backend() {
	local to=$3

	[[ $to != *:* ]] || to="[$to]"
	weir lb lookup --instance "$1" --proto "$2" -o json client "$to:$4" | jq -e '.answers[0].name != null'
}

# no_drops NODE [REASON...]: nothing was dropped but for these reasons.
no_drops() {
	local name=$1 allowed

	shift
	allowed=$(printf '%s\n' "$@" | jq -Rn '[inputs]')
	weir drops --instance "$name" -o json |
		jq -e --argjson ok "$allowed" '[.items[] | select(.packets > 0) | select(.name as $n | $ok | index($n) | not)] |
			if length == 0 then true else (., false) end' || { weir drops --instance "$name"; return 1; }
}

cluster_logs() {
	local f

	for f in "$WR_T"/log/agent-*; do printf '== %s\n' "${f##*/}"; tail -n 20 "$f"; done
}

# bats runs each test in a process of its own: what setup_file learned is kept on disk.
save_cluster() {
	declare -p WR_T MANIFESTS NODE_INDEX POD_NODE POD_NS POD_IP4 POD_IP6 AGENT_PID SVC_INDEX |
		sed 's/^declare --/declare -g/; s/^declare -A/declare -gA/' >"$BATS_FILE_TMPDIR/cluster"
}

# What bats waits for: every process of the nodes and pods that is still there.
cluster_down() {
	local procs

	mapfile -t procs < <(find "$WR_CGROUP" -name cgroup.procs -exec cat {} +)
	[[ ${#procs[@]} == 0 ]] || kill -KILL "${procs[@]}" 2>/dev/null || true
}

restore_cluster() {
	# shellcheck source=/dev/null
	. "$BATS_FILE_TMPDIR/cluster"
	export WEIR_STATE_DIR=$WR_T/state WEIR_RUN_DIR=$WR_T/run
}
