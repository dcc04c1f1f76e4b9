// SPDX-License-Identifier: Apache-2.0
/* The event loop. */
#include "agent/loop.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define BATCH 64

struct wr_loop {
	int epfd;
	bool stopping;
	uint64_t now;
	struct wr_timer timers; /* ring head, soonest first: there are a few dozen, a heap would gain nothing */
	struct wr_io signals;
	int signal_fd;
	void (*on_signal)(void *ctx, int signo);
	void *signal_ctx;
	void (*after)(void *ctx);
	void *after_ctx;
	struct epoll_event batch[BATCH]; /* of the round at hand: a deleted watch is struck out here */
	int batch_n, batch_i;
};

int wr_loop_new(struct wr_loop **ret, struct wr_err *err)
{
	struct wr_loop *l;
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return wr_err_sys(err, -errno, "epoll");
	l = wr_xcalloc(1, sizeof(*l));
	l->epfd = fd;
	l->signal_fd = -1;
	l->now = wr_now_ms();
	l->timers.prev = l->timers.next = &l->timers;
	*ret = l;
	return 0;
}

void wr_loop_free(struct wr_loop *l)
{
	if (!l)
		return;
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	close(l->epfd);
	free(l);
}

int wr_io_add(struct wr_loop *l, struct wr_io *io, int fd, uint32_t events,
	      void (*fn)(struct wr_io *io, uint32_t events))
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	*io = (struct wr_io){ .fd = fd, .active = true, .events = events, .fn = fn };
	return 0;
}

int wr_io_set_events(struct wr_loop *l, struct wr_io *io, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = io };

	if (io->events == events)
		return 0;
	if (epoll_ctl(l->epfd, EPOLL_CTL_MOD, io->fd, &ev) < 0)
		return -errno;
	io->events = events;
	return 0;
}

void wr_io_del(struct wr_loop *l, struct wr_io *io)
{
	int i;

	if (!io->active)
		return;
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, io->fd, NULL);
	io->active = false;
	for (i = l->batch_i + 1; i < l->batch_n; i++)
		if (l->batch[i].data.ptr == io)
			l->batch[i].data.ptr = NULL;
}

void wr_timer_stop(struct wr_loop *l, struct wr_timer *t)
{
	if (!t->armed)
		return;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->armed = false;
}

void wr_timer_start(struct wr_loop *l, struct wr_timer *t, uint64_t after_ms,
		    void (*fn)(struct wr_timer *t))
{
	struct wr_timer *at;

	wr_timer_stop(l, t);
	t->due_ms = wr_now_ms() + after_ms;
	t->fn = fn;
	t->armed = true;
	/* From the back: most timers are set later than those that run already. */
	for (at = l->timers.prev; at != &l->timers && at->due_ms > t->due_ms; at = at->prev)
		;
	t->prev = at;
	t->next = at->next;
	at->next->prev = t;
	at->next = t;
}

static void run_timers(struct wr_loop *l)
{
	uint64_t now = l->now;

	while (l->timers.next != &l->timers && l->timers.next->due_ms <= now) {
		struct wr_timer *t = l->timers.next;

		wr_timer_stop(l, t);
		t->fn(t);
	}
}

static void signals_ready(struct wr_io *io, uint32_t events)
{
	struct wr_loop *l = WR_CONTAINER_OF(io, struct wr_loop, signals);
	struct signalfd_siginfo si;

	while (read(io->fd, &si, sizeof(si)) == sizeof(si))
		l->on_signal(l->signal_ctx, (int)si.ssi_signo);
}

int wr_loop_on_signals(struct wr_loop *l, const sigset_t *set, void (*fn)(void *ctx, int signo),
		       void *ctx, struct wr_err *err)
{
	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return wr_err_sys(err, -errno, "blocking signals");
	l->signal_fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal_fd < 0)
		return wr_err_sys(err, -errno, "signalfd");
	l->on_signal = fn;
	l->signal_ctx = ctx;
	return wr_io_add(l, &l->signals, l->signal_fd, EPOLLIN, signals_ready);
}

void wr_loop_after(struct wr_loop *l, void (*fn)(void *ctx), void *ctx)
{
	l->after = fn;
	l->after_ctx = ctx;
}

static int wait_ms(const struct wr_loop *l, int max_wait_ms)
{
	uint64_t now = wr_now_ms(), due;

	if (l->timers.next == &l->timers)
		return max_wait_ms;
	due = l->timers.next->due_ms;
	due = due > now ? WR_MIN(due - now, 3600000u) : 0;
	return max_wait_ms < 0 ? (int)due : WR_MIN((int)due, max_wait_ms);
}

static void dispatch(struct wr_loop *l)
{
	for (l->batch_i = 0; l->batch_i < l->batch_n; l->batch_i++) {
		struct wr_io *io = l->batch[l->batch_i].data.ptr;

		if (io)
			io->fn(io, l->batch[l->batch_i].events);
	}
	l->batch_n = 0;
}

int wr_loop_once(struct wr_loop *l, int max_wait_ms)
{
	int n = epoll_wait(l->epfd, l->batch, BATCH, wait_ms(l, max_wait_ms));

	if (n < 0 && errno != EINTR)
		return -errno;
	l->now = wr_now_ms();
	l->batch_n = n < 0 ? 0 : n;
	dispatch(l);
	run_timers(l);
	if (l->after)
		l->after(l->after_ctx);
	return 0;
}

int wr_loop_run(struct wr_loop *l)
{
	int r = 0;

	while (!l->stopping && r == 0)
		r = wr_loop_once(l, -1);
	return r;
}

void wr_loop_stop(struct wr_loop *l)
{
	l->stopping = true;
}

uint64_t wr_loop_now(const struct wr_loop *l)
{
	return l->now;
}
