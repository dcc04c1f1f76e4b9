// SPDX-License-Identifier: Apache-2.0
/* From the ring buffer to the kept drops and to monitors. */
#include "agent/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/domains.h"
#include "agent/log.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"

struct monitor {
	struct monitor *next;
	struct wr_event_hub *hub;
	struct wr_client *client;
	uint32_t types; /* bit by enum wr_event_type */
	uint64_t lost;  /* since the last message that it got */
};

struct wr_event_hub {
	struct wr_agent *agent;
	struct wr_events *ring;
	struct wr_io io;
	struct wr_event kept[WR_EVENTS_KEPT];
	uint64_t n_kept; /* ever; the newest WR_EVENTS_KEPT are there */
	struct monitor *monitors;
	struct wr_event_counts counts;
};

static void tell(struct monitor *m, struct wr_json *event)
{
	if (m->lost)
		wr_json_add_int(event, "lost", (int64_t)m->lost);
	else
		wr_json_del(event, "lost");
	if (wr_client_send(m->client, wr_json_ref(event))) {
		m->lost = 0;
		return;
	}
	m->lost++;
	m->hub->counts.lost++;
}

static void tell_all(struct wr_event_hub *hub, const struct wr_event *e)
{
	wr_auto_json *event = NULL;
	struct monitor *m;

	for (m = hub->monitors; m; m = m->next) {
		if (e->type >= 32 || !(m->types & 1u << e->type))
			continue;
		if (!event)
			event = wr_event_encode(hub->agent, e, wr_real_ms(), wr_boot_ns());
		tell(m, event);
	}
}

static int take_event(void *ctx, const void *data, size_t size)
{
	struct wr_event_hub *hub = ctx;
	struct wr_event e;

	if (size < sizeof(e)) {
		hub->counts.malformed++;
		return 0;
	}
	memcpy(&e, data, sizeof(e));
	hub->counts.read++;
	if (e.type == WR_EVENT_DNS)
		wr_domains_take(hub->agent, data, size);
	if (e.type == WR_EVENT_DROP || e.type == WR_EVENT_AUDIT)
		hub->kept[hub->n_kept++ % WR_EVENTS_KEPT] = e;
	tell_all(hub, &e);
	return 0;
}

static void ring_ready(struct wr_io *io, uint32_t events)
{
	struct wr_event_hub *hub = WR_CONTAINER_OF(io, struct wr_event_hub, io);

	wr_events_poll(hub->ring);
}

int wr_event_hub_start(struct wr_agent *a, struct wr_err *err)
{
	struct wr_event_hub *hub = wr_xcalloc(1, sizeof(*hub));
	int r;

	hub->agent = a;
	a->events = hub;
	r = wr_events_open(a->dp, take_event, hub, &hub->ring);
	if (r)
		return wr_err_sys(err, r, "opening the event buffer");
	r = wr_io_add(a->loop, &hub->io, wr_events_fd(hub->ring), EPOLLIN, ring_ready);
	return r ? wr_err_sys(err, r, "epoll") : 0;
}

void wr_event_hub_stop(struct wr_agent *a)
{
	struct wr_event_hub *hub = a->events;

	if (!hub)
		return;
	while (hub->monitors) {
		struct monitor *m = hub->monitors;

		hub->monitors = m->next;
		free(m);
	}
	wr_io_del(a->loop, &hub->io);
	if (hub->ring)
		wr_events_close(hub->ring);
	free(hub);
	a->events = NULL;
}

static void monitor_gone(void *arg)
{
	struct monitor *m = arg, **at;

	for (at = &m->hub->monitors; *at != m; at = &(*at)->next)
		;
	*at = m->next;
	m->hub->counts.monitors--;
	free(m);
}

static int parse_types(const struct wr_json *body, uint32_t *ret, struct wr_err *err)
{
	struct wr_json *list = NULL;
	int r = wr_json_decode_array(body, "", "types", &list, err);
	uint32_t types = 0, type;
	size_t i;

	if (r || !list) {
		*ret = UINT32_MAX;
		return r;
	}
	for (i = 0; i < wr_json_len(list); i++) {
		const char *name = wr_json_str(wr_json_at(list, i));

		for (type = 1;
		     wr_event_type_name(type) && !wr_streq(wr_event_type_name(type), name); type++)
			;
		if (!wr_event_type_name(type))
			return wr_err_set(err, -EINVAL, "types[%zu]: there is no event type \"%s\"",
					  i, name ? name : "?");
		types |= 1u << type;
	}
	*ret = types;
	return 0;
}

int wr_event_hub_monitor(struct wr_agent *a, struct wr_client *c, const struct wr_json *body,
			 struct wr_err *err)
{
	struct wr_event_hub *hub = a->events;
	struct monitor *m;
	uint32_t types = 0;
	int r = parse_types(body, &types, err);

	if (r)
		return r;
	m = wr_xcalloc(1, sizeof(*m));
	*m = (struct monitor){ .next = hub->monitors, .hub = hub, .client = c, .types = types };
	hub->monitors = m;
	hub->counts.monitors++;
	wr_client_defer(c, monitor_gone, m);
	return WR_VERB_LATER;
}

void wr_event_hub_each(const struct wr_agent *a, void (*fn)(void *ctx, const struct wr_event *e),
		       void *ctx)
{
	const struct wr_event_hub *hub = a->events;
	uint64_t i;

	for (i = hub->n_kept > WR_EVENTS_KEPT ? hub->n_kept - WR_EVENTS_KEPT : 0; i < hub->n_kept; i++)
		fn(ctx, &hub->kept[i % WR_EVENTS_KEPT]);
}

struct listing {
	const struct wr_agent *agent;
	struct wr_json *items;
	uint64_t real_ms, boot_ns;
};

static void add_drop(void *ctx, const struct wr_event *e)
{
	const struct listing *l = ctx;

	wr_json_push(l->items, wr_event_encode(l->agent, e, l->real_ms, l->boot_ns));
}

struct wr_json *wr_event_hub_drops(const struct wr_agent *a)
{
	struct listing l = { a, wr_json_new_array(), wr_real_ms(), wr_boot_ns() };

	wr_event_hub_each(a, add_drop, &l);
	return l.items;
}

struct wr_event_counts wr_event_hub_counts(const struct wr_agent *a)
{
	return a->events->counts;
}
