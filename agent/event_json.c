// SPDX-License-Identifier: Apache-2.0
/* Events as JSON. */
#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#include "agent/endpoints.h"
#include "agent/events.h"
#include "agent/policies.h"
#include "bpf/abi/endpoint.h"
#include "lib/base/addr.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/tables.h"

static const char *const types[] = {
	[WR_EVENT_DROP] = "drop",         [WR_EVENT_FLOW_NEW] = "flow-new",
	[WR_EVENT_FLOW_END] = "flow-end", [WR_EVENT_AUDIT] = "audit",
	[WR_EVENT_DNS] = "dns",
};

static const char *const hooks[WR_HOOK_MAX] = {
	[WR_HOOK_POD_EGRESS] = "pod-egress",
	[WR_HOOK_POD_INGRESS] = "pod-ingress",
	[WR_HOOK_UPLINK_INGRESS] = "uplink-ingress",
	[WR_HOOK_UPLINK_EGRESS] = "uplink-egress",
	[WR_HOOK_OVERLAY_INGRESS] = "overlay-ingress",
	[WR_HOOK_OVERLAY_EGRESS] = "overlay-egress",
	[WR_HOOK_XDP] = "xdp",
	[WR_HOOK_SOCK] = "socket",
};

const char *wr_event_type_name(uint32_t type)
{
	return type < WR_ARRAY_SIZE(types) ? types[type] : NULL;
}

const char *wr_hook_name(uint32_t hook)
{
	return hook < WR_HOOK_MAX && hooks[hook] ? hooks[hook] : "unknown";
}

static void add_time(struct wr_json *j, uint64_t event_ns, uint64_t real_ms, uint64_t boot_ns)
{
	uint64_t ms = real_ms - (boot_ns - event_ns) / 1000000;
	time_t seconds = (time_t)(ms / 1000);
	char date[32], text[48];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03uZ", date, (unsigned int)(ms % 1000));
	wr_json_add_str(j, "time", text);
}

static struct wr_json *encode_end(const struct wr_agent *a, const struct wr_addr *addr, __be16 port,
				  uint32_t ep, uint32_t identity)
{
	struct wr_json *j = wr_json_new_object();
	char text[WR_ADDR_STRLEN];
	const char *ns, *name;

	wr_json_add_str(j, "address", wr_addr_format(addr, text));
	wr_json_add_int(j, "port", ntohs(port));
	wr_json_add_int(j, "identity", identity);
	if (ep == WR_EP_NONE)
		return j;
	wr_json_add_int(j, "endpoint", ep);
	if (a && wr_endpoints_pod_name(a, ep, &ns, &name)) {
		wr_json_add_str(j, "namespace", ns);
		wr_json_add_str(j, "pod", name);
	}
	return j;
}

static void add_if(struct wr_json *j, const char *key, uint64_t value)
{
	if (value)
		wr_json_add_int(j, key, (int64_t)value);
}

struct wr_json *wr_event_encode(const struct wr_agent *a, const struct wr_event *e,
				uint64_t real_ms, uint64_t boot_ns)
{
	struct wr_json *j = wr_json_new_object();
	const char *type = wr_event_type_name(e->type);
	char proto[16];

	wr_json_add_str(j, "type", type ? type : "unknown");
	add_time(j, e->time, real_ms, boot_ns);
	wr_json_add_str(j, "reason", wr_reason_name(e->reason));
	wr_json_add_str(j, "hook", wr_hook_name(e->hook));
	wr_json_add_str(j, "direction", e->dir == WR_DIR_INGRESS ? "ingress" : "egress");
	wr_json_add_str(j, "protocol", wr_proto_format(e->proto, proto));
	wr_json_add(j, "source", encode_end(a, &e->src, e->sport, e->src_ep, e->src_identity));
	wr_json_add(j, "destination", encode_end(a, &e->dst, e->dport, e->dst_ep, e->dst_identity));
	wr_json_add_int(j, "length", e->len);
	wr_json_add_int(j, "ifindex", e->ifindex);
	add_if(j, "tcp_flags", e->tcp_flags);
	add_if(j, "rule", e->rule);
	if (wr_policies_rule_text(a, e->rule))
		wr_json_add_str(j, "policy", wr_policies_rule_text(a, e->rule));
	add_if(j, "service", e->service);
	add_if(j, "backend", e->backend);
	add_if(j, "packets", e->packets);
	add_if(j, "bytes", e->bytes);
	return j;
}
