/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about answers of name servers to pods whose policies name domains. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>

#include "lib/base/clock.h"
#include "tests/bpf/lab.h"

#define OUT WR_RULES_EGRESS
#define IN  WR_RULES_INGRESS

struct records {
	struct wr_events *ring;
	struct wr_answer last;
	uint8_t packet[2048];
	int n;
};

static int take(void *ctx, const void *data, size_t size)
{
	struct records *r = ctx;
	const struct wr_event *e = data;

	if (e->type != WR_EVENT_DNS)
		return 0;
	assert_true(size >= sizeof(r->last));
	memcpy(&r->last, data, sizeof(r->last));
	assert_true(r->last.size <= size - sizeof(r->last));
	memcpy(r->packet, (const uint8_t *)data + sizeof(r->last),
	       r->last.size < sizeof(r->packet) ? r->last.size : sizeof(r->packet));
	r->n++;
	return 0;
}

static void open_ring(struct lab *lab, struct records *r)
{
	memset(r, 0, sizeof(*r));
	assert_int_equal(wr_events_open(lab->dp, take, r, &r->ring), 0);
	wr_events_poll(r->ring);
	r->n = 0;
}

static int heard(struct records *r)
{
	r->n = 0;
	wr_events_poll(r->ring);
	return r->n;
}

/* Pod 5 lives by names; the agent takes answers for @ms from now on. */
static struct lab *open_lab(uint64_t word, int64_t ms)
{
	struct lab *lab = lab_open(0);

	lab_allow(lab, 1, WR_DIR_EGRESS, WR_RULE_ANY_PEER, 0, 0, 1);
	lab_policy(lab, 5, OUT | word | 1);
	assert_int_equal(wr_globals_set_names(lab->dp, wr_now_ns() + (uint64_t)(ms * 1000000)), 0);
	return lab;
}

static void done(struct lab *lab, struct records *r)
{
	lab_policy(lab, 5, 0);
	wr_events_close(r->ring);
	lab_close(lab);
}

static struct shape question(uint16_t port)
{
	return (struct shape){ .proto = IPPROTO_UDP, .dport = port, .payload = 30 };
}

static struct shape answer(uint16_t port)
{
	return (struct shape){ .src = "10.0.1.6",
			       .dst = "10.0.1.5",
			       .proto = IPPROTO_UDP,
			       .sport = port,
			       .dport = 1000,
			       .payload = 100 };
}

static void an_answer_waits_for_the_agent_as_its_pod_shall_get_it(void **state)
{
	struct lab *lab = open_lab(WR_RULES_NAMES, 60000);
	struct shape q = question(53), a = answer(53);
	struct records r;

	open_ring(lab, &r);
	assert_int_equal(lab_from_pod(lab, &q), LAB_REDIRECT);
	assert_int_equal(heard(&r), 0);
	assert_int_equal(lab_from_pod(lab, &a), LAB_DROP);
	assert_int_equal(heard(&r), 1);
	assert_int_equal(r.last.held, 1);
	assert_int_equal(r.last.event.src_ep, 5);
	assert_int_equal(r.last.size, 20 + 8 + 100);
	assert_int_equal(r.packet[0], 0x45);
	assert_int_equal(r.packet[8], 63); /* one hop less, as on its way */
	/* Every one of them, also where the flow is proven. */
	assert_int_equal(lab_from_pod(lab, &q), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &a), LAB_DROP);
	assert_int_equal(heard(&r), 1);
	done(lab, &r);
}

static void without_the_agent_it_goes_its_way_at_once(void **state)
{
	struct lab *lab = open_lab(WR_RULES_NAMES, -1);
	struct shape q = question(53), a = answer(53);
	struct records r;

	open_ring(lab, &r);
	assert_int_equal(lab_from_pod(lab, &q), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &a), LAB_REDIRECT);
	assert_int_equal(heard(&r), 1);
	assert_int_equal(r.last.held, 0);
	done(lab, &r);
}

static uint64_t unheard(const struct lab *lab)
{
	struct wr_drop_count counts[WR_REASON_MAX];

	assert_int_equal(wr_drops_get(lab->dp, counts), 0);
	return counts[WR_REASON_NONE].packets;
}

static void a_full_buffer_holds_nothing_up_and_says_so(void **state)
{
	struct lab *lab = open_lab(WR_RULES_NAMES, 60000);
	struct shape q = question(53), a = answer(53);
	uint64_t before = unheard(lab);
	struct records r;
	int i, held = 0;

	open_ring(lab, &r);
	assert_int_equal(lab_from_pod(lab, &q), LAB_REDIRECT);
	for (i = 0; i < 1000; i++)
		held += lab_from_pod(lab, &a) == LAB_DROP;
	assert_true(held > 0 && held < 1000);
	assert_int_equal(heard(&r), held);
	assert_int_equal(unheard(lab) - before, 1000 - held);
	assert_int_equal(lab_from_pod(lab, &a), LAB_DROP);
	done(lab, &r);
}

static void nobody_else_is_listened_to(void **state)
{
	struct lab *lab = open_lab(0, 60000);
	struct shape q = question(53), a = answer(53);
	struct records r;

	open_ring(lab, &r);
	assert_int_equal(lab_from_pod(lab, &q), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &a), LAB_REDIRECT);
	/* Policy names domains now: this flow's answers wait from the next one on. */
	lab_policy(lab, 5, OUT | WR_RULES_NAMES | 1);
	assert_int_equal(lab_from_pod(lab, &a), LAB_DROP);
	/* Other ports are no name servers. */
	q = question(5353);
	a = answer(5353);
	assert_int_equal(lab_from_pod(lab, &q), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &a), LAB_REDIRECT);
	assert_int_equal(heard(&r), 1);
	done(lab, &r);
}

static void of_a_connection_only_what_carries_data_waits(void **state)
{
	struct lab *lab = open_lab(WR_RULES_NAMES, 60000);
	struct shape to = { .dport = 53 };
	struct shape back = {
		.src = "10.0.1.6", .dst = "10.0.1.5", .sport = 53, .dport = 1000, .flags = ACK
	};
	struct records r;

	open_ring(lab, &r);
	lab_handshake(lab, &to);
	assert_int_equal(heard(&r), 0);
	assert_int_equal(lab_from_pod(lab, &back), LAB_REDIRECT);
	assert_int_equal(heard(&r), 0);
	back.payload = 1000;
	assert_int_equal(lab_from_pod(lab, &back), LAB_DROP);
	assert_int_equal(heard(&r), 1);
	done(lab, &r);
}

static void what_the_server_itself_asks_for_does_not_wait(void **state)
{
	struct lab *lab = open_lab(WR_RULES_NAMES, 60000);
	/* Pod 5 is a name server here: packets to it are questions, and what it says are answers to others. */
	struct shape q = {
		.src = "10.0.1.6", .dst = "10.0.1.5", .proto = IPPROTO_UDP, .dport = 53, .payload = 30
	};
	struct shape a = { .proto = IPPROTO_UDP, .sport = 53, .dport = 1000, .payload = 100 };
	struct records r;

	open_ring(lab, &r);
	assert_int_equal(lab_from_pod(lab, &q), LAB_REDIRECT);
	assert_int_equal(lab_from_pod(lab, &a), LAB_REDIRECT);
	assert_int_equal(heard(&r), 0);
	done(lab, &r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_waits_for_the_agent_as_its_pod_shall_get_it),
		cmocka_unit_test(without_the_agent_it_goes_its_way_at_once),
		cmocka_unit_test(a_full_buffer_holds_nothing_up_and_says_so),
		cmocka_unit_test(nobody_else_is_listened_to),
		cmocka_unit_test(of_a_connection_only_what_carries_data_waits),
		cmocka_unit_test(what_the_server_itself_asks_for_does_not_wait),
	};

	return cmocka_run_group_tests(tests, lab_enter, lab_leave);
}
