/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of interfaces. */
#ifndef WR_NL_NADDR_H
#define WR_NL_NADDR_H

#include "lib/base/addr.h"
#include "lib/nl/nl.h"

struct wr_naddr {
	uint32_t ifindex;
	struct wr_prefix prefix; /* the address itself and the on-link length */
	uint32_t flags;          /* IFA_F_*; put: IPv6 always gets IFA_F_NODAD */
	uint8_t scope;           /* RT_SCOPE_* */
};

struct wr_naddrs {
	WR_VEC(struct wr_naddr) v;
};
#define wr_auto_naddrs wr_cleanup(wr_naddrs_done) struct wr_naddrs
void wr_naddrs_done(struct wr_naddrs *a);

/* Usable at once (no duplicate address detection). Idempotent. */
void wr_naddr_put(struct wr_nl_batch *b, const struct wr_naddr *a);
void wr_naddr_del(struct wr_nl_batch *b, const struct wr_naddr *a);
/* Both families. @ifindex 0: of every interface. */
int wr_naddr_dump(struct wr_nl *nl, uint32_t ifindex, struct wr_naddrs *ret);
int wr_naddr_decode(const struct nlmsghdr *msg, struct wr_naddr *ret);

#endif
