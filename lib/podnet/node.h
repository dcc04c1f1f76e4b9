/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's side: what the agent keeps in place so that pods of other nodes are reachable. Every `ensure` and `sync` is
 * idempotent, reads first, and writes only what differs. All of it works on the namespace of the socket or, for sysctls,
 * of the caller.
 */
#ifndef WR_PODNET_NODE_H
#define WR_PODNET_NODE_H

#include "lib/nl/link.h"
#include "lib/nl/naddr.h"
#include "lib/nl/neigh.h"
#include "lib/nl/route.h"

/* ---- the overlay's device ---- */

struct wr_node_vxlan {
	const char *name;
	uint8_t mac[6]; /* wr_node_mac() */
	uint32_t mtu;
	uint16_t port; /* UDP, host byte order */
};

/*
 * A VXLAN device of the name that takes tunnel keys from programs, learns nothing and is up. MTU and MAC are corrected in
 * place; a device of another kind is refused (-EEXIST), one with another port or mode is made again.
 */
int wr_node_vxlan_ensure(struct wr_nl *nl, const struct wr_node_vxlan *want, uint32_t *ret_ifindex,
			 struct wr_err *err);
/* Missing is success; a device of another kind is left alone. */
int wr_node_vxlan_remove(struct wr_nl *nl, const char *name, struct wr_err *err);
/* The MAC of a node's overlay device, the same wherever it is computed. */
void wr_node_mac(const struct wr_addr *node, uint8_t ret[6]);

/* ---- routes and neighbours ---- */

/*
 * Makes the kernel's routes with protocol WR_RTPROT equal to @want (its protocol and table 0 are filled in). Routes of others
 * stay; one of them in the way of ours is as good as ours when it leads to the same gateway, else an error that names it; the
 * rest is put in place all the same.
 */
int wr_node_routes_sync(struct wr_nl *nl, const struct wr_route *want, size_t n, struct wr_err *err);
/* Makes the permanent entries on an interface of ours (the overlay's) equal to @want; state is filled in. */
int wr_node_neighs_sync(struct wr_nl *nl, uint32_t ifindex, const struct wr_neigh *want, size_t n,
			struct wr_err *err);

/* The way to another node. -EHOSTUNREACH, ...: there is none. */
struct wr_node_way {
	struct wr_route route;
	bool onlink; /* no gateway in between */
};
int wr_node_way(struct wr_nl *nl, const struct wr_addr *peer, struct wr_node_way *ret);

/* ---- what the node has ---- */

/* An interface that carries a default route or one of the node's own addresses; never the loopback. */
struct wr_uplink {
	uint32_t ifindex;
	uint32_t mtu;
	char name[IFNAMSIZ];
	char kind[IFNAMSIZ];
	uint8_t mac[6];
	bool up;
	bool l3; /* no Ethernet header */
	bool default4, default6;
	struct wr_addr gateway4, gateway6; /* of the default routes; zero: none */
};

struct wr_uplinks {
	WR_VEC(struct wr_uplink) v; /* by ifindex */
};
#define wr_auto_uplinks wr_cleanup(wr_uplinks_done) struct wr_uplinks
void wr_uplinks_done(struct wr_uplinks *u);

/* @node: the node's addresses (InternalIP of each family); may be none. */
int wr_node_uplinks(struct wr_nl *nl, const struct wr_addr *node, size_t n, struct wr_uplinks *ret,
		    struct wr_err *err);
/* The smallest MTU of those that are up; 0: none is. */
uint32_t wr_uplinks_mtu(const struct wr_uplinks *u);

/*
 * Every address that the node answers on, sorted by interface: all but link-local, loopback (127.0.0.0/8, ::1), and those
 * that duplicate address detection has not passed.
 */
int wr_node_addrs(struct wr_nl *nl, struct wr_naddrs *ret, struct wr_err *err);

/* ---- sysctls, in the caller's network namespace ---- */

/*
 * Forwarding for the families asked for. IPv6 forwarding turns off router advertisements where accept_ra is 1: it becomes 2
 * on the uplinks first, so that a node does not lose its default route.
 */
int wr_node_forwarding_ensure(bool ipv4, bool ipv6, const struct wr_uplinks *uplinks,
			      struct wr_err *err);
/*
 * The reverse path filter of one of our devices off, or loose where conf/all says strict: the kernel takes the larger of both, so
 * only 2 can weaken an "all" of 1.
 */
int wr_node_rp_filter_loosen(const char *ifname, struct wr_err *err);
/* Merges the ports into net.ipv4.ip_local_reserved_ports, so that no socket of the node gets one by itself. */
int wr_node_ports_reserve(uint16_t first, uint16_t last, struct wr_err *err);
/* Takes exactly these out again. */
int wr_node_ports_unreserve(uint16_t first, uint16_t last, struct wr_err *err);

#endif
