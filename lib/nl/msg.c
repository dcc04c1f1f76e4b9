/* SPDX-License-Identifier: Apache-2.0 */
/* Builds netlink messages, reads their attributes, and says in words what one asks for. */
#include "lib/nl/msg.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "lib/base/str.h"

/* The largest of ours, a veth pair, takes less than half of it. */
#define MSG_SIZE 512

struct nl_msg *wr_msg_new(uint16_t type, uint16_t flags, const void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_size(MSG_SIZE);

	if (msg) {
		nlmsg_put(msg, 0, 0, type, 0, NLM_F_REQUEST | flags);
		memcpy(nlmsg_reserve(msg, size, NLMSG_ALIGNTO), header, size);
	}
	return msg;
}

static void put(struct wr_nl_batch *b, struct wr_nl_op op)
{
	if (op.msg)
		wr_vec_push(&b->ops, op);
	else
		b->error = -ENOMEM;
}

void wr_msg_put(struct wr_nl_batch *b, struct nl_msg *msg, unsigned int tolerate)
{
	put(b, (struct wr_nl_op){ .msg = msg, .tolerate = tolerate });
}

void wr_msg_get(struct wr_nl_batch *b, struct nl_msg *msg)
{
	put(b, (struct wr_nl_op){ .msg = msg, .answers = true });
}

void wr_msg_addr(struct nl_msg *msg, int type, const struct wr_addr *a)
{
	uint8_t bytes[16];
	size_t size = wr_addr_bytes(a, bytes);

	nla_put(msg, type, (int)size, bytes);
}

int wr_msg_parse(const struct nlmsghdr *msg, size_t header, struct nlattr *tb[], int max)
{
	if (!nlmsg_valid_hdr(msg, (int)header))
		return -EINVAL;
	return nla_parse(tb, max, nlmsg_attrdata(msg, (int)header), nlmsg_attrlen(msg, (int)header),
			 NULL) < 0 ?
		       -EINVAL :
		       0;
}

static struct nlattr *find(const struct nlmsghdr *msg, size_t header, int type)
{
	return nla_find(nlmsg_attrdata(msg, (int)header), nlmsg_attrlen(msg, (int)header), type);
}

bool wr_attr_addr(const struct nlattr *a, struct wr_addr *ret)
{
	struct in_addr in;
	struct in6_addr in6;

	if (a && nla_len(a) == sizeof(in)) {
		memcpy(&in, nla_data(a), sizeof(in));
		*ret = wr_addr_from4(in);
		return true;
	}
	if (a && nla_len(a) == sizeof(in6)) {
		memcpy(&in6, nla_data(a), sizeof(in6));
		*ret = wr_addr_from6(&in6);
		return true;
	}
	return false;
}

void wr_attr_mac(const struct nlattr *a, uint8_t ret[6])
{
	memset(ret, 0, 6);
	if (a && nla_len(a) == 6)
		memcpy(ret, nla_data(a), 6);
}

uint32_t wr_attr_u32(const struct nlattr *a)
{
	return a && nla_len(a) >= (int)sizeof(uint32_t) ? nla_get_u32(a) : 0;
}

void wr_attr_str(const struct nlattr *a, char *buf, size_t size)
{
	size_t len = a ? strnlen(nla_data(a), (size_t)nla_len(a)) : 0;

	len = WR_MIN(len, size - 1);
	if (len)
		memcpy(buf, nla_data(a), len);
	buf[len] = '\0';
}

static const char *verb(const struct nlmsghdr *msg)
{
	switch (msg->nlmsg_type & 3) { /* every object's four messages are in this order */
	case 0:
		return msg->nlmsg_flags & NLM_F_CREATE ? "create" : "change";
	case 1:
		return "delete";
	case 2:
		return "look up";
	default:
		return "change";
	}
}

static void on_interface(char *buf, size_t size, uint32_t ifindex)
{
	size_t len = strlen(buf);

	if (ifindex)
		snprintf(buf + len, size - len, " on interface %u", ifindex);
}

static void describe_addr(const struct nlmsghdr *msg, size_t header, int type, int prefix_len,
			  char *buf, size_t size)
{
	char text[WR_ADDR_STRLEN] = "default";
	struct wr_addr a;
	size_t len;

	if (wr_attr_addr(find(msg, header, type), &a))
		wr_addr_format(&a, text);
	len = strlen(buf);
	snprintf(buf + len, size - len, prefix_len < 0 ? " %s" : " %s/%d", text, prefix_len);
}

static void describe_link(const struct nlmsghdr *msg, char *buf, size_t size)
{
	const struct ifinfomsg *ifi = nlmsg_data(msg);
	size_t len = strlen(buf);
	char name[IFNAMSIZ];

	wr_attr_str(find(msg, sizeof(*ifi), IFLA_IFNAME), name, sizeof(name));
	if (name[0])
		snprintf(buf + len, size - len, " %s", name);
	else
		snprintf(buf + len, size - len, " %d", ifi->ifi_index);
}

static void describe_route(const struct nlmsghdr *msg, char *buf, size_t size)
{
	const struct rtmsg *rtm = nlmsg_data(msg);
	struct nlattr *oif = find(msg, sizeof(*rtm), RTA_OIF);

	describe_addr(msg, sizeof(*rtm), RTA_DST, rtm->rtm_dst_len ?: -1, buf, size);
	on_interface(buf, size, wr_attr_u32(oif));
}

const char *wr_msg_describe(const struct nlmsghdr *msg, char *buf, size_t size)
{
	static const char *const objects[] = { "interface", "address", "route", "neighbour" };
	unsigned int kind = (msg->nlmsg_type - RTM_BASE) / 4;
	const struct ifaddrmsg *ifa = nlmsg_data(msg);
	const struct ndmsg *ndm = nlmsg_data(msg);
	const struct tcmsg *tcm = nlmsg_data(msg);

	wr_format(buf, size, "%s %s", verb(msg),
		  kind < WR_ARRAY_SIZE(objects) ? objects[kind] : "packet filter");
	switch (kind) {
	case 0:
		describe_link(msg, buf, size);
		break;
	case 1:
		describe_addr(msg, sizeof(*ifa), IFA_LOCAL, ifa->ifa_prefixlen, buf, size);
		on_interface(buf, size, ifa->ifa_index);
		break;
	case 2:
		describe_route(msg, buf, size);
		break;
	case 3:
		describe_addr(msg, sizeof(*ndm), NDA_DST, -1, buf, size);
		on_interface(buf, size, (uint32_t)ndm->ndm_ifindex);
		break;
	default:
		on_interface(buf, size, (uint32_t)tcm->tcm_ifindex);
	}
	return buf;
}
