// SPDX-License-Identifier: Apache-2.0
/* Values of configuration keys: text to field, field to text. */
#include "agent/config.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/model/paths.h"

/* Everything that one value's parser needs. */
struct setting {
	const struct wr_key *key;
	void *field;
	const char *where;
	struct wr_err *err;
};

static void *field_of(struct wr_agent_config *c, const struct wr_key *key)
{
	return (char *)c + key->offset;
}

static void clear_field(const struct wr_key *key, void *field)
{
	struct wr_strings *strings = field;
	struct wr_prefixes *prefixes = field;

	if (key->type == WR_KEY_STRING) {
		free(*(char **)field);
		*(char **)field = NULL;
	} else if (key->type == WR_KEY_STRINGS) {
		while (strings->list.n)
			free(strings->list.v[--strings->list.n]);
		wr_vec_done(&strings->list);
	} else if (key->type == WR_KEY_PREFIXES) {
		wr_vec_done(&prefixes->list);
	}
}

static int set_string(struct setting *s, const char *text)
{
	free(*(char **)s->field);
	*(char **)s->field = wr_xstrdup(text);
	return 0;
}

static int set_bool(struct setting *s, const char *text)
{
	if (!wr_streq(text, "true") && !wr_streq(text, "false"))
		return wr_err_set(s->err, -EINVAL, "%s: must be true or false, not \"%s\"",
				  s->where, text);
	*(bool *)s->field = wr_streq(text, "true");
	return 0;
}

static int parse_number(struct setting *s, const char *text, uint64_t *ret)
{
	uint64_t v;

	if (wr_parse_u64(text, UINT32_MAX, &v) || v < s->key->min || v > s->key->max)
		return wr_err_set(s->err, -EINVAL,
				  "%s: must be a number from %" PRIu64 " to %" PRIu64 ", not \"%s\"",
				  s->where, s->key->min, s->key->max, text);
	*ret = v;
	return 0;
}

static int set_uint(struct setting *s, const char *text)
{
	uint64_t v = 0;
	int r = parse_number(s, text, &v);

	if (r == 0)
		*(uint32_t *)s->field = (uint32_t)v;
	return r;
}

static int set_choice(struct setting *s, const char *text)
{
	wr_auto_strbuf all = WR_STRBUF_INIT;
	uint32_t i;

	for (i = 0; s->key->names[i]; i++) {
		if (wr_streq(text, s->key->names[i])) {
			*(uint32_t *)s->field = i;
			return 0;
		}
		wr_strbuf_addf(&all, "%s%s", i ? ", " : "", s->key->names[i]);
	}
	return wr_err_set(s->err, -EINVAL, "%s: must be one of %s, not \"%s\"", s->where, all.buf,
			  text);
}

static int parse_seconds(struct setting *s, const char *text, uint32_t *ret)
{
	uint64_t ms;

	if (wr_parse_duration_ms(text, &ms) || ms / 1000 < s->key->min || ms / 1000 > s->key->max)
		return wr_err_set(s->err, -EINVAL,
				  "%s: must be a time from %" PRIu64 "s to %" PRIu64
				  "s (\"90s\", \"5m\"), not \"%s\"",
				  s->where, s->key->min, s->key->max, text);
	*ret = (uint32_t)(ms / 1000);
	return 0;
}

static int set_seconds(struct setting *s, const char *text)
{
	return parse_seconds(s, text, s->field);
}

static int add_string(struct setting *s, const char *text)
{
	struct wr_strings *strings = s->field;

	if (!*text)
		return wr_err_set(s->err, -EINVAL, "%s: must not hold an empty name", s->where);
	wr_vec_push(&strings->list, wr_xstrdup(text));
	return 0;
}

static int add_prefix(struct setting *s, const char *text)
{
	struct wr_prefixes *prefixes = s->field;
	struct wr_prefix p;

	if (wr_prefix_parse(text, &p))
		return wr_err_set(s->err, -EINVAL,
				  "%s: must be a CIDR such as 10.0.0.0/8, not \"%s\"", s->where,
				  text);
	wr_vec_push(&prefixes->list, wr_prefix_masked(&p));
	return 0;
}

static int set_ports(struct setting *s, const char *text)
{
	struct wr_port_range *range = s->field;
	wr_autofree char *copy = wr_xstrdup(text);
	char *dash = strchr(copy, '-');
	uint64_t first, last;

	if (dash)
		*dash++ = '\0';
	if (!dash || wr_parse_u64(copy, 65535, &first) || wr_parse_u64(dash, 65535, &last) ||
	    first < s->key->min || last < first)
		return wr_err_set(s->err, -EINVAL,
				  "%s: must be first-last, from %" PRIu64 " to 65535, not \"%s\"",
				  s->where, s->key->min, text);
	*range = (struct wr_port_range){ (uint32_t)first, (uint32_t)last };
	return 0;
}

/* "127.0.0.1:9877", "[::]:9877". */
static int parse_listen(const char *text, struct wr_listen *ret)
{
	wr_autofree char *copy = wr_xstrdup(text);
	char *colon = strrchr(copy, ':'), *host = copy;
	struct wr_addr addr;
	uint64_t port;
	size_t len;

	if (!colon)
		return -EINVAL;
	*colon = '\0';
	len = strlen(host);
	if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		host++;
	} else if (strchr(host, ':')) {
		return -EINVAL;
	}
	if (wr_addr_parse(host, &addr) || wr_parse_u64(colon + 1, 65535, &port) || port == 0)
		return -EINVAL;
	*ret = (struct wr_listen){ .on = true, .addr = addr, .port = (uint16_t)port };
	return 0;
}

static int set_listen(struct setting *s, const char *text)
{
	struct wr_listen *listen = s->field;

	if (wr_streq(text, "off")) {
		*listen = (struct wr_listen){ .on = false };
		return 0;
	}
	if (parse_listen(text, listen))
		return wr_err_set(s->err, -EINVAL,
				  "%s: must be address:port, [address]:port or off, not \"%s\"",
				  s->where, text);
	return 0;
}

static int set_named(struct setting *s, const char *text)
{
	wr_autofree char *copy = wr_xstrdup(text);
	char *value = strchr(copy, '=');
	uint64_t n = 0;
	int i, r;

	if (!value)
		return wr_err_set(s->err, -EINVAL, "%s: must be name=value, not \"%s\"", s->where,
				  text);
	*value++ = '\0';
	i = s->key->lookup(copy);
	if (i < 0)
		return wr_err_set(s->err, -EINVAL, "%s: there is no \"%s\"", s->where, copy);
	if (s->key->type == WR_KEY_DURATIONS)
		return parse_seconds(s, value, (uint32_t *)s->field + i);
	r = parse_number(s, value, &n);
	if (r == 0)
		((uint32_t *)s->field)[i] = (uint32_t)n;
	return r;
}

static int (*const setters[])(struct setting *s, const char *text) = {
	[WR_KEY_STRING] = set_string,   [WR_KEY_BOOL] = set_bool,
	[WR_KEY_UINT] = set_uint,       [WR_KEY_CHOICE] = set_choice,
	[WR_KEY_SECONDS] = set_seconds, [WR_KEY_STRINGS] = add_string,
	[WR_KEY_PREFIXES] = add_prefix, [WR_KEY_PORTS] = set_ports,
	[WR_KEY_LISTEN] = set_listen,   [WR_KEY_SIZES] = set_named,
	[WR_KEY_DURATIONS] = set_named,
};

static bool is_list(enum wr_key_type type)
{
	return type == WR_KEY_STRINGS || type == WR_KEY_PREFIXES || type == WR_KEY_SIZES ||
	       type == WR_KEY_DURATIONS;
}

int wr_config_add(struct wr_agent_config *c, const struct wr_key *key, const char *text,
		  const char *where, struct wr_err *err)
{
	struct setting s = { key, field_of(c, key), where, err };

	return setters[key->type](&s, text);
}

void wr_config_clear(struct wr_agent_config *c, const struct wr_key *key)
{
	clear_field(key, field_of(c, key));
}

int wr_config_set(struct wr_agent_config *c, const struct wr_key *key, const char *text,
		  const char *where, struct wr_err *err)
{
	wr_autofree char *copy = wr_xstrdup(text);
	char *rest = copy, *item;
	int r = 0;

	if (!is_list(key->type))
		return wr_config_add(c, key, text, where, err);
	wr_config_clear(c, key);
	while (*text && r == 0 && (item = strsep(&rest, ",")))
		r = wr_config_add(c, key, item, where, err);
	return r;
}

void wr_config_init(struct wr_agent_config *c)
{
	struct wr_err err = WR_ERR_INIT;
	size_t i;

	*c = (struct wr_agent_config){ 0 };
	for (i = 0; i < wr_config_keys_n; i++)
		if (wr_config_set(c, &wr_config_keys[i], wr_config_keys[i].dflt,
				  wr_config_keys[i].name, &err))
			abort(); /* a default that its own key refuses */
}

void wr_config_done(struct wr_agent_config *c)
{
	size_t i;

	for (i = 0; i < wr_config_keys_n; i++)
		wr_config_clear(c, &wr_config_keys[i]);
}

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static int check_interfaces(const struct wr_strings *names, struct wr_err *err)
{
	size_t i;

	for (i = 0; i < names->list.n; i++)
		if (strlen(names->list.v[i]) >= IFNAMSIZ || strpbrk(names->list.v[i], "/ \t\n"))
			return wr_err_set(err, -EINVAL,
					  "uplinks: \"%s\" cannot be an interface's name",
					  names->list.v[i]);
	return 0;
}

static int check_urls(const struct wr_strings *urls, struct wr_err *err)
{
	size_t i;

	for (i = 0; i < urls->list.n; i++)
		if (!wr_has_prefix(urls->list.v[i], "https://") &&
		    !wr_has_prefix(urls->list.v[i], "http://"))
			return wr_err_set(err, -EINVAL,
					  "apiServers: must be URLs such as https://host:6443, not \"%s\"",
					  urls->list.v[i]);
	return 0;
}

static int check_names(const struct wr_agent_config *c, struct wr_err *err)
{
	struct wr_paths paths;
	int r = wr_paths_init(&paths, c->instance, err);

	r = r ? r : check_interfaces(&c->uplinks, err);
	r = r ? r : check_urls(&c->api_servers, err);
	if (r == 0 && !wr_is_cni_name(c->cni_network))
		return wr_err_set(err, -EINVAL,
				  "cniNetwork: must be letters, digits, '_', '.', '-', not \"%s\"",
				  c->cni_network);
	return r;
}

int wr_config_check(const struct wr_agent_config *c, struct wr_err *err)
{
	if (c->mtu && c->mtu < 1280)
		return wr_err_set(err, -EINVAL,
				  "mtu: must be 0 or at least 1280 (IPv6 needs that much), not %u",
				  c->mtu);
	if (c->drop_sample && !is_power_of_two(c->drop_sample))
		return wr_err_set(err, -EINVAL, "dropSample: must be 0 or a power of two, not %u",
				  c->drop_sample);
	if (!is_power_of_two(c->flow_shards))
		return wr_err_set(err, -EINVAL, "flowShards: must be a power of two, not %u",
				  c->flow_shards);
	if (c->vxlan_port == c->probe_port)
		return wr_err_set(err, -EINVAL, "probePort: must differ from vxlanPort, both are %u",
				  c->probe_port);
	return check_names(c, err);
}

int wr_config_check_source(const struct wr_agent_config *c, struct wr_err *err)
{
	bool api = *c->kubeconfig || c->api_servers.list.n;

	if (!*c->manifests && !api)
		return wr_err_set(err, -EINVAL,
				  "no source of objects: set manifests, kubeconfig or apiServers");
	if (*c->manifests && api)
		return wr_err_set(err, -EINVAL,
				  "manifests: cannot be together with kubeconfig or apiServers");
	return 0;
}
