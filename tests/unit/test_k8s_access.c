/* SPDX-License-Identifier: Apache-2.0 */
/* agent/k8s/access: kubeconfig files and service accounts. */
#include <string.h>

#include "agent/k8s/access.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "tests/unit/check.h"
#include "tests/unit/tmpdir.h"

static const char good[] =
	"apiVersion: v1\n"
	"kind: Config\n"
	"clusters:\n"
	"- {name: other, cluster: {server: 'https://wrong:1'}}\n"
	"- name: c\n"
	"  cluster: {server: 'https://10.0.0.1:6443/', certificate-authority-data: aGVsbG8=}\n"
	"users: [{name: u, user: {token: abc, client-certificate: cert.pem}}]\n"
	"contexts: [{name: x, context: {cluster: c, user: u}}]\n"
	"current-context: x\n";

static char *put(const char *dir, const char *name, const char *text)
{
	char *path = wr_xasprintf("%s/%s", dir, name);

	assert_int_equal(wr_write_file_atomic(path, text, strlen(text), 0600, 0), 1);
	return path;
}

static void the_current_context_is_read_with_inline_and_file_credentials(void **state)
{
	struct wr_k8s_access a = { 0 };
	char *dir = *state, *cert = put(dir, "cert.pem", "CERT"), *path = put(dir, "config", good);
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(wr_k8s_access_kubeconfig(path, &a, &err), 0);
	assert_int_equal(a.servers.n, 1);
	assert_string_equal(a.servers.v[0], "https://10.0.0.1:6443");
	assert_string_equal(a.ca, "hello");
	assert_string_equal(a.cert, "CERT");
	assert_string_equal(a.token, "abc");
	wr_k8s_access_done(&a);
	free(cert);
	free(path);
}

static void refused(const char *dir, const char *text, const char *says)
{
	struct wr_k8s_access a = { 0 };
	struct wr_err err = WR_ERR_INIT;
	char *path = put(dir, "config", text);

	assert_int_equal(wr_k8s_access_kubeconfig(path, &a, &err), -EINVAL);
	if (!strstr(err.msg, says))
		fail_msg("%s", err.msg);
	assert_null(a.servers.v);
	free(path);
}

static void a_kubeconfig_that_cannot_be_used_says_why(void **state)
{
	refused(*state, "", "empty");
	refused(*state, "current-context: y\n", "names no context");
	refused(*state, "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n",
		"names no cluster");
	refused(*state,
		"current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\n"
		"clusters:\n- name: c\n  cluster:\n    server: s\n    certificate-authority-data: '!'\n",
		"line 7: certificate-authority-data: not base64");
	refused(*state,
		"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: s}}]\nusers: [{name: u, user: {exec: {command: x}}}]\n",
		"not supported");
}

static void a_service_account_needs_servers_and_its_authority(void **state)
{
	const char *const servers[] = { "https://a:6443", "https://b:6443", "https://a:6443/" };
	struct wr_k8s_access a = { 0 };
	struct wr_err err = WR_ERR_INIT;
	char *dir = *state, *ca;

	assert_int_equal(wr_k8s_access_in_cluster(dir, servers, 0, &a, &err), -EINVAL);
	err = WR_ERR_INIT;
	assert_int_equal(wr_k8s_access_in_cluster(dir, servers, 3, &a, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "ca.crt"));
	ca = put(dir, "ca.crt", "CA");
	assert_int_equal(wr_k8s_access_in_cluster(dir, servers, 3, &a, NULL), 0);
	assert_int_equal(a.servers.n, 2);
	assert_non_null(strstr(a.token_file, "/token"));
	wr_k8s_access_done(&a);
	free(ca);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_current_context_is_read_with_inline_and_file_credentials,
						wr_tmpdir_setup, wr_tmpdir_teardown),
		cmocka_unit_test_setup_teardown(a_kubeconfig_that_cannot_be_used_says_why,
						wr_tmpdir_setup, wr_tmpdir_teardown),
		cmocka_unit_test_setup_teardown(a_service_account_needs_servers_and_its_authority,
						wr_tmpdir_setup, wr_tmpdir_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
