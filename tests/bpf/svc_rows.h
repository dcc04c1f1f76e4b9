/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Services written row by row into the maps of loaded objects, so that tests of the programs stand on nothing but
 * the maps. Numbers are the test's own; failures fail the test.
 */
#ifndef WR_TESTS_BPF_SVC_ROWS_H
#define WR_TESTS_BPF_SVC_ROWS_H

#include "bpf/abi/service.h"
#include "lib/base/addr.h"
#include "lib/dp/dp.h"

#define ROWS_HZ 250

/* Small maps, nothing pinned. @switches: enum wr_switch. */
struct wr_dp *rows_load(uint32_t switches, uint64_t netns_cookie);

struct wr_addr rows_addr(const char *text);
struct wr_frontend rows_frontend(const char *addr, uint16_t port, uint8_t proto, uint8_t scope);

void rows_backend(const struct wr_dp *dp, uint32_t number, const char *addr, uint16_t port,
		  uint8_t state);
struct wr_backend rows_backend_get(const struct wr_dp *dp, uint32_t number);
/* As the table does it: state FREE, then the generation. */
void rows_backend_leaves(const struct wr_dp *dp, uint32_t number);
/* Writes @n backend numbers from slot @first on. */
void rows_run(const struct wr_dp *dp, uint32_t first, const uint32_t *backends, uint32_t n);
void rows_service(const struct wr_dp *dp, uint32_t number, const struct wr_service *svc);
/* The flip. */
void rows_point(const struct wr_dp *dp, const struct wr_frontend *fe, uint32_t service);
void rows_unpoint(const struct wr_dp *dp, const struct wr_frontend *fe);
void rows_src_range(const struct wr_dp *dp, uint32_t service_id, const char *prefix);
/* Elements of a Maglev table that begins at line @line: element i is backends[i % n]. */
void rows_maglev(const struct wr_dp *dp, uint32_t line, uint32_t size, const uint32_t *backends,
		 uint32_t n);
uint64_t rows_picks(const struct wr_dp *dp, uint32_t backend);

/* Runs lb_lookup @times; the last answer is in *args. */
void rows_ask(const struct wr_dp *dp, struct wr_lb_args *args, uint32_t times);
/* ns for one of @times runs. */
uint32_t rows_cost(const struct wr_dp *dp, const struct wr_lb_args *args, uint32_t times);

#endif
