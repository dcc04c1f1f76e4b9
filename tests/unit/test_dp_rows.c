/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about rules, flows, drops, events and fill levels, on real maps. */
#include "tests/unit/check.h"

#include <netinet/in.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/dp/tables.h"
#include "tests/unit/dp_fixture.h"

#define N_RULES 500

static struct wr_addr addr(const char *text)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

static struct wr_prefix prefix(const char *text)
{
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse(text, &p), 0);
	return p;
}

static int sum_rule(void *ctx, const struct wr_rule_key *key, uint64_t word)
{
	assert_int_equal(key->identity, WR_RULE_NUMBER(word));
	*(uint32_t *)ctx += 1;
	return 0;
}

static void rules_written_at_once_are_dumped_as_written(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_rule_key keys[N_RULES] = { { 0 } };
	uint64_t words[N_RULES];
	uint32_t i, n = 0;

	for (i = 0; i < N_RULES; i++) {
		keys[i] = (struct wr_rule_key){ .len = WR_RULE_LEN_DIR, .ruleset = 7, .identity = i };
		words[i] = WR_RULE_WORD(WR_VERDICT_ALLOW, i);
	}
	assert_int_equal(wr_rule_put_many(dp, keys, words, N_RULES), 0);
	assert_int_equal(wr_rule_dump(dp, sum_rule, &n), 0);
	assert_int_equal(n, N_RULES);
	assert_int_equal(wr_rule_del(dp, &keys[0]), 0);
	assert_int_equal(wr_rule_del(dp, &keys[0]), 0);
	n = 0;
	assert_int_equal(wr_rule_dump(dp, sum_rule, &n), 0);
	assert_int_equal(n, N_RULES - 1);
	wr_dp_close(dp);
}

static int count_lengths(void *ctx, const struct wr_rule_key *key, uint64_t word)
{
	uint32_t *counts = ctx;

	assert_int_equal(key->identity, WR_RULE_NUMBER(word));
	counts[key->len]++;
	return 0;
}

/* Those for one port are in a map of their own; whoever writes and reads does not notice. */
static void rules_of_every_length_are_one_table(void **state)
{
	static const uint32_t lengths[] = { WR_RULE_LEN_PORT, WR_RULE_LEN_PORT, WR_RULE_LEN_DIR,
					    WR_RULE_LEN_PROTO + 4, WR_RULE_LEN_PORT };
	struct wr_dp *dp = dp_open();
	struct wr_rule_key keys[N_RULES] = { { 0 } };
	uint32_t counts[WR_RULE_LEN_PORT + 1] = { 0 }, i;
	uint64_t words[N_RULES];

	for (i = 0; i < N_RULES; i++) {
		keys[i] = (struct wr_rule_key){ .len = lengths[i % 5], .ruleset = 7, .identity = i };
		words[i] = WR_RULE_WORD(WR_VERDICT_ALLOW, i);
	}
	assert_int_equal(wr_rule_put_many(dp, keys, words, 10), 0);
	assert_int_equal(wr_rule_dump(dp, count_lengths, counts), 0);
	assert_int_equal(counts[WR_RULE_LEN_PORT], 6);
	assert_int_equal(counts[WR_RULE_LEN_DIR], 2);
	assert_int_equal(counts[WR_RULE_LEN_PROTO + 4], 2);
	for (i = 0; i < 10; i++)
		assert_int_equal(wr_rule_del(dp, &keys[i]), 0);
	memset(counts, 0, sizeof(counts));
	assert_int_equal(wr_rule_dump(dp, count_lengths, counts), 0);
	assert_int_equal(counts[WR_RULE_LEN_PORT] + counts[WR_RULE_LEN_DIR], 0);
	wr_dp_close(dp);
}

static void rules_beyond_the_size_are_refused(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_rule_key key = { .len = WR_RULE_LEN_DIR };
	int r = 0;

	for (key.identity = 0; key.identity < 1025 && r == 0; key.identity++)
		r = wr_rule_put(dp, &key, 1);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(key.identity, 1025);
	wr_dp_close(dp);
}

static void put_flow(struct wr_dp *dp, uint32_t place, uint16_t port)
{
	struct wr_flow_key key = { .port_a = port, .proto = IPPROTO_TCP };
	struct wr_flow flow = { .state = WR_FLOW_PROMOTED, .service = port };
	int shard;
	uint32_t id;

	if (place == UINT32_MAX) {
		assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_new_flows), &key,
						   &flow, 0),
				 0);
		return;
	}
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_flows), &place, &id), 0);
	shard = wr_sys_map_by_id(id);
	assert_true(shard >= 0);
	assert_int_equal(wr_sys_map_update(shard, &key, &flow, 0), 0);
	close(shard);
}

static int sum_flow(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow)
{
	assert_int_equal(key->port_a, flow->service);
	*(uint32_t *)ctx += key->port_a;
	return 0;
}

static void flows_of_all_shards_are_dumped_and_counted(void **state)
{
	struct wr_dp *dp = dp_open();
	uint64_t promoted, unproven;
	uint32_t i, sum = 0;

	assert_int_equal(wr_flow_shards(dp), DP_SHARDS);
	assert_int_equal(wr_dp_map_size(dp, WR_MAP_wr_flows), DP_SHARDS * 64);
	for (i = 0; i < DP_SHARDS; i++)
		put_flow(dp, i, (uint16_t)(1u << i));
	put_flow(dp, UINT32_MAX, 1000);
	assert_int_equal(wr_flow_dump(dp, false, sum_flow, &sum), 0);
	assert_int_equal(sum, (1 << DP_SHARDS) - 1);
	sum = 0;
	assert_int_equal(wr_flow_dump(dp, true, sum_flow, &sum), 0);
	assert_int_equal(sum, (1 << DP_SHARDS) - 1 + 1000);
	assert_int_equal(wr_flow_count(dp, &promoted, &unproven), 0);
	assert_int_equal(promoted, DP_SHARDS);
	assert_int_equal(unproven, 1);
	wr_dp_close(dp);
}

static int stop_at_once(void *ctx, const struct wr_flow_key *key, const struct wr_flow *flow)
{
	++*(int *)ctx;
	return 7;
}

static void a_walk_ends_with_the_callers_result(void **state)
{
	struct wr_dp *dp = dp_open();
	int calls = 0;

	put_flow(dp, 0, 1);
	put_flow(dp, 0, 2);
	put_flow(dp, 1, 3);
	assert_int_equal(wr_flow_dump(dp, true, stop_at_once, &calls), 7);
	assert_int_equal(calls, 1);
	wr_dp_close(dp);
}

static void drops_are_summed_over_the_processors(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_drop_count cpus[512], sums[WR_REASON_MAX];
	uint32_t reason = WR_REASON_TTL, i;
	long n = sysconf(_SC_NPROCESSORS_CONF);

	for (i = 0; i < 512; i++)
		cpus[i] = (struct wr_drop_count){ .packets = 2, .bytes = 100 };
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_drops), &reason, cpus, 0), 0);
	assert_int_equal(wr_drops_get(dp, sums), 0);
	assert_true(sums[WR_REASON_TTL].packets >= 2 * (uint64_t)n);
	assert_int_equal(sums[WR_REASON_TTL].bytes, sums[WR_REASON_TTL].packets * 50);
	assert_int_equal(sums[WR_REASON_SHORT].packets, 0);
	wr_dp_close(dp);
}

static void reasons_have_names_and_unknown_ones_a_number(void **state)
{
	assert_string_equal(wr_reason_name(WR_REASON_SPOOFED_ADDR), "spoofed-address");
	assert_string_equal(wr_reason_name(9999), "reason-9999");
	assert_string_equal(wr_reason_text(WR_REASON_NONE), "not dropped");
}

/* Writes eight bytes of 0x2a into the ring: what a program does with an event. */
static int ring_prog(int ring_fd)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .off = -8, .imm = 42 },
		{ .code = BPF_LD | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = ring_fd },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD, .dst_reg = BPF_REG_2, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_4, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ringbuf_output },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return dp_prog_load(BPF_PROG_TYPE_SCHED_CLS, "ring", insns, WR_ARRAY_SIZE(insns));
}

struct seen {
	int n;
	uint64_t last;
};

static int see(void *ctx, const void *data, size_t size)
{
	struct seen *s = ctx;

	assert_int_equal(size, 8);
	memcpy(&s->last, data, 8);
	s->n++;
	return 0;
}

static void events_arrive_in_full_also_when_the_ring_wraps(void **state)
{
	struct wr_dp *dp = dp_open();
	int prog = ring_prog(wr_dp_map_fd(dp, WR_MAP_wr_events)), i, j;
	struct wr_events *e = NULL;
	struct seen seen = { 0 };
	uint8_t packet[64] = { 0 };
	uint32_t ret;

	assert_int_equal(wr_events_open(dp, see, &seen, &e), 0);
	assert_int_equal(wr_events_poll(e), 0);
	/* Records take 16 bytes of 4096: three times round. */
	for (i = 0; i < 8; i++) {
		for (j = 0; j < 100; j++)
			assert_int_equal(wr_sys_prog_test(prog, packet, sizeof(packet), &ret), 0);
		assert_int_equal(wr_events_poll(e), 100);
	}
	assert_int_equal(seen.n, 800);
	assert_int_equal(seen.last, 42);
	wr_events_close(e);
	close(prog);
	wr_dp_close(dp);
}

static void fill_levels_say_what_is_used(void **state)
{
	struct wr_dp *dp = dp_open();
	struct wr_endpoint ep = { .addr4 = addr("10.0.0.1"), .addr6 = addr("fd00::1") };
	struct wr_dp_fill fill[WR_MAP_MAX];
	struct wr_prefix p = prefix("10.0.1.5/32");

	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	assert_int_equal(wr_peer_put(dp, &p, WR_PEER(20, 1, 0)), 0);
	put_flow(dp, 2, 9);
	assert_int_equal(wr_dp_fill(dp, fill), 0);
	assert_int_equal(fill[WR_MAP_wr_endpoints].used, 1);
	assert_int_equal(fill[WR_MAP_wr_endpoints].size, 8);
	assert_int_equal(fill[WR_MAP_wr_ep_by_addr].used, 3); /* and the interface */
	assert_int_equal(fill[WR_MAP_wr_peers].used, 1);
	assert_int_equal(fill[WR_MAP_wr_flows].used, 1);
	assert_int_equal(fill[WR_MAP_wr_flows].size, DP_SHARDS * 64);
	assert_true(fill[WR_MAP_wr_new_flows].memory > 64 * sizeof(struct wr_flow));
	wr_dp_close(dp);
}

static void without_pins_opening_says_so(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_dp *dp = NULL;

	assert_int_equal(wr_dp_open(DP_BPFFS "/nowhere/1", true, &dp, &err), -ENOENT);
	assert_err(&err, -ENOENT, "nothing is pinned below " DP_BPFFS "/nowhere/1");
	assert_null(dp);
}

static void a_reader_reads_and_cannot_write(void **state)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_addr a = addr("192.0.2.1");
	struct wr_endpoint ep = { .addr4 = addr("10.0.0.1") }, got;
	struct wr_dp *dp = dp_open();

	assert_int_equal(wr_endpoint_put(dp, 3, &ep), 0);
	wr_dp_close(dp);
	assert_int_equal(wr_dp_open(DP_PINS, true, &dp, &err), 0);
	assert_int_equal(wr_endpoint_get(dp, 3, &got), 0);
	assert_true(wr_addr_eq(&got.addr4, &ep.addr4));
	assert_int_equal(wr_host_addr_put(dp, &a), -EPERM);
	wr_dp_close(dp);
}

#define test(name) cmocka_unit_test_setup_teardown(name, dp_maps_make, dp_maps_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(rules_written_at_once_are_dumped_as_written),
		test(rules_of_every_length_are_one_table),
		test(rules_beyond_the_size_are_refused),
		test(flows_of_all_shards_are_dumped_and_counted),
		test(a_walk_ends_with_the_callers_result),
		test(drops_are_summed_over_the_processors),
		test(reasons_have_names_and_unknown_ones_a_number),
		test(events_arrive_in_full_also_when_the_ring_wraps),
		test(fill_levels_say_what_is_used),
		test(without_pins_opening_says_so),
		test(a_reader_reads_and_cannot_write),
	};

	return cmocka_run_group_tests(tests, dp_sandbox_enter, dp_sandbox_leave);
}
