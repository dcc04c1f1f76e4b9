/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about a directory of manifests as the source of objects. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/manifests/manifests.h"
#include "agent/obj/policy.h"
#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "tests/unit/tmpdir.h"

#define DEADLINE_MS 10000

/* The source at work, and what it said last. */
struct lab {
	char *dir;
	struct wr_store *store;
	struct wr_manifests *m;
	char file[64];
	char said[WR_ERR_MSG_SIZE]; /* "": the file is good again */
	int reports, deletions, changes;
};

static void on_report(void *ctx, const char *file, const struct wr_err *err)
{
	struct lab *lab = ctx;
	const char *base = strrchr(file, '/');

	snprintf(lab->file, sizeof(lab->file), "%s", base ? base + 1 : file);
	snprintf(lab->said, sizeof(lab->said), "%s", err ? err->msg : "");
	lab->reports++;
}

static void on_change(void *ctx, enum wr_kind kind, const struct wr_object *old,
		      const struct wr_object *new_)
{
	struct lab *lab = ctx;

	lab->deletions += old && !new_;
	lab->changes += old && new_;
}

static int setup(void **state)
{
	struct lab *lab = wr_xcalloc(1, sizeof(*lab));
	void *dir;

	if (wr_tmpdir_setup(&dir) < 0)
		return -1;
	lab->dir = wr_xasprintf("%s/manifests", (char *)dir);
	free(dir);
	*state = lab;
	lab->store = wr_store_new();
	wr_store_subscribe(lab->store, on_change, lab);
	return mkdir(lab->dir, 0755);
}

static int teardown(void **state)
{
	struct lab *lab = *state;
	void *parent = wr_xstrndup(lab->dir, strlen(lab->dir) - strlen("/manifests"));

	wr_manifests_close(lab->m);
	wr_store_free(lab->store);
	free(lab->dir);
	free(lab);
	return wr_tmpdir_teardown(&parent);
}

static const char *path(struct lab *lab, const char *name)
{
	return wr_tmpdir_path(lab->dir, name);
}

static void put(struct lab *lab, const char *name, const char *text)
{
	FILE *f = fopen(path(lab, name), "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void start(struct lab *lab)
{
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(wr_manifests_open(lab->dir, lab->store, on_report, lab, &lab->m, &err), 0);
}

/* Everything that has happened so far, as the agent's loop would. */
static void settle(struct lab *lab)
{
	struct pollfd p = { .fd = wr_manifests_fd(lab->m), .events = POLLIN };
	uint64_t deadline = wr_now_ms() + DEADLINE_MS;
	int ms = 0;

	/* inotify events are there when the system call that made them returns. */
	if (poll(&p, 1, 0) == 1)
		ms = wr_manifests_process(lab->m);
	while (ms) {
		assert_true(wr_now_ms() < deadline);
		ms = wr_manifests_apply(lab->m);
		if (ms && poll(&p, 1, ms) == 1)
			wr_manifests_process(lab->m);
	}
}

static bool has(struct lab *lab, enum wr_kind kind, const char *ns, const char *name)
{
	return wr_store_get(lab->store, kind, ns, name) != NULL;
}

#define has_namespace(lab, name) has((lab), WR_KIND_NAMESPACE, "", (name))

#define NAMESPACE(name) "apiVersion: v1\nkind: Namespace\nmetadata: {name: " name "}\n"
#define LABELLED(name, value) \
	"apiVersion: v1\nkind: Namespace\nmetadata: {name: " name ", labels: {l: " value "}}\n"

static void the_first_read_syncs_every_kind(void **state)
{
	struct lab *lab = *state;
	int kind;

	put(lab, "a.yaml", NAMESPACE("a") "---\n" NAMESPACE("b"));
	start(lab);
	assert_true(has_namespace(lab, "a"));
	assert_true(has_namespace(lab, "b"));
	for (kind = 0; kind < WR_KIND_MAX; kind++)
		assert_true(wr_store_is_synced(lab->store, (enum wr_kind)kind));
	assert_int_equal(lab->reports, 0);
	assert_int_equal(wr_manifests_files(lab->m), 1);
}

static void what_the_directory_does_not_have_is_deleted_by_the_first_read(void **state)
{
	struct lab *lab = *state;
	struct wr_json *j = NULL;
	struct wr_object *o = NULL;

	assert_int_equal(wr_json_parse("{\"metadata\":{\"name\":\"old\"}}", 27, &j, NULL), 0);
	assert_int_equal(wr_object_decode_as(WR_KIND_NAMESPACE, j, true, &o, NULL), 0);
	wr_json_free(j);
	wr_store_put(lab->store, o);
	put(lab, "a.yaml", NAMESPACE("a"));
	start(lab);
	assert_false(has_namespace(lab, "old"));
	assert_true(has_namespace(lab, "a"));
}

static void a_missing_directory_is_an_error(void **state)
{
	struct lab *lab = *state;
	struct wr_err err = WR_ERR_INIT;

	assert_int_equal(rmdir(lab->dir), 0);
	assert_int_equal(wr_manifests_open(lab->dir, lab->store, on_report, lab, &lab->m, &err),
			 -ENOENT);
	assert_err(&err, -ENOENT, "/manifests: No such file or directory");
	assert_false(wr_store_is_synced(lab->store, WR_KIND_POD));
}

static void json_lists_and_typed_lists_are_read(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.json",
	    "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n"
	    "\t{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"a\"}}]}");
	put(lab, "b.yml",
	    "apiVersion: v1\nkind: NamespaceList\nitems:\n- metadata: {name: b}\n- metadata: {name: c}\n");
	put(lab, "d.json",
	    "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"d\","
	    "\"annotations\":{\"x\":\"\\ud83d\\ude00\"}}}");
	start(lab);
	assert_string_equal(lab->said, "");
	assert_int_equal(wr_store_count(lab->store, WR_KIND_NAMESPACE), 4);
}

static void other_files_are_left_alone(void **state)
{
	struct lab *lab = *state;
	static const char *const names[] = { ".a.yaml", "a.yaml~", "a.yaml.swp", "#a.yaml#",
					     "#a.yaml", "README",  ".#a.yaml" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put(lab, names[i], "{");
	assert_int_equal(mkdir(path(lab, "dir.yaml"), 0755), 0);
	assert_int_equal(mkfifo(path(lab, "pipe.yaml"), 0600), 0);
	start(lab);
	assert_int_equal(lab->reports, 0);
	put(lab, ".b.yaml", "{");
	/* Opening it would wait for somebody to write. */
	assert_int_equal(mkfifo(path(lab, "later.yaml"), 0600), 0);
	settle(lab);
	assert_int_equal(lab->reports, 0);
	assert_int_equal(wr_manifests_files(lab->m), 0);
}

static void a_new_file_a_change_and_a_removal_are_followed(void **state)
{
	struct lab *lab = *state;

	start(lab);
	put(lab, "a.yaml", LABELLED("a", "one") "---\n" NAMESPACE("b"));
	settle(lab);
	assert_true(has_namespace(lab, "a"));
	put(lab, "a.yaml", LABELLED("a", "two"));
	settle(lab);
	assert_int_equal(lab->changes, 1);
	assert_false(has_namespace(lab, "b"));
	assert_int_equal(unlink(path(lab, "a.yaml")), 0);
	settle(lab);
	assert_false(has_namespace(lab, "a"));
	assert_int_equal(wr_manifests_files(lab->m), 0);
}

static void equal_content_changes_nothing(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", LABELLED("a", "one"));
	start(lab);
	put(lab, "a.yaml", "# a comment\n" LABELLED("a", "one"));
	settle(lab);
	assert_int_equal(lab->changes, 0);
	assert_int_equal(lab->deletions, 0);
}

static void renames_in_and_out_are_followed(void **state)
{
	struct lab *lab = *state;

	start(lab);
	put(lab, "a.tmp", NAMESPACE("a"));
	assert_int_equal(rename(path(lab, "a.tmp"), path(lab, "a.yaml")), 0);
	settle(lab);
	assert_true(has_namespace(lab, "a"));
	assert_int_equal(rename(path(lab, "a.yaml"), path(lab, "b.yaml")), 0);
	settle(lab);
	assert_true(has_namespace(lab, "a"));
	assert_int_equal(lab->deletions, 0);
	assert_int_equal(rename(path(lab, "b.yaml"), path(lab, "b.off")), 0);
	settle(lab);
	assert_false(has_namespace(lab, "a"));
}

static void a_broken_file_names_line_and_field_and_its_last_state_stays(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", LABELLED("a", "one") "---\n" NAMESPACE("b"));
	start(lab);
	put(lab, "a.yaml", NAMESPACE("new") "---\n" LABELLED("a", "[2]"));
	settle(lab);
	assert_string_equal(lab->file, "a.yaml");
	assert_string_equal(lab->said, "line 7: metadata.labels.l: must be a string, not a list");
	assert_int_equal(wr_manifests_bad_files(lab->m), 1);
	assert_true(has_namespace(lab, "a"));
	assert_true(has_namespace(lab, "b"));
	assert_false(has_namespace(lab, "new"));
	assert_int_equal(lab->changes + lab->deletions, 0);
}

static void a_mended_file_is_said_to_be_good_once(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", "a: [");
	start(lab);
	assert_string_equal(lab->said, "line 2, column 1: did not find expected node content");
	put(lab, "a.yaml", "a: [");
	settle(lab);
	assert_int_equal(lab->reports, 1);
	put(lab, "a.yaml", NAMESPACE("a"));
	settle(lab);
	assert_int_equal(lab->reports, 2);
	assert_string_equal(lab->said, "");
	assert_int_equal(wr_manifests_bad_files(lab->m), 0);
	put(lab, "a.yaml", NAMESPACE("b"));
	settle(lab);
	assert_int_equal(lab->reports, 2);
}

static void a_broken_file_keeps_its_kinds_from_being_synced(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: [1]}\n");
	put(lab, "b.yaml", NAMESPACE("b"));
	start(lab);
	assert_false(wr_store_is_synced(lab->store, WR_KIND_NAMESPACE));
	assert_true(wr_store_is_synced(lab->store, WR_KIND_SERVICE));
	assert_true(has_namespace(lab, "b"));
	put(lab, "a.yaml", NAMESPACE("a"));
	settle(lab);
	assert_true(wr_store_is_synced(lab->store, WR_KIND_NAMESPACE));
}

static void a_file_that_is_no_yaml_keeps_all_kinds_from_being_synced(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", "kind: {");
	start(lab);
	assert_false(wr_store_is_synced(lab->store, WR_KIND_NODE));
	assert_int_equal(unlink(path(lab, "a.yaml")), 0);
	settle(lab);
	assert_true(wr_store_is_synced(lab->store, WR_KIND_NODE));
}

/* It was refused, and so left open what it was to close, or kept every pod of a node that had just started closed. */
static void a_policy_with_impossible_values_is_taken_with_its_faults(void **state)
{
	struct lab *lab = *state;
	const struct wr_netpol *np;

	put(lab, "a.yaml",
	    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: n}\n"
	    "spec: {podSelector: {}, ingress: [{ports: [{port: 90, endPort: 80}]}]}\n");
	put(lab, "b.yaml",
	    "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"
	    "metadata: {name: c}\nspec: {tier: Nobody, priority: 1, subject: {namespaces: {}}}\n");
	start(lab);
	assert_int_equal(wr_manifests_bad_files(lab->m), 0);
	assert_true(wr_store_is_synced(lab->store, WR_KIND_NETWORKPOLICY));
	assert_int_equal(wr_store_count(lab->store, WR_KIND_CLUSTERNETWORKPOLICY), 1);
	np = (const struct wr_netpol *)wr_store_get(lab->store, WR_KIND_NETWORKPOLICY, "n", "p");
	assert_non_null(np);
	assert_int_equal(np->problems.n, 1);
	assert_string_equal(np->problems.v[0].field, "spec.ingress[0].ports[0].endPort");
	assert_string_equal(np->problems.v[0].what, "must be 90-65535, not 80");
	assert_true(np->isolates[WR_DIR_INGRESS]);
	assert_false(np->rules[WR_DIR_INGRESS].v[0].any_port);
}

static void unknown_kinds_are_errors(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", NAMESPACE("a") "---\n# one more\napiVersion: apps/v1\nkind: Deployment\n");
	start(lab);
	assert_string_equal(lab->said, "line 6: apps/v1 Deployment is not a kind that is used here");
	put(lab, "a.yaml", "apiVersion: v1\nkind: DeploymentList\nitems: []\n");
	settle(lab);
	assert_string_equal(lab->said, "line 1: v1 DeploymentList is not a kind that is used here");
	put(lab, "a.yaml", "kind: Pod\n");
	settle(lab);
	assert_string_equal(lab->said, "line 1: apiVersion: is missing");
	put(lab, "a.yaml", "- 1\n");
	settle(lab);
	assert_string_equal(lab->said, "line 1: must be an object with apiVersion and kind");
	put(lab, "a.yaml", "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: p}\n- 7\n");
	settle(lab);
	assert_string_equal(lab->said, "items[1]: line 5: a Pod must be an object");
}

static void an_object_twice_in_a_file_is_an_error(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", NAMESPACE("a") "---\n" NAMESPACE("b") "---\n" NAMESPACE("a"));
	start(lab);
	assert_string_equal(lab->said, "line 9: Namespace a is there twice");
	assert_false(has_namespace(lab, "b"));
}

static void an_object_in_two_files_stays_the_firsts(void **state)
{
	struct lab *lab = *state;

	put(lab, "b.yaml", LABELLED("x", "b"));
	start(lab);
	put(lab, "a.yaml", LABELLED("x", "a") "---\n" NAMESPACE("y"));
	settle(lab);
	assert_string_equal(lab->file, "a.yaml");
	assert_string_equal(lab->said, "Namespace x is in b.yaml already");
	assert_true(has_namespace(lab, "y"));
	put(lab, "b.yaml", LABELLED("x", "c"));
	settle(lab);
	assert_string_equal(wr_labels_get(&wr_store_get(lab->store, WR_KIND_NAMESPACE, "", "x")->labels,
					  "l"),
			    "c");
	assert_int_equal(lab->reports, 1);
}

static void the_second_file_takes_over_when_the_first_lets_go(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", LABELLED("x", "a"));
	put(lab, "b.yaml", LABELLED("x", "b"));
	start(lab);
	assert_string_equal(lab->file, "b.yaml");
	assert_int_equal(unlink(path(lab, "a.yaml")), 0);
	settle(lab);
	assert_string_equal(wr_labels_get(&wr_store_get(lab->store, WR_KIND_NAMESPACE, "", "x")->labels,
					  "l"),
			    "b");
	assert_string_equal(lab->said, "");
	assert_int_equal(lab->deletions, 0);
}

static void an_object_that_moves_between_files_is_never_deleted(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", NAMESPACE("a"));
	put(lab, "b.yaml", NAMESPACE("x") "---\n" NAMESPACE("b"));
	start(lab);
	put(lab, "b.yaml", NAMESPACE("b"));
	put(lab, "a.yaml", NAMESPACE("a") "---\n" NAMESPACE("x"));
	settle(lab);
	assert_true(has_namespace(lab, "x"));
	assert_int_equal(lab->deletions, 0);
	assert_int_equal(lab->reports, 0);
}

static void swapped_links_are_followed_as_config_maps_do_it(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(mkdir(path(lab, "..1"), 0755), 0);
	assert_int_equal(mkdir(path(lab, "..2"), 0755), 0);
	put(lab, "..1/a.yaml", NAMESPACE("a"));
	put(lab, "..2/a.yaml", NAMESPACE("b"));
	assert_int_equal(symlink("..1", path(lab, "..data")), 0);
	assert_int_equal(symlink("..data/a.yaml", path(lab, "a.yaml")), 0);
	start(lab);
	assert_true(has_namespace(lab, "a"));
	assert_int_equal(symlink("..2", path(lab, "..tmp")), 0);
	assert_int_equal(rename(path(lab, "..tmp"), path(lab, "..data")), 0);
	settle(lab);
	assert_false(has_namespace(lab, "a"));
	assert_true(has_namespace(lab, "b"));
}

static void a_link_made_later_is_read(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.txt", NAMESPACE("a"));
	start(lab);
	assert_int_equal(symlink("a.txt", path(lab, "a.yaml")), 0);
	settle(lab);
	assert_true(has_namespace(lab, "a"));
	assert_int_equal(link(path(lab, "a.txt"), path(lab, "b.yaml")), 0);
	settle(lab);
	assert_string_equal(lab->said, "Namespace a is in a.yaml already");
}

static void a_file_is_not_read_before_its_writer_is_done(void **state)
{
	struct lab *lab = *state;
	int fd;

	start(lab);
	fd = open(path(lab, "a.yaml"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(wr_write_all(fd, "a: [", 4), 0);
	wr_manifests_process(lab->m);
	assert_int_not_equal(wr_manifests_apply(lab->m), 0);
	assert_int_equal(lab->reports, 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(wr_write_all(fd, NAMESPACE("a"), strlen(NAMESPACE("a"))), 0);
	close(fd);
	settle(lab);
	assert_true(has_namespace(lab, "a"));
	assert_int_equal(lab->reports, 0);
}

static void a_directory_that_goes_away_deletes_nothing(void **state)
{
	struct lab *lab = *state;
	const char *away = wr_tmpdir_path(lab->dir, "../away");

	put(lab, "a.yaml", NAMESPACE("a"));
	start(lab);
	assert_int_equal(rename(lab->dir, away), 0);
	assert_true(wr_manifests_process(lab->m) > 0);
	assert_true(wr_manifests_apply(lab->m) > 0);
	assert_true(wr_manifests_apply(lab->m) > 0);
	assert_int_equal(lab->reports, 1);
	assert_string_equal(lab->said,
			    "cannot be read, what it said stays in force: No such file or directory");
	assert_true(has_namespace(lab, "a"));
	/* It comes back with something else in it. */
	assert_int_equal(mkdir(lab->dir, 0755), 0);
	put(lab, "b.yaml", NAMESPACE("b"));
	assert_int_equal(wr_manifests_apply(lab->m), 0);
	assert_string_equal(lab->said, "");
	assert_false(has_namespace(lab, "a"));
	assert_true(has_namespace(lab, "b"));
	put(lab, "c.yaml", NAMESPACE("c"));
	settle(lab);
	assert_true(has_namespace(lab, "c"));
	assert_int_equal(wr_remove_tree(away), 0);
}

static void an_emptied_directory_deletes_everything(void **state)
{
	struct lab *lab = *state;

	put(lab, "a.yaml", NAMESPACE("a"));
	put(lab, "b.yaml", NAMESPACE("b"));
	start(lab);
	assert_int_equal(unlink(path(lab, "a.yaml")), 0);
	assert_int_equal(unlink(path(lab, "b.yaml")), 0);
	settle(lab);
	assert_int_equal(wr_store_count(lab->store, WR_KIND_NAMESPACE), 0);
}

static void a_pod_and_a_selecting_service_carry_what_resolves_them(void **state)
{
	struct lab *lab = *state;
	struct wr_service_object *s;
	struct wr_pod *p;

	put(lab, "web.yaml",
	    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
	    "spec: {clusterIP: 10.96.0.1, selector: {app: web}, ports: [{port: 80, targetPort: http}]}\n"
	    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-0, labels: {app: web}}\n"
	    "spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}\n"
	    "status: {phase: Running, podIPs: [{ip: 10.1.0.2}]}\n");
	start(lab);
	assert_string_equal(lab->said, "");
	s = (struct wr_service_object *)wr_store_get(lab->store, WR_KIND_SERVICE, "default", "web");
	p = (struct wr_pod *)wr_store_get(lab->store, WR_KIND_POD, "default", "web-0");
	assert_true(s && p);
	assert_true(s->has_selector);
	assert_ptr_equal(s->selector.v, p->o.labels.v);
	assert_ptr_equal(s->ports.v[0].target_name, p->ports.v[0].name);
	assert_int_equal(p->ports.v[0].port, 8080);
}

#define in_lab(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_lab(the_first_read_syncs_every_kind),
		in_lab(what_the_directory_does_not_have_is_deleted_by_the_first_read),
		in_lab(a_missing_directory_is_an_error),
		in_lab(json_lists_and_typed_lists_are_read),
		in_lab(other_files_are_left_alone),
		in_lab(a_new_file_a_change_and_a_removal_are_followed),
		in_lab(equal_content_changes_nothing),
		in_lab(renames_in_and_out_are_followed),
		in_lab(a_broken_file_names_line_and_field_and_its_last_state_stays),
		in_lab(a_mended_file_is_said_to_be_good_once),
		in_lab(a_broken_file_keeps_its_kinds_from_being_synced),
		in_lab(a_file_that_is_no_yaml_keeps_all_kinds_from_being_synced),
		in_lab(a_policy_with_impossible_values_is_taken_with_its_faults),
		in_lab(unknown_kinds_are_errors),
		in_lab(an_object_twice_in_a_file_is_an_error),
		in_lab(an_object_in_two_files_stays_the_firsts),
		in_lab(the_second_file_takes_over_when_the_first_lets_go),
		in_lab(an_object_that_moves_between_files_is_never_deleted),
		in_lab(swapped_links_are_followed_as_config_maps_do_it),
		in_lab(a_link_made_later_is_read),
		in_lab(a_file_is_not_read_before_its_writer_is_done),
		in_lab(a_directory_that_goes_away_deletes_nothing),
		in_lab(an_emptied_directory_deletes_everything),
		in_lab(a_pod_and_a_selecting_service_carry_what_resolves_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
