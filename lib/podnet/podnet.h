/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wiring a pod: veth pair created straight into the pod's namespace, host addresses /32 and /128 (nodad), routes by a
 * link-local gateway, permanent neighbour entries for it. Batched netlink: as few round trips as the kernel allows.
 */
#ifndef WR_PODNET_PODNET_H
#define WR_PODNET_PODNET_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/nl/link.h"

/* Gateways that pods route to; answered by permanent neighbour entries inside the pod. */
#define WR_GATEWAY4 "169.254.1.1"
#define WR_GATEWAY6 "fe80::1"

struct wr_podnet_request {
	int netns_fd; /* the pod's */
	const char *host_ifname, *ifname;
	uint32_t mtu;
	uint8_t mac[6];                    /* pod's side; zero: wr_podnet_mac() */
	struct wr_addr addr4, addr6;       /* zero: none */
	struct wr_addr gateway4, gateway6; /* zero: WR_GATEWAY4, WR_GATEWAY6 */
};

/* Every host side has this one: nothing on a pair is beside it, and programs may hold it as a constant. */
extern const uint8_t wr_podnet_host_mac[6];
/* What a pod's side gets unless told: from the IPv4 address, else from the IPv6 address, so that a new owner of an address
 * is not shadowed by somebody's stale neighbour entry. Locally administered. */
void wr_podnet_mac(const struct wr_addr *addr4, const struct wr_addr *addr6, uint8_t ret[6]);

struct wr_podnet_result {
	uint32_t host_ifindex, ifindex;
	uint8_t mac[6], host_mac[6];
	uint64_t netns_cookie; /* of the pod's namespace; 0: the kernel does not say (before 5.14) */
};

/*
 * Makes everything, the host-side routes too; the host side comes up last. -EEXIST: the pod has an interface of that name
 * already (nothing is touched). A host interface left by an earlier half-done ADD of the same name is removed first. Any
 * failure undoes what was made. At least one address is set; a gateway that is zero is the default one.
 *
 * The pod gets no link-local address: all that it could serve is answered by the datapath, and each would cost duplicate
 * address detection and router solicitations.
 */
int wr_podnet_add(const struct wr_podnet_request *req, struct wr_podnet_result *ret,
		  struct wr_err *err);
/* Removes the host side (and so the pair). Missing is success. */
int wr_podnet_del(const char *host_ifname, struct wr_err *err);
/* Names the first difference: interface gone, wrong MAC, address missing, route missing. Extra addresses and routes are tolerated. */
int wr_podnet_check(const struct wr_podnet_request *want, struct wr_err *err);
/*
 * Host-side routes to the pod's addresses (scope link) and permanent neighbour entries, used by the node's own traffic, as
 * wr_podnet_add makes them. For putting them back. Idempotent; they go with the link.
 */
int wr_podnet_host_routes(const struct wr_podnet_request *req, uint32_t host_ifindex,
			  struct wr_err *err);
/* Sets both ends of a pair, of which @near is the host's side as it is now. Routes without an MTU of their own follow. */
int wr_podnet_set_mtu(int netns_fd, const struct wr_link *near, uint32_t mtu, struct wr_err *err);

#endif
