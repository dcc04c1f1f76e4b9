/* SPDX-License-Identifier: Apache-2.0 */
/* Pods: where they are, which addresses and ports they have. */
#include <string.h>

#include "agent/obj/kinds.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

typedef WR_VEC(struct wr_container_port) ports;

static void decode_port(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	const char *name = wr_dec_str(d, item, "name"), *host_ip = wr_dec_str(d, item, "hostIP");
	struct wr_container_port p;
	ports *all = to;

	memset(&p, 0, sizeof(p));
	p.port = (uint16_t)wr_dec_int(d, item, "containerPort", 1, 65535, 0);
	p.host_port = (uint16_t)wr_dec_int(d, item, "hostPort", 0, 65535, 0);
	p.proto = wr_dec_protocol(d, item);
	if (!wr_json_get(item, "containerPort"))
		wr_dec_fail(d, item, "containerPort", "is missing");
	if (host_ip && *host_ip)
		wr_dec_addr(d, item, "hostIP", host_ip, &p.host_ip);
	/*
	 * Policies ask for names. Host ports come with the plugin's call; where manifests are all
	 * there is, from here.
	 */
	if (!p.port || !p.proto || (!d->strict && !name))
		return;
	p.name = name && *name ? wr_istr_get(name) : NULL;
	wr_vec_push(all, p);
}

static void decode_container(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	wr_dec_each(d, item, "ports", decode_port, to);
}

static void decode_init_container(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	/* One that restarts is a sidecar: it runs beside the others. */
	if (wr_streq(wr_dec_str(d, item, "restartPolicy"), "Always"))
		decode_container(d, item, to);
}

static void decode_spec(struct wr_decoder *d, const struct wr_json *j, struct wr_pod *pod)
{
	const struct wr_json *spec = wr_dec_object(d, j, "spec");
	const char *node = NULL;
	ports all = { 0 };
	size_t mark = wr_dec_enter(d, "spec");

	node = wr_dec_str(d, spec, "nodeName");
	pod->node_name = node && *node ? wr_istr_get(node) : NULL;
	pod->host_network = wr_dec_bool(d, spec, "hostNetwork", false);
	wr_dec_each(d, spec, "containers", decode_container, &all);
	wr_dec_each(d, spec, "initContainers", decode_init_container, &all);
	wr_dec_leave(d, mark);
	wr_pack_list(&d->pack, pod, ports, &all);
}

/* The first of each family counts. */
static void take_address(struct wr_pod *pod, const struct wr_addr *a)
{
	struct wr_addr *to = wr_addr_is4(a) ? &pod->addr4 : &pod->addr6;

	if (wr_addr_is_zero(to))
		*to = *a;
}

static void decode_pod_ip(struct wr_decoder *d, const struct wr_json *item, void *to)
{
	const char *s = wr_dec_str(d, item, "ip");
	struct wr_addr a;

	if (s && wr_dec_addr(d, item, "ip", s, &a))
		take_address(to, &a);
}

static enum wr_pod_phase decode_phase(struct wr_decoder *d, const struct wr_json *status)
{
	static const char *const words[] = {
		[WR_POD_PENDING] = "Pending",     [WR_POD_RUNNING] = "Running",
		[WR_POD_SUCCEEDED] = "Succeeded", [WR_POD_FAILED] = "Failed",
		[WR_POD_UNKNOWN] = "Unknown",
	};
	int i;

	if (!wr_json_get(status, "phase"))
		return WR_POD_PENDING;
	i = wr_dec_word(d, status, "phase", words, WR_ARRAY_SIZE(words));
	return i < 0 ? WR_POD_UNKNOWN : (enum wr_pod_phase)i;
}

static void decode_status(struct wr_decoder *d, const struct wr_json *j, struct wr_pod *pod)
{
	const struct wr_json *status = wr_dec_object(d, j, "status");
	size_t mark = wr_dec_enter(d, "status");
	const char *one = wr_dec_str(d, status, "podIP");
	struct wr_addr a;

	wr_dec_each(d, status, "podIPs", decode_pod_ip, pod);
	if (one && *one && wr_dec_addr(d, status, "podIP", one, &a))
		take_address(pod, &a);
	pod->phase = decode_phase(d, status);
	pod->ready = wr_dec_condition(d, status, "Ready");
	wr_dec_leave(d, mark);
}

struct wr_object *wr_pod_decode(struct wr_decoder *d, const struct wr_json *j,
				const struct wr_object *meta)
{
	struct wr_pod pod;

	memset(&pod, 0, sizeof(pod));
	pod.o = *meta;
	decode_spec(d, j, &pod);
	decode_status(d, j, &pod);
	pod.uid = wr_uid_hash(d->uid);
	pod.config_hash = wr_uid_hash(wr_annotation(j, "kubernetes.io/config.hash"));
	pod.audit = wr_is_audited(j);
	return wr_pack_finish(&d->pack, &pod.o, sizeof(pod));
}

void wr_pod_drop(struct wr_object *o)
{
	struct wr_pod *pod = (struct wr_pod *)o;
	uint32_t i;

	for (i = 0; i < pod->ports.n; i++)
		wr_istr_put(pod->ports.v[i].name);
	wr_istr_put(pod->node_name);
}
