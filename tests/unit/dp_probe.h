/* SPDX-License-Identifier: Apache-2.0 */
/* Small programs on the real maps (dp_probe.bpf.c), loaded and asked, for the tests of the loader. */
#ifndef WR_TESTS_UNIT_DP_PROBE_H
#define WR_TESTS_UNIT_DP_PROBE_H

#include "bpf/abi/flow.h"
#include "bpf/abi/service.h"
#include "lib/dp/load.h"

#define OTHER_PINS DP_ROOT "/0"

#define DECLARE(name) extern const char wr_obj_##name##_start[], wr_obj_##name##_end[]
DECLARE(dp_probe);
DECLARE(dp_refused);
DECLARE(dp_grown);
DECLARE(dp_rekeyed);

#define OBJECT(n)                                        \
	((struct wr_bpf_object){ #n, wr_obj_##n##_start, \
				 (size_t)(wr_obj_##n##_end - wr_obj_##n##_start) })

struct wr_dp_options probe_options(uint32_t mark);
int probe_try_load(const struct wr_dp_options *opt, struct wr_bpf_object object, struct wr_dp **ret,
		   struct wr_err *err);
struct wr_dp *probe_load(const struct wr_dp_options *opt, struct wr_bpf_object object);
uint32_t probe_run(int prog, void *packet, size_t size);
uint32_t probe_answer_of(int prog);
uint32_t probe_pinned_answer(void);
struct wr_flow_key probe_flow_key(uint16_t port);
int probe_find_flow(struct wr_dp *dp, uint16_t port);
int probe_add_flow(struct wr_dp *dp, uint16_t port);
uint32_t probe_map_id(const struct wr_dp *dp, enum wr_map map);
bool probe_exists(const char *path);
struct wr_affinity probe_affinity_row(uint32_t backend);
void probe_put_affinity(const struct wr_dp *dp, uint32_t service, uint32_t backend);
int probe_attach_lo(bool tcx);

#endif
