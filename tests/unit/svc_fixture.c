/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of services, made and looked up. */
#include "tests/unit/svc_fixture.h"

#include <arpa/inet.h>

#include "lib/base/addr.h"
#include "tests/unit/check.h"
#include "tests/unit/dp_fixture.h"

struct wr_addr fx_addr4(uint32_t a)
{
	struct in_addr in = { .s_addr = htonl(a) };

	return wr_addr_from4(in);
}

struct wr_frontend fx_frontend(uint32_t n)
{
	return (struct wr_frontend){ .addr = fx_addr4(0x0a600000 + n),
				     .port = htons(80),
				     .proto = IPPROTO_TCP };
}

struct wr_svc_backend fx_backend(uint32_t n)
{
	return (struct wr_svc_backend){ .addr = fx_addr4(0x0a000000 + n),
					.port = htons(8080),
					.proto = IPPROTO_TCP,
					.weight = 1,
					.node = 7 };
}

void fx_want_init(struct want *w, uint32_t service)
{
	*w = (struct want){ 0 };
	w->set = (struct wr_svc_set){
		.key = 1000 + service,
		.id = service,
		.frontends = w->fes,
		.n_frontends = 1,
		.backends = w->bes,
	};
	w->fes[0] = fx_frontend(service);
}

void fx_want_backends(struct want *w, uint32_t first, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		w->bes[i] = fx_backend(first + i);
	w->set.n_backends = n;
}

struct wr_svc_table *fx_open_table(struct wr_dp *dp)
{
	struct wr_svc_table *t = NULL;
	struct wr_err err = WR_ERR_INIT;

	if (wr_svc_table_open(dp, &t, &err) < 0)
		fail_msg("%s", err.msg);
	return t;
}

void fx_put(struct wr_svc_table *t, const struct want *w)
{
	struct wr_err err = WR_ERR_INIT;

	if (wr_svc_table_put(t, &w->set, &err) < 0)
		fail_msg("%s", err.msg);
}

int fx_lookup(struct wr_dp *dp, const struct wr_frontend *fe, struct wr_service *ret)
{
	uint32_t number;
	uint64_t word;
	int r;

	r = wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_frontends), fe, &word);
	if (r < 0)
		return r;
	assert_int_equal(WR_FE_CHECK(word), wr_frontend_check(fe));
	number = WR_FE_SERVICE(word);
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_services), &number, ret), 0);
	return (int)number;
}

int fx_record_of(struct wr_dp *dp, uint32_t service)
{
	struct wr_frontend fe = fx_frontend(service);
	struct wr_service svc = { 0 };

	return fx_lookup(dp, &fe, &svc);
}

uint32_t fx_slot_backend(struct wr_dp *dp, uint32_t service, uint32_t i, struct wr_backend *ret)
{
	struct wr_frontend fe = fx_frontend(service);
	struct wr_service svc = { 0 };
	uint32_t number;

	assert_true(fx_lookup(dp, &fe, &svc) > 0);
	assert_int_equal(wr_service_slots(dp, &svc, i, &number), 0);
	assert_int_equal(wr_backend_get(dp, number, ret), 0);
	return number;
}

void fx_expect(struct wr_dp *dp, uint32_t service, uint32_t first, uint32_t n)
{
	struct wr_frontend fe = fx_frontend(service);
	struct wr_service svc = { 0 };
	struct wr_backend be;
	struct wr_addr a;
	uint32_t i;

	assert_true(fx_lookup(dp, &fe, &svc) > 0);
	assert_int_equal(svc.id, service);
	assert_int_equal(svc.n, n);
	for (i = 0; i < n; i++) {
		fx_slot_backend(dp, service, i, &be);
		a = fx_addr4(0x0a000000 + first + i);
		assert_true(wr_addr_eq(&be.addr, &a));
		assert_int_equal(be.port, htons(8080));
		assert_int_equal(be.state, WR_BACKEND_ACTIVE);
		assert_int_equal(be.node, 7);
	}
}

struct wr_svc_table_stats fx_stats(const struct wr_svc_table *t)
{
	struct wr_svc_table_stats s;

	wr_svc_table_get_stats(t, &s);
	return s;
}

void fx_let_go(struct wr_svc_table *t)
{
	wr_svc_table_tick(t, 1000);
	wr_svc_table_tick(t, 10000);
}
