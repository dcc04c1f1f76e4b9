/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results. Inside the plugin a result is a JSON object in the form of 1.1.0; only its edges know the older ones:
 *
 *	0.1.0, 0.2.0            ip4 and ip6, each with ip, gateway and routes; no interfaces
 *	0.3.0, 0.3.1, 0.4.0     interfaces, ips (with version "4" or "6"), routes
 *	1.0.0                   ips without version
 *	1.1.0                   interfaces[].mtu, socketPath, pciID; routes[].mtu, advmss, priority, table, scope
 *
 * What a version cannot say is left out. Members that nobody knows pass through.
 */
#ifndef WR_CNI_RESULT_H
#define WR_CNI_RESULT_H

#include "cni/version.h"
#include "lib/base/addr.h"
#include "lib/json/json.h"
#include "lib/model/endpoint.h"

/* The form of @spec, as a new object. */
struct wr_json *wr_cni_result_encode(const struct wr_json *result, enum wr_cni_spec spec);
/* From any version's form (told by what is in it). Code 7 names a member that is wrong; the caller says whose. */
int wr_cni_result_decode(const struct wr_json *old, struct wr_json **ret, struct wr_err *err);

/* The result of an ADD of our own: host side, container side, addresses, default routes. */
struct wr_cni_made {
	const struct wr_endpoint_record *record;
	struct wr_addr gateway4, gateway6;
	const struct wr_json *dns; /* NULL: none */
};
struct wr_json *wr_cni_result_new(const struct wr_cni_made *made);

/* What a result (1.1.0 form) says of one interface in the container. */
struct wr_cni_iface {
	uint8_t mac[6]; /* zero: not said */
	bool found;     /* listed with this name and sandbox */
	struct wr_addr addr4, addr6;
};
/* -EINVAL (code 7): two addresses of one family, or one that cannot be read. */
int wr_cni_result_find(const struct wr_json *result, const char *ifname, const char *netns,
		       struct wr_cni_iface *ret, struct wr_err *err);

#endif
