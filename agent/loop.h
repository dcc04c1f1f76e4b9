/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's one loop: descriptors by epoll, timers, signals by signalfd, and one hook that runs after each
 * round of events (where due reconcilers run). One thread; callbacks must not block.
 *
 * Watches and timers live inside the caller's structs and are valid until wr_io_del / wr_timer_stop. A
 * callback may remove any watch or timer, its own included, and free what holds it.
 */
#ifndef WR_AGENT_LOOP_H
#define WR_AGENT_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "lib/base/err.h"

struct wr_io {
	int fd; /* -1 in a zeroed or deleted watch's place: see wr_io_active */
	bool active;
	uint32_t events;
	void (*fn)(struct wr_io *io, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP ... */
};

struct wr_timer {
	struct wr_timer *prev, *next; /* in the order of due_ms */
	bool armed;
	uint64_t due_ms; /* monotonic */
	void (*fn)(struct wr_timer *t);
};

struct wr_loop;

int wr_loop_new(struct wr_loop **ret, struct wr_err *err);
void wr_loop_free(struct wr_loop *l);

/* The descriptor stays the caller's. Level triggered. */
int wr_io_add(struct wr_loop *l, struct wr_io *io, int fd, uint32_t events,
	      void (*fn)(struct wr_io *io, uint32_t events));
int wr_io_set_events(struct wr_loop *l, struct wr_io *io, uint32_t events);
void wr_io_del(struct wr_loop *l, struct wr_io *io); /* before the descriptor is closed; twice is fine */

/* One shot, @after_ms from now; a running one is set anew. */
void wr_timer_start(struct wr_loop *l, struct wr_timer *t, uint64_t after_ms,
		    void (*fn)(struct wr_timer *t));
void wr_timer_stop(struct wr_loop *l, struct wr_timer *t); /* a stopped one is fine */

/* Blocks the signals and hears them in the loop. */
int wr_loop_on_signals(struct wr_loop *l, const sigset_t *set, void (*fn)(void *ctx, int signo),
		       void *ctx, struct wr_err *err);
/* Runs after the callbacks of every round. */
void wr_loop_after(struct wr_loop *l, void (*fn)(void *ctx), void *ctx);

/* Until wr_loop_stop. Returns 0, or the errno of epoll. */
int wr_loop_run(struct wr_loop *l);
/* One round: waits at most @max_wait_ms (-1: as long as it takes). */
int wr_loop_once(struct wr_loop *l, int max_wait_ms);
void wr_loop_stop(struct wr_loop *l);
/* Monotonic time at the start of this round. */
uint64_t wr_loop_now(const struct wr_loop *l);

#endif
