/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* For the tests of the loader: reads beyond the packet, which the verifier refuses. */
#include "bpf/include/bpf.h"
#include "bpf/include/maps_ep.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tc")
int wr_pod_egress(struct __sk_buff *skb)
{
	return *(__u8 *)(long)skb->data;
}
