// SPDX-License-Identifier: Apache-2.0
/* What the plugin and the CLI ask about endpoints. */
#include <errno.h>
#include <stdlib.h>

#include "agent/endpoints_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"

static void waiter_gone(void *arg)
{
	struct wr_endpoint_waiter *w = arg, **at;

	for (at = &w->ep->waiters; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	free(w);
}

static int check_record(const struct wr_endpoint_record *rec, struct wr_err *err)
{
	if (!rec->ifindex || !rec->host_ifname || !*rec->host_ifname)
		return wr_err_set(err, -EINVAL, "the record names no interface");
	if (wr_addr_is_zero(&rec->addr4) && wr_addr_is_zero(&rec->addr6))
		return wr_err_set(err, -EINVAL, "the record has no address");
	return 0;
}

int wr_endpoints_register(struct wr_agent *a, struct wr_client *c, const struct wr_json *body,
			  struct wr_err *err)
{
	struct wr_endpoints *all = a->endpoints;
	wr_cleanup(wr_endpoint_record_done) struct wr_endpoint_record rec = { 0 };
	struct wr_endpoint_waiter *w;
	struct wr_ep *ep;
	int r = wr_endpoint_record_decode(body, &rec, err);

	if (r == 0)
		r = check_record(&rec, err);
	if (r)
		return r;
	ep = wr_ep_put(all, &rec);
	w = wr_xcalloc(1, sizeof(*w));
	*w = (struct wr_endpoint_waiter){
		.next = ep->waiters, .ep = ep, .client = c, .since_ms = wr_now_ms()
	};
	ep->waiters = w;
	all->counts.registered++;
	wr_client_defer(c, waiter_gone, w);
	return WR_VERB_LATER;
}

static int decode_id(const struct wr_json *body, struct wr_attachment *ret, struct wr_err *err)
{
	const char *network = NULL, *container = NULL, *ifname = NULL;
	int r = wr_json_decode_str(body, "", "network", &network, err);

	if (r == 0)
		r = wr_json_decode_str(body, "", "container", &container, err);
	if (r == 0)
		r = wr_json_decode_str(body, "", "ifname", &ifname, err);
	if (r)
		return r;
	if (!network || !container || !ifname)
		return wr_err_set(err, -EINVAL, "%s: is missing",
				  !network   ? "network" :
				  !container ? "container" :
					       "ifname");
	*ret = (struct wr_attachment){ wr_xstrdup(network), wr_xstrdup(container),
				       wr_xstrdup(ifname) };
	return 0;
}

int wr_endpoints_release(struct wr_agent *a, const struct wr_json *body, struct wr_err *err)
{
	wr_cleanup(wr_attachment_done) struct wr_attachment id = { 0 };
	struct wr_ep *ep;
	int r = decode_id(body, &id, err);

	if (r)
		return r;
	ep = wr_ep_find(a->endpoints, &id);
	if (!ep)
		return 0;
	r = wr_ep_remove(a->endpoints, ep, "released", err);
	a->endpoints->counts.released += r == 0;
	return r;
}

int wr_endpoints_check(struct wr_agent *a, const struct wr_json *body, struct wr_err *err)
{
	wr_cleanup(wr_endpoint_record_done) struct wr_endpoint_record rec = { 0 };
	const struct wr_ep *ep;
	int r = wr_endpoint_record_decode(body, &rec, err);

	if (r)
		return r;
	ep = wr_ep_find(a->endpoints, &rec.id);
	if (!ep)
		return wr_err_set(err, -ENOENT, "the endpoint of container %s is not registered",
				  rec.id.container);
	return wr_ep_check(a->endpoints, ep, &rec, err);
}

static bool is_kept(const struct wr_json *keep, const struct wr_attachment *id)
{
	size_t i;

	for (i = 0; i < wr_json_len(keep); i++) {
		const struct wr_json *one = wr_json_at(keep, i);

		if (wr_streq(wr_json_get_str(one, "container"), id->container) &&
		    wr_streq(wr_json_get_str(one, "ifname"), id->ifname))
			return true;
	}
	return false;
}

int wr_endpoints_gc(struct wr_agent *a, const struct wr_json *body, uint32_t *ret_removed,
		    struct wr_err *err)
{
	struct wr_endpoints *all = a->endpoints;
	const char *network = wr_json_get_str(body, "network");
	struct wr_json *keep = NULL;
	struct wr_hnode *n, *next;
	uint32_t removed = 0;
	size_t pos;
	int r = wr_json_decode_array(body, "", "keep", &keep, err), first = 0;

	if (r)
		return r;
	if (!network || !keep)
		return wr_err_set(err, -EINVAL, "%s: is missing", network ? "keep" : "network");
	wr_hmap_each(&all->by_key, n, pos, next) {
		struct wr_ep *ep = WR_CONTAINER_OF(n, struct wr_ep, node);

		if (!wr_streq(ep->record.id.network, network) || is_kept(keep, &ep->record.id))
			continue;
		r = wr_ep_remove(all, ep, "not in the runtime's list", err);
		first = first ? first : r;
		removed += r == 0;
	}
	*ret_removed = removed;
	return first;
}

int wr_endpoints_each(const struct wr_agent *a,
		      int (*fn)(void *ctx, const struct wr_endpoint_view *v), void *ctx)
{
	const struct wr_endpoints *all = a->endpoints;
	uint32_t n;
	int r = 0;

	for (n = 1; n < all->by_number.n && r == 0; n++) {
		const struct wr_ep *ep = all->by_number.v[n];
		struct wr_endpoint_view v;

		if (!ep || ep == &wr_ep_unclaimed)
			continue;
		v = (struct wr_endpoint_view){ &ep->record, n, ep->enforced };
		r = fn(ctx, &v);
	}
	return r;
}

bool wr_endpoints_pod_name(const struct wr_agent *a, uint32_t number, const char **ret_ns,
			   const char **ret_name)
{
	const struct wr_endpoints *all = a->endpoints;
	const struct wr_ep *ep = all && number < all->by_number.n ? all->by_number.v[number] : NULL;

	if (!ep || ep == &wr_ep_unclaimed || !ep->record.pod_name || !*ep->record.pod_name)
		return false;
	*ret_ns = ep->record.pod_namespace;
	*ret_name = ep->record.pod_name;
	return true;
}

size_t wr_endpoints_count(const struct wr_agent *a)
{
	return a->endpoints->by_key.n;
}

struct wr_endpoint_counts wr_endpoints_counts(const struct wr_agent *a)
{
	return a->endpoints->counts;
}

static int add_item(void *ctx, const struct wr_endpoint_view *v)
{
	struct wr_json *item = wr_endpoint_record_encode(v->record);

	wr_json_add_int(item, "endpoint", v->number);
	wr_json_add_bool(item, "enforced", v->enforced);
	wr_json_push(ctx, item);
	return 0;
}

struct wr_json *wr_endpoints_encode(const struct wr_agent *a)
{
	struct wr_json *items = wr_json_new_array();

	wr_endpoints_each(a, add_item, items);
	return items;
}
