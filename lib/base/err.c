/* SPDX-License-Identifier: Apache-2.0 */
/* Error values: first cause kept, context put in front. */
#include "lib/base/err.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_open(const struct wr_err *err)
{
	return err && !err->code;
}

static void fill(struct wr_err *err, int code, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
static void fill(struct wr_err *err, int code, const char *fmt, va_list ap)
{
	err->code = code;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
}

static void append_errno(struct wr_err *err, int code)
{
	size_t len = strlen(err->msg);

	snprintf(err->msg + len, sizeof(err->msg) - len, ": %s",
		 strerrordesc_np(-code) ?: "unknown error");
}

int wr_err_set(struct wr_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!is_open(err))
		return code;
	va_start(ap, fmt);
	fill(err, code, fmt, ap);
	va_end(ap);
	return code;
}

int wr_err_set_cni(struct wr_err *err, int cni, int code, const char *fmt, ...)
{
	va_list ap;

	if (!is_open(err))
		return code;
	va_start(ap, fmt);
	fill(err, code, fmt, ap);
	va_end(ap);
	err->cni = cni;
	return code;
}

int wr_err_sys(struct wr_err *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!is_open(err))
		return code;
	va_start(ap, fmt);
	fill(err, code, fmt, ap);
	va_end(ap);
	append_errno(err, code);
	return code;
}

/* Moves the message back to make room; what no longer fits at its end is cut. */
static void put_in_front(char msg[WR_ERR_MSG_SIZE], const char *context, size_t len)
{
	size_t rest = strnlen(msg, WR_ERR_MSG_SIZE - 1 - len);

	memmove(msg + len, msg, rest);
	memcpy(msg, context, len);
	msg[len + rest] = '\0';
}

int wr_err_wrap(struct wr_err *err, int code, const char *fmt, ...)
{
	char context[WR_ERR_MSG_SIZE / 2];
	va_list ap;

	if (!err)
		return code;
	va_start(ap, fmt);
	vsnprintf(context, sizeof(context) - 2, fmt, ap);
	va_end(ap);
	if (is_open(err))
		return wr_err_sys(err, code, "%s", context);
	memcpy(context + strlen(context), ": ", 3);
	put_in_front(err->msg, context, strlen(context));
	return err->code;
}
