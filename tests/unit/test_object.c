/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about kinds, metadata and content. */
#include "tests/unit/check.h"

#include "tests/unit/objects.h"

#define POD "apiVersion: v1\nkind: Pod\n"
#define NS  "apiVersion: v1\nkind: Namespace\n"

static void kinds_are_known_by_version_and_name(void **state)
{
	enum wr_kind k;

	assert_int_equal(wr_kind_parse("discovery.k8s.io/v1", "EndpointSlice", &k), 0);
	assert_int_equal(k, WR_KIND_ENDPOINTSLICE);
	assert_int_equal(wr_kind_parse("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy",
				       &k),
			 0);
	assert_int_equal(wr_kind_parse("v1", "EndpointSlice", &k), -ENOENT);
	assert_int_equal(wr_kind_parse(NULL, "Pod", &k), -ENOENT);
	assert_int_equal(wr_kind_parse("v1", NULL, &k), -ENOENT);
	assert_int_equal(k, WR_KIND_CLUSTERNETWORKPOLICY);
	assert_string_equal(wr_kind_name(WR_KIND_NETWORKPOLICY), "NetworkPolicy");
	assert_true(wr_kind_is_namespaced(WR_KIND_SERVICE));
	assert_false(wr_kind_is_namespaced(WR_KIND_NODE));
}

static void metadata_is_kept(void **state)
{
	struct wr_object *o =
		obj_strict(POD "metadata:\n  name: web-0\n  namespace: prod\n  uid: u-1\n"
			       "  deletionTimestamp: \"2025-01-01T00:00:00Z\"\n"
			       "  labels: {b: two, a: one, c: null, kubernetes.io/x: \"3\"}\n");

	assert_string_equal(o->name, "web-0");
	assert_string_equal(o->ns, "prod");
	assert_true(as(wr_pod, o)->uid == wr_uid_hash("u-1"));
	assert_true(o->deleting);
	assert_int_equal(o->labels.n, 4);
	assert_string_equal(o->labels.v[0].key, "a");
	assert_string_equal(wr_labels_get(&o->labels, "b"), "two");
	assert_string_equal(wr_labels_get(&o->labels, "c"), "");
	assert_string_equal(wr_labels_get(&o->labels, "kubernetes.io/x"), "3");
	assert_null(wr_labels_get(&o->labels, "d"));
	assert_string_equal(wr_labels_find(&o->labels, wr_istr_find("b")), "two");
	wr_object_free(o);
	assert_int_equal(wr_istr_count(), 0);
}

static void no_namespace_is_default_and_cluster_kinds_have_none(void **state)
{
	struct wr_object *p = obj_strict(POD "metadata: {name: a}"),
			 *n = obj_strict(
				 "apiVersion: v1\nkind: Node\nmetadata: {name: a, namespace: x}");

	assert_string_equal(p->ns, "default");
	assert_true(as(wr_pod, p)->uid == 0);
	assert_string_equal(n->ns, "");
	wr_object_free(p);
	wr_object_free(n);
}

static void faults_of_metadata_are_named(void **state)
{
	obj_refused(POD "spec: {}", "line 1: metadata.name: is missing");
	obj_refused(POD "metadata:\n  namespace: x", "line 4: metadata.name: is missing");
	obj_refused(POD "metadata:\n  name: 7", "line 4: metadata.name: must be a string, not 7");
	obj_refused(POD "metadata: {name: Web}",
		    "line 3: metadata.name: \"Web\" is not a valid name");
	obj_refused(POD "metadata: {name: a_b}",
		    "line 3: metadata.name: \"a_b\" is not a valid name");
	obj_refused(POD "metadata: {name: a, namespace: a.b}",
		    "line 3: metadata.namespace: \"a.b\" is not a valid name");
	obj_refused(POD "metadata: {name: a, labels: [x]}",
		    "line 3: metadata.labels: must be an object, not a list");
	obj_refused(POD "metadata: {name: a, labels: {x: true}}",
		    "line 3: metadata.labels.x: must be a string, not true");
	obj_refused(POD "metadata: [a]", "line 3: metadata: must be an object, not a list");
	obj_refused("apiVersion: v1\nmetadata: {name: a}", "line 1: kind: is missing");
	obj_refused("apiVersion: v2\nkind: Pod\nmetadata: {name: a}",
		    "v2 Pod is not a kind that is used here");
}

static void lenient_decoding_fails_without_a_name_only(void **state)
{
	wr_auto_json *j = obj_json(POD "metadata: {labels: {a: b}}");
	struct wr_err err = WR_ERR_INIT;
	struct wr_object *o = NULL;

	assert_int_equal(wr_object_decode(j, false, &o, &err), -EINVAL);
	assert_err(&err, -EINVAL, "metadata.name: is missing");
	assert_null(o);
	o = obj_lenient(POD "metadata: {name: Not_A_Name, labels: {x: 7, y: z}, uid: [1]}");
	assert_int_equal(o->labels.n, 1);
	assert_true(as(wr_pod, o)->uid == 0);
	wr_object_free(o);
	assert_int_equal(wr_istr_count(), 0);
}

static void equal_labels_are_one_set(void **state)
{
	struct wr_object *a = obj_strict(POD "metadata: {name: a, labels: {x: y, z: w}}");
	struct wr_object *b = obj_strict(POD "metadata: {name: b, labels: {z: w, x: y}}");

	assert_ptr_equal(a->labels.v, b->labels.v);
	wr_object_free(a);
	wr_object_free(b);
}

static void namespaces_always_have_their_name_as_a_label(void **state)
{
	struct wr_object *a = obj_strict(NS "metadata: {name: prod}");
	struct wr_object *b = obj_strict(
		NS "metadata: {name: prod, labels: {a: b, kubernetes.io/metadata.name: lie, z: y}}");

	assert_string_equal(wr_labels_get(&a->labels, "kubernetes.io/metadata.name"), "prod");
	assert_string_equal(wr_labels_get(&b->labels, "kubernetes.io/metadata.name"), "prod");
	assert_string_equal(wr_labels_get(&b->labels, "a"), "b");
	assert_string_equal(wr_labels_get(&b->labels, "z"), "y");
	assert_int_equal(b->labels.n, 3);
	wr_object_free(a);
	wr_object_free(b);
	assert_int_equal(wr_istr_count(), 0);
}

/* Whether the second text decodes to other content than the first. */
static bool differ(const char *x, const char *y)
{
	struct wr_object *a = obj_strict(x), *b = obj_strict(y);
	bool r = a->content != b->content;

	wr_object_free(a);
	wr_object_free(b);
	return r;
}

static void content_is_what_was_decoded_and_nothing_else(void **state)
{
	assert_false(
		differ(POD "metadata: {name: a, resourceVersion: \"1\", annotations: {x: y}}", POD
		       "metadata: {name: a, resourceVersion: \"2\"}\nspec: {restartPolicy: Never}"));
	assert_true(differ(POD "metadata: {name: a, uid: x}", POD "metadata: {name: a, uid: y}"));
	assert_true(differ(POD "metadata: {name: a, labels: {x: a}}",
			   POD "metadata: {name: a, labels: {x: b}}"));
	assert_true(differ(POD "metadata: {name: a}\nspec: {nodeName: x}",
			   POD "metadata: {name: a}\nspec: {nodeName: y}"));
	assert_true(differ(POD "metadata: {name: a}\nstatus: {podIP: 10.0.0.1}",
			   POD "metadata: {name: a}\nstatus: {podIP: 10.0.0.2}"));
	assert_true(differ(POD "metadata: {name: a, uid: x}",
			   POD "metadata: {name: a, annotations: {kubernetes.io/config.hash: x}}"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_known_by_version_and_name),
		cmocka_unit_test(metadata_is_kept),
		cmocka_unit_test(no_namespace_is_default_and_cluster_kinds_have_none),
		cmocka_unit_test(faults_of_metadata_are_named),
		cmocka_unit_test(lenient_decoding_fails_without_a_name_only),
		cmocka_unit_test(equal_labels_are_one_set),
		cmocka_unit_test(namespaces_always_have_their_name_as_a_label),
		cmocka_unit_test(content_is_what_was_decoded_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
