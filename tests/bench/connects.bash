# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Short connections through a ClusterIP, beside the real kube-proxy in both its modes on the same machine in the same run; sourced by
# tests/bench/run. Where kube-proxy is not there (tests/cluster/build makes it) the table says so, and has no baseline.
#
# Client and server are namespaces behind one router; it has the proxy's rules. Weir's are two pods of one node.
#
#	CONNECT_SERVICES="1 1000"    at these numbers of services, ascending (1 1000 10000 30000)
#	CONNECT_PROXIED=N            kube-proxy up to this number of services (1000): more takes many minutes
#	CONNECT_MODES="nftables"     of its modes (iptables nftables)
#
# kube-proxy is ended before the API server gets more services, and begins anew when it has them: beside a stream of changes it would do its work over and
# over. How long it takes from its start until the last service answers has a row of its own.
#	CONNECT_PATIENCE=SECONDS     for kube-proxy to have the last service in force (300)

# shellcheck source=tests/cluster/proxy.bash disable=SC2154 # run has set $top
. "$top/tests/cluster/proxy.bash"

# Service number I, port 80. (The API server has the first addresses for itself.)
connect_address() { printf '10.98.%d.%d' $((($1 + 256) >> 8)) $((($1 + 256) & 255)); }

# connect_objects FORMAT FIRST LAST SERVER: services with four endpoints that nobody has each, the last with SERVER alone. FORMAT
# is yaml, or curl: its configuration, with a request for each object.
connect_objects() {
	awk -v format="$1" -v first="$2" -v last="$3" -v server="$4" -v api="https://127.0.0.1:6443" -v token="$API_TOKEN" '
		function address(a) { return sprintf("{\"addresses\": [\"11.%d.%d.%d\"]}", a / 65536, a / 256 % 256, a % 256) }
		function endpoints(n) {
			if (n == last)
				return "{\"addresses\": [\"" server "\"]}"
			return address(n * 4) ", " address(n * 4 + 1) ", " address(n * 4 + 2) ", " address(n * 4 + 3)
		}
		function object(path, text) {
			if (format == "yaml") {
				print "---\n" text
				return
			}
			gsub(/"/, "\\\"", text)
			if (begun++)
				print "next"
			printf "url = \"%s/%s\"\ninsecure\nfail\nsilent\noutput = \"/dev/null\"\n", api, path
			printf "header = \"Content-Type: application/json\"\nheader = \"Authorization: Bearer %s\"\ndata = \"%s\"\n", token, text
		}
		BEGIN {
			for (n = first; n <= last; n++) {
				object("api/v1/namespaces/default/services", sprintf("{\"apiVersion\": \"v1\", \"kind\": \"Service\", " \
					"\"metadata\": {\"name\": \"bench-%d\", \"namespace\": \"default\"}, " \
					"\"spec\": {\"clusterIP\": \"10.98.%d.%d\", \"ports\": [{\"port\": 80}]}}", n, (n + 256) / 256, (n + 256) % 256))
				object("apis/discovery.k8s.io/v1/namespaces/default/endpointslices", sprintf( \
					"{\"apiVersion\": \"discovery.k8s.io/v1\", \"kind\": \"EndpointSlice\", \"metadata\": {\"name\": \"bench-%d\", " \
					"\"namespace\": \"default\", \"labels\": {\"kubernetes.io/service-name\": \"bench-%d\"}}, " \
					"\"addressType\": \"IPv4\", \"ports\": [{\"name\": \"\", \"port\": 7000, \"protocol\": \"TCP\"}], " \
					"\"endpoints\": [%s]}", n, n, endpoints(n)))
			}
		}'
}

# proxied_up MODE: client, router and server, and kube-proxy on the router.
proxied_up() {
	local end i=0 at=201

	[[ $1 == iptables ]] || at=202
	netns_add "router-$1"
	ip netns exec "router-$1" sysctl -qw net.ipv4.ip_forward=1
	ip -n "router-$1" link add eth0 type veth peer name "port-$at" netns fabric
	ip -n fabric link set "port-$at" master br0 up
	ip -n "router-$1" addr add "$U4.$at/24" dev eth0
	ip -n "router-$1" link set eth0 up
	ip -n "router-$1" route add default via "$U4.1"
	for end in client server; do
		i=$((i + 1))
		netns_add "$1-$end"
		ip -n "$1-$end" link add eth0 type veth peer name "$end" netns "router-$1"
		ip -n "$1-$end" addr add "10.70.$i.2/24" dev eth0
		ip -n "$1-$end" link set eth0 up
		ip -n "router-$1" addr add "10.70.$i.1/24" dev "$end"
		ip -n "router-$1" link set "$end" up
		ip -n "$1-$end" route add default via "10.70.$i.1"
	done
	serving "$1-server"
	printf '{apiVersion: v1, kind: Node, metadata: {name: router-%s}, status: {addresses: [{type: InternalIP, address: %s}]}}' \
		"$1" "$U4.$at" | outside "$PROXY_BIN/kubectl" create -f - >/dev/null
}

proxied_begin() { # MODE
	proxy_up "$1" "router-$1" "hostnameOverride: router-$1" "clusterCIDR: 10.70.0.0/16" \
		"healthzBindAddress: 127.0.0.1:10256" "metricsBindAddress: 127.0.0.1:10249"
}

nobody_in() { [[ -z $(ip netns pids "$1") ]]; }

proxied_end() { # MODE
	ip netns pids "router-$1" | xargs -r kill
	eventually -t 60 nobody_in "router-$1"
}

# at WHO CMD...: where the client of kube-proxy's mode, or Weir's, is.
at() {
	if [[ $1 == weir ]]; then
		pod connect-client "${@:2}"
	else
		ip netns exec "$1-client" "${@:2}"
	fi
}

# A connection that is not made ends a turn, and not the benches.
connects() { # WHO N
	at "$1" timeout 10 pingpong connect "$(connect_address "$2")" 80 0.5 >>"$WR_T/connects-$1" ||
		echo "$1, $2 services: a turn hung" >&2
}

answers() { at "$1" timeout 2 pingpong connect "$(connect_address "$2")" 80 0.01; }

# more_services FIRST LAST: for Weir, and for kube-proxy where it is.
more_services() {
	local mode f

	# One file a thousand, since a file is read as a whole when it changes.
	connect_objects yaml "$1" "$2" "$(pod4 connect-server)" | awk -v dir="$MANIFESTS" -v first="$1" '
		/^---/ { if (n++ % 2000 == 0) { close(f); f = dir "/.bench-" first "-" n } }
		{ print >f }'
	for f in "$MANIFESTS"/.bench-*; do mv "$f" "${f/.bench/bench}.yaml"; done
	eventually -t 120 answers weir "$2" >/dev/null
	[[ ${#proxies[@]} != 0 ]] || return 0
	for mode in "${proxies[@]}"; do proxied_end "$mode"; done
	connect_objects curl "$1" "$2" 10.70.2.2 >"$WR_T/requests"
	outside curl --silent --no-progress-meter --parallel --parallel-max 64 --config "$WR_T/requests" ||
		{ echo "the API server did not take all services" >&2; return 1; }
}

connect_rows() { # N
	local mode i who begun

	for who in "${proxies[@]}"; do
		begun=$EPOCHREALTIME
		proxied_begin "$who"
		if eventually -t "${CONNECT_PATIENCE:-300}" answers "$who" "$1" >/dev/null; then
			bare_row "kube-proxy, $who: $1 services in force after its start" s \
				"$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')" ''
		else
			echo "kube-proxy, $who: $1 services are not in force after ${CONNECT_PATIENCE:-300} s" >&2
		fi
	done
	rm -f "$WR_T"/connects-*
	for i in 1 2 3 4 5; do
		for who in "${proxies[@]}"; do
			! answers "$who" "$1" >/dev/null 2>&1 || connects "$who" "$1"
		done
		connects weir "$1"
	done
	for mode in ${CONNECT_MODES:-iptables nftables}; do
		if [[ -s $WR_T/connects-$mode ]]; then
			row "short connections, the last of $1 services" /s "$(median <"$WR_T/connects-weir")" \
				"kube-proxy, $mode" "$(median <"$WR_T/connects-$mode")" '>=' 1
		else
			bare_row "short connections, the last of $1 services" /s "$(median <"$WR_T/connects-weir")" "kube-proxy, $mode: $missing"
		fi
	done
}

part_connects() {
	local n had=0 mode proxies=() missing='not in force in time'

	cluster_once
	pod_up a connect-client
	pod_up a connect-server
	serving p-connect-server
	if has_proxy; then
		api_up 10.98.0.0/16
		for mode in ${CONNECT_MODES:-iptables nftables}; do
			proxied_up "$mode"
			proxies+=("$mode")
		done
	else
		missing="not there ($PROXY_BIN)"
		echo "kube-proxy is not there (tests/cluster/build makes it): short connections have no baseline" >&2
	fi
	for n in ${CONNECT_SERVICES:-1 1000 10000 30000}; do
		if [[ ${#proxies[@]} != 0 && $n -gt ${CONNECT_PROXIED:-1000} ]]; then
			proxies=()
			missing="not measured beyond ${CONNECT_PROXIED:-1000} services (CONNECT_PROXIED)"
		fi
		more_services $((had + 1)) "$n"
		had=$n
		connect_rows "$n"
	done
	row "agent RSS with $had services x 4" MB \
		"$(awk '/^VmRSS/ { print $2 * 1024 / 1e6 }' "/proc/$(weir_agent_pid a)/status")" '' '' '<=' 60
}
