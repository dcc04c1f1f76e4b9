/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What every program includes first: helpers, byte order, and the few words of C that BPF lacks. */
#ifndef WR_BPF_BPF_H
#define WR_BPF_BPF_H

#include <stddef.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Words (bpf/abi/base.h) are read and written whole. */
#define READ_ONCE(x)     (*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))

#ifndef memcpy
#define memcpy __builtin_memcpy
#define memset __builtin_memset
#endif

/* 0 or 1 that the verifier sees to be one: what a callback may return. */
static __always_inline long wr_bool(int v)
{
	asm volatile("" : "+r"(v));
	return v & 1;
}

/*
 * Is *n 1 to @power (of two)? Afterwards every verifier knows it is. Those before 6.8 learn nothing from a comparison with
 * zero, those before 6.10 nothing from one with a difference; clang makes either of a plain check.
 */
static __always_inline int wr_is_within(__u32 *n, __u32 power)
{
	__u32 v = *n;

	if (!v || v > power)
		return 0;
	asm volatile("" : "+r"(v));
	v = ((v - 1) & (power - 1)) + 1;
	asm volatile("" : "+r"(v));
	*n = v;
	return 1;
}

/* The same for any @most up to 256. */
static __always_inline int wr_is_size(__u32 *n, __u32 most)
{
	return *n <= most && wr_is_within(n, 256) && *n <= most;
}

/* Of <errno.h>, which wants a C library. */
enum wr_errno {
	WR_ENOENT = 2,
	WR_EBUSY = 16,
	WR_EEXIST = 17,
	WR_ENOSPC = 28,
};

/*
 * A function that the verifier looks at once, by itself, and not again at each call; so as far as it can tell any
 * pointer may be NULL. Kernels before 6.2 take no map keys or values from memory that such a function was handed: they
 * come from its own stack or from a map (wr_work_again).
 */
#define WR_GLOBAL __noinline

/* Of such a function: an argument that not every hook has a use for. Callers would leave it out, the verifier not. */
#define WR_KEEP(arg) asm volatile("" : : "r"(arg))

/*
 * Not for us: the next program of the hook, in the end the stack. Good for tcx (TCX_NEXT) and for clsact
 * (TC_ACT_UNSPEC), so that other people's programs behind ours see what we let through.
 */
#define WR_PASS TC_ACT_UNSPEC
#define WR_DROP TC_ACT_SHOT

#endif
