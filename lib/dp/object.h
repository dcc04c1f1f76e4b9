/* SPDX-License-Identifier: Apache-2.0 */
/* Inside lib/dp: one embedded BPF object on its way into the kernel. The only module that knows libbpf. */
#ifndef WR_DP_OBJECT_H
#define WR_DP_OBJECT_H

#include "bpf/abi/config.h"
#include "lib/base/err.h"
#include "lib/dp/objects.h"
#include "lib/dp/private.h"

struct wr_object;

int wr_object_open(const struct wr_bpf_object *src, struct wr_object **ret, struct wr_err *err);
void wr_object_close(struct wr_object *o);
/* Writes the object's constants, when it has any. */
int wr_object_set_config(struct wr_object *o, const struct wr_config *config, struct wr_err *err);
/* false: the object does not use that map. @inner: of an array of maps, what it is an array of. */
bool wr_object_map(const struct wr_object *o, enum wr_map map, struct wr_sys_map *ret,
		   struct wr_sys_map *ret_inner);
/* Before the load. No-ops when the object does not use that map. */
int wr_object_set_size(struct wr_object *o, enum wr_map map, uint32_t max_entries);
int wr_object_use_map(struct wr_object *o, enum wr_map map, int fd);
/* Creates the maps that were not given and has the programs verified; a refusal says what the verifier said last. */
int wr_object_load(struct wr_object *o, struct wr_err *err);
/* After the load; borrowed. -1: the object does not use that map. */
int wr_object_map_fd(const struct wr_object *o, enum wr_map map);
/* After the load: hands a descriptor of each program to the handle. */
int wr_object_take_progs(const struct wr_object *o, struct wr_dp *dp);
/* In place of the load: the programs that are pinned. -ENOENT: one is missing. */
int wr_object_take_pinned(const struct wr_object *o, const char *pins, struct wr_dp *dp);

#endif
