/* SPDX-License-Identifier: Apache-2.0 */
/* Inside lib/podnet: what a pod's wiring consists of, for making and for checking it. */
#ifndef WR_PODNET_WIRING_H
#define WR_PODNET_WIRING_H

#include "lib/nl/neigh.h"
#include "lib/nl/naddr.h"
#include "lib/nl/route.h"
#include "lib/podnet/podnet.h"

/* One family of a pod. */
struct wr_podnet_family {
	struct wr_addr addr, gateway;
};

/* Fills what the pod has; returns how many (0 to 2). */
size_t wr_podnet_families(const struct wr_podnet_request *req, struct wr_podnet_family ret[2]);
/* The MAC that the request means for the pod's side. */
void wr_podnet_request_mac(const struct wr_podnet_request *req, uint8_t ret[6]);
/* To the gateway itself, then everything by it: the order in which the kernel accepts them. */
void wr_podnet_pod_routes(const struct wr_podnet_family *f, uint32_t ifindex, struct wr_route ret[2]);
struct wr_route wr_podnet_host_route(const struct wr_podnet_family *f, uint32_t ifindex);
/* A request socket in the pod's namespace; the caller stays where it is. */
int wr_podnet_open_inside(int netns_fd, struct wr_nl *ret);

#endif
