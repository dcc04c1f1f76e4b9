/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's log: one line per event on stderr, a constant message and typed fields, as text
 * (time=... level=... msg="..." key=value) or as one JSON object a line.
 *
 *	wr_log(WR_LOG_WARN, "pool exhausted", WR_S("pool", text), WR_I("size", n));
 */
#ifndef WR_AGENT_LOG_H
#define WR_AGENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strbuf.h"

enum wr_log_level {
	WR_LOG_DEBUG,
	WR_LOG_INFO,
	WR_LOG_WARN,
	WR_LOG_ERROR,
	WR_LOG_MAX,
};

struct wr_log_field {
	const char *key;  /* NULL ends a list */
	const char *text; /* NULL: number counts */
	int64_t number;
};

static inline struct wr_log_field WR_S(const char *key, const char *text) {
	return (struct wr_log_field){ .key = key, .text = text ? text : "" };
}

static inline struct wr_log_field
WR_I(const char *key, int64_t number) {
	return (struct wr_log_field){ .key = key, .number = number };
}

static inline struct wr_log_field
WR_E(const struct wr_err *err) {
	return WR_S("error", err->msg);
}

/* @msg never varies: what varies is a field. (The first element only carries the comma.) */
#define wr_log(level, msg, ...)                                                                        \
	wr_log_fields((level), (msg),                                                                  \
		      (const struct wr_log_field[]){ { .key = "" }, ##__VA_ARGS__, { .key = NULL } } + \
			      1)

void wr_log_fields(enum wr_log_level level, const char *msg, const struct wr_log_field *fields);
void wr_log_setup(enum wr_log_level min, bool json);
const char *wr_log_level_name(enum wr_log_level level);
/* Counts lines by level since the start; for metrics. */
uint64_t wr_log_count(enum wr_log_level level);
/* One line, without a timestamp's clock: for tests and for wr_log_fields. Ends with a newline. */
void wr_log_format(struct wr_strbuf *out, bool json, uint64_t real_ms, enum wr_log_level level,
		   const char *msg, const struct wr_log_field *fields);

/* At most @burst lines in each window of @window_ms; what is kept back is counted. */
struct wr_ratelimit {
	uint32_t burst, window_ms;
	uint64_t started_ms;
	uint32_t used, suppressed;
};
/* Whether a line may be written now. *ret_suppressed: lines kept back since the last one that passed. */
bool wr_ratelimit_pass(struct wr_ratelimit *r, uint64_t now_ms, uint32_t *ret_suppressed);

#endif
