/* SPDX-License-Identifier: Apache-2.0 */
/* Services. */
#include <string.h>

#include "agent/obj/kinds.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define DEFAULT_AFFINITY 10800
#define MAX_AFFINITY     86400
#define MAX_PORT_NAME    63

typedef WR_VEC(struct wr_service_port) ports;
typedef WR_VEC(struct wr_addr) addrs;
typedef WR_VEC(struct wr_prefix) prefixes;

/* A number or the name of a container's port. */
static void decode_target(struct wr_decoder *d, const struct wr_json *item, struct wr_service_port *p)
{
	const struct wr_json *target = wr_json_get(item, "targetPort");
	const char *name = wr_json_str(target);

	/* EndpointSlices say what became of it. */
	if (!d->strict || !target)
		return;
	if (name && *name)
		p->target_name = wr_istr_get(name);
	else
		p->target_port = (uint16_t)wr_dec_int(d, item, "targetPort", 1, 65535, 0);
}

/* Two that cannot be told apart, by number or by name. */
static void check_twins(struct wr_decoder *d, const struct wr_json *item, const ports *all,
			const struct wr_service_port *p)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		if (all->v[i].port == p->port && all->v[i].proto == p->proto)
			wr_dec_fail(d, item, "port", "%u is there twice", p->port);
		if (all->v[i].name == p->name)
			wr_dec_fail(d, item, "name", "must differ from the other ports'");
	}
}

static void decode_port(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	const char *name = wr_dec_str(d, item, "name");
	struct wr_service_port p;
	ports *all = to;

	memset(&p, 0, sizeof(p));
	p.port = (uint16_t)wr_dec_int(d, item, "port", 1, 65535, 0);
	p.node_port = (uint16_t)wr_dec_int(d, item, "nodePort", 0, 65535, 0);
	p.proto = wr_dec_protocol(d, item);
	if (!wr_json_get(item, "port"))
		wr_dec_fail(d, item, "port", "is missing");
	if (name && strlen(name) > MAX_PORT_NAME)
		wr_dec_fail(d, item, "name", "is longer than %d characters", MAX_PORT_NAME);
	if (!p.port || !p.proto)
		return;
	p.name = wr_istr_get(name ? name : "");
	decode_target(d, item, &p);
	if (d->strict)
		check_twins(d, item, all, &p);
	wr_vec_push(all, p);
}

static void decode_addr(struct wr_decoder *d, const struct wr_json *item, const char *s, void *to)
{
	addrs *all = to;
	struct wr_addr a;

	if (wr_dec_addr(d, item, NULL, s, &a))
		wr_vec_push(all, a);
}

static void decode_range(struct wr_decoder *d, const struct wr_json *item, const char *s, void *to)
{
	prefixes *all = to;
	struct wr_prefix p;
	char text[WR_PREFIX_STRLEN + 16];
	size_t len;

	/* The API has always allowed blanks around them. */
	wr_copy(text, sizeof(text), s + strspn(s, " \t"));
	for (len = strlen(text); len && strchr(" \t", text[len - 1]); len--)
		text[len - 1] = '\0';
	if (wr_dec_prefix(d, item, NULL, text, &p))
		wr_vec_push(all, p);
}

static void decode_cluster_ips(struct wr_decoder *d, const struct wr_json *spec,
			       struct wr_service_object *s)
{
	const struct wr_json *list = wr_dec_list(d, spec, "clusterIPs");
	const char *first = wr_dec_str(d, spec, "clusterIP");
	addrs all = { 0 };
	struct wr_addr a;

	s->headless = wr_streq(first, "None") || wr_streq(wr_json_str(wr_json_at(list, 0)), "None");
	if (s->headless || s->type == WR_SERVICE_EXTERNALNAME)
		return;
	if (wr_json_len(list))
		wr_dec_each_str(d, spec, "clusterIPs", decode_addr, &all);
	else if (first && *first && wr_dec_addr(d, spec, "clusterIP", first, &a))
		wr_vec_push(&all, a);
	wr_pack_list(&d->pack, s, cluster_ips, &all);
}

static uint32_t decode_affinity(struct wr_decoder *d, const struct wr_json *spec)
{
	static const char *const words[] = { "None", "ClientIP" };
	const struct wr_json *config, *client;
	int64_t seconds;
	size_t mark;

	if (wr_dec_word(d, spec, "sessionAffinity", words, WR_ARRAY_SIZE(words)) != 1)
		return 0;
	config = wr_dec_object(d, spec, "sessionAffinityConfig");
	mark = wr_dec_enter(d, "sessionAffinityConfig");
	client = wr_dec_object(d, config, "clientIP");
	wr_dec_leave(d, mark);
	mark = wr_dec_enter(d, "sessionAffinityConfig.clientIP");
	seconds = wr_dec_int(d, client, "timeoutSeconds", 1, MAX_AFFINITY, DEFAULT_AFFINITY);
	wr_dec_leave(d, mark);
	return (uint32_t)seconds;
}

static enum wr_traffic_distribution decode_distribution(struct wr_decoder *d,
							const struct wr_json *spec)
{
	static const char *const words[] = { "PreferClose", "PreferSameZone", "PreferSameNode" };

	switch (wr_dec_word(d, spec, "trafficDistribution", words, WR_ARRAY_SIZE(words))) {
	case 0:
	case 1:
		return WR_DISTRIBUTION_SAME_ZONE;
	case 2:
		return WR_DISTRIBUTION_SAME_NODE;
	default:
		return WR_DISTRIBUTION_NONE;
	}
}

static bool decode_is_local(struct wr_decoder *d, const struct wr_json *spec, const char *key)
{
	static const char *const words[] = { "Cluster", "Local" };

	return wr_dec_word(d, spec, key, words, WR_ARRAY_SIZE(words)) == 1;
}

static enum wr_service_type decode_type(struct wr_decoder *d, const struct wr_json *spec)
{
	static const char *const words[] = {
		[WR_SERVICE_CLUSTERIP] = "ClusterIP",
		[WR_SERVICE_NODEPORT] = "NodePort",
		[WR_SERVICE_LOADBALANCER] = "LoadBalancer",
		[WR_SERVICE_EXTERNALNAME] = "ExternalName",
	};
	int i = wr_dec_word(d, spec, "type", words, WR_ARRAY_SIZE(words));

	return i < 0 ? WR_SERVICE_CLUSTERIP : (enum wr_service_type)i;
}

static void decode_lists(struct wr_decoder *d, const struct wr_json *spec,
			 struct wr_service_object *s)
{
	prefixes ranges = { 0 };
	addrs external = { 0 };
	ports all = { 0 };

	wr_dec_each(d, spec, "ports", decode_port, &all);
	if (!wr_json_len(wr_json_get(spec, "ports")) && !s->headless &&
	    s->type != WR_SERVICE_EXTERNALNAME)
		wr_dec_fail(d, spec, "ports", "is missing");
	wr_dec_each_str(d, spec, "externalIPs", decode_addr, &external);
	wr_dec_each_str(d, spec, "loadBalancerSourceRanges", decode_range, &ranges);
	wr_pack_list(&d->pack, s, ports, &all);
	wr_pack_list(&d->pack, s, external_ips, &external);
	wr_pack_list(&d->pack, s, source_ranges, &ranges);
}

static void decode_selector(struct wr_decoder *d, const struct wr_json *spec,
			    struct wr_service_object *s)
{
	const struct wr_json *selector = wr_dec_object(d, spec, "selector");

	s->has_selector = wr_json_len(selector) > 0;
	if (d->strict)
		s->selector = wr_dec_labels(d, spec, "selector");
}

static void decode_spec(struct wr_decoder *d, const struct wr_json *j, struct wr_service_object *s)
{
	const struct wr_json *spec = wr_dec_object(d, j, "spec");
	size_t mark = wr_dec_enter(d, "spec");

	s->type = decode_type(d, spec);
	decode_cluster_ips(d, spec, s);
	decode_lists(d, spec, s);
	decode_selector(d, spec, s);
	s->external_local = decode_is_local(d, spec, "externalTrafficPolicy");
	s->internal_local = decode_is_local(d, spec, "internalTrafficPolicy");
	s->publish_not_ready = wr_dec_bool(d, spec, "publishNotReadyAddresses", false);
	s->allocate_node_ports = wr_dec_bool(d, spec, "allocateLoadBalancerNodePorts", true);
	s->affinity = decode_affinity(d, spec);
	s->health_check_node_port = (uint16_t)wr_dec_int(d, spec, "healthCheckNodePort", 0, 65535, 0);
	s->distribution = decode_distribution(d, spec);
	wr_dec_leave(d, mark);
}

static void decode_ingress(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	const char *ip = wr_dec_str(d, item, "ip"), *mode = wr_dec_str(d, item, "ipMode");
	addrs *all = to;
	struct wr_addr a;

	/* Proxy: the balancer sends to node ports; its own address is none of ours. */
	if (!ip || !*ip || (mode && strcmp(mode, "VIP") != 0))
		return;
	if (wr_dec_addr(d, item, "ip", ip, &a))
		wr_vec_push(all, a);
}

static void decode_status(struct wr_decoder *d, const struct wr_json *j, struct wr_service_object *s)
{
	const struct wr_json *status = wr_dec_object(d, j, "status");
	const struct wr_json *balancer;
	size_t mark = wr_dec_enter(d, "status");
	addrs all = { 0 };

	balancer = wr_dec_object(d, status, "loadBalancer");
	wr_dec_leave(d, mark);
	mark = wr_dec_enter(d, "status.loadBalancer");
	wr_dec_each(d, balancer, "ingress", decode_ingress, &all);
	wr_dec_leave(d, mark);
	wr_pack_list(&d->pack, s, lb_ips, &all);
}

/* Labels by which a Service says that another proxy, or none, is in charge. */
static bool is_foreign(const struct wr_json *j)
{
	const struct wr_json *labels = wr_json_path(j, "metadata.labels");

	return wr_json_has(labels, "service.kubernetes.io/service-proxy-name") ||
	       wr_json_has(labels, "service.kubernetes.io/headless");
}

struct wr_object *wr_service_decode(struct wr_decoder *d, const struct wr_json *j,
				    const struct wr_object *meta)
{
	struct wr_service_object s;

	memset(&s, 0, sizeof(s));
	s.o = *meta;
	s.foreign = is_foreign(j);
	s.topology_auto = wr_streq(wr_annotation(j, "service.kubernetes.io/topology-mode"), "Auto");
	decode_spec(d, j, &s);
	decode_status(d, j, &s);
	return wr_pack_finish(&d->pack, &s.o, sizeof(s));
}

void wr_service_drop(struct wr_object *o)
{
	struct wr_service_object *s = (struct wr_service_object *)o;
	uint32_t i;

	for (i = 0; i < s->ports.n; i++) {
		wr_istr_put(s->ports.v[i].name);
		wr_istr_put(s->ports.v[i].target_name);
	}
	wr_labels_put(&s->selector);
}
