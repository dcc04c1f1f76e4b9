// SPDX-License-Identifier: Apache-2.0
/* Reads the CNI_ variables and says all that is wrong with them at once. */
#include <ctype.h>
#include <errno.h>
#include <net/if.h>

#include "cni/codes.h"
#include "cni/env.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strbuf.h"

#define NAME_MAX_LEN 255

static const char *get(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

bool wr_cni_is_ifname(const char *s)
{
	const char *p;

	if (!*s || strlen(s) >= IFNAMSIZ || wr_streq(s, ".") || wr_streq(s, ".."))
		return false;
	for (p = s; *p; p++)
		if (*p == '/' || *p == ':' || isspace((unsigned char)*p))
			return false;
	return true;
}

static bool is_container(const char *s)
{
	return wr_is_cni_name(s) && strlen(s) <= NAME_MAX_LEN;
}

static void complain(struct wr_strbuf *bad, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void complain(struct wr_strbuf *bad, const char *fmt, ...)
{
	va_list ap;

	if (bad->len)
		wr_strbuf_addstr(bad, "; ");
	va_start(ap, fmt);
	wr_strbuf_vaddf(bad, fmt, ap);
	va_end(ap);
}

static void check_names(unsigned int needs, const struct wr_cni_env *env, struct wr_strbuf *bad)
{
	if (!env->container && (needs & WR_CNI_NEED_CONTAINER))
		complain(bad, "CNI_CONTAINERID is missing");
	else if (env->container && !is_container(env->container))
		complain(bad,
			 "CNI_CONTAINERID \"%.64s\" is not a letter or digit followed by at most %d of A-Z a-z 0-9 _ . -",
			 env->container, NAME_MAX_LEN - 1);
	if (!env->ifname && (needs & WR_CNI_NEED_IFNAME))
		complain(bad, "CNI_IFNAME is missing");
	else if (env->ifname && !wr_cni_is_ifname(env->ifname))
		complain(bad,
			 "CNI_IFNAME \"%.64s\" is not 1 to 15 bytes without '/', ':' and white space, nor \".\" or \"..\"",
			 env->ifname);
}

static void check_paths(unsigned int needs, const struct wr_cni_env *env, struct wr_strbuf *bad)
{
	if (!env->netns && (needs & WR_CNI_NEED_NETNS))
		complain(bad, "CNI_NETNS is missing");
	if (!env->path && (needs & WR_CNI_NEED_PATH))
		complain(bad, "CNI_PATH is missing");
}

/* One "KEY=VALUE" of CNI_ARGS, cut up in place; false: a key that nobody knows. */
static bool take_arg(struct wr_cni_env *env, char *arg, bool *ignore_unknown)
{
	char *value = strchr(arg, '=');
	const char **to = NULL;

	if (!value)
		return false;
	*value++ = '\0';
	if (wr_streq(arg, "IgnoreUnknown")) {
		*ignore_unknown = wr_streq(value, "1") || strcasecmp(value, "true") == 0;
		return true;
	}
	if (wr_streq(arg, "K8S_POD_NAMESPACE"))
		to = &env->pod_namespace;
	else if (wr_streq(arg, "K8S_POD_NAME"))
		to = &env->pod_name;
	else if (wr_streq(arg, "K8S_POD_UID"))
		to = &env->pod_uid;
	else if (wr_streq(arg, "IP"))
		to = &env->ip;
	else if (wr_streq(arg, "MAC"))
		to = &env->mac;
	if (to)
		*to = value;
	return to || wr_streq(arg, "K8S_POD_INFRA_CONTAINER_ID");
}

/* IgnoreUnknown may come last, so the verdict waits for the end. */
static void read_args(unsigned int needs, struct wr_cni_env *env, const char *text,
		      struct wr_strbuf *bad)
{
	wr_auto_strbuf unknown = WR_STRBUF_INIT;
	bool ignore_unknown = false;
	char *rest, *arg;

	rest = env->args = wr_xstrdup(text);
	while ((arg = strsep(&rest, ";")))
		if (*arg && !take_arg(env, arg, &ignore_unknown))
			wr_strbuf_addf(&unknown, "%s\"%.64s\"", unknown.len ? ", " : "", arg);
	if (unknown.len && !ignore_unknown && (needs & WR_CNI_NEED_ARGS))
		complain(bad, "CNI_ARGS has unknown %.128s, and IgnoreUnknown is not set",
			 unknown.buf);
	if (env->ip && !*env->ip)
		env->ip = NULL;
	if (env->mac && !*env->mac)
		env->mac = NULL;
}

int wr_cni_env_read(unsigned int needs, struct wr_cni_env *ret, struct wr_err *err)
{
	struct wr_cni_env env = {
		.container = get("CNI_CONTAINERID"),
		.ifname = get("CNI_IFNAME"),
		.netns = get("CNI_NETNS"),
		.path = get("CNI_PATH"),
		.pod_namespace = "",
		.pod_name = "",
		.pod_uid = "",
	};
	wr_auto_strbuf bad = WR_STRBUF_INIT;
	const char *args = get("CNI_ARGS");

	check_names(needs, &env, &bad);
	check_paths(needs, &env, &bad);
	if (args)
		read_args(needs, &env, args, &bad);
	if (bad.len) {
		wr_cni_env_done(&env);
		return wr_err_set_cni(err, WR_CNI_ENVIRONMENT, -EINVAL, "%s", bad.buf);
	}
	*ret = env;
	return 0;
}

void wr_cni_env_done(struct wr_cni_env *env)
{
	free(env->args);
	env->args = NULL;
}
