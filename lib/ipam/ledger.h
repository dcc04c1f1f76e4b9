/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file behind lib/ipam: <dir>/leases, a log of checksummed records, replayed when it is opened.
 *
 * One change is one record and one pwrite(2), so a reader sees all of it or none: a process that is killed in the middle
 * of it leaves a tail whose checksum does not match, which the next writer overwrites. The log is rewritten from time to
 * time into a temporary file, which is locked before it is renamed over the old one; whoever waited for the old
 * file's lock finds that it has no name any more and opens the new one.
 *
 * Nothing is fsynced. What SIGKILL leaves is in the page cache, which outlives the process; what a power loss leaves
 * belongs to sandboxes that are gone with it, and is collected as garbage. fdatasync would add a disk's latency to
 * every ADD and buy nothing. Records that a power loss has damaged are skipped; the next one is found by its magic.
 */
#ifndef WR_IPAM_LEDGER_H
#define WR_IPAM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/addr.h"
#include "lib/base/err.h"
#include "lib/base/hmap.h"
#include "lib/model/endpoint.h"
#include "lib/model/paths.h"

/* One address that was given at least once since the last rewrite. */
struct wr_ledger_row {
	struct wr_hnode node; /* in by_addr */
	struct wr_addr addr;
	struct wr_attachment id; /* the last owner; points into text */
	char *text;
	uint64_t since_ms; /* Unix epoch: given, or released when not held */
	uint64_t given;    /* grows with every address given: a pool goes on after its largest */
	bool held;
	bool kept; /* wr_ledger_rewrite keeps it; else it is forgotten */
};

struct wr_ledger {
	int fd; /* open and locked; -1: closed */
	char path[WR_PATH_SIZE];
	off_t end;              /* of the last good record: where the next one goes */
	uint64_t order;         /* last value of a row's given */
	struct wr_hmap by_addr; /* all rows */
};

/* A change of an attachment's addresses, as one: at most two of them, the others zero. */
struct wr_ledger_change {
	const struct wr_attachment *id;
	struct wr_addr addr[2];
	uint64_t time_ms;
	bool held; /* given; else released */
};

/* Opens, locks (waits at most @wait_ms: -EAGAIN) and replays. Creates directory and file. */
int wr_ledger_open(const char *dir, uint64_t wait_ms, struct wr_ledger *ret, struct wr_err *err);
void wr_ledger_done(struct wr_ledger *l); /* unlocks */
/* NULL: never given. */
struct wr_ledger_row *wr_ledger_find(const struct wr_ledger *l, const struct wr_addr *addr);
/* All rows, in no order: start with a zeroed iterator; NULL at the end. */
struct wr_ledger_iter {
	size_t pos;
	struct wr_hnode *next;
};
struct wr_ledger_row *wr_ledger_next(const struct wr_ledger *l, struct wr_ledger_iter *it);
/* On disk first, then in memory. -ENAMETOOLONG: the attachment's names do not fit a record. */
int wr_ledger_append(struct wr_ledger *l, const struct wr_ledger_change *c, struct wr_err *err);
/* Bytes that the row takes in a rewritten file. */
size_t wr_ledger_row_size(const struct wr_ledger_row *row);
/* Replaces the file by one of the rows that are marked as kept; the others are forgotten. The ledger stays open and locked. */
int wr_ledger_rewrite(struct wr_ledger *l, struct wr_err *err);

#endif
