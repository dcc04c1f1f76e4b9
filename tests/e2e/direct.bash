# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests of direct server return share, on top of nodes.bash and services.bash: nodes a, b and c with a backend each, clients outside
# who come by one of them.
#
#	direct_up                      agents, pods and the service "web" on $VIP4 and $VIP6
#	counted HOOK-TABLE             counters for answers that the nodes send: "inet" where the fabric routes, "bridge" where it switches
#	answers_by NODE                packets from the service's addresses since then
#	dsr_is NODE N                  how many other nodes get it there

VIP4=192.0.2.10 VIP6=2001:db8::10

direct_up() {
	local n

	for n in a b c; do agent_spawn $n --load-balancer-mode dsr "$@"; done
	for n in a b c; do eventually -t 90 weir status --instance $n --ready >/dev/null; done
	webs_up
	pod_up c three app=web
	serve three tcp 8080
	serve three udp 8080
	svc web "$PORTS" "type: LoadBalancer" "externalIPs: [192.0.2.11, '2001:db8::11']" \
		"status: {loadBalancer: {ingress: [{ip: $VIP4}, {ip: '$VIP6'}]}}"
	eps web "$WEB" one two three
}

PORTS='{name: main, port: 80, targetPort: 8080, nodePort: 30080, protocol: TCP}, {name: udp, port: 80, targetPort: 8080, nodePort: 30080, protocol: UDP}'

counted() {
	local n

	outside nft delete table "$1" answers 2>/dev/null || true
	{
		echo "table $1 answers {"
		for n in a b c; do printf 'counter %s {}\n' "$n"; done
		echo 'chain in { type filter hook input priority -300;'
		for n in a b c; do
			printf 'iifname port-%s ip saddr 192.0.2.0/24 counter name %s\n' "$n" "$n"
			printf 'iifname port-%s ip6 saddr 2001:db8::/64 counter name %s\n' "$n" "$n"
		done
		printf '}\n}\n'
	} | outside nft -f -
	COUNTED=$1
}

answers_by() {
	outside nft -j list counters table "$COUNTED" answers |
		jq --arg n "$1" '[.nftables[] | .counter? // empty | select(.name == $n) | .packets] | add'
}

dsr_is() { [ "$(weir status --instance "$1" -o json | jq .agent.load_balancing.dsr)" = "$2" ]; }

# own_address FAMILY ADDRESS: what the client outside speaks to it with.
own_address() { outside ip -j route get "$1" | jq -r '.[0].prefsrc // .[0].src'; }

# What the nodes have to say about a failure.
said() {
	local n

	for n in a b c; do
		weir status --instance $n | grep -E 'Routing|Load balancer'
		weir drops --instance $n
		weir flows --instance $n | tail -n 5
	done
}
