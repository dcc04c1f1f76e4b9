/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hearing that the underlay is narrower than the uplinks say. Routers on the way fragment a tunnel's IPv4 packets; its IPv6
 * packets they drop, and tell this node (RFC 4443, packet too big), whose kernel keeps the path's MTU as an exception of the
 * route. Nobody tells the pod unless its way carries that MTU, so who listens here looks the route up again.
 */
#ifndef WR_AGENT_PATH_MTU_H
#define WR_AGENT_PATH_MTU_H

#include <stddef.h>
#include <stdint.h>

#include "agent/loop.h"
#include "lib/base/addr.h"

struct wr_path_mtu;

/* A packet of the tunnel to @outer was too big for its path. May be forged: it says where to look, no more. */
typedef void (*wr_path_mtu_fn)(void *ctx, const struct wr_addr *outer);

/* -EPERM and others: as socket() says; without it, ways keep the uplink's MTU. */
int wr_path_mtu_open(struct wr_loop *loop, uint16_t vxlan_port, wr_path_mtu_fn changed, void *ctx,
		     struct wr_path_mtu **ret);
void wr_path_mtu_close(struct wr_path_mtu *p); /* NULL is fine */

/* The destination of the quoted packet, if that is of a tunnel to @vxlan_port. An ICMPv6 message without its IPv6 header. */
bool wr_path_mtu_parse(const uint8_t *data, size_t size, uint16_t vxlan_port, struct wr_addr *ret);

#endif
