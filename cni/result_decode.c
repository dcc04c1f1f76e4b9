// SPDX-License-Identifier: Apache-2.0
/* Reads results: those of an earlier ADD, of another main plugin, of an IPAM plugin. */
#include <errno.h>

#include "cni/codes.h"
#include "cni/result.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

/* A list of objects that each have this string. */
static int decode_items(const struct wr_json *obj, const char *where, const char *key,
			const char *required, struct wr_json **ret, struct wr_err *err)
{
	struct wr_json *list = NULL;
	size_t i;
	int r = wr_json_decode_array(obj, where, key, &list, err);

	if (r < 0)
		return r;
	for (i = 0; i < wr_json_len(list); i++)
		if (!wr_json_get_str(wr_json_at(list, i), required))
			return wr_err_set(err, -EINVAL, "%s%s%s[%zu].%s: must be a string", where,
					  *where ? "." : "", key, i, required);
	*ret = list;
	return 0;
}

/* 0.1.0 and 0.2.0. */
static int take_legacy_ip(struct wr_json *out, const struct wr_json *old, const char *key,
			  struct wr_err *err)
{
	struct wr_json *obj = wr_json_get(old, key), *ip, *routes = NULL;
	size_t i;
	int r;

	if (!obj)
		return 0;
	if (!wr_json_get_str(obj, "ip"))
		return wr_err_set(err, -EINVAL, "%s.ip: must be a string", key);
	r = decode_items(obj, key, "routes", "dst", &routes, err);
	if (r < 0)
		return r;
	ip = wr_json_new_object();
	wr_json_add_str(ip, "address", wr_json_get_str(obj, "ip"));
	if (wr_json_get_str(obj, "gateway"))
		wr_json_add_str(ip, "gateway", wr_json_get_str(obj, "gateway"));
	wr_json_push(wr_json_get(out, "ips"), ip);
	for (i = 0; i < wr_json_len(routes); i++)
		wr_json_push(wr_json_get(out, "routes"), wr_json_ref(wr_json_at(routes, i)));
	return 0;
}

static int decode_legacy(const struct wr_json *old, struct wr_json *out, struct wr_err *err)
{
	int r;

	wr_json_add(out, "ips", wr_json_new_array());
	wr_json_add(out, "routes", wr_json_new_array());
	r = take_legacy_ip(out, old, "ip4", err);
	return r < 0 ? r : take_legacy_ip(out, old, "ip6", err);
}

static int take_list(struct wr_json *out, const struct wr_json *old, const char *key,
		     const char *required, struct wr_err *err)
{
	struct wr_json *list = NULL;
	int r = decode_items(old, "", key, required, &list, err);

	if (r == 0 && list)
		wr_json_add(out, key, wr_json_ref(list));
	return r;
}

static int decode_lists(const struct wr_json *old, struct wr_json *out, struct wr_err *err)
{
	int r = take_list(out, old, "interfaces", "name", err);

	if (r == 0)
		r = take_list(out, old, "ips", "address", err);
	if (r == 0)
		r = take_list(out, old, "routes", "dst", err);
	return r;
}

static void pass_through(const struct wr_json *old, struct wr_json *out)
{
	struct wr_json_iter it = { 0 };

	while (wr_json_next(old, &it))
		if (!wr_json_get(out, it.key) && !wr_streq(it.key, "cniVersion") &&
		    !wr_streq(it.key, "ip4") && !wr_streq(it.key, "ip6"))
			wr_json_add(out, it.key, wr_json_ref(it.value));
}

int wr_cni_result_decode(const struct wr_json *old, struct wr_json **ret, struct wr_err *err)
{
	const bool legacy = wr_json_get(old, "ip4") || wr_json_get(old, "ip6");
	struct wr_json *dns = NULL;
	wr_auto_json *out = wr_json_new_object();
	int r;

	r = legacy ? decode_legacy(old, out, err) : decode_lists(old, out, err);
	if (r == 0)
		r = wr_json_decode_object(old, "", "dns", &dns, err);
	if (r < 0) {
		if (err && !err->cni)
			err->cni = WR_CNI_CONFIG;
		return r;
	}
	pass_through(old, out);
	*ret = wr_take_ptr(out);
	return 0;
}

/* -1: there is no such interface in the list. */
static int find_index(const struct wr_json *result, const char *ifname, const char *netns)
{
	const struct wr_json *list = wr_json_get(result, "interfaces");
	size_t i;

	for (i = 0; i < wr_json_len(list); i++) {
		const struct wr_json *j = wr_json_at(list, i);

		if (wr_streq(wr_json_get_str(j, "name"), ifname) &&
		    wr_streq(wr_json_get_str(j, "sandbox"), netns))
			return (int)i;
	}
	return -1;
}

static int take_addr(struct wr_cni_iface *iface, const char *text, struct wr_err *err)
{
	struct wr_prefix prefix;
	struct wr_addr *to;

	if (wr_prefix_parse(text, &prefix) < 0)
		return wr_err_set_cni(err, WR_CNI_CONFIG, -EINVAL,
				      "\"%.64s\" is not an address with its length", text);
	to = wr_addr_is4(&prefix.addr) ? &iface->addr4 : &iface->addr6;
	if (!wr_addr_is_zero(to))
		return wr_err_set_cni(err, WR_CNI_CONFIG, -ENOTSUP,
				      "\"%.64s\" is a second address of its family: an interface has one of each",
				      text);
	*to = prefix.addr;
	return 0;
}

int wr_cni_result_find(const struct wr_json *result, const char *ifname, const char *netns,
		       struct wr_cni_iface *ret, struct wr_err *err)
{
	const int index = find_index(result, ifname, netns);
	const struct wr_json *ips = wr_json_get(result, "ips");
	struct wr_cni_iface iface = { .found = index >= 0 };
	const char *mac;
	size_t i;

	if (index >= 0) {
		mac = wr_json_get_str(wr_json_at(wr_json_get(result, "interfaces"), (size_t)index),
				      "mac");
		if (mac && *mac && wr_mac_parse(mac, iface.mac) < 0)
			return wr_err_set_cni(err, WR_CNI_CONFIG, -EINVAL,
					      "interfaces[%d].mac: \"%.32s\" is not a MAC address",
					      index, mac);
	}
	for (i = 0; i < wr_json_len(ips); i++) {
		const struct wr_json *ip = wr_json_at(ips, i);
		int r;

		/* An address without an index belongs to the interface at hand. */
		if (index >= 0 && wr_json_get_int(ip, "interface", index) != index)
			continue;
		r = take_addr(&iface, wr_json_get_str(ip, "address"), err);
		if (r < 0)
			return wr_err_wrap(err, r, "ips[%zu].address", i);
	}
	*ret = iface;
	return 0;
}
