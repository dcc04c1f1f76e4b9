/* SPDX-License-Identifier: Apache-2.0 */
/* Where the API servers are and who we are to them. */
#include "agent/k8s/access.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/json/json.h"
#include "lib/yaml/yaml.h"

#define FILE_MAX (1u << 20)

void wr_k8s_access_done(struct wr_k8s_access *a)
{
	for (size_t i = 0; i < a->servers.n; i++)
		free(a->servers.v[i]);
	wr_vec_done(&a->servers);
	free(a->ca);
	free(a->cert);
	free(a->key);
	free(a->token);
	free(a->token_file);
	*a = (struct wr_k8s_access){ 0 };
}

void wr_k8s_access_add_server(struct wr_k8s_access *a, const char *server)
{
	size_t len = strlen(server);

	while (len && server[len - 1] == '/')
		len--;
	for (size_t i = 0; i < a->servers.n; i++)
		if (strlen(a->servers.v[i]) == len && strncmp(a->servers.v[i], server, len) == 0)
			return;
	wr_vec_push(&a->servers, wr_xstrndup(server, len));
}

/* Base64 as in kubeconfig files: may be folded over lines. */
static int decode_base64(const char *text, char **ret)
{
	size_t len = strlen(text), n = 0, padding = 0;
	wr_autofree char *packed = wr_xmalloc(len + 1);
	wr_autofree char *out = wr_xmalloc(len / 4 * 3 + 4);
	int size;

	for (const char *c = text; *c; c++)
		if (!strchr(" \t\r\n", *c))
			packed[n++] = *c;
	while (n > padding && packed[n - 1 - padding] == '=')
		padding++;
	size = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)packed, (int)n);
	if (size < 0 || padding > 2)
		return -EINVAL;
	out[size - (int)padding] = '\0';
	*ret = wr_take_ptr(out);
	return 0;
}

static int read_text(const char *path, char **ret, struct wr_err *err)
{
	int r = wr_read_file(path, FILE_MAX, ret, NULL);

	return r ? wr_err_sys(err, r, "%s", path) : 0;
}

/* A file that a kubeconfig names: relative to the kubeconfig itself. */
static char *beside(const char *kubeconfig, const char *path)
{
	const char *slash = strrchr(kubeconfig, '/');

	if (path[0] == '/' || !slash)
		return wr_xstrdup(path);
	return wr_xasprintf("%.*s/%s", (int)(slash - kubeconfig), kubeconfig, path);
}

/* <name>-data holds base64, <name> a path; neither leaves *ret alone. */
static int read_pem(const struct wr_json *j, const char *kubeconfig, const char *name, char **ret,
		    struct wr_err *err)
{
	wr_autofree char *data_key = wr_xasprintf("%s-data", name);
	wr_autofree char *path = NULL;
	const char *data = NULL, *file = NULL;
	int r = wr_json_decode_str(j, kubeconfig, data_key, &data, err);

	if (!r)
		r = wr_json_decode_str(j, kubeconfig, name, &file, err);
	if (r)
		return r;
	if (data && decode_base64(data, ret))
		return wr_err_set(err, -EINVAL, "%s: line %d: %s: not base64", kubeconfig,
				  wr_json_line(wr_json_get(j, data_key)), data_key);
	if (data || !file)
		return 0;
	path = beside(kubeconfig, file);
	return read_text(path, ret, err);
}

/* The "name: NAME, <what>: {...}" element of a kubeconfig's list. */
static const struct wr_json *named(const struct wr_json *doc, const char *list, const char *what,
				   const char *name)
{
	const struct wr_json *items = wr_json_get(doc, list);

	for (size_t i = 0; name && i < wr_json_len(items); i++) {
		const struct wr_json *item = wr_json_at(items, i);

		if (wr_streq(wr_json_get_str(item, "name"), name))
			return wr_json_get(item, what);
	}
	return NULL;
}

static int read_cluster(const struct wr_json *cluster, const char *path, struct wr_k8s_access *a,
			struct wr_err *err)
{
	const char *server = wr_json_get_str(cluster, "server");

	if (!server)
		return wr_err_set(err, -EINVAL, "%s: the current context's cluster has no server",
				  path);
	wr_k8s_access_add_server(a, server);
	a->insecure = wr_json_get_bool(cluster, "insecure-skip-tls-verify", false);
	return read_pem(cluster, path, "certificate-authority", &a->ca, err);
}

static int read_user(const struct wr_json *user, const char *path, struct wr_k8s_access *a,
		     struct wr_err *err)
{
	const char *token = wr_json_get_str(user, "token"),
		   *file = wr_json_get_str(user, "tokenFile");
	int r;

	if (wr_json_get(user, "exec") || wr_json_get(user, "auth-provider"))
		return wr_err_set(err, -EINVAL,
				  "%s: users that run a program or an auth-provider are not supported: give a token or a certificate",
				  path);
	if (token)
		a->token = wr_xstrdup(token);
	else if (file)
		a->token_file = beside(path, file);
	r = read_pem(user, path, "client-certificate", &a->cert, err);
	return r ? r : read_pem(user, path, "client-key", &a->key, err);
}

static int read_context(const struct wr_json *doc, const char *path, struct wr_k8s_access *a,
			struct wr_err *err)
{
	const char *current = wr_json_get_str(doc, "current-context");
	const struct wr_json *context = named(doc, "contexts", "context", current), *cluster;
	int r;

	if (!context)
		return wr_err_set(err, -EINVAL, "%s: current-context names no context of the file",
				  path);
	cluster = named(doc, "clusters", "cluster", wr_json_get_str(context, "cluster"));
	if (!cluster)
		return wr_err_set(err, -EINVAL, "%s: context %s names no cluster of the file", path,
				  current);
	r = read_cluster(cluster, path, a, err);
	return r ? r :
		   read_user(named(doc, "users", "user", wr_json_get_str(context, "user")), path, a,
			     err);
}

int wr_k8s_access_kubeconfig(const char *path, struct wr_k8s_access *ret, struct wr_err *err)
{
	struct wr_k8s_access a = { 0 };
	struct wr_yaml_docs docs = { 0 };
	wr_autofree char *text = NULL;
	size_t len;
	int r = wr_read_file(path, FILE_MAX, &text, &len);

	if (r)
		return wr_err_sys(err, r, "%s", path);
	r = wr_yaml_parse(text, len, &docs, err);
	if (r)
		return wr_err_wrap(err, r, "%s", path);
	if (docs.docs.n)
		r = read_context(docs.docs.v[0], path, &a, err);
	else
		r = wr_err_set(err, -EINVAL, "%s: the file is empty", path);
	wr_yaml_docs_done(&docs);
	if (r) {
		wr_k8s_access_done(&a);
		return r;
	}
	*ret = a;
	return 0;
}

int wr_k8s_access_in_cluster(const char *dir, const char *const *servers, size_t n_servers,
			     struct wr_k8s_access *ret, struct wr_err *err)
{
	wr_autofree char *ca = wr_xasprintf("%s/ca.crt", dir);
	struct wr_k8s_access a = { 0 };
	int r;

	if (!n_servers)
		return wr_err_set(err, -EINVAL, "no API server is configured: set apiServers");
	r = read_text(ca, &a.ca, err);
	if (r)
		return r;
	a.token_file = wr_xasprintf("%s/token", dir);
	for (size_t i = 0; i < n_servers; i++)
		wr_k8s_access_add_server(&a, servers[i]);
	*ret = a;
	return 0;
}
