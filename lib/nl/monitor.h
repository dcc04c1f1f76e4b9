/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes in a network namespace, as it changes: for an event loop. Only the agent links this (libmnl).
 *
 * Events say what the kernel's tables held at some moment; when the socket overflows, events were lost and `resync` says so:
 * dump again. Open the monitor before the first dump, so that nothing falls between.
 */
#ifndef WR_NL_MONITOR_H
#define WR_NL_MONITOR_H

#include "lib/nl/link.h"
#include "lib/nl/naddr.h"
#include "lib/nl/neigh.h"
#include "lib/nl/route.h"

/* What the kernel shall not even wake us for: each wake-up slows down whoever makes the change. Zero: nothing. */
struct wr_nlmon_quiet {
	char link[2];      /* links whose name begins with these two */
	uint8_t link_len;  /* and is this long; 0: no link */
	uint8_t protocol;  /* routes of this protocol; 0: none */
	bool other_tables; /* routes of other tables than the main one */
};

/* What is NULL is not subscribed to, but resync must be set. Pointers hold for the call only. */
struct wr_nlmon_events {
	void (*link)(void *ctx, const struct wr_link *l, bool gone);
	void (*addr)(void *ctx, const struct wr_naddr *a, bool gone);
	void (*route)(void *ctx, const struct wr_route *r, bool gone);
	void (*neigh)(void *ctx, const struct wr_neigh *n, bool gone);
	void (*resync)(void *ctx);
	void *ctx;
	struct wr_nlmon_quiet quiet;
};

struct wr_nlmon;

int wr_nlmon_open(const struct wr_nlmon_events *events, struct wr_nlmon **ret);
void wr_nlmon_close(struct wr_nlmon *m);   /* NULL is allowed */
int wr_nlmon_fd(const struct wr_nlmon *m); /* poll for reading; borrowed */
/* Reports what has come, a bounded amount at a time (poll again: the rest stays readable). 0, or a negative errno of the socket. */
int wr_nlmon_read(struct wr_nlmon *m);

#endif
