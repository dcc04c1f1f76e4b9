/* SPDX-License-Identifier: Apache-2.0 */
/* Neighbour entries: permanent and proxy ones, dumps. */
#include "lib/nl/neigh.h"

#include <errno.h>
#include <linux/rtnetlink.h>

#include "lib/nl/msg.h"

void wr_neighs_done(struct wr_neighs *n)
{
	wr_vec_done(&n->v);
}

static struct nl_msg *message(uint16_t type, uint16_t flags, const struct wr_neigh *n)
{
	struct ndmsg ndm = {
		.ndm_family = (uint8_t)wr_addr_family(&n->addr),
		.ndm_ifindex = (int)n->ifindex,
		.ndm_state = n->state,
		.ndm_flags = n->flags,
	};
	struct nl_msg *msg = wr_msg_new(type, flags, &ndm, sizeof(ndm));

	if (msg)
		wr_msg_addr(msg, NDA_DST, &n->addr);
	return msg;
}

void wr_neigh_put(struct wr_nl_batch *b, uint32_t ifindex, const struct wr_addr *a,
		  const uint8_t mac[6])
{
	struct wr_neigh n = { .ifindex = ifindex, .addr = *a, .state = NUD_PERMANENT };
	struct nl_msg *msg = message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &n);

	if (msg)
		nla_put(msg, NDA_LLADDR, 6, mac);
	wr_msg_put(b, msg, 0);
}

void wr_neigh_put_proxy(struct wr_nl_batch *b, uint32_t ifindex, const struct wr_addr *a)
{
	struct wr_neigh n = { .ifindex = ifindex, .addr = *a, .flags = NTF_PROXY };

	wr_msg_put(b, message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &n), 0);
}

void wr_neigh_del(struct wr_nl_batch *b, const struct wr_neigh *n)
{
	struct wr_neigh key = *n;

	key.state = 0;
	key.flags &= NTF_PROXY;
	wr_msg_put(b, message(RTM_DELNEIGH, 0, &key), WR_NL_MAY_MISS);
}

struct rows {
	struct wr_neighs *to;
	uint8_t family;
	uint32_t ifindex;
};

static int add_row(void *ctx, const struct nlmsghdr *msg)
{
	struct rows *rows = ctx;
	struct wr_neigh n;
	int r = wr_neigh_decode(msg, &n);

	if (r)
		return r;
	if (wr_addr_family(&n.addr) == rows->family && (!rows->ifindex || rows->ifindex == n.ifindex))
		wr_vec_push(&rows->to->v, n);
	return 0;
}

static struct nl_msg *ask(uint8_t family, uint32_t ifindex)
{
	struct ndmsg ndm = { .ndm_family = family };
	struct nl_msg *msg = wr_msg_new(RTM_GETNEIGH, 0, &ndm, sizeof(ndm));

	if (msg && ifindex)
		nla_put_u32(msg, NDA_IFINDEX, ifindex);
	return msg;
}

static int dump_once(struct wr_nl *nl, uint32_t ifindex, struct wr_neighs *to)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int r = 0;

	wr_vec_reset(&to->v);
	for (size_t i = 0; !r && i < WR_ARRAY_SIZE(families); i++) {
		struct rows rows = { .to = to, .family = families[i], .ifindex = ifindex };

		r = wr_nl_dump(nl, ask(families[i], ifindex), add_row, &rows);
	}
	return r;
}

int wr_neigh_dump(struct wr_nl *nl, uint32_t ifindex, struct wr_neighs *ret)
{
	wr_auto_neighs neighs = { 0 };
	int r, tries = WR_DUMP_TRIES;

	do
		r = dump_once(nl, ifindex, &neighs);
	while (r == -EAGAIN && --tries);
	if (r)
		return r;
	wr_neighs_done(ret);
	*ret = neighs;
	neighs = (struct wr_neighs){ 0 };
	return 0;
}

int wr_neigh_decode(const struct nlmsghdr *msg, struct wr_neigh *ret)
{
	struct nlattr *tb[NDA_MAX + 1];
	const struct ndmsg *ndm = nlmsg_data(msg);
	struct wr_neigh n = { 0 };

	if (msg->nlmsg_type != RTM_NEWNEIGH && msg->nlmsg_type != RTM_DELNEIGH)
		return -EINVAL;
	if (wr_msg_parse(msg, sizeof(*ndm), tb, NDA_MAX) || !wr_attr_addr(tb[NDA_DST], &n.addr))
		return -EINVAL;
	/* A bridge's or VXLAN device's forwarding entries come in the same messages. */
	if (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6)
		return -EINVAL;
	n.ifindex = (uint32_t)ndm->ndm_ifindex;
	n.state = ndm->ndm_state;
	n.flags = ndm->ndm_flags;
	wr_attr_mac(tb[NDA_LLADDR], n.mac);
	*ret = n;
	return 0;
}
