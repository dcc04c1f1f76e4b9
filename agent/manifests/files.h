/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the directory: which there are, which changed, what they hold. Inside of
 * agent/manifests.
 */
#ifndef WR_AGENT_MANIFESTS_FILES_H
#define WR_AGENT_MANIFESTS_FILES_H

#include <sys/stat.h>

#include "agent/manifests/manifests.h"
#include "agent/manifests/parse.h"

struct wr_manifest_file {
	struct wr_hnode node;
	char *name;
	uint32_t number; /* wr_object.file of its objects */
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
	bool dirty; /* to be read again */
	bool fresh; /* read and not claimed yet: @content */
	bool gone;
	uint64_t writing_ms; /* somebody has been writing it since; 0: nobody */
	uint32_t bad_kinds; /* of which this file may have objects that are not known; 0: it is understood */
	bool conflict; /* an object of it is another file's */
	char *said;    /* what was reported; NULL: it is good */
	struct wr_manifest content;
	WR_VEC(struct wr_object *) objects; /* its own, in the store */
};

/* An object that its file does not have any more. */
struct wr_manifest_orphan {
	enum wr_kind kind;
	wr_istr ns;
	char *name;
};

struct wr_manifests {
	char *dir;
	int inotify, watch; /* watch: -1 while the directory is away */
	bool rescan;        /* look at every file */
	bool dir_reported;
	uint32_t synced; /* kinds */
	struct wr_store *store;
	wr_manifests_report_fn report;
	void *ctx;
	WR_VEC(struct wr_manifest_file *) files; /* sorted by name after a change has been applied */
	struct wr_hmap by_name;
	uint32_t last_number;                      /* of a file */
	WR_VEC(struct wr_manifest_orphan) orphans; /* some may have found another file since */
};

bool wr_manifest_is_named(const char *name);
/* The file of that name; made when it is new. */
struct wr_manifest_file *wr_manifest_file(struct wr_manifests *m, const char *name);
void wr_manifest_file_free(struct wr_manifests *m, struct wr_manifest_file *f);
/* Lists the directory: marks what is new, changed or gone. -errno of opening it. */
int wr_manifest_files_scan(struct wr_manifests *m);
/* Reads a dirty file; says so when it cannot be used. */
void wr_manifest_file_read(struct wr_manifests *m, struct wr_manifest_file *f);
/* Reports @err once; NULL: good again. */
void wr_manifest_file_say(struct wr_manifests *m, struct wr_manifest_file *f,
			  const struct wr_err *err);

#endif
