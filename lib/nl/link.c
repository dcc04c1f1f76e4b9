/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces: veth pairs, VXLAN devices, and what is changed on any. */
#include "lib/nl/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "lib/nl/msg.h"

static struct nl_msg *message(uint16_t type, uint16_t flags, const char *name, uint32_t ifindex)
{
	struct ifinfomsg ifi = { .ifi_index = (int)ifindex };
	struct nl_msg *msg = wr_msg_new(type, flags, &ifi, sizeof(ifi));

	if (msg && name)
		nla_put_string(msg, IFLA_IFNAME, name);
	return msg;
}

void wr_links_done(struct wr_links *l)
{
	wr_vec_done(&l->v);
}

static void put_mac(struct nl_msg *msg, const uint8_t mac[6])
{
	static const uint8_t none[6];

	if (memcmp(mac, none, sizeof(none)) != 0)
		nla_put(msg, IFLA_ADDRESS, sizeof(none), mac);
}

/*
 * One queue each: there is no queueing discipline whose lock several would spread, and each queue costs two kernel objects to
 * make and to tear down (the kernel's own choice is one per possible processor).
 */
static void put_end(struct nl_msg *msg, const struct wr_veth_end *end, uint32_t mtu)
{
	put_mac(msg, end->mac);
	nla_put_u32(msg, IFLA_MTU, mtu);
	nla_put_u32(msg, IFLA_NUM_TX_QUEUES, 1);
	nla_put_u32(msg, IFLA_NUM_RX_QUEUES, 1);
	if (end->netns_fd >= 0)
		nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)end->netns_fd);
}

void wr_link_add_veth(struct wr_nl_batch *b, const struct wr_veth_end *near,
		      const struct wr_veth_end *far, uint32_t mtu)
{
	struct nl_msg *msg = message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, near->name, 0);
	struct ifinfomsg peer_ifi = { 0 };
	struct nlattr *info, *data, *peer;

	if (msg) {
		put_end(msg, near, mtu);
		info = nla_nest_start(msg, IFLA_LINKINFO);
		nla_put_string(msg, IFLA_INFO_KIND, "veth");
		data = nla_nest_start(msg, IFLA_INFO_DATA);
		peer = nla_nest_start(msg, VETH_INFO_PEER);
		nlmsg_append(msg, &peer_ifi, sizeof(peer_ifi), NLMSG_ALIGNTO);
		nla_put_string(msg, IFLA_IFNAME, far->name);
		put_end(msg, far, mtu);
		nla_nest_end(msg, peer);
		nla_nest_end(msg, data);
		nla_nest_end(msg, info);
	}
	wr_msg_put(b, msg, 0);
}

void wr_link_add_vxlan(struct wr_nl_batch *b, const struct wr_vxlan *v)
{
	struct nl_msg *msg = message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, v->name, 0);
	struct nlattr *info, *data;

	if (msg) {
		put_mac(msg, v->mac);
		if (v->mtu)
			nla_put_u32(msg, IFLA_MTU, v->mtu);
		info = nla_nest_start(msg, IFLA_LINKINFO);
		nla_put_string(msg, IFLA_INFO_KIND, "vxlan");
		data = nla_nest_start(msg, IFLA_INFO_DATA);
		nla_put_u8(msg, IFLA_VXLAN_COLLECT_METADATA, 1);
		nla_put_u8(msg, IFLA_VXLAN_LEARNING, 0);
		nla_put_u16(msg, IFLA_VXLAN_PORT, htons(v->port));
		nla_nest_end(msg, data);
		nla_nest_end(msg, info);
	}
	wr_msg_put(b, msg, 0);
}

void wr_link_del(struct wr_nl_batch *b, const char *name)
{
	wr_msg_put(b, message(RTM_DELLINK, 0, name, 0), WR_NL_MAY_MISS);
}

void wr_link_del_index(struct wr_nl_batch *b, uint32_t ifindex)
{
	wr_msg_put(b, message(RTM_DELLINK, 0, NULL, ifindex), WR_NL_MAY_MISS);
}

static void put_group(struct wr_nl_batch *b, uint16_t type, uint32_t ifindex, uint32_t group)
{
	struct nl_msg *msg = message(type, 0, NULL, ifindex);

	if (msg)
		nla_put_u32(msg, IFLA_GROUP, group);
	wr_msg_put(b, msg, WR_NL_MAY_MISS);
}

int wr_link_del_many(struct wr_nl *nl, const uint32_t *ifindexes, size_t n, struct wr_err *err)
{
	/* Ours alone, and this process's: another that deletes at the same time has another number. */
	uint32_t group = 0x57000000u | ((uint32_t)getpid() & 0xffffff);
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;

	for (size_t i = 0; i < n; i++)
		put_group(&b, RTM_SETLINK, ifindexes[i], group);
	if (n)
		put_group(&b, RTM_DELLINK, 0, group);
	return wr_nl_commit(nl, &b, err);
}

void wr_link_set_up(struct wr_nl_batch *b, uint32_t ifindex, bool up)
{
	struct ifinfomsg ifi = {
		.ifi_index = (int)ifindex,
		.ifi_flags = up ? IFF_UP : 0,
		.ifi_change = IFF_UP,
	};

	wr_msg_put(b, wr_msg_new(RTM_SETLINK, 0, &ifi, sizeof(ifi)), 0);
}

void wr_link_set_mtu(struct wr_nl_batch *b, uint32_t ifindex, uint32_t mtu)
{
	struct nl_msg *msg = message(RTM_SETLINK, 0, NULL, ifindex);

	if (msg)
		nla_put_u32(msg, IFLA_MTU, mtu);
	wr_msg_put(b, msg, 0);
}

void wr_link_set_mac(struct wr_nl_batch *b, uint32_t ifindex, const uint8_t mac[6])
{
	struct nl_msg *msg = message(RTM_SETLINK, 0, NULL, ifindex);

	if (msg)
		put_mac(msg, mac);
	wr_msg_put(b, msg, 0);
}

void wr_link_set_addrgen_none(struct wr_nl_batch *b, uint32_t ifindex)
{
	struct nl_msg *msg = message(RTM_SETLINK, 0, NULL, ifindex);
	struct nlattr *spec, *inet6;

	if (msg) {
		spec = nla_nest_start(msg, IFLA_AF_SPEC);
		inet6 = nla_nest_start(msg, AF_INET6);
		nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		nla_nest_end(msg, inet6);
		nla_nest_end(msg, spec);
	}
	wr_msg_put(b, msg, WR_NL_MAY_LACK);
}

/* Statistics are two thirds of an answer and nobody here reads them. */
static struct nl_msg *ask(const char *name, uint32_t ifindex)
{
	struct nl_msg *msg = message(RTM_GETLINK, 0, name, ifindex);

	if (msg)
		nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return msg;
}

void wr_link_ask(struct wr_nl_batch *b, const char *name)
{
	wr_msg_get(b, ask(name, 0));
}

static int take_link(void *ctx, const struct nlmsghdr *msg)
{
	return wr_link_decode(msg, ctx);
}

int wr_link_get(struct wr_nl *nl, const char *name, uint32_t ifindex, struct wr_link *ret)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	struct wr_link link = { 0 };
	int r;

	wr_msg_get(&b, ask(name, ifindex));
	r = wr_nl_commit_get(nl, &b, take_link, &link, NULL);
	if (!r)
		*ret = link;
	return r;
}

static int add_link(void *ctx, const struct nlmsghdr *msg)
{
	struct wr_links *links = ctx;
	struct wr_link link;
	int r = wr_link_decode(msg, &link);

	if (!r)
		wr_vec_push(&links->v, link);
	return r;
}

int wr_link_dump(struct wr_nl *nl, struct wr_links *ret)
{
	wr_auto_links links = { 0 };
	int r, tries = WR_DUMP_TRIES;

	do {
		wr_vec_reset(&links.v);
		r = wr_nl_dump(nl, ask(NULL, 0), add_link, &links);
	} while (r == -EAGAIN && --tries);
	if (r)
		return r;
	wr_links_done(ret);
	*ret = links;
	links = (struct wr_links){ 0 };
	return 0;
}

static void decode_vxlan(struct nlattr *data, struct wr_link *l)
{
	struct nlattr *tb[IFLA_VXLAN_MAX + 1];

	if (!data || nla_parse_nested(tb, IFLA_VXLAN_MAX, data, NULL) < 0)
		return;
	l->vxlan.external = tb[IFLA_VXLAN_COLLECT_METADATA] &&
			    nla_get_u8(tb[IFLA_VXLAN_COLLECT_METADATA]);
	l->vxlan.learning = tb[IFLA_VXLAN_LEARNING] && nla_get_u8(tb[IFLA_VXLAN_LEARNING]);
	l->vxlan.port = tb[IFLA_VXLAN_PORT] ? ntohs(nla_get_u16(tb[IFLA_VXLAN_PORT])) : 0;
}

static void decode_info(struct nlattr *info, struct wr_link *l)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (!info || nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	wr_attr_str(tb[IFLA_INFO_KIND], l->kind, sizeof(l->kind));
	if (!strcmp(l->kind, "vxlan"))
		decode_vxlan(tb[IFLA_INFO_DATA], l);
}

int wr_link_decode(const struct nlmsghdr *msg, struct wr_link *ret)
{
	struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *ifi = nlmsg_data(msg);
	struct wr_link l = { 0 };

	if (msg->nlmsg_type != RTM_NEWLINK && msg->nlmsg_type != RTM_DELLINK)
		return -EINVAL;
	if (wr_msg_parse(msg, sizeof(*ifi), tb, IFLA_MAX))
		return -EINVAL;
	/* A bridge reports its ports as links of its own family: a port that leaves is not an interface that is gone. */
	if (ifi->ifi_family != AF_UNSPEC)
		return -EINVAL;
	l.ifindex = (uint32_t)ifi->ifi_index;
	l.flags = ifi->ifi_flags;
	l.type = ifi->ifi_type;
	l.peer = wr_attr_u32(tb[IFLA_LINK]);
	l.foreign_peer = !!tb[IFLA_LINK_NETNSID];
	l.master = wr_attr_u32(tb[IFLA_MASTER]);
	l.mtu = wr_attr_u32(tb[IFLA_MTU]);
	wr_attr_mac(tb[IFLA_ADDRESS], l.mac);
	wr_attr_str(tb[IFLA_IFNAME], l.name, sizeof(l.name));
	decode_info(tb[IFLA_LINKINFO], &l);
	*ret = l;
	return 0;
}
