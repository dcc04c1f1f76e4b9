/* SPDX-License-Identifier: Apache-2.0 */
/* BPF arrays mapped window by window. */
#include "lib/dp/array.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define WINDOW ((size_t)64 << 10) /* all of one is resident once a row of it is touched */
#define PAGE   ((size_t)4096)

static size_t round_up(size_t v, size_t to)
{
	return (v + to - 1) / to * to;
}

/* What the kernel lets us map: whole pages. */
static size_t bytes(const struct wr_array *a)
{
	return round_up((size_t)a->n * a->stride, PAGE);
}

int wr_array_open(struct wr_array *a, int fd, uint32_t value_size, uint32_t n, bool writable)
{
	struct wr_array new = { .fd = fd, .writable = writable, .n = n };
	void *p;

	new.stride = (uint32_t)round_up(value_size, 8);
	p = mmap(NULL, bytes(&new), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	new.base = p;
	new.mapped = wr_xcalloc(bytes(&new) / WINDOW / 64 + 1, sizeof(*new.mapped));
	*a = new;
	return 0;
}

void wr_array_close(struct wr_array *a)
{
	if (a->base)
		munmap(a->base, bytes(a));
	free(a->mapped);
	*a = (struct wr_array){ .fd = -1 };
}

static int map_window(struct wr_array *a, size_t w)
{
	size_t off = w * WINDOW, size = WR_MIN(WINDOW, bytes(a) - off);
	int prot = a->writable ? PROT_READ | PROT_WRITE : PROT_READ;

	if (mmap(a->base + off, size, prot, MAP_SHARED | MAP_FIXED, a->fd, (off_t)off) == MAP_FAILED)
		return -errno;
	a->mapped[w / 64] |= 1ull << (w % 64);
	return 0;
}

void *wr_array_at(struct wr_array *a, uint32_t i)
{
	size_t off = (size_t)i * a->stride, w;

	if (i >= a->n || !a->base)
		return NULL;
	for (w = off / WINDOW; w <= (off + a->stride - 1) / WINDOW; w++)
		if (!(a->mapped[w / 64] & 1ull << (w % 64)) && map_window(a, w) < 0)
			return NULL;
	return a->base + off;
}
