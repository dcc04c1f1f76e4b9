/* SPDX-License-Identifier: Apache-2.0 */
/* Packet filters: BPF programs on the clsact queueing discipline. */
#include "lib/nl/tcf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "lib/nl/msg.h"

#define PRIORITY 1u
#define HANDLE   1u

void wr_tcf_add_clsact(struct wr_nl_batch *b, uint32_t ifindex)
{
	struct tcmsg tcm = {
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
		.tcm_parent = TC_H_CLSACT,
	};
	struct nl_msg *msg = wr_msg_new(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tcm, sizeof(tcm));

	if (msg)
		nla_put_string(msg, TCA_KIND, "clsact");
	wr_msg_put(b, msg, WR_NL_MAY_EXIST);
}

static struct nl_msg *filter(uint16_t type, uint16_t flags, uint32_t ifindex, enum wr_tcf_side side)
{
	struct tcmsg tcm = {
		.tcm_ifindex = (int)ifindex,
		.tcm_handle = HANDLE,
		.tcm_parent = TC_H_MAKE(TC_H_CLSACT, side == WR_TCF_INGRESS ? TC_H_MIN_INGRESS :
									      TC_H_MIN_EGRESS),
		.tcm_info = TC_H_MAKE(PRIORITY << 16, htons(ETH_P_ALL)),
	};
	struct nl_msg *msg = wr_msg_new(type, flags, &tcm, sizeof(tcm));

	if (msg)
		nla_put_string(msg, TCA_KIND, "bpf");
	return msg;
}

void wr_tcf_put(struct wr_nl_batch *b, uint32_t ifindex, enum wr_tcf_side side, int prog_fd,
		const char *name)
{
	struct nl_msg *msg = filter(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, ifindex, side);
	struct nlattr *options;

	if (msg) {
		options = nla_nest_start(msg, TCA_OPTIONS);
		nla_put_u32(msg, TCA_BPF_FD, (uint32_t)prog_fd);
		nla_put_string(msg, TCA_BPF_NAME, name);
		nla_put_u32(msg, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
		nla_nest_end(msg, options);
	}
	wr_msg_put(b, msg, 0);
}

void wr_tcf_del(struct wr_nl_batch *b, uint32_t ifindex, enum wr_tcf_side side)
{
	wr_msg_put(b, filter(RTM_DELTFILTER, 0, ifindex, side), WR_NL_MAY_MISS | WR_NL_NO_PARENT);
}

static int take_prog_id(void *ctx, const struct nlmsghdr *msg)
{
	struct nlattr *tb[TCA_MAX + 1], *bpf[TCA_BPF_MAX + 1];

	if (wr_msg_parse(msg, sizeof(struct tcmsg), tb, TCA_MAX) < 0 || !tb[TCA_OPTIONS] ||
	    nla_parse_nested(bpf, TCA_BPF_MAX, tb[TCA_OPTIONS], NULL) < 0)
		return -EPROTO;
	*(uint32_t *)ctx = wr_attr_u32(bpf[TCA_BPF_ID]);
	return 0;
}

int wr_tcf_get(struct wr_nl *nl, uint32_t ifindex, enum wr_tcf_side side, uint32_t *ret_prog_id)
{
	wr_auto_nl_batch b = WR_NL_BATCH_INIT;
	uint32_t id = 0;
	int r;

	wr_msg_get(&b, filter(RTM_GETTFILTER, 0, ifindex, side));
	r = wr_nl_commit_get(nl, &b, take_prog_id, &id, NULL);
	/* Without the discipline the kernel finds the parent invalid. */
	if (r == -EINVAL)
		r = -ENOENT;
	if (r < 0)
		return r;
	*ret_prog_id = id;
	return id ? 0 : -ENOENT;
}
