// SPDX-License-Identifier: Apache-2.0
/* Events as lines. */
#include "cli/event.h"

#include <string.h>

#include "bpf/abi/event.h"
#include "cli/human.h"
#include "cli/table.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

static void copy(struct wr_json *to, const char *as, const struct wr_json *from, const char *key)
{
	struct wr_json *v = wr_json_get(from, key);

	if (v)
		wr_json_add(to, as, wr_json_ref(v));
}

static void add_name(struct wr_json *j, const char *key, const struct wr_names *names,
		     const struct wr_json *end)
{
	const char *text = wr_json_get_str(end, "address"), *ns = wr_json_get_str(end, "namespace");
	const char *pod = wr_json_get_str(end, "pod"), *name = NULL;
	wr_auto_strbuf joined = WR_STRBUF_INIT;
	struct wr_addr addr;

	if (text && wr_addr_parse(text, &addr) == 0)
		name = wr_names_addr(names, &addr);
	if (!name && pod) {
		wr_strbuf_addf(&joined, "%s/%s", ns ? ns : "", pod);
		name = joined.buf;
	}
	if (name)
		wr_json_add_str(j, key, name);
}

static void add_end(struct wr_json *j, const struct wr_names *names, const struct wr_json *end,
		    bool src)
{
	copy(j, src ? "src" : "dst", end, "address");
	copy(j, src ? "src_port" : "dst_port", end, "port");
	copy(j, src ? "src_identity" : "dst_identity", end, "identity");
	add_name(j, src ? "src_name" : "dst_name", names, end);
}

static void add_service(struct wr_json *j, const struct wr_names *names, const struct wr_json *wire)
{
	const char *name = wr_names_number(names, WR_NAME_SERVICE,
					   (uint32_t)wr_json_get_int(wire, "service", 0));

	copy(j, "service_id", wire, "service");
	if (name)
		wr_json_add_str(j, "service", name);
}

/* At a pod's hook the interface is the pod's, whatever the addresses say. */
static void add_pod(struct wr_json *j, const struct wr_names *names, const struct wr_json *wire)
{
	uint32_t ifindex = (uint32_t)wr_json_get_int(wire, "ifindex", 0);
	const char *hook = wr_json_get_str(wire, "hook"), *pod;

	if (!hook || !wr_has_prefix(hook, "pod-"))
		return;
	pod = wr_names_number(names, WR_NAME_INTERFACE, ifindex);
	if (pod)
		wr_json_add_str(j, "pod", pod);
}

struct wr_json *wr_event_item(const struct wr_names *names, const struct wr_json *wire)
{
	static const char *const same[] = { "time",      "type",    "reason", "hook",
					    "direction", "length",  "rule",   "policy",
					    "backend",   "packets", "bytes",  "lost" };
	struct wr_json *j = wr_json_new_object();
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(same); i++)
		copy(j, same[i], wire, same[i]);
	copy(j, "proto", wire, "protocol");
	copy(j, "tcp_flags", wire, "tcp_flags");
	add_end(j, names, wr_json_get(wire, "source"), true);
	add_end(j, names, wr_json_get(wire, "destination"), false);
	add_service(j, names, wire);
	add_pod(j, names, wire);
	return j;
}

static void format_end(const struct wr_json *item, bool src, struct wr_strbuf *out)
{
	const char *name = wr_json_get_str(item, src ? "src_name" : "dst_name");
	const char *addr = wr_json_get_str(item, src ? "src" : "dst");
	const char *proto = wr_json_get_str(item, "proto"), *pod = wr_json_get_str(item, "pod");
	int64_t port = wr_json_get_int(item, src ? "src_port" : "dst_port", 0);

	/* ICMP has type, code and identifier there. */
	if (proto && wr_has_prefix(proto, "icmp"))
		port = 0;
	if (name && port)
		wr_strbuf_addf(out, "%s:%lld", name, (long long)port);
	else if (name)
		wr_strbuf_addstr(out, name);
	else
		wr_human_socket(addr ? addr : "?", (uint16_t)port, out);
	if (src && !name && pod && wr_streq(wr_json_get_str(item, "hook"), "pod-egress"))
		wr_strbuf_addf(out, " of %s", pod);
}

/* "SYN", "SYN+ACK", "RST": the flags that matter. */
static void format_tcp(int64_t flags, struct wr_strbuf *out)
{
	static const struct {
		int bit;
		const char *name;
	} all[] = { { 0x02, "SYN" }, { 0x01, "FIN" }, { 0x04, "RST" }, { 0x10, "ACK" } };
	const char *sep = "";
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(all); i++) {
		if (!(flags & all[i].bit))
			continue;
		wr_strbuf_addf(out, "%s%s", sep, all[i].name);
		sep = "+";
	}
}

/* Why and where. A policy's rule says more than both. */
static void format_drop(const struct wr_json *item, struct wr_strbuf *out)
{
	const char *policy = wr_json_get_str(item, "policy");

	if (policy) {
		wr_strbuf_addstr(out, policy);
		return;
	}
	wr_strbuf_addf(out, "%s, %s ", wr_json_get_str(item, "reason"),
		       wr_json_get_str(item, "hook"));
	wr_human_bytes((uint64_t)wr_json_get_int(item, "length", 0), out);
	if (wr_json_get(item, "tcp_flags"))
		wr_strbuf_addch(out, ' ');
	format_tcp(wr_json_get_int(item, "tcp_flags", 0), out);
	if (wr_json_get(item, "rule"))
		wr_strbuf_addf(out, " rule %lld", (long long)wr_json_get_int(item, "rule", 0));
}

/* What was dropped, or what a flow has carried. */
static void format_rest(const struct wr_json *item, struct wr_strbuf *out)
{
	const char *type = wr_json_get_str(item, "type"), *service = wr_json_get_str(item, "service");

	if (wr_streq(type, "flow-end")) {
		wr_human_count((uint64_t)wr_json_get_int(item, "packets", 0), out);
		wr_strbuf_addstr(out, " packets, ");
		wr_human_bytes((uint64_t)wr_json_get_int(item, "bytes", 0), out);
	} else if (wr_streq(type, "flow-new")) {
		wr_strbuf_addf(out, "%s%s", service ? "via " : "", service ? service : "");
	} else {
		format_drop(item, out);
	}
}

static const struct {
	const char *type, *shown, *colour;
} types[] = {
	{ "drop", "DROP", "\033[31m" },
	{ "audit", "AUDIT", "\033[33m" },
	{ "flow-new", "new", "\033[32m" },
	{ "flow-end", "end", "\033[2m" },
};

static void format_type(const char *type, bool colour, struct wr_strbuf *out)
{
	const char *shown = type ? type : "?", *on = "";
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(types); i++) {
		if (wr_streq(types[i].type, type)) {
			shown = types[i].shown;
			on = types[i].colour;
		}
	}
	wr_strbuf_addf(out, "%s%-5s%s", colour ? on : "", shown, colour && *on ? "\033[0m" : "");
}

static void pad_to(size_t has, size_t width, struct wr_strbuf *out)
{
	for (; has < width; has++)
		wr_strbuf_addch(out, ' ');
}

/* Both ends share what room there is; the one that needs less leaves the rest to the other. */
static void shorten_ends(const char *src, const char *dst, size_t room, struct wr_strbuf *out)
{
	size_t a = wr_text_width(src), b = wr_text_width(dst), half = room / 2;

	if (a + b > room) {
		a = a <= half ? a : b <= room - half ? room - b : half;
		b = room - a;
	}
	wr_text_shorten(src, a, out);
	wr_strbuf_addstr(out, " -> ");
	wr_text_shorten(dst, b, out);
}

/* What both sides of a line get of @total columns: half, unless one needs more and the other less. */
static size_t share(size_t total, size_t ends, size_t rest)
{
	size_t half = total / 2, spare = rest < total ? total - rest : 0;

	if (ends <= half)
		return WR_MAX(ends, WR_MIN(half, spare));
	return WR_MAX(half, WR_MIN(ends, spare));
}

/* @width 0: no limit. */
static void format_sides(const struct wr_json *item, size_t width, const char *rest,
			 struct wr_strbuf *out)
{
	wr_auto_strbuf src = WR_STRBUF_INIT, dst = WR_STRBUF_INIT;
	size_t has, room, left = wr_text_width(rest);

	format_end(item, true, &src);
	format_end(item, false, &dst);
	has = room = wr_text_width(src.buf) + wr_text_width(dst.buf);
	if (width) {
		room = share(width, has, left);
		left = width - room;
	}
	shorten_ends(src.buf, dst.buf, room, out);
	pad_to(WR_MIN(has, room), room, out);
	wr_strbuf_addstr(out, "  ");
	wr_text_shorten(rest, left, out);
}

/* "13:01:53.821", or "2026-11-21 13:01:53" for what may be days old. */
static void format_time(const char *time, bool date, struct wr_strbuf *out)
{
	if (!time || strlen(time) < strlen("2026-11-21T13:01:53.821"))
		wr_strbuf_addf(out, "%-*s ", date ? 19 : 12, "-");
	else if (date)
		wr_strbuf_addf(out, "%.10s %.8s ", time, time + 11);
	else
		wr_strbuf_addf(out, "%.12s ", time + 11);
}

/* Columns behind the time: type, protocol, their blanks, " -> " between the ends, two blanks behind them. */
#define FIXED_WIDTH (5 + 1 + 6 + 1 + 4 + 2)

void wr_event_format(const struct wr_json *item, size_t width, unsigned int flags,
		     struct wr_strbuf *out)
{
	const char *type = wr_json_get_str(item, "type"), *proto = wr_json_get_str(item, "proto");
	size_t fixed = FIXED_WIDTH + (flags & WR_EVENT_DATE ? 20 : 13);
	wr_auto_strbuf rest = WR_STRBUF_INIT;

	format_rest(item, &rest);
	format_time(wr_json_get_str(item, "time"), flags & WR_EVENT_DATE, out);
	format_type(type, flags & WR_EVENT_COLOUR, out);
	wr_strbuf_addf(out, " %-6s ", proto ? proto : "-");
	format_sides(item, width ? width - fixed : 0, rest.buf, out);
	while (out->len && out->buf[out->len - 1] == ' ')
		out->buf[--out->len] = '\0';
	wr_strbuf_addch(out, '\n');
}

void wr_event_write(struct wr_cli *cli, const struct wr_json *item, unsigned int flags)
{
	wr_auto_strbuf line = WR_STRBUF_INIT;

	if (wr_json_get(item, "lost"))
		wr_cli_note(cli, "%lld events came too fast and are missing here",
			    (long long)wr_json_get_int(item, "lost", 0));
	if (cli->json) {
		wr_json_format(item, false, &line);
		wr_strbuf_addch(&line, '\n');
	} else {
		flags |= cli->terminal ? WR_EVENT_COLOUR : 0;
		wr_event_format(item, cli->width, flags, &line);
	}
	fputs(line.buf, cli->out);
	/* Whoever reads a pipe wants it now. */
	(void)fflush(cli->out);
}
