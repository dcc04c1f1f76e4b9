// SPDX-License-Identifier: Apache-2.0
/* Flows as JSON. */
#include "cli/flow.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dp/svc_table.h"
#include "lib/dp/tables.h"

void wr_flow_row_fill(struct wr_flow_row *row, const struct wr_flow_key *key,
		      const struct wr_flow *flow)
{
	bool b = flow->state & WR_FLOW_ORIG_B;

	*row = (struct wr_flow_row){
		.src = b ? key->b : key->a,
		.dst = b ? key->a : key->b,
		.sport = ntohs(b ? key->port_b : key->port_a),
		.dport = ntohs(b ? key->port_a : key->port_b),
		.proto = key->proto,
		.flow = *flow,
	};
	/* An echo has an identifier, which is the asking side's port. */
	if (key->proto == IPPROTO_ICMP || key->proto == IPPROTO_ICMPV6) {
		row->dport = row->sport;
		row->flow.new_dport = row->flow.new_sport;
	}
}

void wr_flow_row_merge(struct wr_flow_row *row, const struct wr_flow *partner)
{
	int i;

	for (i = 0; i < WR_FLOW_DIRS; i++) {
		row->flow.packets[i] += partner->packets[i];
		row->flow.bytes[i] += partner->bytes[i];
	}
	if ((int32_t)(partner->seen - row->flow.seen) > 0)
		row->flow.seen = partner->seen;
	row->flow.out[WR_FLOW_REPLY] = partner->out[WR_FLOW_REPLY];
	row->flow.state |= partner->state & (WR_FLOW_ANSWERED | WR_FLOW_FIN_ORIG | WR_FLOW_FIN_REPLY);
	if ((partner->state & WR_FLOW_TCP_MASK) > (row->flow.state & WR_FLOW_TCP_MASK))
		row->flow.state = (row->flow.state & ~WR_FLOW_TCP_MASK) |
				  (partner->state & WR_FLOW_TCP_MASK);
}

const char *wr_flow_state(const struct wr_flow_row *row)
{
	static const char *const tcp[] = {
		[WR_TCP_SYN_SENT] = "syn-sent",       [WR_TCP_SYN_RECV] = "syn-recv",
		[WR_TCP_ESTABLISHED] = "established", [WR_TCP_FIN] = "half-closed",
		[WR_TCP_CLOSING] = "closed",          [WR_TCP_RESET] = "reset",
	};
	uint64_t state = row->flow.state, t = state & WR_FLOW_TCP_MASK;

	if (t != WR_TCP_NONE)
		return t < WR_ARRAY_SIZE(tcp) ? tcp[t] : "unknown";
	if (state & WR_FLOW_ANSWERED)
		return "answered";
	return state & WR_FLOW_ONEWAY ? "one-way" : "unanswered";
}

static const char *verdict(const struct wr_flow *f)
{
	uint64_t both = WR_JUDGED_EGRESS | WR_JUDGED_INGRESS;

	if (f->judged & WR_JUDGED_AUDIT)
		return "audit";
	return (f->judged & both) == both ? "allow" : "deny";
}

static void add_str_if(struct wr_json *j, const char *key, const char *value)
{
	if (value)
		wr_json_add_str(j, key, value);
}

static void add_int_if(struct wr_json *j, const char *key, uint64_t value)
{
	if (value)
		wr_json_add_int(j, key, (int64_t)value);
}

static void add_addr(struct wr_json *j, const char *key, const struct wr_addr *a)
{
	char text[WR_ADDR_STRLEN];

	wr_json_add_str(j, key, wr_addr_format(a, text));
}

static void add_interface(const struct wr_flow_view *v, struct wr_json *j, uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	if (!ifindex)
		return;
	wr_json_add_int(j, "ifindex", ifindex);
	if (v->ifnames && if_indextoname(ifindex, name))
		wr_json_add_str(j, "interface", name);
}

static struct wr_json *encode_backend(const struct wr_flow_view *v, uint32_t number)
{
	struct wr_json *j = wr_json_new_object();
	struct wr_backend be;

	wr_json_add_int(j, "number", number);
	if (wr_backend_get(v->dp, number, &be) < 0 || wr_addr_is_zero(&be.addr))
		return j;
	add_addr(j, "address", &be.addr);
	wr_json_add_int(j, "port", ntohs(be.port));
	add_str_if(j, "name", wr_names_addr(v->names, &be.addr));
	return j;
}

/* The tuple after the rewrite. */
static struct wr_json *encode_nat(const struct wr_flow *f)
{
	struct wr_json *j = wr_json_new_object();

	add_addr(j, "src", &f->new_src);
	wr_json_add_int(j, "src_port", ntohs(f->new_sport));
	add_addr(j, "dst", &f->new_dst);
	wr_json_add_int(j, "dst_port", ntohs(f->new_dport));
	return j;
}

static void add_endpoint(const struct wr_flow_view *v, struct wr_json *j, uint32_t number)
{
	struct wr_endpoint ep;
	const char *name;

	wr_json_add_str(j, "kind", "pod");
	wr_json_add_int(j, "endpoint", number);
	if (wr_endpoint_get(v->dp, number, &ep) < 0)
		return;
	name = wr_names_addr(v->names, &ep.addr4);
	add_str_if(j, "name", name ? name : wr_names_addr(v->names, &ep.addr6));
	add_interface(v, j, ep.ifindex);
}

static void add_nexthop(const struct wr_flow_view *v, struct wr_json *j, uint32_t number)
{
	static const char *const kinds[] = {
		[WR_NH_STACK] = "stack",   [WR_NH_NEIGH] = "neighbour", [WR_NH_ROUTE] = "route",
		[WR_NH_TUNNEL] = "tunnel", [WR_NH_DROP] = "drop",
	};
	struct wr_nexthop nh = { 0 };

	if (number && wr_nexthop_get(v->dp, number, &nh) < 0) {
		wr_json_add_str(j, "kind", "unknown");
		return;
	}
	wr_json_add_str(j, "kind", nh.kind < WR_ARRAY_SIZE(kinds) ? kinds[nh.kind] : "unknown");
	add_interface(v, j, nh.ifindex);
	if (!wr_addr_is_zero(&nh.gateway))
		add_addr(j, "gateway", &nh.gateway);
	add_str_if(j, "node", wr_names_addr(v->names, &nh.gateway));
}

static struct wr_json *encode_out(const struct wr_flow_view *v, uint64_t word)
{
	struct wr_json *j = wr_json_new_object();
	uint32_t number = WR_OUT_NUMBER(word);

	if (number & WR_OUT_EP)
		add_endpoint(v, j, number & ~WR_OUT_EP);
	else
		add_nexthop(v, j, number);
	return j;
}

static void add_ends(struct wr_json *j, const struct wr_flow_view *v, const struct wr_flow_row *row)
{
	char proto[16];

	wr_json_add_str(j, "proto", wr_proto_format(row->proto, proto));
	add_addr(j, "src", &row->src);
	wr_json_add_int(j, "src_port", row->sport);
	add_str_if(j, "src_name", wr_names_addr(v->names, &row->src));
	add_addr(j, "dst", &row->dst);
	wr_json_add_int(j, "dst_port", row->dport);
	add_str_if(j, "dst_name", wr_names_addr(v->names, &row->dst));
}

static void add_service(struct wr_json *j, const struct wr_flow_view *v, const struct wr_flow *f)
{
	if (f->service) {
		wr_json_add_int(j, "service_id", f->service);
		add_str_if(j, "service", wr_names_number(v->names, WR_NAME_SERVICE, f->service));
	}
	if (f->backend)
		wr_json_add(j, "backend", encode_backend(v, f->backend));
}

static void add_counters(struct wr_json *j, const struct wr_flow *f)
{
	wr_json_add_int(j, "packets",
			(int64_t)(f->packets[WR_FLOW_ORIG] + f->packets[WR_FLOW_REPLY]));
	wr_json_add_int(j, "bytes", (int64_t)(f->bytes[WR_FLOW_ORIG] + f->bytes[WR_FLOW_REPLY]));
	wr_json_add_int(j, "packets_sent", (int64_t)f->packets[WR_FLOW_ORIG]);
	wr_json_add_int(j, "packets_replied", (int64_t)f->packets[WR_FLOW_REPLY]);
	wr_json_add_int(j, "bytes_sent", (int64_t)f->bytes[WR_FLOW_ORIG]);
	wr_json_add_int(j, "bytes_replied", (int64_t)f->bytes[WR_FLOW_REPLY]);
}

static void add_flags(struct wr_json *j, uint64_t state)
{
	static const struct {
		uint64_t bit;
		const char *key;
	} flags[] = {
		{ WR_FLOW_PROMOTED, "proven" },  { WR_FLOW_TRANSLATED, "translated" },
		{ WR_FLOW_MASQ, "masqueraded" }, { WR_FLOW_SOCKET, "at_socket" },
		{ WR_FLOW_DSR, "dsr" },          { WR_FLOW_FROM_HOST, "from_host" },
	};
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(flags); i++)
		wr_json_add_bool(j, flags[i].key, state & flags[i].bit);
}

struct wr_json *wr_flow_encode(const struct wr_flow_view *v, const struct wr_flow_row *row)
{
	struct wr_json *j = wr_json_new_object();
	const struct wr_flow *f = &row->flow;

	add_ends(j, v, row);
	add_service(j, v, f);
	wr_json_add_str(j, "state", wr_flow_state(row));
	wr_json_add_str(j, "verdict", verdict(f));
	add_int_if(j, "rule_egress", f->rule_egress);
	add_int_if(j, "rule_ingress", f->rule_ingress);
	add_counters(j, f);
	wr_json_add_int(j, "age_ms",
			(int64_t)wr_ticks_since(&v->ticks, (uint64_t)f->created << WR_FLOW_AGE_SHIFT));
	wr_json_add_int(j, "idle_ms", (int64_t)wr_ticks_since_low(&v->ticks, f->seen));
	add_flags(j, f->state);
	if (f->state & WR_FLOW_TRANSLATED)
		wr_json_add(j, "nat", encode_nat(f));
	wr_json_add_int(j, "src_identity", f->src_identity);
	wr_json_add_int(j, "dst_identity", f->dst_identity);
	wr_json_add(j, "out", encode_out(v, f->out[WR_FLOW_ORIG]));
	wr_json_add(j, "out_reply", encode_out(v, f->out[WR_FLOW_REPLY]));
	return j;
}
