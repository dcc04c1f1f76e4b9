/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring buffer of events: kernel and we share two positions and the data, which is mapped twice in a row so that a
 * record is never split. One reader; the kernel drops (and counts) what finds no room.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dp/private.h"
#include "lib/dp/tables.h"

struct wr_events {
	int fd; /* borrowed */
	int (*fn)(void *ctx, const void *data, size_t size);
	void *ctx;
	uint64_t *consumer;
	uint8_t *producer; /* the page of the position, then the data twice */
	uint32_t page, size;
};

static size_t ring_bytes(const struct wr_events *e)
{
	return e->page + 2 * (size_t)e->size;
}

void wr_events_close(struct wr_events *e)
{
	if (!e)
		return;
	if (e->consumer)
		munmap(e->consumer, e->page);
	if (e->producer)
		munmap(e->producer, ring_bytes(e));
	free(e);
}

static void close_p(struct wr_events **e)
{
	wr_events_close(*e);
}

/* NULL on failure, with errno. */
static void *map_part(const struct wr_events *e, size_t off, size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED, e->fd, (off_t)off);

	return p == MAP_FAILED ? NULL : p;
}

int wr_events_open(struct wr_dp *dp, int (*fn)(void *ctx, const void *data, size_t size), void *ctx,
		   struct wr_events **ret)
{
	wr_cleanup(close_p) struct wr_events *e = wr_xcalloc(1, sizeof(*e));

	e->fd = dp->fds[WR_MAP_wr_events];
	if (e->fd < 0)
		return -ENOENT;
	e->fn = fn;
	e->ctx = ctx;
	e->page = (uint32_t)sysconf(_SC_PAGESIZE);
	e->size = dp->info[WR_MAP_wr_events].max_entries;
	e->consumer = map_part(e, 0, e->page, PROT_READ | PROT_WRITE);
	if (!e->consumer)
		return -errno;
	e->producer = map_part(e, e->page, ring_bytes(e), PROT_READ);
	if (!e->producer)
		return -errno;
	*ret = wr_take_ptr(e);
	return 0;
}

int wr_events_fd(const struct wr_events *e)
{
	return e->fd;
}

static uint64_t round_up8(uint64_t v)
{
	return (v + 7) / 8 * 8;
}

int wr_events_poll(struct wr_events *e)
{
	uint64_t at = wr_load(e->consumer), end = wr_load((uint64_t *)(void *)e->producer);
	const uint8_t *data = e->producer + e->page;
	const uint32_t *header;
	uint32_t len;
	int n = 0;

	/* Not beyond what was there at the start, so that a busy producer cannot keep us here. */
	while (at < end) {
		header = (const uint32_t *)(const void *)(data + (at & (e->size - 1)));
		len = wr_load(header);
		if (len & BPF_RINGBUF_BUSY_BIT)
			break;
		if (!(len & BPF_RINGBUF_DISCARD_BIT)) {
			n++;
			e->fn(e->ctx, header + BPF_RINGBUF_HDR_SZ / sizeof(*header), len);
		}
		at += round_up8((len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ);
		wr_store(e->consumer, at);
	}
	return n;
}
