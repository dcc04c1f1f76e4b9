// SPDX-License-Identifier: Apache-2.0
/* Makes results, and puts them into the form of the version that was asked for. */
#include "cni/result.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/podnet/podnet.h"

/* Members that came with 1.1.0. */
static const char *const new_in_interfaces[] = { "mtu", "socketPath", "pciID" };
static const char *const gone_from_ips[] = { "version" }; /* since 1.0.0 */
static const char *const new_in_routes[] = { "mtu", "advmss", "priority", "table", "scope" };

static bool is_in(const char *key, const char *const *keys, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (wr_streq(key, keys[i]))
			return true;
	return false;
}

/* Copies are of one level: what is in them is shared. NULL stays NULL. */
static struct wr_json *copy_without(const struct wr_json *obj, const char *const *keys, size_t n)
{
	struct wr_json *out = wr_json_new_object();
	struct wr_json_iter it = { 0 };

	while (wr_json_next(obj, &it))
		if (!is_in(it.key, keys, n))
			wr_json_add(out, it.key, wr_json_ref(it.value));
	return out;
}

static struct wr_json *list_without(const struct wr_json *list, const char *const *keys, size_t n)
{
	struct wr_json *out;
	size_t i;

	if (!list)
		return NULL;
	out = wr_json_new_array();
	for (i = 0; i < wr_json_len(list); i++)
		wr_json_push(out, copy_without(wr_json_at(list, i), keys, n));
	return out;
}

static const char *family_of(const char *cidr)
{
	return strchr(cidr, ':') ? "6" : "4";
}

static struct wr_json *ips_with_version(const struct wr_json *ips)
{
	struct wr_json *out;
	size_t i;

	if (!ips)
		return NULL;
	out = wr_json_new_array();
	for (i = 0; i < wr_json_len(ips); i++) {
		struct wr_json *ip = copy_without(wr_json_at(ips, i), NULL, 0);

		wr_json_add_str(ip, "version", family_of(wr_json_get_str(ip, "address")));
		wr_json_push(out, ip);
	}
	return out;
}

static const struct wr_json *first_of_family(const struct wr_json *ips, const char *family)
{
	size_t i;

	for (i = 0; i < wr_json_len(ips); i++)
		if (wr_streq(family_of(wr_json_get_str(wr_json_at(ips, i), "address")), family))
			return wr_json_at(ips, i);
	return NULL;
}

/* 0.1.0 and 0.2.0: one address of each family, with its routes. */
static void add_legacy_ip(struct wr_json *out, const char *key, const struct wr_json *result,
			  const char *family)
{
	const struct wr_json *ip = first_of_family(wr_json_get(result, "ips"), family);
	const struct wr_json *all = wr_json_get(result, "routes");
	struct wr_json *obj, *routes = wr_json_new_array();
	size_t i;

	if (!ip) {
		wr_json_free(routes);
		return;
	}
	obj = wr_json_new_object();
	wr_json_add_str(obj, "ip", wr_json_get_str(ip, "address"));
	if (wr_json_get_str(ip, "gateway"))
		wr_json_add_str(obj, "gateway", wr_json_get_str(ip, "gateway"));
	for (i = 0; i < wr_json_len(all); i++)
		if (wr_streq(family_of(wr_json_get_str(wr_json_at(all, i), "dst")), family))
			wr_json_push(routes, copy_without(wr_json_at(all, i), new_in_routes,
							  WR_ARRAY_SIZE(new_in_routes)));
	wr_json_add(obj, "routes", routes);
	wr_json_add(out, key, obj);
}

static void add_list(struct wr_json *out, const char *key, struct wr_json *list)
{
	if (list)
		wr_json_add(out, key, list);
}

/* A list that is not there stays so: whoever made the result had nothing to say. */
static void add_lists(struct wr_json *out, const struct wr_json *result, enum wr_cni_spec spec)
{
	const struct wr_json *ips = wr_json_get(result, "ips");
	const bool all = spec >= WR_CNI_1_1_0;

	add_list(out, "interfaces",
		 list_without(wr_json_get(result, "interfaces"), new_in_interfaces,
			      all ? 0 : WR_ARRAY_SIZE(new_in_interfaces)));
	add_list(out, "ips",
		 spec < WR_CNI_1_0_0 ?
			 ips_with_version(ips) :
			 list_without(ips, gone_from_ips, WR_ARRAY_SIZE(gone_from_ips)));
	add_list(out, "routes",
		 list_without(wr_json_get(result, "routes"), new_in_routes,
			      all ? 0 : WR_ARRAY_SIZE(new_in_routes)));
}

struct wr_json *wr_cni_result_encode(const struct wr_json *result, enum wr_cni_spec spec)
{
	static const char *const handled[] = { "cniVersion", "interfaces", "ips", "routes", "dns" };
	struct wr_json *out = wr_json_new_object(), *dns = wr_json_get(result, "dns");
	struct wr_json_iter it = { 0 };

	wr_json_add_str(out, "cniVersion", wr_cni_spec_format(spec));
	if (spec < WR_CNI_0_3_0) {
		add_legacy_ip(out, "ip4", result, "4");
		add_legacy_ip(out, "ip6", result, "6");
	} else {
		add_lists(out, result, spec);
	}
	wr_json_add(out, "dns", dns ? wr_json_ref(dns) : wr_json_new_object());
	while (wr_json_next(result, &it))
		if (!is_in(it.key, handled, WR_ARRAY_SIZE(handled)))
			wr_json_add(out, it.key, wr_json_ref(it.value));
	return out;
}

static struct wr_json *interface_new(const char *name, const uint8_t mac[6], uint32_t mtu,
				     const char *sandbox)
{
	struct wr_json *out = wr_json_new_object();
	char text[WR_MAC_STRLEN];

	wr_json_add_str(out, "name", name);
	wr_json_add_str(out, "mac", wr_mac_format(mac, text));
	if (mtu)
		wr_json_add_int(out, "mtu", mtu);
	if (sandbox)
		wr_json_add_str(out, "sandbox", sandbox);
	return out;
}

/* The address is alone on its link: everything else is behind the gateway. */
static void add_family(struct wr_json *ips, struct wr_json *routes, const struct wr_addr *addr,
		       const struct wr_addr *gateway)
{
	const struct wr_prefix prefix = wr_prefix_of(addr);
	struct wr_json *ip, *route;
	char text[WR_PREFIX_STRLEN], gw[WR_ADDR_STRLEN];

	if (wr_addr_is_zero(addr))
		return;
	wr_addr_format(gateway, gw);
	ip = wr_json_new_object();
	wr_json_add_str(ip, "address", wr_prefix_format(&prefix, text));
	wr_json_add_str(ip, "gateway", gw);
	wr_json_add_int(ip, "interface", 1);
	wr_json_push(ips, ip);
	route = wr_json_new_object();
	wr_json_add_str(route, "dst", wr_addr_is4(addr) ? "0.0.0.0/0" : "::/0");
	wr_json_add_str(route, "gw", gw);
	wr_json_push(routes, route);
}

struct wr_json *wr_cni_result_new(const struct wr_cni_made *made)
{
	const struct wr_endpoint_record *rec = made->record;
	struct wr_json *out = wr_json_new_object(), *interfaces = wr_json_new_array();
	struct wr_json *ips = wr_json_new_array(), *routes = wr_json_new_array();

	wr_json_push(interfaces, interface_new(rec->host_ifname, rec->host_mac, rec->mtu, NULL));
	wr_json_push(interfaces, interface_new(rec->id.ifname, rec->mac, rec->mtu, rec->netns));
	add_family(ips, routes, &rec->addr4, &made->gateway4);
	add_family(ips, routes, &rec->addr6, &made->gateway6);
	wr_json_add(out, "interfaces", interfaces);
	wr_json_add(out, "ips", ips);
	wr_json_add(out, "routes", routes);
	if (made->dns)
		wr_json_add(out, "dns", copy_without(made->dns, NULL, 0));
	return out;
}
