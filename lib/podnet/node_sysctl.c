/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the node's forwarding, reverse path and reserved port sysctls. */
#include <errno.h>

#include "lib/base/str.h"
#include "lib/base/strbuf.h"
#include "lib/nl/sysctl.h"
#include "lib/podnet/node.h"

#define NAME_SIZE 64
#define RESERVED  "ipv4/ip_local_reserved_ports"
/* The kernel takes one page at a time and would use the first alone. */
#define RESERVED_MAX 4095

static int ensure(const char *name, const char *value, struct wr_err *err)
{
	int r = wr_sysctl_ensure(name, value);

	return r < 0 ? wr_err_sys(err, r, "cannot set net/%s to %s", name, value) : 0;
}

static int read_int(const char *name, int *ret, struct wr_err *err)
{
	int r = wr_sysctl_get_int(name, ret);

	return r ? wr_err_sys(err, r, "cannot read net/%s", name) : 0;
}

static int of_device(char name[NAME_SIZE], const char *family, const char *ifname, const char *leaf)
{
	return wr_format(name, NAME_SIZE, "%s/conf/%s/%s", family, ifname, leaf);
}

/* Only where advertisements count now: a router that ignores them by its forwarding goes on to. */
static int keep_accepting_ra(const char *ifname, struct wr_err *err)
{
	char forwarding[NAME_SIZE], accept_ra[NAME_SIZE];
	int on = 0, accept = 0;
	int r = of_device(forwarding, "ipv6", ifname, "forwarding") ?:
			of_device(accept_ra, "ipv6", ifname, "accept_ra");

	if (!r)
		r = wr_sysctl_get_int(forwarding, &on) ?: wr_sysctl_get_int(accept_ra, &accept);
	if (r == -ENOENT) /* the interface has no IPv6, or is gone */
		return 0;
	if (r)
		return wr_err_sys(err, r, "cannot read the IPv6 settings of %s", ifname);
	return !on && accept == 1 ? ensure(accept_ra, "2", err) : 0;
}

static int forward6(const struct wr_uplinks *uplinks, struct wr_err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < uplinks->v.n; i++)
		r = keep_accepting_ra(uplinks->v.v[i].name, err);
	return r ?: ensure("ipv6/conf/all/forwarding", "1", err);
}

int wr_node_forwarding_ensure(bool ipv4, bool ipv6, const struct wr_uplinks *uplinks,
			      struct wr_err *err)
{
	int r = ipv4 ? ensure("ipv4/ip_forward", "1", err) : 0;

	return r ?: ipv6 ? forward6(uplinks, err) : 0;
}

int wr_node_rp_filter_loosen(const char *ifname, struct wr_err *err)
{
	char name[NAME_SIZE];
	int all;
	int r = of_device(name, "ipv4", ifname, "rp_filter");

	if (r)
		return wr_err_set(err, r, "interface name %s is too long", ifname);
	r = read_int("ipv4/conf/all/rp_filter", &all, err);
	return r ?: ensure(name, all == 1 ? "2" : "0", err);
}

/* ---- reserved ports: "1-5,80,30000-32767" ---- */

#define PORTS 65536

struct ports {
	bool has[PORTS];
};

static int parse_range(char *text, struct ports *p)
{
	char *dash = strchr(text, '-');
	uint64_t first, last;
	int r;

	if (dash)
		*dash = '\0';
	r = wr_parse_u64(text, PORTS - 1, &first);
	last = first;
	if (!r && dash)
		r = wr_parse_u64(dash + 1, PORTS - 1, &last);
	for (uint64_t i = first; !r && i <= last; i++)
		p->has[i] = true;
	return r;
}

static int parse_ports(char *text, struct ports *p)
{
	char *next, *item = text;
	int r = 0;

	for (; !r && item && *item; item = next) {
		next = strchr(item, ',');
		if (next)
			*next++ = '\0';
		r = parse_range(item, p);
	}
	return r;
}

static void print_ports(const struct ports *p, struct wr_strbuf *out)
{
	for (unsigned int first = 0, last; first < PORTS; first = last + 1) {
		for (last = first; last < PORTS && p->has[last];)
			last++;
		if (last == first)
			continue;
		wr_strbuf_addf(out, "%s%u", out->len ? "," : "", first);
		if (last - 1 > first)
			wr_strbuf_addf(out, "-%u", last - 1);
	}
}

static int write_ports(const struct ports *p, struct wr_err *err)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;

	print_ports(p, &text);
	if (text.len > RESERVED_MAX)
		return wr_err_set(err, -E2BIG, "net/" RESERVED " has no room for more ports");
	if (!text.len)
		wr_strbuf_addch(&text, '\n'); /* an empty write would change nothing */
	return ensure(RESERVED, text.buf, err);
}

static int change_ports(uint16_t first, uint16_t last, bool reserved, struct wr_err *err)
{
	wr_autofree struct ports *p = wr_xcalloc(1, sizeof(*p));
	wr_autofree char *text = NULL;
	int r = wr_sysctl_get(RESERVED, &text) ?: parse_ports(text, p);

	if (r)
		return wr_err_sys(err, r, "cannot read net/" RESERVED);
	for (unsigned int i = first; i <= last; i++)
		p->has[i] = reserved;
	return write_ports(p, err);
}

int wr_node_ports_reserve(uint16_t first, uint16_t last, struct wr_err *err)
{
	return change_ports(first, last, true, err);
}

int wr_node_ports_unreserve(uint16_t first, uint16_t last, struct wr_err *err)
{
	return change_ports(first, last, false, err);
}
