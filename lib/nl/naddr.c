/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of interfaces: put, delete, dump. */
#include "lib/nl/naddr.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "lib/nl/msg.h"

void wr_naddrs_done(struct wr_naddrs *a)
{
	wr_vec_done(&a->v);
}

static struct nl_msg *message(uint16_t type, uint16_t flags, const struct wr_naddr *a)
{
	bool is4 = wr_addr_is4(&a->prefix.addr);
	struct ifaddrmsg ifa = {
		.ifa_family = (uint8_t)wr_addr_family(&a->prefix.addr),
		.ifa_prefixlen = (uint8_t)wr_prefix_family_len(&a->prefix),
		.ifa_scope = a->scope,
		.ifa_index = a->ifindex,
	};
	struct nl_msg *msg = wr_msg_new(type, flags, &ifa, sizeof(ifa));

	if (msg) {
		wr_msg_addr(msg, IFA_LOCAL, &a->prefix.addr);
		wr_msg_addr(msg, IFA_ADDRESS, &a->prefix.addr);
		nla_put_u32(msg, IFA_FLAGS, a->flags | (is4 ? 0 : IFA_F_NODAD));
	}
	return msg;
}

void wr_naddr_put(struct wr_nl_batch *b, const struct wr_naddr *a)
{
	wr_msg_put(b, message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, a), 0);
}

void wr_naddr_del(struct wr_nl_batch *b, const struct wr_naddr *a)
{
	wr_msg_put(b, message(RTM_DELADDR, 0, a), WR_NL_MAY_MISS);
}

struct rows {
	struct wr_naddrs *to;
	uint8_t family;
	uint32_t ifindex;
};

static int add_row(void *ctx, const struct nlmsghdr *msg)
{
	struct rows *rows = ctx;
	struct wr_naddr a;
	int r = wr_naddr_decode(msg, &a);

	if (r)
		return r;
	if (wr_addr_family(&a.prefix.addr) == rows->family &&
	    (!rows->ifindex || rows->ifindex == a.ifindex))
		wr_vec_push(&rows->to->v, a);
	return 0;
}

static int dump_once(struct wr_nl *nl, uint32_t ifindex, struct wr_naddrs *to)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int r = 0;

	wr_vec_reset(&to->v);
	for (size_t i = 0; !r && i < WR_ARRAY_SIZE(families); i++) {
		struct ifaddrmsg ifa = { .ifa_family = families[i], .ifa_index = ifindex };
		struct rows rows = { .to = to, .family = families[i], .ifindex = ifindex };

		r = wr_nl_dump(nl, wr_msg_new(RTM_GETADDR, 0, &ifa, sizeof(ifa)), add_row, &rows);
	}
	return r;
}

int wr_naddr_dump(struct wr_nl *nl, uint32_t ifindex, struct wr_naddrs *ret)
{
	wr_auto_naddrs addrs = { 0 };
	int r, tries = WR_DUMP_TRIES;

	do
		r = dump_once(nl, ifindex, &addrs);
	while (r == -EAGAIN && --tries);
	if (r)
		return r;
	wr_naddrs_done(ret);
	*ret = addrs;
	addrs = (struct wr_naddrs){ 0 };
	return 0;
}

/* IPv4 has the own address in IFA_LOCAL (IFA_ADDRESS is the other end's on point-to-point links); IPv6 may lack it. */
int wr_naddr_decode(const struct nlmsghdr *msg, struct wr_naddr *ret)
{
	struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *ifa = nlmsg_data(msg);
	struct wr_naddr a = { 0 };

	if (msg->nlmsg_type != RTM_NEWADDR && msg->nlmsg_type != RTM_DELADDR)
		return -EINVAL;
	if (wr_msg_parse(msg, sizeof(*ifa), tb, IFA_MAX) ||
	    !wr_attr_addr(tb[IFA_LOCAL] ?: tb[IFA_ADDRESS], &a.prefix.addr))
		return -EINVAL;
	a.ifindex = ifa->ifa_index;
	a.scope = ifa->ifa_scope;
	a.flags = tb[IFA_FLAGS] ? wr_attr_u32(tb[IFA_FLAGS]) : ifa->ifa_flags;
	a.prefix.len = (uint8_t)(ifa->ifa_prefixlen + (ifa->ifa_family == AF_INET ? 96 : 0));
	*ret = a;
	return 0;
}
