# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# The real kube-proxy with an API server of its own, for comparisons on nodes.bash's underlay: those of the test cluster
# ($CLUSTER_DIR/bin, tests/cluster/build), all in namespaces.
#
#	has_proxy              are they there?
#	api_up SERVICE-RANGE [FLAG...]   etcd and API server, outside; KUBECONFIG and API_TOKEN are set; FLAGs are the API server's
#	proxy_up MODE NAMESPACE [LINE...]   kube-proxy in a network namespace; LINEs go into its configuration

PROXY_BIN=${CLUSTER_DIR:-/var/tmp/weir-cluster}/bin
API_TOKEN=secret

has_proxy() {
	local b

	for b in etcd kube-apiserver kube-proxy kubectl; do [[ -x $PROXY_BIN/$b ]] || return 1; done
}

# In a cgroup of its own, so that cluster_down finds it.
background() { # NAME NAMESPACE CMD...
	local name=$1 ns=$2

	shift 2
	mkdir -p "$WR_CGROUP/others"
	(
		echo "$BASHPID" >"$WR_CGROUP/others/cgroup.procs"
		exec nsenter --net="/run/netns/$ns" -- "$@"
	) >"$WR_T/log/$name" 2>&1 3>&- 4>&- &
}

api_up() {
	local range=$1

	shift
	openssl ecparam -name prime256v1 -genkey -noout -out "$WR_T/sa.key" 2>/dev/null
	openssl ec -in "$WR_T/sa.key" -pubout -out "$WR_T/sa.pub" 2>/dev/null
	echo "$API_TOKEN,admin,admin,\"system:masters\"" >"$WR_T/tokens.csv"
	background etcd fabric "$PROXY_BIN/etcd" --data-dir "$WR_T/etcd" --unsafe-no-fsync --log-level error
	background apiserver fabric "$PROXY_BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
		--advertise-address="$U4.1" --secure-port=6443 --cert-dir="$WR_T/certs" --service-cluster-ip-range="$range" \
		--authorization-mode=AlwaysAllow --token-auth-file="$WR_T/tokens.csv" --allow-privileged=true \
		--disable-admission-plugins=ServiceAccount --service-account-issuer=https://kubernetes.default.svc \
		--service-account-key-file="$WR_T/sa.pub" --service-account-signing-key-file="$WR_T/sa.key" "$@"
	cat >"$WR_T/kubeconfig" <<-Y
		apiVersion: v1
		kind: Config
		clusters: [{name: c, cluster: {server: "https://$U4.1:6443", insecure-skip-tls-verify: true}}]
		users: [{name: u, user: {token: $API_TOKEN}}]
		contexts: [{name: x, context: {cluster: c, user: u}}]
		current-context: x
	Y
	export KUBECONFIG=$WR_T/kubeconfig
	eventually -t 120 outside "$PROXY_BIN/kubectl" get --raw /readyz >/dev/null || { tail "$WR_T/log/apiserver"; return 1; }
	eventually -t 60 outside "$PROXY_BIN/kubectl" get namespace default >/dev/null
}

proxy_up() {
	local mode=$1 ns=$2

	shift 2
	cat >"$WR_T/proxy-$ns.yaml" <<-Y
		apiVersion: kubeproxy.config.k8s.io/v1alpha1
		kind: KubeProxyConfiguration
		mode: $mode
		clientConnection: {kubeconfig: $WR_T/kubeconfig, qps: 1000, burst: 1000}
		conntrack: {maxPerCore: 0, min: 0}
		oomScoreAdj: 0
		$(printf '%s\n' "$@")
	Y
	background "proxy-$ns" "$ns" "$PROXY_BIN/kube-proxy" --config "$WR_T/proxy-$ns.yaml"
}
