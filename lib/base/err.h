/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors that carry their story.
 *
 * Primitives return 0 or a negative errno and say nothing. Operations take a trailing
 * `struct wr_err *err`, fill it once where the failure is understood, and callers put context
 * in front of it on the way up. It is printed once, at the top.
 *
 * A struct wr_err lives on the caller's stack; it owns nothing. NULL is allowed everywhere and
 * drops the message. A filled error is never overwritten by wr_err_set: the first cause wins.
 */
#ifndef WR_BASE_ERR_H
#define WR_BASE_ERR_H

#include <stdarg.h>

#define WR_ERR_MSG_SIZE 512

struct wr_err {
	int code; /* negative errno; 0: nothing went wrong */
	int cni;  /* CNI error code, when the failing place knows it; else 0 */
	char msg[WR_ERR_MSG_SIZE];
};

#define WR_ERR_INIT ((struct wr_err){ 0 })

/*
 * Fills @err unless it is filled already. Returns @code (negative errno), so `return
 * wr_err_set(...)`.
 */
int wr_err_set(struct wr_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same, and names the CNI error code (spec section "Error") that the plugin shall answer. */
int wr_err_set_cni(struct wr_err *err, int cni, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* As wr_err_set, and appends ": " and the text of errno -@code. */
int wr_err_sys(struct wr_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Puts "context: " in front of a filled error's message. An error nobody has filled becomes
 * "context: text of errno". Returns err->code, or @code when @err is NULL.
 */
int wr_err_wrap(struct wr_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
