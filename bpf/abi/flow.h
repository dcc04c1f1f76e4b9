/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Flows: the one lookup per packet.
 *
 * Key: the ordered 5-tuple; "a" is the end whose (address, port) compares lower as raw words, so both
 * directions find the same entry. ICMP echo has ports too: the asking side's is the identifier, the answering side's
 * wr_flow_echo_port of it, so that requests under one identifier from either side are two flows.
 *
 * An untranslated flow has one entry. A translated one has two, which name each other through the
 * rewrite fields and share a nonce: one under the tuple that the originator sends (carries its packets), one
 * under the tuple that the answering side sees (carries the replies). Entries are complete before they are
 * inserted; afterwards only words change.
 */
#ifndef WR_ABI_FLOW_H
#define WR_ABI_FLOW_H

#include "bpf/abi/base.h"

struct wr_flow_key {
	struct wr_addr a, b;
	__be16 port_a, port_b;
	__u8 proto;
	__u8 alt; /* 1: the originator's tuple, where the plain key is the reply tuple of another flow */
	__u8 pad[2];
};
WR_ASSERT_SIZE(struct wr_flow_key, 40);

/*
 * The answering side's port of an echo with this identifier. Any other number does as long as no two identifiers are each
 * other's.
 */
static inline __be16 wr_flow_echo_port(__be16 id)
{
	return (__be16)(id + 1);
}

/* The key's hash, for the check that a flow carries. */
static inline __u64 wr_flow_hash(const struct wr_flow_key *key)
{
	__u64 ports = (__u64)key->port_a | (__u64)key->port_b << 16 | (__u64)key->proto << 32 |
		      (__u64)key->alt << 40;
	__u64 h;

	h = (key->a.d[0] + 0x9e3779b97f4a7c15ull) * 0xd6e8feb86659fd93ull;
	h ^= (key->a.d[1] + 0xc2b2ae3d27d4eb4full) * 0xa0761d6478bd642full;
	h += (key->b.d[0] + 0x165667b19e3779f9ull) * 0xe7037ed1a0b428dbull;
	h ^= (key->b.d[1] + 0x8ebc6af09c88c6e3ull) * 0x8ebc6af09c88c6e5ull;
	h = (h ^ h >> 29) + ports;
	h *= 0xff51afd7ed558ccdull;
	return h ^ h >> 32;
}

#define WR_FLOW_CHECK(hash) ((__u32)(hash))

/* Which of @shards (a power of two) has the key: less of a hash than that one, since each packet pays for it. */
static inline __u32 wr_flow_place(const struct wr_flow_key *key, __u32 shards)
{
	__u64 ports = (__u64)key->port_a | (__u64)key->port_b << 16;
	__u64 h = key->a.d[1] * 0x9e3779b97f4a7c15ull;

	h ^= (key->b.d[1] + ports) * 0xd6e8feb86659fd93ull;
	return (__u32)(h >> 48) & (shards - 1);
}

#define WR_FLOW_SHARDS_MAX 256

/* Bits of the state word. */
#define WR_FLOW_TCP_MASK    0xffull      /* enum wr_tcp_state */
#define WR_FLOW_ORIG_B      (1ull << 8)  /* the originator is the key's b end */
#define WR_FLOW_TRANSLATED  (1ull << 9)  /* packets are rewritten; has a partner entry */
#define WR_FLOW_REPLY_TUPLE (1ull << 10) /* this is the answering side's tuple */
#define WR_FLOW_ANSWERED    (1ull << 11) /* a reply was seen */
#define WR_FLOW_PROMOTED    (1ull << 12)
#define WR_FLOW_DEAD \
	(1ull << 13) /* packets treat it as a miss; deleted a second later at the earliest */
#define WR_FLOW_MASQ    (1ull << 14) /* source rewritten to a node address */
#define WR_FLOW_SERVICE (1ull << 15) /* destination rewritten to a backend */
#define WR_FLOW_SOCKET \
	(1ull << 16) /* balanced at the socket: backend is known, nothing is rewritten */
#define WR_FLOW_DSR \
	(1ull << 17) /* goes to the node of its backend (new_dst, new_dport) as it is; replies bypass this node */
#define WR_FLOW_FROM_HOST (1ull << 18) /* originated by this node */
#define WR_FLOW_FIN_ORIG  (1ull << 19)
#define WR_FLOW_FIN_REPLY (1ull << 20)
#define WR_FLOW_ONEWAY    (1ull << 21) /* promoted by age and count, never answered */
#define WR_FLOW_ALT       (1ull << 22) /* the originator's tuple has key.alt set (in both entries) */
#define WR_FLOW_STRANGER \
	(1ull << 23) /* one-way, to nobody of the cluster: may come to be a service's */
#define WR_FLOW_NAMES \
	(1ull << 24) /* with a name server: answers may have to wait (bpf/include/names.h) */

enum wr_tcp_state {
	WR_TCP_NONE, /* not TCP */
	WR_TCP_SYN_SENT,
	WR_TCP_SYN_RECV, /* answered by SYN-ACK */
	WR_TCP_ESTABLISHED,
	WR_TCP_FIN,     /* one side closed */
	WR_TCP_CLOSING, /* both closed */
	WR_TCP_RESET,
	WR_TCP_MAX,
};

/*
 * The judged word: verdicts in the low byte, above them the sum of every generation the verdict was made
 * from (source and destination endpoint, backend, both identities, globals). Counters only grow, so an equal sum
 * means that nothing moved.
 */
#define WR_JUDGED_EGRESS  1ull /* allowed by the sender's policy */
#define WR_JUDGED_INGRESS 2ull
#define WR_JUDGED_AUDIT   4ull /* would have been dropped */
#define WR_JUDGED_SHIFT   8

/* The way out, a word per direction: number of an endpoint or a next hop, and the next hop's generation. */
#define WR_OUT(number, gen) ((__u64)(number) | (__u64)(gen) << 32)
#define WR_OUT_EP           (1u << 31) /* the number is an endpoint's */
#define WR_OUT_NUMBER(word) ((__u32)(word))
#define WR_OUT_GEN(word)    ((__u32)((word) >> 32))

enum wr_flow_dir {
	WR_FLOW_ORIG, /* sent by the originator */
	WR_FLOW_REPLY,
	WR_FLOW_DIRS,
};

/* Ages are counted in 64 jiffies: 32 bits last for eight years at 1,000 a second. */
#define WR_FLOW_AGE_SHIFT          6
#define WR_FLOW_CREATED(jiffies64) ((__u32)((jiffies64) >> WR_FLOW_AGE_SHIFT))

/*
 * With its key and what the kernel keeps of each element (56 bytes) just 256, as the allocator hands them out: eight bytes
 * more would double what a flow takes.
 */
struct wr_flow {
	__u64 state;                     /* word */
	__u64 judged;                    /* word */
	__u64 out[WR_FLOW_DIRS];         /* words */
	__u64 packets[WR_FLOW_DIRS];     /* words; counted without locks, so near and not exact */
	__u64 bytes[WR_FLOW_DIRS];       /* words */
	struct wr_addr new_src, new_dst; /* the partner's tuple as this tuple's packets shall leave */
	__be16 new_sport, new_dport;
	__u16 l3_diff, l4_diff; /* checksum differences of the rewrite, folded (RFC 1624) */
	__u32 seen; /* word: low half of the jiffies of the last packet; written only when it changed */
	__u32 created;        /* WR_FLOW_CREATED */
	__u32 nonce;          /* shared with the partner */
	__u32 check;          /* hash of the key: LRU elements are recycled under a reader's feet */
	__u32 src_ep, dst_ep; /* WR_EP_NONE: not of this node */
	__u32 src_identity, dst_identity; /* one word together */
	__u32 backend;                    /* 0: none */
	__u32 service;                    /* service id, for display; 0: none */
	__u32 rule_egress, rule_ingress;  /* behind the verdicts; 0: none; one word together */
	__u32 tcp_ack;                    /* SYN-ACK's sequence number + 1, host byte order */
	__u32 in_ifindex; /* the uplink that the originator's packets came in by; 0: by none */
};
WR_ASSERT_SIZE(struct wr_flow, 160);
_Static_assert(56 + sizeof(struct wr_flow_key) + sizeof(struct wr_flow) <= 256, "an element of 256");

/*
 * Map wr_flows: array of maps with 2 * flow_shards places. Place i < flow_shards is shard i, a hash table. While a
 * table of another size drains, place flow_shards + i is the shard that it replaces: programs look there after a
 * miss in shard i, and insert into shard i only. Else those places are empty. The loader makes the inner maps.
 */

/* Context of the syscall program "sweep", which walks one shard; shard flow_shards is the LRU wr_new_flows. */
struct wr_sweep_args {
	__u32 shard;
	__u32 seen, marked, deleted; /* the answer */
};
WR_ASSERT_SIZE(struct wr_sweep_args, 16);

/*
 * Map wr_nat_hints: LRU. Which source ports of a crowded pair are likely in use: bit i is port nat_first + i. Only a
 * hint, for finding a free one at once; what is in use is decided by inserting the reply tuple. Kept from the first
 * collision of a pair on.
 */
struct wr_nat_pair {
	struct wr_addr src, dst; /* as the packets leave */
	__be16 dport;
	__u8 proto;
	__u8 pad[5];
};
WR_ASSERT_SIZE(struct wr_nat_pair, 40);

#define WR_NAT_PORTS_MAX 32768 /* of a pool */
#define WR_NAT_WORDS     (WR_NAT_PORTS_MAX / 64)
struct wr_nat_hint {
	__u64 full[WR_NAT_WORDS / 64]; /* bit w: used[w] has no zero */
	__u64 used[WR_NAT_WORDS];
	__u32 cursor; /* where to look for forgotten ones when all bits are set */
	__u32 looked; /* jiffies when all were looked at */
};
WR_ASSERT_SIZE(struct wr_nat_hint, 4168);

/* Map wr_fragments: LRU. A later fragment takes ports from here. */
struct wr_frag_key {
	struct wr_addr src, dst;
	__u32 id;      /* IPv4: 16 bits; IPv6: 32 bits, network byte order */
	__u32 ifindex; /* the hook's interface */
	__u8 proto;
	__u8 pad[7];
};
WR_ASSERT_SIZE(struct wr_frag_key, 48);

#define WR_FRAG_SECONDS 30 /* as long as Linux waits for the rest */
struct wr_frag {
	__be16 sport, dport;
	__u32 check;
	__u64 seen;
};
WR_ASSERT_SIZE(struct wr_frag, 16);

#endif
