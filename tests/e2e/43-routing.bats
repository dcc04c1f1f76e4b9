#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which way packets take between nodes: proven, forced or by the other family; and the MTU that each way leaves to pods.

setup_file() {
	load nodes
	nodes_up a b
	agent_start a
	pod_up a client app=client
	save_cluster
}

setup() { load nodes && restore_cluster; }

teardown() {
	[[ -n $BATS_TEST_COMPLETED ]] || cluster_logs
	save_cluster
}

teardown_file() { load nodes && restore_cluster && cluster_down; }

# way NODE TO [FAMILY]: how NODE reaches the pods of TO.
ways() { weir nodes --instance "$1" -o json | jq -r --arg n "node-$2" '.items[] | select(.name == $n) | .via'; }
way_is() { [ "$(ways "$1" "$2")" = "$3" ]; }
both_ways_are() { way_is a b "$1" && way_is b a "$1"; }

reaches_far() { pod client peer ask tcp "$(pod4 far)" 8080 && pod client peer ask tcp "$(pod6 far)" 8080; }

# tunnelled CMD...: how many packets of the tunnel cross the fabric while CMD runs.
tunnelled() {
	local n

	outside nft delete table inet count 2>/dev/null || true
	outside nft -f - <<-N
		table bridge count {
			counter vxlan {}
			chain forward { type filter hook forward priority 0; udp dport 4789 counter name vxlan; }
		}
	N
	"$@" >/dev/null
	n=$(outside nft -j list counters table bridge count | jq '[.nftables[] | .counter? // empty | .packets] | add')
	outside nft delete table bridge count
	printf '%s' "$n"
}

# cut FAMILY ADDRESS-RANGE: the fabric drops what comes from there, as clouds do with addresses that they did not give out.
cut_pod_ranges() {
	outside nft -f - <<-N
		table bridge cloud {
			chain forward {
				type filter hook forward priority 0;
				ip saddr $POD4_NET.0.0/16 drop
				ip6 saddr $POD6_NET::/44 drop
			}
		}
	N
}

uncut() { outside nft delete table bridge cloud; }

@test "auto begins with the tunnel and goes direct when a probe from a pod's range is answered" {
	cut_pod_ranges
	agent_start b
	pod_up b far app=web
	serve far tcp 8080
	eventually reaches_far
	both_ways_are vxlan
	[ "$(tunnelled reaches_far)" -gt 4 ]
	uncut
	eventually -t 60 both_ways_are direct
	eventually reaches_far
	[ "$(tunnelled reaches_far)" -eq 0 ]
}

@test "auto goes back to the tunnel when probes are answered no more, and connections live on" {
	WEIR_PEER_TIMEOUT_MS=60000 pod client peer hold tcp "$(pod4 far)" 8080 30 >"$WR_T/hold" 3>&- 4>&- &
	hold=$!
	cut_pod_ranges
	eventually -t 60 both_ways_are vxlan
	eventually reaches_far
	# The node's own routes have moved as well.
	eventually node a peer ask tcp "$(pod4 far)" 8080
	eventually node a peer ask tcp "$(pod6 far)" 8080
	uncut
	eventually -t 60 both_ways_are direct
	reaches_far
	eventually node a peer ask tcp "$(pod6 far)" 8080
	wait $hold
	grep -q 'lost 0' "$WR_T/hold"
}

@test "routing: vxlan tunnels what could go directly" {
	for n in a b; do agent_kill $n; done
	for n in a b; do agent_start $n --routing vxlan; done
	both_ways_are vxlan
	eventually reaches_far
	[ "$(tunnelled reaches_far)" -gt 4 ]
}

@test "routing: direct never tunnels, has no overlay device, and gives pods the whole MTU" {
	for n in a b; do agent_kill $n; done
	for n in a b; do agent_start $n --routing direct; done
	both_ways_are direct
	eventually reaches_far
	[ "$(tunnelled reaches_far)" -eq 0 ]
	eventually mtu_everywhere client a 1500
	eventually mtu_everywhere far b 1500
	for n in a b; do agent_kill $n; done
	for n in a b; do agent_start $n; done
	eventually mtu_everywhere client a 1430
	eventually -t 60 both_ways_are direct
}

# mtu_everywhere POD NODE MTU: status, the pod's interface on both ends, and its routes of both families say so.
mtu_everywhere() {
	[ "$(weir status --instance "$2" -o json | jq '[.. | .mtu? // empty | numbers][0]')" = "$3" ] &&
		[ "$(pod_mtu "$1")" = "$3" ] &&
		node "$2" ip -o link | grep -qE "^[0-9]+: wr[0-9a-f]{10}@.* mtu $3 " &&
		[[ $(pod "$1" ip route show) != *mtu* ]]
}

# largest POD ADDRESS HEADERS: the packet that goes through without fragments.
goes_whole() { pod client ping -nc 1 -W 2 -M "do" -s $(($3 - $2)) "$1"; }

@test "the MTU of running pods follows the uplink down and up, on both ends, and traffic goes on" {
	pod far peer sink tcp :: 8090 >"$WR_T/log/sink" 3>&- 4>&- &
	eventually grep -q ready "$WR_T/log/sink"
	pod client peer hold tcp "$(pod4 far)" 8080 6 >"$WR_T/hold" 3>&- 4>&- &
	hold=$!
	for n in a b; do node $n ip link set eth0 mtu 1400; done
	eventually mtu_everywhere client a 1330
	eventually mtu_everywhere far b 1330
	goes_whole "$(pod4 far)" 28 1330
	goes_whole "$(pod6 far)" 48 1330
	fails goes_whole "$(pod4 far)" 28 1331
	for to in "$(pod4 far)" "$(pod6 far)"; do
		[ "$(pod client peer bulk tcp "$to" 8090 3000000)" = 3000000 ]
	done
	for n in a b; do node $n ip link set eth0 mtu 1500; done
	eventually mtu_everywhere client a 1430
	eventually mtu_everywhere far b 1430
	eventually goes_whole "$(pod4 far)" 28 1430
	eventually goes_whole "$(pod6 far)" 48 1430
	wait $hold
	grep -q 'lost 0' "$WR_T/hold"
}

@test "a restarted agent brings the MTU of pods up to date that changed while it was away" {
	agent_kill a
	node a ip link set eth0 mtu 1450
	agent_start a
	eventually mtu_everywhere client a 1380
	node a ip link set eth0 mtu 1500
	eventually mtu_everywhere client a 1430
}

@test "a family that a node has no address of tunnels over the other" {
	node_manifest_of_one b "$U4.12"
	node b ip -6 addr flush dev eth0 scope global
	eventually -t 30 way_of_v6_is_tunnelled || { node a ip -6 route; weir nodes --instance a; return 1; }
	eventually reaches_far
	[ "$(tunnelled pod client peer ask tcp "$(pod6 far)" 8080)" -gt 2 ]
	[ "$(pod client peer ask tcp "$(pod6 far)" 8080 | cut -d' ' -f2)" = "$(pod6 client)" ]
	node b ping -nc 1 -W 2 "$(pod4 client)"
	pod far ping -nc 2 -i 0.2 -W 2 "$(pod6 client)"
}

way_of_v6_is_tunnelled() { node a ip -6 route show "$POD6_NET:12::/64" | grep -q weir-vxlan; }

# The node's object with one address.
node_manifest_of_one() {
	sed "/InternalIP/d; s/^  addresses:/&\n  - {type: InternalIP, address: \"$2\"}/" "$MANIFESTS/node-$1.yaml" >"$WR_T/one"
	manifest "node-$1" <"$WR_T/one"
}
