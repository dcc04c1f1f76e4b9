// SPDX-License-Identifier: Apache-2.0
/* Log lines: text or JSON, counted, rate limited where a peer could cause them. */
#include "agent/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/json/json.h"

static const char *const level_names[WR_LOG_MAX] = { "debug", "info", "warn", "error" };

static enum wr_log_level min_level = WR_LOG_INFO;
static bool as_json;
static uint64_t counts[WR_LOG_MAX];

void wr_log_setup(enum wr_log_level min, bool json)
{
	min_level = min;
	as_json = json;
}

const char *wr_log_level_name(enum wr_log_level level)
{
	return level_names[level];
}

uint64_t wr_log_count(enum wr_log_level level)
{
	return counts[level];
}

static void format_time(uint64_t real_ms, char buf[40])
{
	time_t seconds = (time_t)(real_ms / 1000);
	char date[24];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, 40, "%s.%03uZ", date, (unsigned int)(real_ms % 1000));
}

static bool is_plain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' || *s == 0x7f)
			return false;
	return true;
}

/* Control characters are escaped: a field that a client chose cannot forge a line. */
static void add_quoted(struct wr_strbuf *out, const char *s)
{
	wr_strbuf_addch(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			wr_strbuf_addf(out, "\\%c", c);
		else if (c == '\n')
			wr_strbuf_addstr(out, "\\n");
		else if (c < ' ' || c == 0x7f)
			wr_strbuf_addf(out, "\\x%02x", c);
		else
			wr_strbuf_addch(out, (char)c);
	}
	wr_strbuf_addch(out, '"');
}

static void format_text(struct wr_strbuf *out, const char *when, enum wr_log_level level,
			const char *msg, const struct wr_log_field *f)
{
	wr_strbuf_addf(out, "time=%s level=%s msg=", when, level_names[level]);
	add_quoted(out, msg);
	for (; f->key; f++) {
		wr_strbuf_addf(out, " %s=", f->key);
		if (!f->text)
			wr_strbuf_addf(out, "%lld", (long long)f->number);
		else if (is_plain(f->text))
			wr_strbuf_addstr(out, f->text);
		else
			add_quoted(out, f->text);
	}
}

static void format_json(struct wr_strbuf *out, const char *when, enum wr_log_level level,
			const char *msg, const struct wr_log_field *f)
{
	wr_auto_json *line = wr_json_new_object();

	wr_json_add_str(line, "time", when);
	wr_json_add_str(line, "level", level_names[level]);
	wr_json_add_str(line, "msg", msg);
	for (; f->key; f++) {
		if (f->text)
			wr_json_add_str(line, f->key, f->text);
		else
			wr_json_add_int(line, f->key, f->number);
	}
	wr_json_format(line, false, out);
}

void wr_log_format(struct wr_strbuf *out, bool json, uint64_t real_ms, enum wr_log_level level,
		   const char *msg, const struct wr_log_field *fields)
{
	char when[40];

	format_time(real_ms, when);
	(json ? format_json : format_text)(out, when, level, msg, fields);
	wr_strbuf_addch(out, '\n');
}

void wr_log_fields(enum wr_log_level level, const char *msg, const struct wr_log_field *fields)
{
	wr_auto_strbuf line = WR_STRBUF_INIT;

	counts[level]++;
	if (level < min_level)
		return;
	wr_log_format(&line, as_json, wr_real_ms(), level, msg, fields);
	(void)wr_write_all(STDERR_FILENO, line.buf, line.len);
}

bool wr_ratelimit_pass(struct wr_ratelimit *r, uint64_t now_ms, uint32_t *ret_suppressed)
{
	if (!r->started_ms || now_ms - r->started_ms >= r->window_ms) {
		r->started_ms = now_ms;
		r->used = 0;
	}
	if (r->used >= r->burst) {
		r->suppressed++;
		return false;
	}
	r->used++;
	*ret_suppressed = r->suppressed;
	r->suppressed = 0;
	return true;
}
