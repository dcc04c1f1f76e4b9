/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoint records to JSON and back: zero members are left out, unknown ones ignored. */
#include "lib/model/endpoint.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Members that are plain text, numbers and switches, in the order of the file. */
static const struct {
	const char *key;
	size_t at;
} texts[] = {
	{ "netns", offsetof(struct wr_endpoint_record, netns) },
	{ "podNamespace", offsetof(struct wr_endpoint_record, pod_namespace) },
	{ "podName", offsetof(struct wr_endpoint_record, pod_name) },
	{ "podUid", offsetof(struct wr_endpoint_record, pod_uid) },
	{ "hostIfname", offsetof(struct wr_endpoint_record, host_ifname) },
	{ "annotations", offsetof(struct wr_endpoint_record, annotations) },
};

static const struct {
	const char *key;
	size_t at;
	bool wide; /* 64 bits, not 32 */
} numbers[] = {
	{ "netnsCookie", offsetof(struct wr_endpoint_record, netns_cookie), true },
	{ "ifindex", offsetof(struct wr_endpoint_record, ifindex), false },
	{ "mtu", offsetof(struct wr_endpoint_record, mtu), false },
	{ "createdMs", offsetof(struct wr_endpoint_record, created_ms), true },
};

static const struct {
	const char *key;
	size_t at;
} switches[] = {
	{ "chained", offsetof(struct wr_endpoint_record, chained) },
	{ "foreignIpam", offsetof(struct wr_endpoint_record, foreign_ipam) },
	{ "ready", offsetof(struct wr_endpoint_record, ready) },
};

static const struct {
	const char *key;
	size_t at;
} macs[] = {
	{ "mac", offsetof(struct wr_endpoint_record, mac) },
	{ "hostMac", offsetof(struct wr_endpoint_record, host_mac) },
};

static const struct {
	const char *key;
	size_t at;
} addrs[] = {
	{ "addr4", offsetof(struct wr_endpoint_record, addr4) },
	{ "addr6", offsetof(struct wr_endpoint_record, addr6) },
};

static void *member(struct wr_endpoint_record *r, size_t at)
{
	return (char *)r + at;
}

static const void *const_member(const struct wr_endpoint_record *r, size_t at)
{
	return (const char *)r + at;
}

static void add_addr(struct wr_json *j, const char *key, const struct wr_addr *a)
{
	char text[WR_ADDR_STRLEN];

	if (!wr_addr_is_zero(a))
		wr_json_add_str(j, key, wr_addr_format(a, text));
}

static struct wr_json *encode_port(const struct wr_port_mapping *p)
{
	struct wr_json *j = wr_json_new_object();
	char proto[16];

	wr_json_add_int(j, "hostPort", p->host_port);
	wr_json_add_int(j, "containerPort", p->container_port);
	wr_json_add_str(j, "protocol", wr_proto_format(p->proto, proto));
	add_addr(j, "hostIP", &p->host_ip);
	return j;
}

static void encode_ports(const struct wr_endpoint_record *r, struct wr_json *j)
{
	struct wr_json *list;
	size_t i;

	if (!r->ports.n)
		return;
	list = wr_json_new_array();
	for (i = 0; i < r->ports.n; i++)
		wr_json_push(list, encode_port(&r->ports.v[i]));
	wr_json_add(j, "ports", list);
}

static void encode_number(const struct wr_endpoint_record *r, size_t i, struct wr_json *j)
{
	const void *at = const_member(r, numbers[i].at);
	uint64_t v = numbers[i].wide ? *(const uint64_t *)at : *(const uint32_t *)at;

	if (v)
		wr_json_add_int(j, numbers[i].key, (int64_t)v);
}

static void encode_mac(const struct wr_endpoint_record *r, size_t i, struct wr_json *j)
{
	static const uint8_t zero[6];
	const uint8_t *mac = const_member(r, macs[i].at);
	char text[WR_MAC_STRLEN];

	if (memcmp(mac, zero, sizeof(zero)) != 0)
		wr_json_add_str(j, macs[i].key, wr_mac_format(mac, text));
}

struct wr_json *wr_endpoint_record_encode(const struct wr_endpoint_record *r)
{
	struct wr_json *j = wr_json_new_object();
	const char *s;
	size_t i;

	wr_attachment_encode(&r->id, j);
	for (i = 0; i < WR_ARRAY_SIZE(texts); i++) {
		s = *(char *const *)const_member(r, texts[i].at);
		if (s)
			wr_json_add_str(j, texts[i].key, s);
	}
	for (i = 0; i < WR_ARRAY_SIZE(numbers); i++)
		encode_number(r, i, j);
	for (i = 0; i < WR_ARRAY_SIZE(macs); i++)
		encode_mac(r, i, j);
	for (i = 0; i < WR_ARRAY_SIZE(addrs); i++)
		add_addr(j, addrs[i].key, const_member(r, addrs[i].at));
	for (i = 0; i < WR_ARRAY_SIZE(switches); i++)
		if (*(const bool *)const_member(r, switches[i].at))
			wr_json_add_bool(j, switches[i].key, true);
	encode_ports(r, j);
	return j;
}

static int decode_addr(const struct wr_json *j, const char *key, struct wr_addr *ret,
		       struct wr_err *err)
{
	const char *s = NULL;
	int r = wr_json_decode_str(j, "", key, &s, err);

	if (r < 0 || !s)
		return r;
	if (wr_addr_parse(s, ret) < 0)
		return wr_json_err(j, err, "%s: must be an address, not \"%s\"", key, s);
	return 0;
}

static int decode_port(const struct wr_json *j, struct wr_port_mapping *ret, struct wr_err *err)
{
	struct wr_port_mapping p = { 0 };
	int64_t host = 0, container = 0;
	const char *proto = "tcp";

	if (wr_json_decode_int(j, "ports", "hostPort", 1, 65535, &host, err) < 0 ||
	    wr_json_decode_int(j, "ports", "containerPort", 1, 65535, &container, err) < 0 ||
	    wr_json_decode_str(j, "ports", "protocol", &proto, err) < 0 ||
	    decode_addr(j, "hostIP", &p.host_ip, err) < 0)
		return -EINVAL;
	if (!host || !container)
		return wr_json_err(j, err, "ports: hostPort or containerPort is missing");
	if (wr_proto_parse(proto, &p.proto) < 0)
		return wr_json_err(j, err, "ports.protocol: \"%s\" is not a protocol", proto);
	p.host_port = (uint16_t)host;
	p.container_port = (uint16_t)container;
	*ret = p;
	return 0;
}

static int decode_ports(const struct wr_json *j, struct wr_endpoint_record *rec, struct wr_err *err)
{
	struct wr_port_mapping p;
	struct wr_json *list = NULL;
	size_t i;
	int r = wr_json_decode_array(j, "", "ports", &list, err);

	for (i = 0; !r && i < wr_json_len(list); i++) {
		r = decode_port(wr_json_at(list, i), &p, err);
		if (!r)
			wr_vec_push(&rec->ports, p);
	}
	return r;
}

static int decode_text(const struct wr_json *j, size_t i, struct wr_endpoint_record *rec,
		       struct wr_err *err)
{
	const char *s = NULL;
	int r = wr_json_decode_str(j, "", texts[i].key, &s, err);

	if (!r && s)
		*(char **)member(rec, texts[i].at) = wr_xstrdup(s);
	return r;
}

static int decode_number(const struct wr_json *j, size_t i, struct wr_endpoint_record *rec,
			 struct wr_err *err)
{
	void *at = member(rec, numbers[i].at);
	int64_t v = 0;
	int r = wr_json_decode_int(j, "", numbers[i].key, 0,
				   numbers[i].wide ? INT64_MAX : UINT32_MAX, &v, err);

	if (numbers[i].wide)
		*(uint64_t *)at = (uint64_t)v;
	else
		*(uint32_t *)at = (uint32_t)v;
	return r;
}

static int decode_mac(const struct wr_json *j, size_t i, struct wr_endpoint_record *rec,
		      struct wr_err *err)
{
	const char *s = NULL;
	int r = wr_json_decode_str(j, "", macs[i].key, &s, err);

	if (r < 0 || !s)
		return r;
	if (wr_mac_parse(s, member(rec, macs[i].at)) < 0)
		return wr_json_err(j, err, "%s: must be a MAC address, not \"%s\"", macs[i].key, s);
	return 0;
}

static int decode_members(const struct wr_json *j, struct wr_endpoint_record *rec, struct wr_err *err)
{
	size_t i;
	int r = wr_attachment_decode(j, &rec->id, err);

	for (i = 0; !r && i < WR_ARRAY_SIZE(texts); i++)
		r = decode_text(j, i, rec, err);
	for (i = 0; !r && i < WR_ARRAY_SIZE(numbers); i++)
		r = decode_number(j, i, rec, err);
	for (i = 0; !r && i < WR_ARRAY_SIZE(macs); i++)
		r = decode_mac(j, i, rec, err);
	for (i = 0; !r && i < WR_ARRAY_SIZE(addrs); i++)
		r = decode_addr(j, addrs[i].key, member(rec, addrs[i].at), err);
	for (i = 0; !r && i < WR_ARRAY_SIZE(switches); i++)
		r = wr_json_decode_bool(j, "", switches[i].key, member(rec, switches[i].at), err);
	return r ? r : decode_ports(j, rec, err);
}

/* Text members but the annotations are "" when absent, so that readers need no checks. */
static void fill_texts(struct wr_endpoint_record *rec)
{
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(texts); i++) {
		char **s = member(rec, texts[i].at);

		if (!*s && s != &rec->annotations)
			*s = wr_xstrdup("");
	}
}

int wr_endpoint_record_decode(const struct wr_json *j, struct wr_endpoint_record *ret,
			      struct wr_err *err)
{
	struct wr_endpoint_record rec = { 0 };
	int r = decode_members(j, &rec, err);

	if (r < 0) {
		wr_endpoint_record_done(&rec);
		return r;
	}
	fill_texts(&rec);
	*ret = rec;
	return 0;
}
