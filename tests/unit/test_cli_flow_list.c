/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about which flows `weir flows` lists, how it puts their tuples together, and in which order. */
#include "tests/unit/check.h"

#include <arpa/inet.h>

#include "cli/flow_list.h"

#define CLIENT "10.244.1.2"
#define SERVER "10.244.2.3"
#define VIP    "10.96.0.10"

static struct wr_addr addr(const char *text)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

/* A key in its order, from the originator's ends; *ret_state gets which of them is b. */
static struct wr_flow_key key_of(const char *src, uint16_t sport, const char *dst, uint16_t dport,
				 __u64 *ret_state)
{
	struct wr_addr s = addr(src), d = addr(dst);
	bool swap = memcmp(&s, &d, sizeof(s)) > 0;

	*ret_state |= swap ? WR_FLOW_ORIG_B : 0;
	return (struct wr_flow_key){
		.a = swap ? d : s,
		.b = swap ? s : d,
		.port_a = htons(swap ? dport : sport),
		.port_b = htons(swap ? sport : dport),
		.proto = IPPROTO_TCP,
	};
}

static void add(struct wr_flow_list *l, const char *src, const char *dst, uint16_t dport,
		struct wr_flow flow)
{
	struct wr_flow_key key = key_of(src, 40000, dst, dport, &flow.state);

	assert_int_equal(wr_flow_list_add(l, &key, &flow), 0);
}

static void the_originator_is_the_source_whatever_the_key_s_order(void **state)
{
	const struct wr_flow_filter all = { 0 };
	struct wr_flow_list l = { .filter = &all };
	size_t i;

	add(&l, CLIENT, SERVER, 80, (struct wr_flow){ .seen = 1 });
	add(&l, SERVER, CLIENT, 80, (struct wr_flow){ .seen = 2 });
	wr_flow_list_finish(&l, WR_FLOWS_BY_AGE);
	assert_int_equal(l.rows.n, 2);
	for (i = 0; i < 2; i++) {
		assert_int_equal(l.rows.v[i].dport, 80);
		assert_int_equal(l.rows.v[i].sport, 40000);
	}
	wr_flow_list_done(&l);
}

static void dead_entries_are_left_out(void **state)
{
	const struct wr_flow_filter all = { 0 };
	struct wr_flow_list l = { .filter = &all };

	add(&l, CLIENT, SERVER, 80, (struct wr_flow){ .state = WR_FLOW_DEAD });
	assert_int_equal(l.rows.n, 0);
	wr_flow_list_done(&l);
}

static struct wr_flow translated(uint32_t nonce)
{
	return (struct wr_flow){
		.state = WR_FLOW_TRANSLATED | WR_TCP_SYN_SENT,
		.nonce = nonce,
		.new_src = addr(CLIENT),
		.new_dst = addr(SERVER),
		.new_dport = htons(8080),
		.service = 7,
	};
}

static void a_translated_flow_is_listed_once_with_what_both_tuples_have_seen(void **state)
{
	const struct wr_flow_filter all = { 0 };
	struct wr_flow_list l = { .filter = &all };
	struct wr_flow there = translated(5), back = translated(5), stranger = translated(6);

	there.packets[WR_FLOW_ORIG] = 3;
	there.seen = 10;
	back.state |= WR_FLOW_REPLY_TUPLE | WR_FLOW_ANSWERED;
	back.state = (back.state & ~WR_FLOW_TCP_MASK) | WR_TCP_ESTABLISHED;
	back.packets[WR_FLOW_REPLY] = 2;
	back.seen = 20;
	stranger.state |= WR_FLOW_REPLY_TUPLE;
	stranger.packets[WR_FLOW_REPLY] = 100;

	add(&l, SERVER, CLIENT, 40000, stranger);
	add(&l, SERVER, CLIENT, 40000, back);
	add(&l, CLIENT, VIP, 80, there);
	wr_flow_list_finish(&l, WR_FLOWS_BY_IDLE);
	assert_int_equal(l.rows.n, 1);
	assert_int_equal(l.rows.v[0].flow.packets[WR_FLOW_ORIG], 3);
	assert_int_equal(l.rows.v[0].flow.packets[WR_FLOW_REPLY], 2);
	assert_int_equal(l.rows.v[0].flow.seen, 20);
	assert_true(l.rows.v[0].flow.state & WR_FLOW_ANSWERED);
	assert_string_equal(wr_flow_state(&l.rows.v[0]), "established");
	wr_flow_list_done(&l);
}

static void a_flow_without_tcp_says_whether_it_was_answered(void **state)
{
	struct wr_flow_row row = { 0 };

	assert_string_equal(wr_flow_state(&row), "unanswered");
	row.flow.state = WR_FLOW_ONEWAY;
	assert_string_equal(wr_flow_state(&row), "one-way");
	row.flow.state = WR_FLOW_ANSWERED;
	assert_string_equal(wr_flow_state(&row), "answered");
}

static struct wr_match match(const char *text)
{
	struct wr_match m = { .given = true };
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse(text, &p), 0);
	wr_vec_push(&m.prefixes, p);
	return m;
}

static void a_filter_sees_the_service_s_address_and_the_backend_behind_it(void **state)
{
	struct wr_flow_row row = {
		.src = addr(CLIENT), .dst = addr(VIP), .dport = 80, .flow = translated(1)
	};
	static const char *const fitting[] = { SERVER "/32", VIP "/32", "10.96.0.0/16" };
	struct wr_flow_filter f = { 0 };
	size_t i;

	for (i = 0; i < 3; i++) {
		f = (struct wr_flow_filter){ .dst = match(fitting[i]) };
		assert_true(wr_flow_filter_has(&f, &row));
		wr_flow_filter_done(&f);
	}
	f = (struct wr_flow_filter){ .dst = match(CLIENT "/32") };
	assert_false(wr_flow_filter_has(&f, &row));
	wr_flow_filter_done(&f);
	f = (struct wr_flow_filter){ .pod = match(CLIENT "/32") };
	assert_true(wr_flow_filter_has(&f, &row));
	wr_flow_filter_done(&f);

	assert_true(wr_flow_filter_has(&(struct wr_flow_filter){ .port = 80 }, &row));
	assert_true(wr_flow_filter_has(&(struct wr_flow_filter){ .port = 8080 }, &row));
	assert_false(wr_flow_filter_has(&(struct wr_flow_filter){ .port = 40000 }, &row));
}

static void all_filters_must_match(void **state)
{
	struct wr_flow_row row = {
		.src = addr(CLIENT), .dst = addr(SERVER), .dport = 80, .proto = IPPROTO_TCP
	};
	struct wr_flow_filter f = { .src = match(CLIENT "/32"), .proto = IPPROTO_TCP, .port = 80 };

	assert_true(wr_flow_filter_has(&f, &row));
	f.proto = IPPROTO_UDP;
	assert_false(wr_flow_filter_has(&f, &row));
	wr_flow_filter_done(&f);
}

static void by_service_only_the_named_ones_match_and_none_when_none_is_named(void **state)
{
	struct wr_flow_row row = { .flow = { .service = 7 } };
	struct wr_flow_filter f = { .by_service = true };

	assert_false(wr_flow_filter_has(&f, &row));
	wr_vec_push(&f.services, 6);
	assert_false(wr_flow_filter_has(&f, &row));
	wr_vec_push(&f.services, 7);
	assert_true(wr_flow_filter_has(&f, &row));
	wr_flow_filter_done(&f);
}

static void they_are_sorted_by_what_was_asked_for(void **state)
{
	static const struct {
		enum wr_flow_order order;
		uint16_t first;
	} cases[] = { { WR_FLOWS_BY_IDLE, 1 },
		      { WR_FLOWS_BY_BYTES, 2 },
		      { WR_FLOWS_BY_PACKETS, 3 },
		      { WR_FLOWS_BY_AGE, 4 } };
	const struct wr_flow_filter all = { 0 };
	size_t i;

	for (i = 0; i < 4; i++) {
		struct wr_flow_list l = { .filter = &all };

		add(&l, CLIENT, SERVER, 9, (struct wr_flow){ 0 });
		add(&l, CLIENT, SERVER, 1, (struct wr_flow){ .seen = 9 });
		add(&l, CLIENT, SERVER, 2,
		    (struct wr_flow){ .bytes = { 5, 5 }, .packets = { 1, 0 } });
		add(&l, CLIENT, SERVER, 3,
		    (struct wr_flow){ .bytes = { 9, 0 }, .packets = { 0, 2 } });
		add(&l, CLIENT, SERVER, 4, (struct wr_flow){ .created = 9 });
		wr_flow_list_finish(&l, cases[i].order);
		assert_int_equal(l.rows.v[0].dport, cases[i].first);
		wr_flow_list_done(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_originator_is_the_source_whatever_the_key_s_order),
		cmocka_unit_test(dead_entries_are_left_out),
		cmocka_unit_test(a_translated_flow_is_listed_once_with_what_both_tuples_have_seen),
		cmocka_unit_test(a_flow_without_tcp_says_whether_it_was_answered),
		cmocka_unit_test(a_filter_sees_the_service_s_address_and_the_backend_behind_it),
		cmocka_unit_test(all_filters_must_match),
		cmocka_unit_test(by_service_only_the_named_ones_match_and_none_when_none_is_named),
		cmocka_unit_test(they_are_sorted_by_what_was_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
