/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the probe and asks it. */
#include "tests/unit/dp_probe.h"

#include <netinet/in.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "tests/unit/check.h"
#include "tests/unit/dp_fixture.h"

struct wr_dp_options probe_options(uint32_t mark)
{
	return (struct wr_dp_options){
		.pins = DP_PINS,
		.config = { .flow_shards = 4, .mark = mark, .hz = 100 },
		.sizes = { [WR_MAP_wr_flows] = 1024,
			   [WR_MAP_wr_new_flows] = 256,
			   [WR_MAP_wr_affinity] = 1024,
			   [WR_MAP_wr_sock_udp] = 1024,
			   [WR_MAP_wr_endpoints] = 64,
			   [WR_MAP_wr_services] = 64,
			   [WR_MAP_wr_slots] = 256,
			   [WR_MAP_wr_backends] = 128,
			   [WR_MAP_wr_frontends] = 128 },
	};
}

int probe_try_load(const struct wr_dp_options *opt, struct wr_bpf_object object, struct wr_dp **ret,
		   struct wr_err *err)
{
	return wr_dp_load_objects(opt, &object, 1, ret, err);
}

struct wr_dp *probe_load(const struct wr_dp_options *opt, struct wr_bpf_object object)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;

	if (probe_try_load(opt, object, &dp, &err) < 0)
		fail_msg("%s", err.msg);
	return dp;
}

uint32_t probe_run(int prog, void *packet, size_t size)
{
	uint32_t ret = 0;
	int r = wr_sys_prog_test(prog, packet, size, &ret);

	if (r < 0)
		fail_msg("running a program: %s", strerror(-r));
	return ret;
}

uint32_t probe_answer_of(int prog)
{
	uint8_t packet[64] = { 0 };

	return probe_run(prog, packet, sizeof(packet));
}

uint32_t probe_pinned_answer(void)
{
	wr_autofd int fd = wr_sys_obj_get(DP_PINS "/progs/pod_egress", false);

	assert_true(fd >= 0);
	return probe_answer_of(fd);
}

struct wr_flow_key probe_flow_key(uint16_t port)
{
	return (struct wr_flow_key){ .a.b = { 1 }, .b.b = { 2 }, .port_a = port, .proto = IPPROTO_TCP };
}

int probe_find_flow(struct wr_dp *dp, uint16_t port)
{
	struct wr_flow_key key = probe_flow_key(port);

	return (int)probe_run(wr_dp_prog_fd(dp, "find_flow"), &key, sizeof(key));
}

int probe_add_flow(struct wr_dp *dp, uint16_t port)
{
	struct wr_flow_key key = probe_flow_key(port);

	return (int)probe_run(wr_dp_prog_fd(dp, "add_flow"), &key, sizeof(key));
}

uint32_t probe_map_id(const struct wr_dp *dp, enum wr_map map)
{
	struct wr_sys_map info;

	assert_int_equal(wr_sys_map_info(wr_dp_map_fd(dp, map), &info), 0);
	return info.id;
}

bool probe_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

struct wr_affinity probe_affinity_row(uint32_t backend)
{
	return (struct wr_affinity){ .backend = backend, .seen = 5 };
}

void probe_put_affinity(const struct wr_dp *dp, uint32_t service, uint32_t backend)
{
	struct wr_affinity_key key = { .service = service };
	struct wr_affinity row = probe_affinity_row(backend);

	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_affinity), &key, &row, 0), 0);
}

int probe_attach_lo(bool tcx)
{
	struct wr_err err = WR_ERR_INIT;
	int r = wr_dp_attach_tc(DP_PINS, "uplink-lo", "pod_egress", 1, WR_ATTACH_TC_INGRESS, tcx,
				&err);

	if (r < 0)
		fail_msg("%s", err.msg);
	return r;
}
