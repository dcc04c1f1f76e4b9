// SPDX-License-Identifier: Apache-2.0
/* Loading the datapath. */
#include "agent/datapath.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/nodes.h"
#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/dp.h"
#include "lib/dp/objects.h"
#include "lib/dp/tables.h"
#include "lib/netns/netns.h"
#include "lib/nl/link.h"
#include "lib/podnet/node.h"

#define MOUNTINFO_MAX (8u << 20)

uint32_t wr_kernel_hz(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec || tick.tv_nsec <= 0)
		return 250;
	return (uint32_t)((1000000000l + tick.tv_nsec / 2) / tick.tv_nsec);
}

/* mountinfo writes blanks and the like as \ooo (proc_pid_mountinfo(5)). */
static char *unescape(const char *s, size_t len)
{
	char *out = wr_xmalloc(len + 1), *to = out;
	size_t i;

	for (i = 0; i < len; i++) {
		if (s[i] == '\\' && i + 3 < len) {
			*to++ = (char)((s[i + 1] - '0') << 6 | (s[i + 2] - '0') << 3 |
				       (s[i + 3] - '0'));
			i += 3;
		} else {
			*to++ = s[i];
		}
	}
	*to = '\0';
	return out;
}

/* "36 35 0:32 /root /mount/point rw,... shared:9 - cgroup2 cgroup2 rw" */
static char *root_of_line(const char *line, const char *end)
{
	const char *dash = memmem(line, (size_t)(end - line), " - cgroup2 ", 11), *at = line, *stop;
	int field;

	if (!dash)
		return NULL;
	for (field = 0; field < 4; field++) {
		at = memchr(at, ' ', (size_t)(dash - at));
		if (!at)
			return NULL;
		at++;
	}
	stop = memchr(at, ' ', (size_t)(dash - at));
	return stop ? unescape(at, (size_t)(stop - at)) : NULL;
}

char *wr_cgroup2_root(const char *mountinfo)
{
	const char *line = mountinfo, *end;
	char *root = NULL;

	while (!root && *line) {
		end = strchrnul(line, '\n');
		root = root_of_line(line, end);
		line = *end ? end + 1 : end;
	}
	return root;
}

static int find_cgroup_root(struct wr_agent *a, struct wr_err *err)
{
	wr_autofree char *text = NULL;
	int r;

	if (*a->config->cgroup_root) {
		a->cgroup_root = wr_xstrdup(a->config->cgroup_root);
		return 0;
	}
	r = wr_read_file("/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL);
	if (r)
		return wr_err_sys(err, r, "/proc/self/mountinfo");
	a->cgroup_root = wr_cgroup2_root(text);
	if (!a->cgroup_root)
		return wr_err_set(err, -ENOENT,
				  "no cgroup2 file system is mounted (cgroupRoot names one, socketLB: false does without)");
	return 0;
}

static uint64_t own_cookie(void)
{
	wr_autofd int fd = -1;
	uint64_t cookie = 0;

	if (wr_netns_open_self(&fd) == 0)
		wr_netns_cookie(fd, &cookie);
	return cookie;
}

static uint32_t switches(const struct wr_agent_config *c)
{
	return WR_SW_IPV4 | WR_SW_IPV6 | WR_SW_NODEPORT | WR_SW_PEER_REDIRECT |
	       (c->routing == WR_ROUTING_DIRECT ? 0 : WR_SW_TUNNEL) |
	       (c->masquerade ? WR_SW_MASQUERADE : 0) | (c->socket_lb ? WR_SW_SOCKET_LB : 0) |
	       (c->flow_events ? WR_SW_FLOW_EVENTS : 0) |
	       (c->localhost_node_ports ? WR_SW_LOCALHOST_NODEPORT : 0);
}

void wr_datapath_config(const struct wr_agent *a, struct wr_config *ret)
{
	const struct wr_agent_config *c = a->config;

	*ret = (struct wr_config){
		.switches = switches(c),
		.mark = 1u << c->mark_bit,
		.vxlan_ifindex = a->vxlan_ifindex,
		.vxlan_port = c->vxlan_port,
		.nat_first = c->nat_ports.first,
		.nat_last = c->nat_ports.last,
		.flow_shards = c->flow_shards,
		.hz = wr_kernel_hz(),
		.drop_sample = c->drop_sample,
		.netns_cookie = own_cookie(),
	};
	memcpy(ret->timeout, c->timeouts, sizeof(ret->timeout));
}

int wr_datapath_ensure_vxlan(const struct wr_agent *a, struct wr_nl *nl,
			     const struct wr_node_facts *own, uint32_t uplink_mtu,
			     uint32_t *ret_ifindex, struct wr_err *err)
{
	static const struct wr_addr outer4 = { .b = { [10] = 0xff, [11] = 0xff } };
	struct wr_node_vxlan want = { .name = WR_VXLAN_IFNAME,
				      .port = (uint16_t)a->config->vxlan_port };

	wr_node_mac(wr_addr_is_zero(&own->addr[WR_V4]) ? &own->addr[WR_V6] : &own->addr[WR_V4],
		    want.mac);
	/* Routes and next hops know what fits into which outer family; the device lets the larger pass. */
	want.mtu = uplink_mtu - wr_nodes_overhead(&outer4);
	return wr_node_vxlan_ensure(nl, &want, ret_ifindex, err);
}

/* A device that is there is taken as it is; the nodes reconciler corrects it when it knows this node. */
static int find_vxlan(struct wr_agent *a, struct wr_err *err)
{
	struct wr_node_facts nobody = { 0 };
	wr_auto_nl nl = WR_NL_INIT;
	struct wr_link link;
	int r;

	if (a->config->routing == WR_ROUTING_DIRECT)
		return 0;
	r = wr_nl_open(&nl);
	if (r)
		return wr_err_sys(err, r, "netlink");
	if (wr_link_get(&nl, WR_VXLAN_IFNAME, 0, &link) == 0 && wr_streq(link.kind, "vxlan") &&
	    link.vxlan.external && link.vxlan.port == a->config->vxlan_port) {
		a->vxlan_ifindex = link.ifindex;
		return 0;
	}
	return wr_datapath_ensure_vxlan(a, &nl, &nobody, 1500, &a->vxlan_ifindex, err);
}

int wr_datapath_attach_overlay(const struct wr_agent *a, uint32_t ifindex, struct wr_err *err)
{
	bool tcx = wr_dp_has_tcx(a->dp);
	int r = wr_dp_attach_tc(a->paths.pins, "overlay", "overlay_ingress", ifindex,
				WR_ATTACH_TC_INGRESS, tcx, err);

	if (r == 0)
		r = wr_dp_attach_tc(a->paths.pins, "overlay", "overlay_egress", ifindex,
				    WR_ATTACH_TC_EGRESS, tcx, err);
	return r ? wr_err_wrap(err, r, "overlay") : 0;
}

static int load(struct wr_agent *a, struct wr_err *err)
{
	struct wr_dp_options opt = { .pins = a->paths.pins };
	int r;

	memcpy(opt.sizes, a->config->map_sizes, sizeof(opt.sizes));
	opt.maglev_size = a->config->maglev_size;
	wr_datapath_config(a, &opt.config);
	r = wr_dp_load(&opt, &a->dp, err);
	if (r)
		return wr_err_wrap(err, r, "loading the datapath");
	r = wr_globals_bump(a->dp);
	return r ? wr_err_sys(err, r, "global generation") : 0;
}

/*
 * Loading is the largest thing we ever do: the heap it took goes back to the kernel, and so do the pages of the embedded
 * objects, which are not read again (and come back from the file if they are).
 */
static void give_back_memory(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	size_t i;

	for (i = 0; i < wr_bpf_objects_n; i++) {
		const uintptr_t from = ((uintptr_t)wr_bpf_objects[i].data + page - 1) & ~(page - 1);
		const uintptr_t to = ((uintptr_t)wr_bpf_objects[i].data + wr_bpf_objects[i].size) &
				     ~(page - 1);

		if (to > from)
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	malloc_trim(0);
}

int wr_datapath_start(struct wr_agent *a, struct wr_err *err)
{
	int r = find_vxlan(a, err);

	if (r == 0)
		r = load(a, err);
	if (r == 0 && a->config->socket_lb)
		r = find_cgroup_root(a, err);
	if (r == 0 && a->config->socket_lb)
		r = wr_dp_attach_cgroup(a->dp, a->cgroup_root, err);
	if (r)
		return r;
	give_back_memory();
	wr_log(WR_LOG_INFO, "datapath in place", WR_S("pins", a->paths.pins),
	       WR_S("hooks", wr_dp_has_tcx(a->dp) ? "tcx" : "clsact"),
	       WR_S("cgroup", a->cgroup_root));
	wr_health_set(&a->health, WR_NEED_DATAPATH, NULL);
	return 0;
}

void wr_datapath_stop(struct wr_agent *a)
{
	wr_dp_close(a->dp);
	free(a->cgroup_root);
	a->dp = NULL;
	a->cgroup_root = NULL;
}
