# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The plugin as a runtime calls it, for its end-to-end tests; on top of nodes.bash, which makes node "a".
#
#	sandbox_add NAME               an empty network namespace p-NAME, as a runtime makes it before ADD
#	conf [JQ-FILTER]               the network configuration, changed by the filter
#	plugin VERB NAME [VAR=VALUE...] < CONFIGURATION    CNI_CONTAINERID is c-NAME; an empty VALUE unsets
#	add NAME, del NAME [JQ...]     the same with conf
#	check NAME RESULT-FILE         CHECK with that prevResult
#	code N CMD...                  the command fails with this CNI error code; its words are in $msg
#	nothing_left NAME...           no trace of these containers: record, tombstone, lease, link, pin, endpoint
#	clean_node                     no trace of any container
#	clean_or_sweep                 the same; what is left is taken away, so that the next test starts from nothing

setup_node() {
	nodes_up a
	agent_start a "$@"
	save_cluster
}

agent_signal() { kill "-$1" "${AGENT_PID[a]}"; }

sandbox_add() {
	local n

	for n; do netns_add "p-$n"; done
}

sandbox_del() {
	local n

	for n; do ip netns del "p-$n"; done
}

conf() { cni_config a | jq -c "${1:-.}"; }

plugin() {
	local verb=$1 name=$2 vars v

	shift 2
	vars=(CNI_COMMAND="$verb" CNI_CONTAINERID="c-$name" CNI_NETNS="/run/netns/p-$name" CNI_IFNAME=eth0
		CNI_PATH="$CNI_PLUGINS" CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=$name;K8S_POD_UID=uid-$name")
	for v; do vars+=("$v"); done
	node a env "${vars[@]}" weir-cni
}
CNI_PLUGINS=/usr/lib/cni

add() { conf "${2-}" | plugin ADD "$1"; }
del() { conf "${2-}" | plugin DEL "$1"; }

check() {
	cni_config a | jq -c --slurpfile r "$2" '.prevResult = $r[0]' | plugin CHECK "$1"
}

# The error object is on standard output.
code() {
	local want=$1 out rc=0

	shift
	out=$("$@") || rc=$?
	if [[ $rc == 0 ]]; then
		echo "succeeded, not error $want: $*"
		return 1
	fi
	# shellcheck disable=SC2034 # the caller's
	msg=$(jq -r .msg <<<"$out")
	if [[ $(jq -r .code <<<"$out") != "$want" ]]; then
		echo "not error $want: $out"
		return 1
	fi
	[[ $(jq -r '.cniVersion | length > 0' <<<"$out") == true ]]
}

state() { printf '%s/state/a' "$WR_T"; }
pins() { printf '/sys/fs/bpf/weir/a/%s' "$(ls /sys/fs/bpf/weir/a)"; }
leases() { { weir ipam --instance a -o json || true; } | jq -r '.items[] | select(.state != "resting") | .container'; }
enforced() { { weir endpoints --instance a -o json || true; } | jq -r '.items[].container'; }
pod_links() { ip -n n-a -o link | grep -oE ' wr[0-9a-f]{10}' || true; }
files() { find "$(state)/$1" -type f 2>/dev/null || true; }

# Prints what is left, in the kernel's and on disk; all_traces also what the agent enforces.
some_traces() { node a traces "$(state)" "$(pins)"; }
all_traces() {
	some_traces
	enforced | sed 's/^/endpoint /'
}

no_traces() {
	local left

	left=$("$@") || return 1
	[[ -z $left ]] || { echo "$left"; return 1; }
}
clean_node() { no_traces all_traces; }

nothing_left() {
	local n all

	all=$(leases; enforced; cat "$(state)"/endpoints/*.json "$(state)"/tombstones/*.json 2>/dev/null || true)
	for n; do
		if grep -q "c-$n\b" <<<"$all"; then
			echo "left of $n: $all"
			return 1
		fi
	done
}

clean_or_sweep() {
	local n

	clean_node && return
	for n in weir other; do
		conf ".name = \"$n\" | .\"cni.dev/valid-attachments\" = []" | plugin GC x >/dev/null || true
	done
	for n in $(ip netns list | grep -oE '^p-[^ ]+'); do ip netns del "$n"; done
	return 1
}
