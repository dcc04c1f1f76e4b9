// SPDX-License-Identifier: Apache-2.0
/* Taking everything away again. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/cni_files.h"
#include "agent/log.h"
#include "agent/nodes.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/dp/dp.h"
#include "lib/model/records.h"
#include "lib/nl/link.h"
#include "lib/nl/sysctl.h"
#include "lib/podnet/node.h"

struct removal {
	const struct wr_agent_config *config;
	struct wr_paths paths;
	struct wr_nl nl;
};

/* First, so that no runtime begins an ADD. */
static int remove_cni(struct removal *r, struct wr_err *err)
{
	return r->config->install_cni ? wr_cni_remove(r->config, err) : 0;
}

/* While the programs are on them: a pod must not be left without. */
static int remove_pods(struct removal *r, struct wr_err *err)
{
	struct wr_records records = { 0 };
	WR_VEC(uint32_t) links = { 0 };
	struct wr_link link;
	size_t bad, i;
	int n = wr_records_load(r->paths.state, &records, &bad, err);

	if (n)
		return n;
	for (i = 0; i < records.v.n; i++)
		if (!records.v.v[i].chained &&
		    wr_link_get(&r->nl, records.v.v[i].host_ifname, 0, &link) == 0)
			wr_vec_push(&links, link.ifindex);
	n = wr_link_del_many(&r->nl, links.v, links.n, err);
	wr_vec_done(&links);
	wr_records_done(&records);
	return n;
}

static int remove_datapath(struct removal *r, struct wr_err *err)
{
	return wr_dp_uninstall(r->paths.pins_root, err);
}

static int remove_node(struct removal *r, struct wr_err *err)
{
	int n = wr_node_routes_sync(&r->nl, NULL, 0, err),
	    n2 = wr_node_vxlan_remove(&r->nl, WR_VXLAN_IFNAME, err);

	return n ? n : n2;
}

static int remove_sysctls(struct removal *r, struct wr_err *err)
{
	return wr_node_ports_unreserve((uint16_t)r->config->nat_ports.first,
				       (uint16_t)r->config->nat_ports.last, err);
}

static int remove_files(struct removal *r, struct wr_err *err)
{
	int n = wr_remove_tree(r->paths.state), n2 = wr_remove_tree(r->paths.run);

	if (n)
		return wr_err_sys(err, n, "removing %s", r->paths.state);
	return n2 ? wr_err_sys(err, n2, "removing %s", r->paths.run) : 0;
}

static const struct {
	const char *what;
	int (*run)(struct removal *r, struct wr_err *err);
} steps[] = {
	{ "CNI files", remove_cni },
	{ "pod interfaces", remove_pods },
	{ "programs and maps", remove_datapath },
	{ "routes and overlay", remove_node },
	{ "sysctls", remove_sysctls },
	{ "state", remove_files },
};

/* Every step is tried; what is missing is success, so that it can be run again. */
static int remove_all(struct removal *r, struct wr_err *err)
{
	int first = 0, n;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(steps); i++) {
		struct wr_err step = WR_ERR_INIT;

		n = steps[i].run(r, &step);
		if (n)
			wr_log(WR_LOG_ERROR, "not removed", WR_S("what", steps[i].what), WR_E(&step));
		else
			wr_log(WR_LOG_INFO, "removed", WR_S("what", steps[i].what));
		if (n && !first)
			first = wr_err_set(err, n, "%s: %s", steps[i].what, step.msg);
	}
	return first;
}

int wr_agent_uninstall(const struct wr_agent_config *config, struct wr_err *err)
{
	struct removal r = { .config = config, .nl = WR_NL_INIT };
	wr_autofd int lock = -1;
	int n = wr_paths_init(&r.paths, config->instance, err);

	wr_sysctl_set_root(config->proc_sys_net);
	if (n == 0)
		n = wr_agent_lock(&r.paths, &lock, err);
	if (n)
		return n;
	n = wr_nl_open(&r.nl);
	if (n)
		return wr_err_sys(err, n, "netlink");
	n = remove_all(&r, err);
	wr_nl_close(&r.nl);
	return n;
}
