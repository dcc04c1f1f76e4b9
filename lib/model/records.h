/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of endpoint records and tombstones: <state>/endpoints/<key>.json,
 * <state>/tombstones/<key>.json. Plugin and agent share it. A record is replaced by rename; a torn
 * or foreign file is reported and skipped, never fatal. A tombstone is written by DEL when the
 * agent is away: the agent takes it up (releases the endpoint) and removes it.
 */
#ifndef WR_MODEL_RECORDS_H
#define WR_MODEL_RECORDS_H

#include "lib/model/endpoint.h"

struct wr_records {
	WR_VEC(struct wr_endpoint_record) v;
};

int wr_record_put(const char *state_dir, const struct wr_endpoint_record *r, struct wr_err *err);
/* -ENOENT: there is none. */
int wr_record_get(const char *state_dir, const struct wr_attachment *id,
		  struct wr_endpoint_record *ret, struct wr_err *err);
/* A missing record is success. */
int wr_record_del(const char *state_dir, const struct wr_attachment *id);
/* All good ones, sorted by attachment; *ret_bad counts files that could not be read. */
int wr_records_load(const char *state_dir, struct wr_records *ret, size_t *ret_bad,
		    struct wr_err *err);
void wr_records_done(struct wr_records *r);

/*
 * Removes temporary files of writers that were killed, records' and tombstones', when they are older than @age_ms. A writer that
 * loses its file to this at that very moment writes it again.
 */
void wr_records_sweep(const char *state_dir, uint64_t age_ms);

int wr_tombstone_put(const char *state_dir, const struct wr_attachment *id, struct wr_err *err);
int wr_tombstone_del(const char *state_dir, const struct wr_attachment *id);
struct wr_attachments {
	WR_VEC(struct wr_attachment) v;
};
int wr_tombstones_load(const char *state_dir, struct wr_attachments *ret, struct wr_err *err);
void wr_attachments_done(struct wr_attachments *a);

#endif
