// SPDX-License-Identifier: Apache-2.0
/* What people are told of domain names: which addresses have them, how answers fared, what did not fit. */
#include <string.h>

#include "agent/domains_private.h"
#include "agent/endpoints.h"
#include "lib/base/clock.h"
#include "lib/base/strbuf.h"
#include "lib/dp/tables.h"

#define WARN_MS 60000

typedef WR_VEC(struct wr_binding *) bindings_vec;

struct wr_json *wr_domains_names_of(const struct wr_agent *a, const struct wr_addr *addr)
{
	struct wr_json *list = wr_json_new_array();
	struct wr_hnode *n, *next;
	size_t pos;

	if (!a->domains)
		return list;
	wr_hmap_each(&a->domains->table.bindings, n, pos, next)
		if (!wr_binding_of(n)->over && wr_addr_eq(&wr_binding_of(n)->addr, addr))
			wr_json_push(list, wr_json_new_str(wr_binding_of(n)->name));
	return list;
}

static struct wr_json *encode(const struct wr_agent *a, const struct wr_binding *b, uint64_t now)
{
	struct wr_json *j = wr_json_new_object();
	char addr[WR_ADDR_STRLEN];
	const char *ns, *name;

	wr_json_add_str(j, "name", b->name);
	wr_json_add_str(j, "address", wr_addr_format(&b->addr, addr));
	wr_json_add_int(j, "seconds", b->until_ms > now ? (int64_t)(b->until_ms - now) / 1000 : 0);
	wr_json_add_bool(j, "expired", b->over);
	if (b->asker != WR_EP_NONE && wr_endpoints_pod_name(a, b->asker, &ns, &name)) {
		wr_json_add_str(j, "namespace", ns);
		wr_json_add_str(j, "pod", name);
	}
	return j;
}

static int cmp_names(const void *a, const void *b)
{
	const struct wr_binding *x = *(struct wr_binding *const *)a,
				*y = *(struct wr_binding *const *)b;
	int cmp = strcmp(x->name, y->name);

	return cmp ? cmp : wr_addr_cmp(&x->addr, &y->addr);
}

struct wr_json *wr_domains_encode(const struct wr_agent *a)
{
	struct wr_json *list = wr_json_new_array();
	uint64_t now = wr_boot_ns() / 1000000;
	bindings_vec all = { 0 };
	struct wr_hnode *n, *next;
	size_t pos, i;

	if (!a->domains)
		return list;
	wr_hmap_each(&a->domains->table.bindings, n, pos, next)
		wr_vec_push(&all, wr_binding_of(n));
	wr_vec_sort(&all, cmp_names);
	for (i = 0; i < all.n; i++)
		wr_json_push(list, encode(a, all.v[i], now));
	wr_vec_done(&all);
	return list;
}

uint64_t wr_domains_count_unheard(const struct wr_domains *d)
{
	struct wr_drop_count counts[WR_REASON_MAX];

	return wr_drops_get(d->agent->dp, counts) ? d->unheard : counts[WR_REASON_NONE].packets;
}

void wr_domains_warn(const struct wr_agent *a, struct wr_json *list)
{
	const struct wr_domains *d = a->domains;
	wr_auto_strbuf text = WR_STRBUF_INIT;

	if (d && d->full.n) {
		wr_strbuf_addf(&text,
			       "too many addresses of domain names for %zu pod%s (%zu of %d are there; a pod may ask for %d): "
			       "further ones stay closed",
			       d->full.n, d->full.n == 1 ? "" : "s", d->table.bindings.n,
			       WR_BINDINGS_MAX, WR_BINDINGS_OF_ASKER_MAX);
		wr_json_push(list, wr_json_new_str(text.buf));
	}
	if (d && d->unheard_ms && wr_now_ms() - d->unheard_ms < WARN_MS)
		wr_json_push(list,
			     wr_json_new_str(
				     "name servers' answers found no room in the event buffer: "
				     "what is new in them stays closed until it is told again"));
}

struct wr_domains_counts wr_domains_counts(const struct wr_agent *a)
{
	struct wr_domains_counts c = { 0 };

	if (!a->domains)
		return c;
	c = a->domains->counts;
	c.unheard = wr_domains_count_unheard(a->domains);
	c.addresses = a->domains->table.bindings.n;
	return c;
}
