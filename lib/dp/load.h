/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside lib/dp: the steps of a load, and the state they share.
 *
 *	read objects -> plan each map (new, adopted, resized) -> verify programs -> make shards -> fill resized maps
 *	-> pin maps -> pin programs -> update links -> drain what was replaced -> note the digest
 *
 * Up to the pinning nothing that is in force has changed, so a failure leaves everything as it was. From then on
 * each step may be the last one: the next load finds its traces (maps_old/, places above flow_shards) and goes on.
 */
#ifndef WR_DP_LOAD_H
#define WR_DP_LOAD_H

#include "lib/dp/object.h"

struct wr_map_plan {
	bool declared; /* by at least one object */
	struct wr_sys_map want;
	struct wr_sys_map inner; /* of an array of maps */
	int fd;                  /* what programs will use; -1: the load creates it */
	bool is_new;
	bool is_pinned; /* in our directory already */
	int old_fd;     /* what it replaces, or has replaced and may hold late rows; -1: nothing */
	struct wr_sys_map old;
	uint64_t *counters; /* what an array of counters held when it was copied */
};

struct wr_load {
	const struct wr_dp_options *opt;
	const struct wr_bpf_object *sources; /* of the objects */
	struct wr_object **objects;
	size_t n_objects;
	char other[WR_DP_PATH_SIZE]; /* pins of another ABI that is taken over; "": none */
	struct wr_map_plan maps[WR_MAP_MAX];
	struct wr_dp *dp;
	bool adopted;  /* the pinned programs are what a load would make */
	bool in_force; /* every hook runs the new programs */
};

/* The same with other objects than the embedded ones. */
int wr_dp_load_objects(const struct wr_dp_options *opt, const struct wr_bpf_object *objects,
		       size_t n, struct wr_dp **ret, struct wr_err *err);

/* plan.c */
int wr_plan_maps(struct wr_load *l, struct wr_err *err);
int wr_plan_path(const char *pins, enum wr_map map, char buf[WR_DP_PATH_SIZE]);
/* Where a map that is replaced stays pinned until it has drained. */
int wr_plan_old_path(const char *pins, enum wr_map map, char buf[WR_DP_PATH_SIZE]);

/*
 * digest.c: verifying takes a second, and a restarted agent mostly wants what runs already. After a load a link in the pin
 * directory says what the programs were made from: objects, constants, maps.
 */
bool wr_digest_matches(const struct wr_load *l);
void wr_digest_forget(const struct wr_load *l);
int wr_digest_note(const struct wr_load *l, struct wr_err *err);

/* migrate.c: before the programs change, and after. */
int wr_migrate_fill(struct wr_load *l, struct wr_err *err);
int wr_migrate_drain(struct wr_load *l, struct wr_err *err);
int wr_map_copy(int from, const struct wr_sys_map *from_info, int to,
		const struct wr_sys_map *to_info, uint64_t flags);

/* shards.c: fills the places of wr_flows; resizes and drains shards. */
int wr_shards_make(struct wr_load *l, struct wr_err *err);
int wr_shards_resize(struct wr_load *l, struct wr_err *err);
/* Copies the flows of another table, whatever its number of shards. Those that are there already stay. */
int wr_shards_copy(struct wr_load *l, struct wr_err *err);

/* pins.c */
int wr_pins_write(struct wr_load *l, struct wr_err *err);
int wr_pins_update_links(struct wr_load *l, struct wr_err *err);
int wr_pins_tidy(struct wr_load *l, struct wr_err *err);

#endif
