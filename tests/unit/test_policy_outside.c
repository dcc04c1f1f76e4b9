// SPDX-License-Identifier: Apache-2.0
/*
 * Claims about peers that no selector names: nodes' addresses in blocks and their holes, domain names, whoever has a port of
 * some name.
 */
#include <netinet/in.h>

#include "lib/base/str.h"
#include "tests/unit/check.h"
#include "tests/unit/policy_world.h"

#define NP(spec)                                                                                      \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np, namespace: n}\n" \
	"spec: {podSelector: {}, policyTypes: [Egress], egress: [" spec "]}\n"
#define CNP(spec)                                                                                         \
	"apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\n"                     \
	"metadata: {name: c}\nspec: {tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [" spec \
	", {action: Deny, to: [{networks: [0.0.0.0/0]}]}]}\n"

static struct pw *w;

static struct wr_addr addr(const char *text)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

static int setup(void **state)
{
	static const struct wr_addr none;
	struct wr_addr self = addr("10.1.0.1");

	w = pw_new();
	pw_apply_yaml(w, "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n");
	pw_apply_yaml(w, "apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDRs: [10.1.0.0/24]}\n"
			 "status: {addresses: [{type: InternalIP, address: 10.2.0.1},"
			 " {type: ExternalIP, address: 198.51.100.7}]}\n");
	pw_apply_yaml(w, "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\nspec: {nodeName: a}\n"
			 "status: {phase: Running, podIPs: [{ip: 10.1.0.1}]}\n");
	pw_subject(w, 1, "n", "p", &self, &none);
	return 0;
}

static int teardown(void **state)
{
	pw_free(w);
	return wr_istr_count() ? -1 : 0;
}

static bool allows(const char *to)
{
	struct wr_addr peer = addr(to);

	return pw_allows(w, 1, WR_DIR_EGRESS, &peer, IPPROTO_TCP, 80);
}

/* It fell into the block around it: the oracle's seed 770. */
static void a_nodes_address_that_a_block_leaves_out_is_left_out(void **state)
{
	pw_apply_yaml(w, NP("{to: [{ipBlock: {cidr: 198.51.100.0/24, except: [198.51.100.7/32]}}]}"));
	pw_settle(w);
	assert_true(allows("198.51.100.8"));
	assert_false(allows("198.51.100.7"));
	assert_false(allows("10.2.0.1"));
	pw_apply_yaml(w, NP("{to: [{ipBlock: {cidr: 198.51.100.0/24}}]}"));
	pw_settle(w);
	assert_true(allows("198.51.100.7"));
}

/* No policy here asks for pods by their labels, but the name's meaning is theirs to say: the oracle's seed 6444. */
static void a_named_port_of_anybody_is_the_one_that_its_pod_has(void **state)
{
	pw_apply_yaml(w, "apiVersion: v1\nkind: Pod\nmetadata: {name: q, namespace: n}\n"
			 "spec: {nodeName: b, containers: [{name: c, ports: [{name: web, containerPort: 80}]}]}\n"
			 "status: {phase: Running, podIPs: [{ip: 10.1.1.1}]}\n");
	pw_apply_yaml(w, NP("{ports: [{port: web}]}"));
	pw_settle(w);
	assert_true(wr_policy_wants_peers(pw_policy(w)));
	assert_true(allows("10.1.1.1"));
	assert_false(allows("10.1.1.2"));
}

static void name_it(const char *name, const char *to, bool on)
{
	struct wr_addr a = addr(to);

	if (on)
		wr_policy_bind(pw_policy(w), &a, name);
	else
		wr_policy_unbind(pw_policy(w), &a, name);
	pw_settle(w);
}

static void a_name_opens_its_addresses_for_as_long_as_they_have_it(void **state)
{
	pw_apply_yaml(w, CNP("{action: Accept, to: [{domainNames: [a.org, \"*.b.org\"]}]}"));
	pw_settle(w);
	assert_true(wr_policy_names_domains(pw_policy(w)));
	assert_true(pw_word(w, 1) & WR_RULES_NAMES);
	assert_true(wr_policy_means_name(pw_policy(w), "x.b.org"));
	assert_false(wr_policy_means_name(pw_policy(w), "b.org"));
	assert_false(allows("192.0.2.1"));
	name_it("a.org", "192.0.2.1", true);
	name_it("x.b.org", "192.0.2.1", true);
	assert_true(allows("192.0.2.1"));
	assert_false(allows("192.0.2.2"));
	name_it("a.org", "192.0.2.1", false);
	assert_true(allows("192.0.2.1"));
	name_it("x.b.org", "192.0.2.1", false);
	assert_false(allows("192.0.2.1"));
}

static bool goes_on(const char *to)
{
	struct wr_addr peer = addr(to);

	return pw_goes_on(w, 1, &peer, IPPROTO_TCP, 80);
}

static void retire(const char *name, const char *to)
{
	struct wr_addr a = addr(to);

	wr_policy_retire(pw_policy(w), &a, name);
	pw_settle(w);
}

/* New connections were let in by the old ones. */
static void a_name_whose_time_is_over_is_there_for_what_began_by_it_alone(void **state)
{
	pw_apply_yaml(w, CNP("{action: Accept, to: [{domainNames: [a.org]}]}, "
			     "{action: Accept, to: [{domainNames: [b.org]}]}"));
	pw_settle(w);
	name_it("a.org", "192.0.2.1", true);
	retire("a.org", "192.0.2.1");
	assert_false(allows("192.0.2.1"));
	assert_true(goes_on("192.0.2.1"));
	assert_false(goes_on("192.0.2.2"));
	/* By another name it is open, and by this one again when it is told again. */
	name_it("b.org", "192.0.2.1", true);
	assert_true(allows("192.0.2.1"));
	assert_true(goes_on("192.0.2.1"));
	name_it("b.org", "192.0.2.1", false);
	assert_false(allows("192.0.2.1"));
	name_it("a.org", "192.0.2.1", true);
	assert_true(allows("192.0.2.1"));
	retire("a.org", "192.0.2.1");
	name_it("a.org", "192.0.2.1", false);
	assert_false(goes_on("192.0.2.1"));
}

static void so_it_is_with_a_nodes_address_and_when_the_policy_goes(void **state)
{
	pw_apply_yaml(w, CNP("{action: Accept, to: [{domainNames: [a.org]}]}"));
	pw_settle(w);
	name_it("a.org", "198.51.100.7", true);
	assert_true(allows("198.51.100.7"));
	retire("a.org", "198.51.100.7");
	assert_false(allows("198.51.100.7"));
	assert_true(goes_on("198.51.100.7"));
	pw_apply_yaml(w, CNP("{action: Accept, to: [{domainNames: [b.org]}]}"));
	pw_settle(w);
	pw_collect(w);
	pw_collect(w);
	pw_settle(w);
	assert_false(goes_on("198.51.100.7"));
	name_it("a.org", "198.51.100.7", false);
}

static void names_say_nothing_of_the_pods_ranges(void **state)
{
	pw_apply_yaml(w, CNP("{action: Accept, to: [{domainNames: [a.org]}]}"));
	pw_settle(w);
	name_it("a.org", "10.1.0.9", true);
	assert_false(allows("10.1.0.9"));
	name_it("a.org", "10.1.0.9", false);
}

static void a_policy_that_comes_after_the_answer_knows_it(void **state)
{
	name_it("a.org", "192.0.2.1", true);
	pw_apply_yaml(w, CNP("{action: Accept, to: [{domainNames: [a.org]}]}"));
	pw_settle(w);
	assert_true(allows("192.0.2.1"));
	pw_del(w, WR_KIND_CLUSTERNETWORKPOLICY, "", "c");
	pw_settle(w);
	pw_collect(w);
	pw_collect(w);
	assert_false(wr_policy_names_domains(pw_policy(w)));
	name_it("a.org", "192.0.2.1", false);
}

#define claim(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		claim(a_nodes_address_that_a_block_leaves_out_is_left_out),
		claim(a_named_port_of_anybody_is_the_one_that_its_pod_has),
		claim(a_name_opens_its_addresses_for_as_long_as_they_have_it),
		claim(a_name_whose_time_is_over_is_there_for_what_began_by_it_alone),
		claim(so_it_is_with_a_nodes_address_and_when_the_policy_goes),
		claim(names_say_nothing_of_the_pods_ranges),
		claim(a_policy_that_comes_after_the_answer_knows_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
