/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* ICMP as far as programs look at it (RFC 792, RFC 4443, RFC 4861). */
#ifndef WR_BPF_ICMP_H
#define WR_BPF_ICMP_H

#include <linux/types.h>

/* Both families' ICMP (<linux/icmp.h> wants a C library). */
struct wr_icmphdr {
	__u8 type, code;
	__sum16 sum;
	__be16 id; /* echo */
	__be16 seq;
};

enum wr_icmp_type {
	WR_ICMP4_ECHO_REPLY = 0,
	WR_ICMP4_UNREACH = 3,
	WR_ICMP4_QUENCH = 4,
	WR_ICMP4_REDIRECT = 5,
	WR_ICMP4_ECHO = 8,
	WR_ICMP4_TIME_EXCEEDED = 11,
	WR_ICMP4_PARAMETER = 12,
	WR_ICMP6_UNREACH = 1,
	WR_ICMP6_TOO_BIG = 2,
	WR_ICMP6_TIME_EXCEEDED = 3,
	WR_ICMP6_INFO = 128, /* from here on no errors */
	WR_ICMP6_ECHO = 128,
	WR_ICMP6_ECHO_REPLY = 129,
	WR_ICMP6_MLD_QUERY = 130,
	WR_ICMP6_MLD_DONE = 132,
	WR_ICMP6_ROUTER_SOLICIT = 133,
	WR_ICMP6_NEIGH_SOLICIT = 135,
	WR_ICMP6_NEIGH_ADVERT = 136,
	WR_ICMP6_REDIRECT = 137,
	WR_ICMP6_MLD2_REPORT = 143,
};

#endif
