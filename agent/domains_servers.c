// SPDX-License-Identifier: Apache-2.0
/* Whose answers are believed. */
#include <string.h>

#include "agent/domains_private.h"
#include "agent/nodes.h"
#include "agent/obj/store.h"
#include "bpf/abi/endpoint.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define READ_MS     10000

static bool is_of_cluster_dns(const struct wr_object *o)
{
	return o && wr_streq(o->ns, "kube-system") &&
	       wr_streq(((const struct wr_slice *)o)->service, "kube-dns");
}

static void store_changed(void *ctx, enum wr_kind kind, const struct wr_object *old,
			  const struct wr_object *new_)
{
	struct wr_name_servers *s = ctx;

	if (kind == WR_KIND_ENDPOINTSLICE && (is_of_cluster_dns(old) || is_of_cluster_dns(new_)))
		s->stale = true;
}

void wr_name_servers_init(struct wr_name_servers *s, struct wr_agent *a)
{
	s->agent = a;
	s->stale = true;
	wr_store_subscribe(a->store, store_changed, s);
}

void wr_name_servers_done(struct wr_name_servers *s)
{
	wr_vec_done(&s->addrs);
}

static int add_slice(void *ctx, struct wr_object *o)
{
	const struct wr_slice *slice = (const struct wr_slice *)o;
	struct wr_name_servers *s = ctx;
	uint32_t i;

	for (i = 0; is_of_cluster_dns(o) && i < slice->endpoints.n; i++)
		wr_vec_push(&s->addrs, wr_slice_at(slice, i).addr);
	return 0;
}

static void add_resolv_conf(struct wr_name_servers *s)
{
	wr_autofree char *text = NULL;
	char *line, *rest, *word;
	struct wr_addr addr;

	if (wr_read_file(RESOLV_CONF, 65536, &text, NULL))
		return;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		word = strsep(&line, " \t");
		if (!wr_streq(word, "nameserver"))
			continue;
		while ((word = strsep(&line, " \t")) && !*word)
			;
		if (word && wr_addr_parse(word, &addr) == 0)
			wr_vec_push(&s->addrs, addr);
	}
}

static void read_servers(struct wr_name_servers *s)
{
	uint64_t now = wr_now_ms();

	if (!s->stale && now - s->read_ms < READ_MS)
		return;
	s->stale = false;
	s->read_ms = now;
	wr_vec_reset(&s->addrs);
	wr_store_each(s->agent->store, WR_KIND_ENDPOINTSLICE, add_slice, s);
	add_resolv_conf(s);
}

bool wr_name_servers_has(struct wr_name_servers *s, const struct wr_addr *addr)
{
	const struct wr_prefixes *given = &s->agent->config->name_servers;
	uint32_t number;
	size_t i;

	for (i = 0; i < given->list.n; i++)
		if (wr_prefix_has(&given->list.v[i], addr))
			return true;
	if (given->list.n)
		return false;
	read_servers(s);
	for (i = 0; i < s->addrs.n; i++)
		if (wr_addr_eq(&s->addrs.v[i], addr))
			return true;
	return wr_endpoint_lookup(s->agent->dp, addr, &number) == 0 && number == WR_EP_HOST;
}
