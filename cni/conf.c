// SPDX-License-Identifier: Apache-2.0
/* Decodes the network configuration. */
#include <errno.h>

#include "cni/codes.h"
#include "cni/conf.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

#define OWN_IPAM "weir"

/* An absent or null version is the empty one, which means 0.1.0. */
static int decode_version(struct wr_cni_conf *conf, struct wr_err *err)
{
	const char *text = "";
	int r = wr_json_decode_str(conf->json, "", "cniVersion", &text, err);

	return r < 0 ? r : wr_cni_spec_parse(text, &conf->spec, err);
}

static int decode_name(struct wr_cni_conf *conf, struct wr_err *err)
{
	int r = wr_json_decode_str(conf->json, "", "name", &conf->name, err);

	if (r < 0)
		return r;
	if (!conf->name || !*conf->name)
		return wr_err_set(err, -EINVAL, "name: is missing");
	if (!wr_is_cni_name(conf->name) || strlen(conf->name) > 255)
		return wr_err_set(err, -EINVAL,
				  "name: \"%.64s\" is not a letter or digit followed by at most 254 of A-Z a-z 0-9 _ . -",
				  conf->name);
	return 0;
}

static int decode_ipam(struct wr_cni_conf *conf, struct wr_err *err)
{
	struct wr_json *ipam = NULL;
	const char *type = NULL;
	int r = wr_json_decode_object(conf->json, "", "ipam", &ipam, err);

	if (r == 0)
		r = wr_json_decode_str(ipam, "ipam", "type", &type, err);
	if (r < 0)
		return r;
	if (!type || !*type || wr_streq(type, OWN_IPAM))
		return 0;
	if (strchr(type, '/') || *type == '.')
		return wr_err_set(err, -EINVAL,
				  "ipam.type: \"%.64s\" is not the name of a program in CNI_PATH",
				  type);
	conf->ipam = type;
	return 0;
}

static bool has_member(const struct wr_json *obj, const char *key)
{
	struct wr_json_iter it = { 0 };

	while (wr_json_next(obj, &it))
		if (wr_streq(it.key, key))
			return true;
	return false;
}

/* libcni sends the list under two names: the second is what was agreed on before 1.1.0 was final. */
static int decode_valid(struct wr_cni_conf *conf, struct wr_err *err)
{
	static const char *const keys[] = { "cni.dev/valid-attachments", "cni.dev/attachments" };
	size_t i;
	int r = 0;

	for (i = 0; i < WR_ARRAY_SIZE(keys) && r == 0 && !conf->valid; i++) {
		conf->has_valid |= has_member(conf->json, keys[i]);
		r = wr_json_decode_array(conf->json, "", keys[i], &conf->valid, err);
	}
	return r;
}

static int decode(struct wr_cni_conf *conf, struct wr_err *err)
{
	struct wr_json *j = conf->json;
	int r;

	r = decode_version(conf, err);
	if (r == 0)
		r = decode_name(conf, err);
	if (r == 0)
		r = decode_ipam(conf, err);
	if (r == 0)
		r = decode_valid(conf, err);
	if (r == 0)
		r = wr_json_decode_str(j, "", "instance", &conf->instance, err);
	if (r == 0)
		r = wr_json_decode_object(j, "", "dns", &conf->dns, err);
	if (r == 0)
		r = wr_json_decode_object(j, "", "prevResult", &conf->prev, err);
	return r;
}

int wr_cni_conf_parse(const char *text, size_t len, struct wr_cni_conf *ret, struct wr_err *err)
{
	struct wr_cni_conf conf = { 0 };
	int r;

	r = wr_json_parse(text, len, &conf.json, err);
	if (r == 0 && wr_json_type(conf.json) != WR_JSON_OBJECT)
		r = wr_err_set(err, -EINVAL, "not a JSON object");
	if (r < 0) {
		wr_cni_conf_done(&conf);
		wr_err_wrap(err, r, "network configuration on standard input");
		err->cni = WR_CNI_DECODE;
		return r;
	}
	r = decode(&conf, err);
	if (r < 0) {
		wr_cni_conf_done(&conf);
		wr_err_wrap(err, r, "network configuration");
		if (!err->cni)
			err->cni = WR_CNI_CONFIG;
		return r;
	}
	*ret = conf;
	return 0;
}

void wr_cni_conf_done(struct wr_cni_conf *conf)
{
	wr_json_free(conf->json);
	*conf = (struct wr_cni_conf){ 0 };
}
