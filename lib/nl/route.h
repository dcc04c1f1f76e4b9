/* SPDX-License-Identifier: Apache-2.0 */
/* Routes. */
#ifndef WR_NL_ROUTE_H
#define WR_NL_ROUTE_H

#include <linux/rtnetlink.h>

#include "lib/base/addr.h"
#include "lib/nl/nl.h"

/* Routes that Weir makes on the node carry this origin, so that it finds its own and leaves others alone. */
#define WR_RTPROT     0x57
#define WR_RTPROT_POD 0x58 /* to its own pods: go with the interface, no part of the node's set */

struct wr_route {
	struct wr_prefix dst;   /* its family is the route's; a default route has family length 0 */
	struct wr_addr gateway; /* zero: on-link */
	struct wr_addr src;     /* preferred source; zero: none */
	uint32_t ifindex;
	uint32_t table;  /* 0 in a put: main */
	uint32_t metric; /* 0: none */
	uint32_t mtu;    /* 0: the interface's */
	uint8_t type;    /* 0 in a put: unicast */
	uint8_t scope; /* IPv4; as the kernel says it. A put chooses: link without a gateway, else universe */
	uint8_t protocol; /* 0 in a put: static */
	struct wr_addr tunnel; /* outer destination on an overlay device; zero: no encapsulation by route */
	uint32_t vni;          /* of the tunnel */
	bool onlink;           /* the gateway is reachable by ifindex whatever other routes say */
	bool multipath; /* one of several next hops; a dump gives a row for each */
};

/* 0.0.0.0/0 or ::/0. */
struct wr_prefix wr_route_default(int family);
bool wr_route_is_default(const struct wr_route *r);

struct wr_routes {
	WR_VEC(struct wr_route) v;
};
#define wr_auto_routes wr_cleanup(wr_routes_done) struct wr_routes
void wr_routes_done(struct wr_routes *r);

/* -EEXIST: there is a route of the same destination, table and metric, whosever it is (success with WR_NL_MAY_EXIST). */
void wr_route_add(struct wr_nl_batch *b, const struct wr_route *r, unsigned int tolerate);
/* Adds, or replaces the route of the same destination, table and metric. */
void wr_route_put(struct wr_nl_batch *b, const struct wr_route *r);
/* What is gone already is success. */
void wr_route_del(struct wr_nl_batch *b, const struct wr_route *r);

struct wr_route_filter {
	int family;       /* 0: both */
	uint32_t table;   /* 0: every table */
	uint32_t ifindex; /* 0: every interface */
	uint8_t protocol; /* 0: of every origin */
};
int wr_route_dump(struct wr_nl *nl, const struct wr_route_filter *f, struct wr_routes *ret);
/* The way that a packet to @dst takes. -ENETUNREACH, -EHOSTUNREACH, ...: what sending there would say. */
int wr_route_lookup(struct wr_nl *nl, const struct wr_addr *dst, struct wr_route *ret);
/* Asks in a batch; the answer goes to wr_route_decode. */
void wr_route_ask(struct wr_nl_batch *b, const struct wr_addr *dst);
/* Appends a row for each next hop. -EINVAL: no route message, or malformed. */
int wr_route_decode(const struct nlmsghdr *msg, struct wr_routes *ret);

#endif
