// SPDX-License-Identifier: Apache-2.0
/* What the runtime asks for in this one attachment: addresses, MAC, port mappings, annotations, DNS. */
#include <errno.h>

#include "cni/codes.h"
#include "cni/conf.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"

#define ANNOTATIONS "io.kubernetes.cri.pod-annotations"

/* "10.1.2.3" or "10.1.2.3/24": the length does not matter to us. */
static int take_addr(struct wr_cni_wish *wish, const char *text, struct wr_err *err)
{
	struct wr_prefix prefix;
	struct wr_addr addr, *to;

	if (wr_addr_parse(text, &addr) < 0) {
		if (wr_prefix_parse(text, &prefix) < 0)
			return wr_err_set(err, -EINVAL, "\"%.64s\" is not an address", text);
		addr = prefix.addr;
	}
	to = wr_addr_is4(&addr) ? &wish->addr4 : &wish->addr6;
	if (!wr_addr_is_zero(to) && !wr_addr_eq(to, &addr))
		return wr_err_set(err, -EINVAL, "\"%.64s\" is a second address of its family", text);
	*to = addr;
	return 0;
}

static int take_addrs(struct wr_cni_wish *wish, const struct wr_json *list, struct wr_err *err)
{
	size_t i;

	for (i = 0; i < wr_json_len(list); i++) {
		const char *text = wr_json_str(wr_json_at(list, i));
		int r = take_addr(wish, text ? text : "", err);

		if (r < 0)
			return wr_err_wrap(err, r, "ips[%zu]", i);
	}
	return 0;
}

/* runtimeConfig.ips is what counts; args.cni.ips and CNI_ARGS IP= are its forerunners. */
static int decode_ips(struct wr_cni_wish *wish, const struct wr_json *rc,
		      const struct wr_cni_conf *conf, const struct wr_cni_env *env,
		      struct wr_err *err)
{
	struct wr_json *list = NULL;
	int r = wr_json_decode_array(rc, "runtimeConfig", "ips", &list, err);

	if (r == 0 && !list)
		r = wr_json_decode_array(wr_json_path(conf->json, "args.cni"), "args.cni", "ips",
					 &list, err);
	if (r < 0)
		return r;
	if (list)
		return take_addrs(wish, list, err);
	if (!env->ip)
		return 0;
	r = take_addr(wish, env->ip, err);
	return r < 0 ? wr_err_wrap(err, r, "CNI_ARGS IP") : 0;
}

static int decode_mac(struct wr_cni_wish *wish, const struct wr_json *rc,
		      const struct wr_cni_env *env, struct wr_err *err)
{
	static const uint8_t zero[6];
	const char *text = NULL;
	uint8_t mac[6];
	int r = wr_json_decode_str(rc, "runtimeConfig", "mac", &text, err);

	if (r < 0)
		return r;
	if (!text || !*text)
		text = env->mac;
	if (!text)
		return 0;
	if (wr_mac_parse(text, mac) < 0 || (mac[0] & 1) || memcmp(mac, zero, 6) == 0)
		return wr_err_set(err, -EINVAL,
				  "runtimeConfig.mac: \"%.64s\" is not the MAC address of one interface",
				  text);
	memcpy(wish->mac, mac, sizeof(mac));
	return 0;
}

/* Some runtimes write the members with a capital first letter, which programs in Go do not tell apart. */
static const char *spelled(const struct wr_json *j, const char *key, char *capital, size_t size)
{
	if (wr_json_has(j, key))
		return key;
	snprintf(capital, size, "%c%s", key[0] - 'a' + 'A', key + 1);
	return capital;
}

static int decode_port_number(const struct wr_json *j, const char *where, const char *key,
			      uint16_t *ret, struct wr_err *err)
{
	int64_t number = 0;
	char capital[16];
	int r = wr_json_decode_int(j, where, spelled(j, key, capital, sizeof(capital)), 0, 65535,
				   &number, err);

	*ret = (uint16_t)number;
	return r;
}

static int decode_port_str(const struct wr_json *j, const char *where, const char *key,
			   const char **ret, struct wr_err *err)
{
	char capital[16];

	return wr_json_decode_str(j, where, spelled(j, key, capital, sizeof(capital)), ret, err);
}

static int decode_port(const struct wr_json *j, const char *where, struct wr_port_mapping *ret,
		       struct wr_err *err)
{
	struct wr_port_mapping port = { .proto = IPPROTO_TCP };
	const char *proto = NULL, *ip = NULL;
	int r;

	if (wr_json_type(j) != WR_JSON_OBJECT)
		return wr_err_set(err, -EINVAL, "%s: not an object", where);
	r = decode_port_number(j, where, "hostPort", &port.host_port, err);
	if (r == 0)
		r = decode_port_number(j, where, "containerPort", &port.container_port, err);
	if (r == 0)
		r = decode_port_str(j, where, "protocol", &proto, err);
	if (r == 0)
		r = decode_port_str(j, where, "hostIP", &ip, err);
	if (r < 0)
		return r;
	if (port.host_port && !port.container_port)
		return wr_err_set(err, -EINVAL, "%s.containerPort: is missing", where);
	if (proto && *proto && wr_proto_parse(proto, &port.proto) < 0)
		return wr_err_set(err, -EINVAL, "%s.protocol: \"%.32s\" is not tcp, udp or sctp",
				  where, proto);
	if (ip && *ip && wr_addr_parse(ip, &port.host_ip) < 0)
		return wr_err_set(err, -EINVAL, "%s.hostIP: \"%.64s\" is not an address", where, ip);
	*ret = port;
	return 0;
}

/* A mapping without a host port maps nothing: runtimes send the pod's other ports that way. */
static int decode_ports(struct wr_cni_wish *wish, const struct wr_json *rc, struct wr_err *err)
{
	struct wr_port_mapping port = { 0 };
	struct wr_json *list = NULL;
	size_t i;
	int r = wr_json_decode_array(rc, "runtimeConfig", "portMappings", &list, err);

	for (i = 0; r == 0 && i < wr_json_len(list); i++) {
		char where[64];

		snprintf(where, sizeof(where), "runtimeConfig.portMappings[%zu]", i);
		r = decode_port(wr_json_at(list, i), where, &port, err);
		if (r == 0 && port.host_port)
			wr_vec_push(&wish->ports, port);
	}
	return r;
}

static int decode_annotations(struct wr_cni_wish *wish, const struct wr_json *rc, struct wr_err *err)
{
	wr_auto_strbuf text = WR_STRBUF_INIT;
	struct wr_json *map = NULL;
	int r = wr_json_decode_object(rc, "runtimeConfig", ANNOTATIONS, &map, err);

	if (r < 0 || !map)
		return r;
	wr_json_format(map, false, &text);
	wish->annotations = wr_strbuf_take(&text, NULL);
	return 0;
}

static int take_names(struct wr_json *dns, const char *to, struct wr_json *list, const char *key,
		      struct wr_err *err)
{
	size_t i;

	for (i = 0; i < wr_json_len(list); i++)
		if (!wr_json_str(wr_json_at(list, i)))
			return wr_err_set(err, -EINVAL,
					  "runtimeConfig.dns.%s[%zu]: must be a string", key, i);
	if (list)
		wr_json_add(dns, to, wr_json_ref(list));
	return 0;
}

/* We set up no resolver: it goes into the result, whose reader does. */
static int decode_dns(struct wr_cni_wish *wish, const struct wr_json *rc, struct wr_err *err)
{
	static const char *const names[][2] = { { "servers", "nameservers" },
						{ "searches", "search" },
						{ "options", "options" } };
	struct wr_json *asked = NULL, *list;
	size_t i;
	int r = wr_json_decode_object(rc, "runtimeConfig", "dns", &asked, err);

	if (r < 0 || !asked)
		return r;
	wish->dns = wr_json_new_object();
	for (i = 0; i < WR_ARRAY_SIZE(names) && r == 0; i++) {
		list = NULL;
		r = wr_json_decode_array(asked, "runtimeConfig.dns", names[i][0], &list, err);
		if (r == 0)
			r = take_names(wish->dns, names[i][1], list, names[i][0], err);
	}
	return r;
}

/* A limit or a range that is asked for and ignored is worse than a pod that does not start. */
static int refuse_unsupported(const struct wr_json *rc, struct wr_err *err)
{
	static const char *const keys[] = { "bandwidth", "ipRanges" };
	wr_auto_strbuf text = WR_STRBUF_INIT;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(keys); i++) {
		const struct wr_json *value = wr_json_get(rc, keys[i]);

		if (!wr_json_len(value))
			continue;
		wr_json_format(value, false, &text);
		return wr_err_set_cni(err, WR_CNI_UNSUPPORTED, -ENOTSUP,
				      "runtimeConfig.%s: not supported: %.200s", keys[i], text.buf);
	}
	return 0;
}

int wr_cni_wish_parse(const struct wr_cni_conf *conf, const struct wr_cni_env *env,
		      struct wr_cni_wish *ret, struct wr_err *err)
{
	struct wr_cni_wish wish = { 0 };
	struct wr_json *rc = NULL;
	int r;

	r = wr_json_decode_object(conf->json, "", "runtimeConfig", &rc, err);
	if (r == 0)
		r = refuse_unsupported(rc, err);
	if (r == 0)
		r = decode_ips(&wish, rc, conf, env, err);
	if (r == 0)
		r = decode_mac(&wish, rc, env, err);
	if (r == 0)
		r = decode_ports(&wish, rc, err);
	if (r == 0)
		r = decode_annotations(&wish, rc, err);
	if (r == 0)
		r = decode_dns(&wish, rc, err);
	if (r < 0) {
		wr_cni_wish_done(&wish);
		if (err && !err->cni)
			err->cni = WR_CNI_CONFIG;
		return r;
	}
	*ret = wish;
	return 0;
}

void wr_cni_wish_done(struct wr_cni_wish *wish)
{
	wr_vec_done(&wish->ports);
	free(wish->annotations);
	wr_json_free(wish->dns);
	*wish = (struct wr_cni_wish){ 0 };
}
