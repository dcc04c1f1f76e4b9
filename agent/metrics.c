// SPDX-License-Identifier: Apache-2.0
/* The table of metrics, and how each is collected. */
#include "agent/metrics.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/domains.h"
#include "agent/endpoints.h"
#include "agent/events.h"
#include "agent/log.h"
#include "agent/nodes.h"
#include "agent/obj/store.h"
#include "agent/peers.h"
#include "agent/policies.h"
#include "agent/services.h"
#include "agent/source.h"
#include "agent/sweeper.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/dp/tables.h"

enum type {
	COUNTER,
	GAUGE,
};

struct metric {
	const char *name;
	enum type type;
	const char *label; /* NULL: none */
	const char *help;
	void (*collect)(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out);
};

/* @label: the value of the metric's label, or NULL. */
static void put(const struct metric *m, const char *label, double value, struct wr_strbuf *out)
{
	if (label)
		wr_strbuf_addf(out, "%s{%s=\"%s\"} %.15g\n", m->name, m->label, label, value);
	else
		wr_strbuf_addf(out, "%s %.15g\n", m->name, value);
}

static void collect_build(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	put(m, WR_VERSION, 1, out);
}

static void collect_uptime(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	put(m, NULL, (double)(wr_now_ms() - a->started_ms) / 1000, out);
}

static void collect_rss(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	wr_autofree char *text = NULL;
	unsigned long size, resident;

	if (wr_read_file("/proc/self/statm", 4096, &text, NULL) == 0 &&
	    sscanf(text, "%lu %lu", &size, &resident) == 2)
		put(m, NULL, (double)resident * (double)sysconf(_SC_PAGESIZE), out);
}

static void collect_ready(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	int i;

	for (i = 0; i < WR_NEED_MAX; i++)
		put(m, wr_need_name((enum wr_need)i), !a->health.reasons[i], out);
}

static void collect_log(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	int i;

	for (i = 0; i < WR_LOG_MAX; i++)
		put(m, wr_log_level_name((enum wr_log_level)i),
		    (double)wr_log_count((enum wr_log_level)i), out);
}

static void collect_objects(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	int i;

	for (i = 0; i < WR_KIND_MAX; i++)
		put(m, wr_kind_name((enum wr_kind)i),
		    (double)wr_store_count(a->store, (enum wr_kind)i), out);
}

static void collect_synced(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	int i;

	for (i = 0; i < WR_KIND_MAX; i++)
		put(m, wr_kind_name((enum wr_kind)i), wr_store_is_synced(a->store, (enum wr_kind)i),
		    out);
}

static void collect_bad_files(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	size_t files, bad;

	wr_source_count(a, &files, &bad);
	put(m, NULL, (double)bad, out);
}

#define RECONCILER_METRIC(suffix, expression)                                                    \
	static void collect_reconcile_##suffix(const struct wr_agent *a, const struct metric *m, \
					       struct wr_strbuf *out)                            \
	{                                                                                        \
		int i;                                                                           \
                                                                                                 \
		for (i = 0; i < WR_RECONCILE_MAX; i++) {                                         \
			const struct wr_reconcile_state *s = &a->reconciling.states[i];          \
                                                                                                 \
			put(m, wr_reconciler_name((enum wr_reconciler)i), (double)(expression),  \
			    out);                                                                \
		}                                                                                \
	}
RECONCILER_METRIC(runs, s->runs)
RECONCILER_METRIC(full, s->full_runs)
RECONCILER_METRIC(failures, s->failures)
RECONCILER_METRIC(seconds, (double)s->busy_ns / 1e9)

static void collect_endpoints(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_endpoints_count(a), out);
}

static void collect_endpoint_changes(const struct wr_agent *a, const struct metric *m,
				     struct wr_strbuf *out)
{
	struct wr_endpoint_counts c = wr_endpoints_counts(a);

	put(m, "registered", (double)c.registered, out);
	put(m, "released", (double)c.released, out);
	put(m, "collected", (double)c.collected, out);
	put(m, "failed", (double)c.failed, out);
}

static void collect_bad_records(const struct wr_agent *a, const struct metric *m,
				struct wr_strbuf *out)
{
	put(m, NULL, wr_endpoints_counts(a).bad_records, out);
}

static void collect_nodes(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_nodes_count(a), out);
}

static void collect_peers(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_peers_count(a->peers), out);
}

static void collect_fill(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out,
			 int which)
{
	struct wr_dp_fill fill[WR_MAP_MAX];
	int i;

	if (wr_dp_fill(a->dp, fill))
		return;
	for (i = 0; i < WR_MAP_MAX; i++) {
		const struct wr_dp_fill *f = &fill[i];

		put(m, wr_map_name(f->map),
		    (double)(which == 0 ? f->used :
			     which == 1 ? f->size :
					  f->memory),
		    out);
	}
}

static void collect_map_used(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	collect_fill(a, m, out, 0);
}

static void collect_map_size(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	collect_fill(a, m, out, 1);
}

static void collect_map_memory(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	collect_fill(a, m, out, 2);
}

static void collect_drops(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out,
			  bool bytes)
{
	struct wr_drop_count counts[WR_REASON_MAX];
	uint32_t i;

	if (wr_drops_get(a->dp, counts))
		return;
	for (i = WR_REASON_NONE + 1; i < WR_REASON_MAX; i++)
		put(m, wr_reason_name(i), (double)(bytes ? counts[i].bytes : counts[i].packets), out);
}

static void collect_drop_packets(const struct wr_agent *a, const struct metric *m,
				 struct wr_strbuf *out)
{
	collect_drops(a, m, out, false);
}

static void collect_drop_bytes(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	collect_drops(a, m, out, true);
}

static void collect_sweeps(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	struct wr_sweep_totals t = wr_sweeper_totals(a);

	put(m, "seen", (double)t.seen, out);
	put(m, "marked", (double)t.marked, out);
	put(m, "deleted", (double)t.deleted, out);
}

static void collect_sweep_seconds(const struct wr_agent *a, const struct metric *m,
				  struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_sweeper_totals(a).busy_ns / 1e9, out);
}

static void collect_sweep_longest(const struct wr_agent *a, const struct metric *m,
				  struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_sweeper_totals(a).longest_ns / 1e9, out);
}

static void collect_events(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	struct wr_event_counts c = wr_event_hub_counts(a);

	put(m, "read", (double)c.read, out);
	put(m, "lost", (double)c.lost, out);
	put(m, "malformed", (double)c.malformed, out);
}

static void collect_monitors(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	put(m, NULL, wr_event_hub_counts(a).monitors, out);
}

static void collect_services(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	struct wr_service_counts c = wr_services_counts(a);

	put(m, "frontends", c.table.frontends, out);
	put(m, "sets", c.table.sets, out);
	put(m, "slots", c.table.slots, out);
	put(m, "backends", c.table.backends, out);
}

static void collect_service_builds(const struct wr_agent *a, const struct metric *m,
				   struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_services_counts(a).built, out);
}

static void collect_service_failures(const struct wr_agent *a, const struct metric *m,
				     struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_services_counts(a).failed, out);
}

static void collect_policies(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	struct wr_policies_counts c = wr_policies_counts(a);

	put(m, "known", (double)c.compiled.policies, out);
	put(m, "not-understood", (double)c.not_understood, out);
}

static void collect_policy_rows(const struct wr_agent *a, const struct metric *m,
				struct wr_strbuf *out)
{
	struct wr_policy_counts c = wr_policies_counts(a).compiled;

	put(m, "selectors", (double)c.selectors, out);
	put(m, "identities", (double)c.identities, out);
	put(m, "rulesets", (double)c.rulesets, out);
	put(m, "rules", (double)c.rows, out);
	put(m, "overflowed-rulesets", (double)c.overflows, out);
}

static void collect_domain_addresses(const struct wr_agent *a, const struct metric *m,
				     struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_domains_counts(a).addresses, out);
}

static void collect_domain_answers(const struct wr_agent *a, const struct metric *m,
				   struct wr_strbuf *out)
{
	struct wr_domains_counts c = wr_domains_counts(a);

	put(m, "learnt", (double)c.learnt, out);
	put(m, "not-meant", (double)c.plain, out);
	put(m, "not-believed", (double)c.strange, out);
	put(m, "malformed", (double)c.malformed, out);
	put(m, "refused", (double)c.refused, out);
	put(m, "late", (double)c.late, out);
	put(m, "unheard", (double)c.unheard, out);
}

static void collect_closed_pods(const struct wr_agent *a, const struct metric *m,
				struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_policies_counts(a).closed_pods, out);
}

static void collect_clients(const struct wr_agent *a, const struct metric *m, struct wr_strbuf *out)
{
	put(m, NULL, (double)wr_server_clients(a->server), out);
}

static const struct metric metrics[] = {
	{ "weir_build_info", GAUGE, "version", "Always 1; the version is in the label.",
	  collect_build },
	{ "weir_agent_uptime_seconds", GAUGE, NULL, "Since the agent's start.", collect_uptime },
	{ "weir_agent_resident_memory_bytes", GAUGE, NULL,
	  "Memory of the agent, mapped tables included.", collect_rss },
	{ "weir_agent_ready", GAUGE, "need",
	  "1 when this need of an ADD is met; the agent is ready when all are.", collect_ready },
	{ "weir_agent_log_lines_total", COUNTER, "level",
	  "Log lines, those below the configured level too.", collect_log },
	{ "weir_agent_clients", GAUGE, NULL, "Connections to the agent's socket.", collect_clients },
	{ "weir_objects", GAUGE, "kind", "Objects in the store.", collect_objects },
	{ "weir_objects_synced", GAUGE, "kind", "1 once the first list of the kind is complete.",
	  collect_synced },
	{ "weir_manifests_bad_files", GAUGE, NULL,
	  "Manifest files whose last good state is in force instead.", collect_bad_files },
	{ "weir_reconcile_runs_total", COUNTER, "reconciler", "Passes of a reconciler.",
	  collect_reconcile_runs },
	{ "weir_reconcile_full_runs_total", COUNTER, "reconciler",
	  "Of these, comparisons of everything.", collect_reconcile_full },
	{ "weir_reconcile_failures_total", COUNTER, "reconciler",
	  "Passes that failed and are tried again.", collect_reconcile_failures },
	{ "weir_reconcile_seconds_total", COUNTER, "reconciler", "Time spent in passes.",
	  collect_reconcile_seconds },
	{ "weir_nodes", GAUGE, NULL, "Nodes of the cluster, this one included.", collect_nodes },
	{ "weir_peers", GAUGE, NULL, "Addresses and prefixes with an identity or a way.",
	  collect_peers },
	{ "weir_endpoints", GAUGE, NULL, "Pod interfaces of this node.", collect_endpoints },
	{ "weir_endpoint_changes_total", COUNTER, "change",
	  "Endpoints registered, released, collected; failures to enforce.",
	  collect_endpoint_changes },
	{ "weir_endpoint_bad_records", GAUGE, NULL, "Endpoint records on disk that cannot be read.",
	  collect_bad_records },
	{ "weir_services", GAUGE, "what", "Frontends, records, slots and backends in force.",
	  collect_services },
	{ "weir_service_builds_total", COUNTER, NULL, "Services computed anew.",
	  collect_service_builds },
	{ "weir_service_failures_total", COUNTER, NULL,
	  "Services that could not be put in force at once.", collect_service_failures },
	{ "weir_policies", GAUGE, "what",
	  "Policies known, and those with something that is not understood (closed there).",
	  collect_policies },
	{ "weir_policy_compiled", GAUGE, "what",
	  "What policies are made into; overflowed rulesets have no room in the map of rules.",
	  collect_policy_rows },
	{ "weir_policy_closed_pods", GAUGE, NULL,
	  "Pods of this node that are closed because their rules do not fit.", collect_closed_pods },
	{ "weir_domain_addresses", GAUGE, NULL,
	  "Addresses that have a domain name of a policy, each as often as it has one.",
	  collect_domain_addresses },
	{ "weir_domain_answers_total", COUNTER, "result",
	  "Answers of name servers to pods whose policies name domains, by what came of them.",
	  collect_domain_answers },
	{ "weir_map_entries", GAUGE, "map", "Entries in use.", collect_map_used },
	{ "weir_map_size", GAUGE, "map", "Entries there is room for.", collect_map_size },
	{ "weir_map_memory_bytes", GAUGE, "map", "What the kernel accounts for the map.",
	  collect_map_memory },
	{ "weir_drops_total", COUNTER, "reason", "Packets dropped or refused.", collect_drop_packets },
	{ "weir_dropped_bytes_total", COUNTER, "reason", "Their bytes.", collect_drop_bytes },
	{ "weir_flow_sweeps_total", COUNTER, "result",
	  "Flows looked at, marked dead and deleted by expiry.", collect_sweeps },
	{ "weir_flow_sweep_seconds_total", COUNTER, NULL, "Time spent in expiry.",
	  collect_sweep_seconds },
	{ "weir_flow_sweep_longest_seconds", GAUGE, NULL,
	  "The longest single walk since the start.", collect_sweep_longest },
	{ "weir_events_total", COUNTER, "result",
	  "Events read from the datapath; lost: not sent to a slow monitor.", collect_events },
	{ "weir_monitors", GAUGE, NULL, "Clients that monitor events.", collect_monitors },
};

static const char *type_name(enum type type)
{
	return type == COUNTER ? "counter" : "gauge";
}

void wr_metrics_write(const struct wr_agent *a, struct wr_strbuf *out)
{
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(metrics); i++) {
		const struct metric *m = &metrics[i];

		wr_strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
			       type_name(m->type));
		m->collect(a, m, out);
	}
}

void wr_metrics_document(struct wr_strbuf *out)
{
	size_t i;

	wr_strbuf_addstr(out,
			 "# Metrics\n\n"
			 "What `weir-agent` serves on `/metrics`, in Prometheus' text format. Made by\n"
			 "`weir-agent --print-metrics`; a test compares. Base units, no labels with pods or addresses.\n\n"
			 "| metric | type | label | meaning |\n|---|---|---|---|\n");
	for (i = 0; i < WR_ARRAY_SIZE(metrics); i++)
		wr_strbuf_addf(out, "| `%s` | %s | %s | %s |\n", metrics[i].name,
			       type_name(metrics[i].type), metrics[i].label ? metrics[i].label : "",
			       metrics[i].help);
}
