/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces. */
#ifndef WR_NL_LINK_H
#define WR_NL_LINK_H

#include <net/if.h>

#include "lib/base/addr.h"
#include "lib/nl/nl.h"

struct wr_link {
	uint32_t ifindex;
	uint32_t peer;   /* IFLA_LINK: a veth's other end, a VLAN's device; 0: none */
	uint32_t master; /* bridge or bond; 0: none */
	uint32_t mtu;
	uint32_t flags;    /* IFF_UP, ... */
	uint16_t type;     /* ARPHRD_ETHER, ... */
	bool foreign_peer; /* the peer lives in another network namespace */
	uint8_t mac[6];
	char name[IFNAMSIZ];
	char kind[IFNAMSIZ]; /* "veth", "vxlan"; "": a plain device */
	struct {             /* of a vxlan device */
		bool external;
		bool learning;
		uint16_t port; /* host byte order */
	} vxlan;
};

struct wr_links {
	WR_VEC(struct wr_link) v;
};
#define wr_auto_links wr_cleanup(wr_links_done) struct wr_links
void wr_links_done(struct wr_links *l);

struct wr_veth_end {
	const char *name;
	uint8_t mac[6];
	int netns_fd; /* -1: the socket's own */
};

/* -EEXIST: either name is taken; nothing was made. */
void wr_link_add_veth(struct wr_nl_batch *b, const struct wr_veth_end *near,
		      const struct wr_veth_end *far, uint32_t mtu);

struct wr_vxlan {
	const char *name;
	uint8_t mac[6]; /* zero: the kernel's choice */
	uint32_t mtu;   /* 0: the kernel's choice */
	uint16_t port;  /* UDP, host byte order */
};
/* Externally controlled (the datapath sets tunnel keys), no learning, checksums on for IPv6 as well. */
void wr_link_add_vxlan(struct wr_nl_batch *b, const struct wr_vxlan *v);

void wr_link_del(struct wr_nl_batch *b, const char *name);
void wr_link_del_index(struct wr_nl_batch *b, uint32_t ifindex);
/*
 * Deletes many in one go (the kernel waits once, not once for each). What is gone already is success. Commits by itself: the
 * links become a group of a number of ours first.
 */
int wr_link_del_many(struct wr_nl *nl, const uint32_t *ifindexes, size_t n, struct wr_err *err);

void wr_link_set_up(struct wr_nl_batch *b, uint32_t ifindex, bool up);
void wr_link_set_mtu(struct wr_nl_batch *b, uint32_t ifindex, uint32_t mtu);
void wr_link_set_mac(struct wr_nl_batch *b, uint32_t ifindex, const uint8_t mac[6]);
/* No link-local address by itself, so no duplicate address detection. A kernel without IPv6 is success. */
void wr_link_set_addrgen_none(struct wr_nl_batch *b, uint32_t ifindex);

/* Asks in a batch; the answer goes to wr_link_decode. */
void wr_link_ask(struct wr_nl_batch *b, const char *name);
/* By name or, when that is NULL, by number. -ENODEV: there is none. */
int wr_link_get(struct wr_nl *nl, const char *name, uint32_t ifindex, struct wr_link *ret);
int wr_link_dump(struct wr_nl *nl, struct wr_links *ret);
/* -EINVAL: not an RTM_NEWLINK or RTM_DELLINK message, or malformed. */
int wr_link_decode(const struct nlmsghdr *msg, struct wr_link *ret);

#endif
