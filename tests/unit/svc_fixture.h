/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of services in the making, and what the maps say about them, for the tests of the table of services. */
#ifndef WR_TESTS_UNIT_SVC_FIXTURE_H
#define WR_TESTS_UNIT_SVC_FIXTURE_H

#include "lib/dp/private.h"
#include "lib/dp/svc_table.h"

#define FX_MAX 64

/* A set in the making: service n has frontend 10.96.0.n:80 and backends 10.0.0.x:8080. */
struct want {
	struct wr_svc_set set;
	struct wr_frontend fes[FX_MAX];
	struct wr_svc_backend bes[FX_MAX];
};

struct wr_addr fx_addr4(uint32_t a);
struct wr_frontend fx_frontend(uint32_t n);
struct wr_svc_backend fx_backend(uint32_t n);
void fx_want_init(struct want *w, uint32_t service);
void fx_want_backends(struct want *w, uint32_t first, uint32_t n);
struct wr_svc_table *fx_open_table(struct wr_dp *dp);
void fx_put(struct wr_svc_table *t, const struct want *w);
/* What the kernel has for a frontend; -ENOENT. */
int fx_lookup(struct wr_dp *dp, const struct wr_frontend *fe, struct wr_service *ret);
int fx_record_of(struct wr_dp *dp, uint32_t service);
/* The last byte of the address behind slot @i of a service. */
uint32_t fx_slot_backend(struct wr_dp *dp, uint32_t service, uint32_t i, struct wr_backend *ret);
void fx_expect(struct wr_dp *dp, uint32_t service, uint32_t first, uint32_t n);
struct wr_svc_table_stats fx_stats(const struct wr_svc_table *t);
/* Two ticks far apart: all that was given up is free. */
void fx_let_go(struct wr_svc_table *t);

#endif
