/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of services, written as they are. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/dp/load.h"
#include "lib/dp/sys.h"
#include "tests/bpf/svc_rows.h"

/* The objects that these tests run; the packet programs would take seconds to verify. */
static size_t pick_objects(struct wr_bpf_object *ret)
{
	size_t i, n = 0;

	for (i = 0; i < wr_bpf_objects_n; i++)
		if (!strcmp(wr_bpf_objects[i].name, "sock") ||
		    !strcmp(wr_bpf_objects[i].name, "lb_lookup"))
			ret[n++] = wr_bpf_objects[i];
	assert_int_equal(n, 2);
	return n;
}

struct wr_dp *rows_load(uint32_t switches, uint64_t netns_cookie)
{
	struct wr_dp_options opt = {
		.config = { .switches = switches,
			    .hz = ROWS_HZ,
			    .netns_cookie = netns_cookie,
			    .flow_shards = 1,
			    .drop_sample = 1 },
	};
	struct wr_err err = WR_ERR_INIT;
	struct wr_bpf_object objects[2];
	size_t n = pick_objects(objects);
	struct wr_dp *dp;

	opt.sizes[WR_MAP_wr_flows] = opt.sizes[WR_MAP_wr_new_flows] = 4096;
	opt.sizes[WR_MAP_wr_maglev] = 64;
	if (wr_dp_load_objects(&opt, objects, n, &dp, &err) < 0)
		fail_msg("%s", err.msg);
	return dp;
}

struct wr_addr rows_addr(const char *text)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

struct wr_frontend rows_frontend(const char *addr, uint16_t port, uint8_t proto, uint8_t scope)
{
	return (struct wr_frontend){
		.addr = rows_addr(addr), .port = htons(port), .proto = proto, .scope = scope
	};
}

static void update(const struct wr_dp *dp, enum wr_map map, const void *key, const void *value)
{
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, map), key, value, 0), 0);
}

static void lookup(const struct wr_dp *dp, enum wr_map map, const void *key, void *value)
{
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, map), key, value), 0);
}

struct wr_backend rows_backend_get(const struct wr_dp *dp, uint32_t number)
{
	struct wr_backend be;

	lookup(dp, WR_MAP_wr_backends, &number, &be);
	return be;
}

void rows_backend(const struct wr_dp *dp, uint32_t number, const char *addr, uint16_t port,
		  uint8_t state)
{
	struct wr_backend be = rows_backend_get(dp, number);

	be.addr = rows_addr(addr);
	be.port = htons(port);
	be.state = state;
	update(dp, WR_MAP_wr_backends, &number, &be);
}

void rows_backend_leaves(const struct wr_dp *dp, uint32_t number)
{
	struct wr_backend be = rows_backend_get(dp, number);

	be.state = WR_BACKEND_FREE;
	update(dp, WR_MAP_wr_backends, &number, &be);
	be.gen++;
	update(dp, WR_MAP_wr_backends, &number, &be);
}

void rows_run(const struct wr_dp *dp, uint32_t first, const uint32_t *backends, uint32_t n)
{
	uint32_t i, slot;

	for (i = 0; i < n; i++) {
		slot = first + i;
		update(dp, WR_MAP_wr_slots, &slot, &backends[i]);
	}
}

void rows_service(const struct wr_dp *dp, uint32_t number, const struct wr_service *svc)
{
	update(dp, WR_MAP_wr_services, &number, svc);
}

void rows_point(const struct wr_dp *dp, const struct wr_frontend *fe, uint32_t service)
{
	uint64_t word = WR_FE_WORD(service, wr_frontend_check(fe));

	update(dp, WR_MAP_wr_frontends, fe, &word);
}

void rows_unpoint(const struct wr_dp *dp, const struct wr_frontend *fe)
{
	wr_sys_map_delete(wr_dp_map_fd(dp, WR_MAP_wr_frontends), fe);
}

void rows_src_range(const struct wr_dp *dp, uint32_t service_id, const char *prefix)
{
	struct wr_src_range range = { .service = service_id };
	struct wr_prefix p;
	uint8_t yes = 1;

	assert_int_equal(wr_prefix_parse(prefix, &p), 0);
	range.len = 32u + p.len;
	memcpy(&range.addr, &p.addr, sizeof(range.addr));
	update(dp, WR_MAP_wr_src_ranges, &range, &yes);
}

void rows_maglev(const struct wr_dp *dp, uint32_t line, uint32_t size, const uint32_t *backends,
		 uint32_t n)
{
	struct wr_maglev_line row;
	uint32_t i, k;

	for (i = 0; i < size; i += WR_MAGLEV_LINE, line++) {
		for (k = 0; k < WR_MAGLEV_LINE; k++)
			row.backend[k] = i + k < size ? backends[(i + k) % n] : 0;
		update(dp, WR_MAP_wr_maglev, &line, &row);
	}
}

uint64_t rows_picks(const struct wr_dp *dp, uint32_t backend)
{
	uint64_t n;

	lookup(dp, WR_MAP_wr_picks, &backend, &n);
	return n;
}

static uint32_t run(const struct wr_dp *dp, struct wr_lb_args *args, uint32_t times)
{
	union bpf_attr attr;
	int prog = wr_dp_prog_fd(dp, "lb_lookup");

	assert_true(prog >= 0);
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)prog;
	attr.test.data_in = attr.test.data_out = (uintptr_t)args;
	attr.test.data_size_in = attr.test.data_size_out = sizeof(*args);
	attr.test.repeat = times;
	assert_int_equal(syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)), 0);
	assert_int_equal(attr.test.retval, 0);
	assert_int_equal(attr.test.data_size_out, sizeof(*args));
	return attr.test.duration;
}

void rows_ask(const struct wr_dp *dp, struct wr_lb_args *args, uint32_t times)
{
	run(dp, args, times);
}

uint32_t rows_cost(const struct wr_dp *dp, const struct wr_lb_args *args, uint32_t times)
{
	struct wr_lb_args copy = *args;

	return run(dp, &copy, times);
}
