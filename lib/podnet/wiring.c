/* SPDX-License-Identifier: Apache-2.0 */
/* Says what a pod's wiring consists of. */
#include "lib/podnet/wiring.h"

#include "lib/base/hmap.h"
#include "lib/netns/netns.h"

const uint8_t wr_podnet_host_mac[6] = { 0x02, 0x57, 0, 0, 0, 0x01 };

void wr_podnet_mac(const struct wr_addr *addr4, const struct wr_addr *addr6, uint8_t ret[6])
{
	uint32_t tail = addr4->w[3];

	ret[0] = 0x02;
	ret[1] = 0x57;
	if (wr_addr_is_zero(addr4)) { /* a first byte of its own: never equal to one from IPv4 */
		ret[0] = 0x06;
		tail = wr_hash_bytes(addr6, sizeof(*addr6), 0);
	}
	memcpy(ret + 2, &tail, sizeof(tail));
}

void wr_podnet_request_mac(const struct wr_podnet_request *req, uint8_t ret[6])
{
	static const uint8_t none[6];

	if (memcmp(req->mac, none, sizeof(none)) != 0)
		memcpy(ret, req->mac, sizeof(req->mac));
	else
		wr_podnet_mac(&req->addr4, &req->addr6, ret);
}

static struct wr_addr gateway_or(const struct wr_addr *gateway, const char *otherwise)
{
	struct wr_addr a = *gateway;

	if (wr_addr_is_zero(gateway))
		wr_addr_parse(otherwise, &a);
	return a;
}

size_t wr_podnet_families(const struct wr_podnet_request *req, struct wr_podnet_family ret[2])
{
	size_t n = 0;

	if (!wr_addr_is_zero(&req->addr4))
		ret[n++] = (struct wr_podnet_family){
			.addr = req->addr4,
			.gateway = gateway_or(&req->gateway4, WR_GATEWAY4),
		};
	if (!wr_addr_is_zero(&req->addr6))
		ret[n++] = (struct wr_podnet_family){
			.addr = req->addr6,
			.gateway = gateway_or(&req->gateway6, WR_GATEWAY6),
		};
	return n;
}

void wr_podnet_pod_routes(const struct wr_podnet_family *f, uint32_t ifindex, struct wr_route ret[2])
{
	ret[0] = (struct wr_route){ .dst = wr_prefix_of(&f->gateway), .ifindex = ifindex };
	ret[1] = (struct wr_route){
		.dst = wr_route_default(wr_addr_family(&f->addr)),
		.gateway = f->gateway,
		.ifindex = ifindex,
		.onlink = true, /* also where another interface has the route to the gateway */
	};
}

struct wr_route wr_podnet_host_route(const struct wr_podnet_family *f, uint32_t ifindex)
{
	return (struct wr_route){
		.dst = wr_prefix_of(&f->addr),
		.ifindex = ifindex,
		.protocol = WR_RTPROT_POD,
	};
}

static int open_socket(void *arg)
{
	return wr_nl_open(arg);
}

int wr_podnet_open_inside(int netns_fd, struct wr_nl *ret)
{
	return wr_netns_run(netns_fd, open_socket, ret);
}
