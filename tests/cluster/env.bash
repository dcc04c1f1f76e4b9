# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Settings that all scripts of the test cluster share. Everything that is built or runs lives below $K, outside the tree.
S=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
TOP=$(cd "$S/../.." && pwd)
K=${CLUSTER_DIR:-/var/tmp/weir-cluster}
BIN=$K/bin IMG=$K/img RUN=$K/run LOG=$K/log NODES_DIR=$K/nodes
WEIR_BUILD=$(cd "$TOP" && realpath -m "${BUILD:-build}")

# A cluster that is up knows what it was made with, unless told otherwise.
# shellcheck source=/dev/null
[[ ! -s $RUN/settings ]] || . "$RUN/settings"

KUBERNETES=1.34.4
CP=k8s-cp                                # netns: control plane, underlay switch, outside client
read -ra NODES <<<"${CLUSTER_NODES:-a b c}"
U4=10.30.0 U6=fd30:                      # underlay: $U4.1 and $U6:1 are the control plane
FAMILIES=${CLUSTER_FAMILIES:-4 6}        # "4 6", "6 4", "4", "6"
NETWORK=${CLUSTER_NETWORK:-weir}         # weir (by the chart), agent (weir-agent started by hand), reference (ptp and kube-proxy), none
PROXY=${CLUSTER_PROXY:-nftables}         # kube-proxy's mode with reference
CONTAINERD=${CLUSTER_CONTAINERD:-1}     # 1: Debian's; 2: built from its module
CONTAINERD_PATH=
[[ $CONTAINERD != 2 ]] || CONTAINERD_PATH=$BIN/containerd-2
KC=$RUN/admin.kubeconfig
CG1="cpu cpuacct cpuset memory devices freezer blkio pids"

# by_family V4 V6: the two joined by a comma in the cluster's order of families.
by_family() {
	local f out=

	for f in $FAMILIES; do
		if [[ $f == 4 ]]; then out+=,$1; else out+=,$2; fi
	done
	printf '%s' "${out#,}"
}
POD_RANGES=$(by_family 10.244.0.0/16 fd00:10:244::/56)
SERVICE_RANGES=$(by_family 10.96.0.0/16 fd00:10:96::/112)
DNS=$(by_family 10.96.0.10 fd00:10:96::a)
DNS=${DNS%%,*}
API_ADDRESS=$(by_family $U4.1 $U6:1)
API_ADDRESS=${API_ADDRESS%%,*}
API_HOST=$API_ADDRESS
[[ $API_HOST != *:* ]] || API_HOST="[$API_HOST]"

node_index() { printf '%d' "$((10 + $(printf '%d' "'$1") - 96))"; } # a is 11, b is 12, ...
kubectl_() { ip netns exec "$CP" "$BIN/kubectl" --kubeconfig "$KC" "$@"; }
node_pid() { cat "$RUN/node-$1.pid"; }

# join_cgroups NODE: this shell goes into the node's cgroups, v1 and v2.
join_cgroups() {
	local c

	for c in $CG1 systemd unified; do
		echo $BASHPID >"/sys/fs/cgroup/$c/k8s-node-$1/cgroup.procs"
	done
}

# node_exec NODE CMD...: runs a command inside a node: its namespaces and its cgroups.
node_exec() {
	local n=$1 p

	shift
	p=$(node_pid "$n")
	(
		join_cgroups "$n"
		exec nsenter -t "$p" -m -u -i -n -p -C -- "$@"
	)
}
