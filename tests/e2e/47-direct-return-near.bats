#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2004,SC2034,SC2086,SC2154,SC2317 # arrays of nodes.bash; words without blanks
# Direct server return between neighbours, who need no tunnel for anything else: it is used where it has been seen to work.

setup_file() {
	load nodes
	load services
	load direct
	nodes_up a b c
	direct_up
	for i in 10 11; do
		ip -n fabric route add 192.0.2.$i/32 via "$(node4 a)"
		ip -n fabric -6 route add 2001:db8::$i/128 via "$(node6 a)"
	done
	eventually expect "one three two" ask outside tcp $VIP4 80 40
	save_cluster
}

setup() { load nodes && load services && load direct && restore_cluster; }

teardown() {
	[[ -n $BATS_TEST_COMPLETED ]] || said
	save_cluster
}

teardown_file() { load nodes && restore_cluster && cluster_down; }

all_direct() { weir status --instance a -o json | jq -e '.agent.routing | .direct == 2 and .vxlan == 0'; }

answered_directly() { # ADDRESS PROTO
	counted bridge
	expect "three two" ask outside $2 $1 80 40
	[ "$(answers_by a)" = 0 ] && [ "$(answers_by b)" -gt 0 ] && [ "$(answers_by c)" -gt 0 ]
}

@test "neighbours: pods' packets go directly, clients' through the tunnel, answers by neither" {
	eventually -t 60 all_direct
	eventually -t 60 dsr_is a 2
	eps web "$WEB" two three
	for address in $VIP4 $VIP6; do
		for proto in tcp udp; do
			eventually answered_directly $address $proto
			[ "$(sees outside $proto $address 80 | sort -u)" = "$(own_address $address)" ]
		done
	done
}

@test "where the tunnel does not work clients are masqueraded, and it is said" {
	outside nft -f - <<-N
		table bridge cut {
			chain forward { type filter hook forward priority 0; udp dport 4789 drop; }
		}
	N
	eventually -t 60 dsr_is a 0
	weir status --instance a | grep -q 'dsr; other nodes: 0 so, 2 by snat'
	for address in $VIP4 $VIP6; do
		for proto in tcp udp; do
			eventually expect "three two" ask outside $proto $address 80 40
		done
	done
	[ "$(sees outside tcp $VIP4 80 | sort -u)" = "$(node4 a)" ]
	outside nft delete table bridge cut
	eventually -t 60 dsr_is a 2
	eventually answered_directly $VIP4 tcp
}

@test "with routing: direct there is no tunnel: clients are masqueraded, and it is said" {
	for n in a b c; do agent_kill $n TERM; done
	for n in a b c; do agent_spawn $n --load-balancer-mode dsr --routing direct; done
	for n in a b c; do eventually -t 90 weir status --instance $n --ready >/dev/null; done
	dsr_is a 0
	weir status --instance a | grep -q 'loadBalancerMode dsr (it needs the tunnel; routing is direct)'
	[ "$(weir services --instance a | grep -c dsr)" = 0 ]
	for n in a b c; do
		for o in b c a; do
			[ $n = $o ] || ip -n n-$n route replace "$POD4_NET.${NODE_INDEX[$o]}.0/24" via "$(node4 $o)"
		done
	done
	eventually expect "three two" ask outside tcp $VIP4 80 40
	[ "$(sees outside tcp $VIP4 80 | sort -u)" = "$(node4 a)" ]
}
