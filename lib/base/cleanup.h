/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership readable inside one function: owning locals carry one of these attributes and leave
 * only through wr_take_ptr or wr_take_fd.
 */
#ifndef WR_BASE_CLEANUP_H
#define WR_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define wr_cleanup(fn) __attribute__((cleanup(fn)))

static inline void wr_free_p(void *p)
{
	free(*(void **)p);
}

static inline void wr_close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void wr_fclose_p(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

#define wr_autofree wr_cleanup(wr_free_p)
#define wr_autofd   wr_cleanup(wr_close_p)
#define wr_autofile wr_cleanup(wr_fclose_p)

/* Moves ownership out of a local: yields its value and leaves NULL (or -1) behind. */
#define wr_take_ptr(p)                      \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

static inline int wr_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* For owners that hand out their own memory as const, and get it back. */
static inline void *wr_unconst(const void *p)
{
	union {
		const void *given;
		void *own;
	} both = { .given = p };

	return both.own;
}

#define WR_ARRAY_SIZE(a)                 (sizeof(a) / sizeof((a)[0]))
#define WR_CONTAINER_OF(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#define WR_MIN(a, b)                     ((a) < (b) ? (a) : (b))
#define WR_MAX(a, b)                     ((a) > (b) ? (a) : (b))

#endif
