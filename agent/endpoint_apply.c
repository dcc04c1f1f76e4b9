// SPDX-License-Identifier: Apache-2.0
/* One endpoint into the datapath, out of it, and compared with it. */
#include <errno.h>
#include <string.h>

#include "agent/endpoints_private.h"
#include "agent/log.h"
#include "agent/nodes.h"
#include "agent/peers.h"
#include "agent/policies.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"
#include "lib/netns/netns.h"
#include "lib/nl/link.h"
#include "lib/podnet/podnet.h"

#define ARPHRD_ETHER 1

static const struct {
	const char *prog;
	enum wr_attach at;
} programs[] = {
	{ "pod_egress", WR_ATTACH_TC_INGRESS },
	{ "pod_ingress", WR_ATTACH_TC_EGRESS },
};

/* An index may belong to another interface by now: only together do name and index mean this one. */
static int find_link(struct wr_endpoints *all, const struct wr_endpoint_record *rec,
		     struct wr_link *ret, struct wr_err *err)
{
	int r = wr_link_get(&all->nl, NULL, rec->ifindex, ret);

	if (r)
		return wr_err_sys(err, r, "interface %s (%u)", rec->host_ifname, rec->ifindex);
	if (!wr_streq(ret->name, rec->host_ifname))
		return wr_err_set(err, -ENODEV, "interface %u is %s, not %s", rec->ifindex,
				  ret->name, rec->host_ifname);
	return 0;
}

static int attach(struct wr_endpoints *all, const struct wr_ep *ep, struct wr_err *err)
{
	const struct wr_agent *a = all->agent;
	size_t i;
	int r = 0;

	for (i = 0; i < WR_ARRAY_SIZE(programs) && r == 0; i++)
		r = wr_dp_attach_tc(a->paths.pins, ep->key, programs[i].prog, ep->record.ifindex,
				    programs[i].at, WR_DP_POD_TCX, err);
	return r;
}

/* Interfaces that another plugin made are that plugin's. */
static bool follows_node(const struct wr_endpoints *all, const struct wr_endpoint_record *rec)
{
	return !rec->chained && rec->netns && wr_nodes_own(all->agent)->ranges.n &&
	       wr_nodes_pod_mtu(all->agent);
}

static void warn_kept(const struct wr_endpoint_record *rec, const struct wr_link *link,
		      const struct wr_err *err)
{
	wr_log(WR_LOG_WARN, "a pod keeps its MTU", WR_S("namespace", rec->pod_namespace),
	       WR_S("pod", rec->pod_name), WR_I("mtu", link->mtu), WR_E(err));
}

/* Pods follow the node's MTU while they run. One whose namespace cannot be entered keeps what it has (-1), as do others' pods. */
static int open_to_follow(const struct wr_endpoints *all, const struct wr_endpoint_record *rec,
			  const struct wr_link *link)
{
	struct wr_err err = WR_ERR_INIT;
	int fd = -1;

	if (!follows_node(all, rec) || link->mtu == wr_nodes_pod_mtu(all->agent))
		return -1;
	if (wr_netns_open(rec->netns, &fd, &err) < 0)
		warn_kept(rec, link, &err);
	return fd;
}

static struct wr_endpoint row_of(const struct wr_endpoints *all, const struct wr_ep *ep,
				 const struct wr_link *link, uint32_t mtu)
{
	const struct wr_endpoint_record *rec = &ep->record;
	struct wr_endpoint row = {
		.identity = WR_IDENTITY_UNKNOWN,
		.identity6 = WR_IDENTITY_UNKNOWN,
		.rules = WR_RULES_CLOSED, /* until policies have spoken */
		.ifindex = rec->ifindex,
		.flags = WR_EP_USED | (link->type == ARPHRD_ETHER ? 0 : WR_EP_L3),
		.mtu = mtu,
		.quota = all->agent->config->flow_quota,
		.addr4 = rec->addr4,
		.addr6 = rec->addr6,
	};
	struct wr_endpoint old;

	memcpy(row.mac, rec->mac, sizeof(row.mac));
	memcpy(row.host_mac, rec->host_mac, sizeof(row.host_mac));
	/* Rules are flipped by whoever compiles them, an identity likewise. */
	if (wr_endpoint_get(all->agent->dp, ep->number, &old) == 0) {
		row.rules = old.rules;
		row.identity = old.identity;
		row.identity6 = old.identity6;
	}
	return row;
}

static uint32_t free_number(struct wr_endpoints *all)
{
	uint32_t tried, n;

	/* Round, so that a number rests before it is used again. */
	for (tried = 1; tried < all->size; tried++) {
		n = all->next_number;
		all->next_number = n + 1 < all->size ? n + 1 : 1;
		if (!all->by_number.v[n])
			return n;
	}
	return 0;
}

void wr_ep_adopt_number(struct wr_endpoints *all, struct wr_ep *ep, uint32_t number)
{
	ep->number = number;
	all->by_number.v[number] = ep;
}

static int number_ep(struct wr_endpoints *all, struct wr_ep *ep, struct wr_err *err)
{
	uint32_t n;

	if (ep->number)
		return 0;
	n = free_number(all);
	if (!n)
		return wr_err_set_cni(err, 11, -ENOSPC,
				      "all %u endpoint numbers are in use (mapSizes.endpoints)",
				      all->size - 1);
	wr_ep_adopt_number(all, ep, n);
	return 0;
}

/* The identity of an address of this node's pods, and that its way is the stack or the endpoint itself. */
static void put_peer(struct wr_endpoints *all, const struct wr_addr *addr, uint32_t identity)
{
	struct wr_prefix one = wr_prefix_of(addr);

	if (wr_addr_is_zero(addr))
		return;
	wr_peers_put_way(all->agent->peers, &one, WR_NEXTHOP_STACK,
			 WR_PEER_CLUSTER | WR_PEER_LOCAL_RANGE);
	wr_peers_put_identity(all->agent->peers, &one, identity);
}

static void del_peer(struct wr_endpoints *all, const struct wr_addr *addr)
{
	struct wr_prefix one = wr_prefix_of(addr);
	uint32_t number;

	/* Another endpoint may have the address by now. */
	if (wr_addr_is_zero(addr) || wr_endpoint_lookup(all->agent->dp, addr, &number) == 0)
		return;
	wr_peers_del_way(all->agent->peers, &one);
	wr_peers_del_identity(all->agent->peers, &one);
}

/*
 * The row comes before the interface: what a narrow row is too small for, while the interface has grown, its sender would
 * remember for ten minutes; what a narrow interface is too small for is lost without a word.
 */
static int put_row(struct wr_endpoints *all, const struct wr_ep *ep, const struct wr_link *link,
		   struct wr_endpoint *ret)
{
	const struct wr_endpoint_record *rec = &ep->record;
	uint32_t now = follows_node(all, rec) ? link->mtu : rec->mtu;
	wr_autofd int netns = open_to_follow(all, rec, link);
	struct wr_err err = WR_ERR_INIT;
	int r;

	*ret = row_of(all, ep, link, netns < 0 ? now : wr_nodes_pod_mtu(all->agent));
	r = wr_endpoint_put(all->agent->dp, ep->number, ret);
	if (r || netns < 0 || wr_podnet_set_mtu(netns, link, ret->mtu, &err) == 0)
		return r;
	warn_kept(rec, link, &err);
	ret->mtu = now;
	return wr_endpoint_put(all->agent->dp, ep->number, ret);
}

int wr_ep_apply(struct wr_endpoints *all, struct wr_ep *ep, struct wr_err *err)
{
	struct wr_link link;
	struct wr_endpoint row;
	int r = find_link(all, &ep->record, &link, err);

	if (r == 0)
		r = number_ep(all, ep, err);
	if (r)
		return r;
	r = put_row(all, ep, &link, &row);
	if (r)
		return wr_err_sys(err, r, "endpoint %u", ep->number);
	put_peer(all, &ep->record.addr4, row.identity);
	put_peer(all, &ep->record.addr6, row.identity6);
	wr_policies_put_endpoint(all->agent, ep->number, &ep->record);
	return attach(all, ep, err);
}

int wr_ep_withdraw(struct wr_endpoints *all, struct wr_ep *ep, struct wr_err *err)
{
	int r;

	if (!ep->number)
		return 0;
	r = wr_endpoint_del(all->agent->dp, ep->number);
	if (r)
		return wr_err_sys(err, r, "removing endpoint %u", ep->number);
	del_peer(all, &ep->record.addr4);
	del_peer(all, &ep->record.addr6);
	wr_policies_del_endpoint(all->agent, ep->number);
	all->by_number.v[ep->number] = NULL;
	ep->number = 0;
	ep->enforced = false;
	return 0;
}

static int check_addr(struct wr_endpoints *all, const struct wr_ep *ep, const struct wr_addr *addr,
		      struct wr_err *err)
{
	const struct wr_dp *dp = all->agent->dp;
	char text[WR_ADDR_STRLEN];
	uint32_t number;
	uint64_t word;

	if (wr_addr_is_zero(addr))
		return 0;
	wr_addr_format(addr, text);
	if (wr_endpoint_lookup(dp, addr, &number))
		return wr_err_set(err, -ENOENT, "address %s is missing from the endpoint map", text);
	if (number != ep->number)
		return wr_err_set(err, -ESTALE, "address %s belongs to endpoint %u, not %u", text,
				  number, ep->number);
	if (wr_peer_lookup(dp, addr, &word) || !(WR_PEER_FLAGS(word) & WR_PEER_CLUSTER))
		return wr_err_set(err, -ENOENT, "address %s is missing from the peers map", text);
	return 0;
}

static int check_row(struct wr_endpoints *all, const struct wr_ep *ep,
		     const struct wr_endpoint_record *want, struct wr_err *err)
{
	struct wr_endpoint row;

	if (!ep->number || wr_endpoint_get(all->agent->dp, ep->number, &row))
		return wr_err_set(err, -ENOENT, "the endpoint has no row in the datapath");
	if (row.ifindex != want->ifindex)
		return wr_err_set(err, -ESTALE, "endpoint %u is on interface %u, not %u",
				  ep->number, row.ifindex, want->ifindex);
	if (!wr_addr_eq(&row.addr4, &want->addr4) || !wr_addr_eq(&row.addr6, &want->addr6))
		return wr_err_set(err, -ESTALE, "endpoint %u has other addresses", ep->number);
	if (memcmp(row.mac, want->mac, sizeof(row.mac)) != 0)
		return wr_err_set(err, -ESTALE, "endpoint %u has another MAC", ep->number);
	return 0;
}

int wr_ep_check(struct wr_endpoints *all, const struct wr_ep *ep,
		const struct wr_endpoint_record *want, struct wr_err *err)
{
	const struct wr_agent *a = all->agent;
	struct wr_link link;
	size_t i;
	int r = find_link(all, want, &link, err);

	if (r == 0)
		r = check_row(all, ep, want, err);
	if (r == 0)
		r = check_addr(all, ep, &want->addr4, err);
	if (r == 0)
		r = check_addr(all, ep, &want->addr6, err);
	for (i = 0; i < WR_ARRAY_SIZE(programs) && r == 0; i++)
		r = wr_dp_check_tc(a->paths.pins, ep->key, programs[i].prog, want->ifindex,
				   programs[i].at, WR_DP_POD_TCX, err);
	return r;
}
