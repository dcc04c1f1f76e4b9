/* SPDX-License-Identifier: Apache-2.0 */
/* Host ports of one pod into sets. */
#include "agent/svc/build.h"

#include "lib/base/str.h"

static void add_host_port(struct wr_svc_build *b, const struct wr_port_mapping *m)
{
	struct wr_addr local = wr_build_loopback(b->family);
	size_t i;

	if (!wr_addr_is_zero(&m->host_ip)) {
		if (wr_addr_family(&m->host_ip) == b->family)
			wr_build_frontend(b, &m->host_ip, m->host_port, m->proto, WR_SCOPE_ANY);
		return;
	}
	for (i = 0; i < b->idx->addrs.n; i++)
		if (wr_addr_family(&b->idx->addrs.v[i]) == b->family &&
		    wr_svc_is_public(&b->idx->addrs.v[i]))
			wr_build_frontend(b, &b->idx->addrs.v[i], m->host_port, m->proto,
					  WR_SCOPE_ANY);
	if (b->idx->localhost_node_ports)
		wr_build_frontend(b, &local, m->host_port, m->proto, WR_SCOPE_ANY);
}

static void build_host_port(struct wr_svc_build *b, const struct wr_port_mapping *m,
			    const struct wr_addr *pod)
{
	char buf[WR_ADDR_STRLEN + 8], ip[WR_ADDR_STRLEN];
	struct wr_svc_id want = { .port = m->host_port, .proto = m->proto };
	struct wr_svc_endpoint e = { .addr = *pod, .port = m->container_port, .node = b->idx->node };

	if (wr_addr_is_zero(pod))
		return;
	wr_format(buf, sizeof(buf), "%s#%u", wr_addr_format(&m->host_ip, ip), m->host_port);
	b->key = want.key = wr_build_port_hash(b->svc, buf, m->proto);
	b->id = wr_svc_id_get(b->idx, b->svc, &want, 0);
	b->family = wr_addr_family(pod);
	b->proto = m->proto;
	wr_vec_reset(&b->idx->tmp.frontends);
	wr_vec_reset(&b->idx->tmp.run);
	add_host_port(b, m);
	e.zone = b->idx->zone;
	wr_vec_push(&b->idx->tmp.run, wr_build_backend(b, &e, false));
	wr_build_put(b, WR_SVC_HOST_PORT, WR_SCOPE_ANY,
		     WR_SVC_HOSTPORT | WR_SVC_EXTERNAL | WR_SVC_KEEP_SOURCE);
}

void wr_build_host_ports(struct wr_svc_build *b)
{
	const struct wr_svc_rare *rare = b->svc->rare;
	size_t i;

	for (i = 0; rare && i < rare->ports.n; i++) {
		build_host_port(b, &rare->ports.v[i], &rare->addr4);
		build_host_port(b, &rare->ports.v[i], &rare->addr6);
	}
}
