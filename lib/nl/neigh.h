/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbour entries. */
#ifndef WR_NL_NEIGH_H
#define WR_NL_NEIGH_H

#include <linux/neighbour.h>

#include "lib/base/addr.h"
#include "lib/nl/nl.h"

struct wr_neigh {
	uint32_t ifindex;
	struct wr_addr addr;
	uint8_t mac[6]; /* zero: unresolved, or a proxy entry */
	uint16_t state; /* NUD_* */
	uint8_t flags;  /* NTF_* */
};

struct wr_neighs {
	WR_VEC(struct wr_neigh) v;
};
#define wr_auto_neighs wr_cleanup(wr_neighs_done) struct wr_neighs
void wr_neighs_done(struct wr_neighs *n);

/* A permanent entry; replaces what is there. */
void wr_neigh_put(struct wr_nl_batch *b, uint32_t ifindex, const struct wr_addr *a,
		  const uint8_t mac[6]);
/* The interface answers for @a (needs the proxy_arp or proxy_ndp sysctl). */
void wr_neigh_put_proxy(struct wr_nl_batch *b, uint32_t ifindex, const struct wr_addr *a);
void wr_neigh_del(struct wr_nl_batch *b, const struct wr_neigh *n);
/* Both families, proxy entries not included. @ifindex 0: of every interface. */
int wr_neigh_dump(struct wr_nl *nl, uint32_t ifindex, struct wr_neighs *ret);
int wr_neigh_decode(const struct nlmsghdr *msg, struct wr_neigh *ret);

#endif
