/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A test run carries no tunnel metadata: this gives the packet some, as the VXLAN device would, and goes on to "next". */
#include "tests/bpf/as_tunnelled.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct as_tunnelled);
} outer SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

SEC("tc")
int as_tunnelled(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = { .tunnel_id = 7 };
	const struct as_tunnelled *o;
	__u32 zero = 0;

	o = bpf_map_lookup_elem(&outer, &zero);
	if (!o)
		return TC_ACT_SHOT;
	/* Set as if to be sent, where the local address is the source. */
	if (o->v6)
		__builtin_memcpy(key.local_ipv6, o->source, sizeof(key.local_ipv6));
	else
		key.local_ipv4 = o->source[3];
	if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), o->v6 ? BPF_F_TUNINFO_IPV6 : 0))
		return TC_ACT_SHOT;
	bpf_tail_call(skb, &next, 0);
	return TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
