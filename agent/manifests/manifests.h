/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory of Kubernetes manifests as the source of objects: *.yaml, *.yml and *.json that are
 * not hidden, not in sub-directories; followed with inotify, also where files are links that are
 * swapped as a whole (ConfigMap volumes).
 *
 * A file is in force whole or not at all: one that cannot be read, parsed or decoded is reported
 * with line and field, and what it said last stays. When a file goes, its objects go. An object in
 * two files is reported for the later one; the first keeps it. A directory that goes away is
 * reported and waited for; nothing is deleted by that.
 *
 * The first read is a relist of every kind (wr_store_begin, wr_store_synced). A kind of which a
 * broken file may have objects is not synced before that file is mended, so that a restart deletes
 * nothing that the file has put in force earlier.
 *
 *	wr_manifests_open(...);       reads everything
 *	fd readable:                  ms = wr_manifests_process(m); start a timer of ms unless 0 or one is running
 *	timer:                        ms = wr_manifests_apply(m); start it again unless 0
 */
#ifndef WR_AGENT_MANIFESTS_MANIFESTS_H
#define WR_AGENT_MANIFESTS_MANIFESTS_H

#include "agent/obj/store.h"
#include "lib/base/err.h"

struct wr_manifests;

/*
 * @file: its name without the directory, or the directory's path. NULL @err: it was reported, and
 * is good again.
 */
typedef void (*wr_manifests_report_fn)(void *ctx, const char *file, const struct wr_err *err);

/*
 * -ENOENT, -ENOTDIR, -EACCES: the directory cannot be used. Broken files are reported, and no
 * failure.
 */
int wr_manifests_open(const char *dir, struct wr_store *store, wr_manifests_report_fn report,
		      void *ctx, struct wr_manifests **ret, struct wr_err *err);
int wr_manifests_fd(const struct wr_manifests *m); /* stays the same, is never blocking */
/*
 * Takes up what has happened. Returns the milliseconds to wait for more of it before apply; 0:
 * nothing to apply.
 */
int wr_manifests_process(struct wr_manifests *m);
/*
 * Reads the files that changed and puts the difference into the store. Returns the milliseconds to
 * the next try; 0: done.
 */
int wr_manifests_apply(struct wr_manifests *m);
void wr_manifests_close(struct wr_manifests *m); /* the store keeps the objects; NULL is fine */

size_t wr_manifests_files(const struct wr_manifests *m);
size_t wr_manifests_bad_files(const struct wr_manifests *m); /* reported and not good again */

#endif
