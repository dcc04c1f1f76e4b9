// SPDX-License-Identifier: Apache-2.0
/* CHECK: is everything still as ADD left it? What later plugins changed is in prevResult, and tolerated. */
#include <errno.h>

#include "cni/agent.h"
#include "cni/codes.h"
#include "cni/delegate.h"
#include "cni/result.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/ipam/ipam.h"
#include "lib/model/records.h"
#include "lib/podnet/podnet.h"
#include "lib/wire/wire.h"

struct checking {
	struct wr_cni *cni;
	struct wr_endpoint_record rec;
	struct wr_cni_iface said; /* by prevResult */
	struct wr_hello hello;
	int netns, agent;
};

static int differs(struct wr_err *err, const char *what)
{
	return wr_err_set_cni(err, WR_CNI_DIFFERS, -ESTALE, "%s", what);
}

static int open_netns(struct checking *c, struct wr_err *err)
{
	return wr_cni_open_netns(c->cni->env.netns, &c->netns, err);
}

static int read_prev(struct checking *c, struct wr_err *err)
{
	wr_auto_json *prev = NULL;
	int r;

	if (!c->cni->conf.prev)
		return wr_err_set_cni(err, WR_CNI_CONFIG, -EINVAL,
				      "prevResult: is missing, and CHECK needs it");
	r = wr_cni_result_decode(c->cni->conf.prev, &prev, err);
	if (r == 0)
		r = wr_cni_result_find(prev, c->cni->id.ifname, c->cni->env.netns, &c->said, err);
	if (r < 0)
		return wr_err_wrap(err, r, "prevResult");
	if (!c->said.found)
		return wr_err_set_cni(err, WR_CNI_DIFFERS, -ESTALE,
				      "prevResult does not list interface %s with sandbox %s",
				      c->cni->id.ifname, c->cni->env.netns);
	return 0;
}

static int read_record(struct checking *c, struct wr_err *err)
{
	struct wr_err why = WR_ERR_INIT;
	int r = wr_record_get(c->cni->paths.state, &c->cni->id, &c->rec, &why);

	if (r == -ENOENT)
		return wr_err_set_cni(err, WR_CNI_DIFFERS, r,
				      "container %s, interface %s is not ours: no ADD made it",
				      c->cni->id.container, c->cni->id.ifname);
	return r < 0 ? wr_err_set_cni(err, WR_CNI_IO, r, "%s", why.msg) : 0;
}

static int check_addresses(struct checking *c, struct wr_err *err)
{
	if (!wr_addr_eq(&c->said.addr4, &c->rec.addr4) || !wr_addr_eq(&c->said.addr6, &c->rec.addr6))
		return differs(err, "prevResult has other addresses than ADD gave");
	return 0;
}

static int check_reservation(struct checking *c, struct wr_err *err)
{
	struct wr_ipam_result res;
	wr_auto_ipam *ipam = NULL;
	char dir[WR_PATH_SIZE];
	int r;

	if (c->cni->conf.ipam)
		return wr_cni_delegate(c->cni, "CHECK", NULL, err);
	if (c->rec.chained)
		return 0;
	r = wr_format(dir, sizeof(dir), "%s/ipam", c->cni->paths.state);
	if (r == 0)
		r = wr_ipam_open(dir, &ipam, err);
	if (r < 0)
		return r;
	r = wr_ipam_get(ipam, &c->cni->id, &res);
	if (r < 0)
		return differs(err, "the addresses are not reserved any more");
	if (!wr_addr_eq(&res.addr4, &c->rec.addr4) || !wr_addr_eq(&res.addr6, &c->rec.addr6))
		return differs(err, "other addresses are reserved than the pod has");
	return 0;
}

static int greet(struct checking *c, struct wr_err *err)
{
	return wr_cni_agent_greet(c->cni, WR_CNI_GRACE_MS, &c->agent, &c->hello, err);
}

static int check_wiring(struct checking *c, struct wr_err *err)
{
	struct wr_podnet_request want = { .host_ifname = c->rec.host_ifname,
					  .ifname = c->rec.id.ifname,
					  .mtu = c->rec.mtu,
					  .addr4 = c->rec.addr4,
					  .addr6 = c->rec.addr6,
					  .gateway4 = c->hello.gateway4,
					  .gateway6 = c->hello.gateway6 };
	int r;

	if (c->rec.chained)
		return 0;
	want.netns_fd = c->netns;
	memcpy(want.mac, c->said.mac, sizeof(want.mac));
	r = wr_podnet_check(&want, err);
	if (r < 0)
		err->cni = WR_CNI_DIFFERS;
	return r;
}

static int check_programs(struct checking *c, struct wr_err *err)
{
	int r = wr_cni_check_attached(c->hello.pins, &c->rec, c->hello.tcx, err);

	if (r < 0)
		err->cni = WR_CNI_DIFFERS;
	return r;
}

static int check_agent(struct checking *c, struct wr_err *err)
{
	int r = wr_wire_call(c->agent, "check", wr_endpoint_record_encode(&c->rec),
			     WR_CNI_ANSWER_MS, NULL, err);

	if (r < 0 && !err->cni)
		err->cni = WR_CNI_DIFFERS;
	return r;
}

static int (*const checks[])(struct checking *c, struct wr_err *err) = {
	open_netns, read_prev,    read_record,    check_addresses, check_reservation,
	greet,      check_wiring, check_programs, check_agent,
};

static void checking_done(struct checking *c)
{
	wr_endpoint_record_done(&c->rec);
	wr_hello_done(&c->hello);
	wr_close_p(&c->netns);
	wr_close_p(&c->agent);
}

int wr_cni_check(struct wr_cni *cni, struct wr_json **ret, struct wr_err *err)
{
	wr_cleanup(checking_done) struct checking c = { .cni = cni, .netns = -1, .agent = -1 };
	size_t i;
	int r = 0;

	for (i = 0; i < WR_ARRAY_SIZE(checks) && r == 0; i++)
		r = checks[i](&c, err);
	return r;
}
