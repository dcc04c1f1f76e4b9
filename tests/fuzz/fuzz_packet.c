/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames through the real programs, in the kernel: the first byte picks the hook, the rest is the frame. Needs root.
 *
 * A verdict is one of the three that there are, and a drop has exactly one name. (Too long or too old a packet has one and is
 * answered.) libFuzzer cannot see where a program goes, so drop reasons and verdicts are shown to it instead.
 */
#include "tests/bpf/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "tests/bpf/lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define FRAME_MIN 34 /* what the kernel gives to programs at the least: Ethernet and IPv4 */
#define VERDICTS  8

static const char *const hooks[] = { "pod_egress", "pod_ingress", "uplink_ingress", "uplink_egress",
				     "overlay_ingress" };

/* What a run did, for libFuzzer: hook by hook. */
static uint8_t seen[WR_ARRAY_SIZE(hooks)][WR_REASON_MAX + VERDICTS]
	__attribute__((section("__libfuzzer_extra_counters"), used));

static struct lab *lab;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (lab_enter(NULL)) {
		fprintf(stderr, "fuzz_packet: no network namespace; it needs root\n");
		exit(1);
	}
	lab = lab_open(0);
	return 0;
}

static uint32_t interface_of(size_t hook)
{
	return hook < 2 ? lab->pod[5] : hook < 4 ? lab->uplink : lab->overlay;
}

/* How many drops have been counted since. */
static uint64_t note_drops(size_t hook, const struct wr_drop_count before[WR_REASON_MAX])
{
	struct wr_drop_count after[WR_REASON_MAX];
	uint64_t n = 0;
	uint32_t i;

	if (wr_drops_get(lab->dp, after))
		abort();
	for (i = 0; i < WR_REASON_MAX; i++) {
		if (after[i].packets != before[i].packets)
			seen[hook][i] = 1;
		n += after[i].packets - before[i].packets;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wr_drop_count before[WR_REASON_MAX];
	struct packet p;
	uint64_t drops;
	size_t hook;
	int verdict;

	if (size < 1 + FRAME_MIN || size - 1 > 2000)
		return 0;
	hook = data[0] % WR_ARRAY_SIZE(hooks);
	p.len = (uint32_t)size - 1;
	memcpy(p.b, data + 1, p.len);
	if (wr_drops_get(lab->dp, before))
		abort();
	verdict = lab_run(lab, hooks[hook], &p, interface_of(hook));
	drops = note_drops(hook, before);
	if (verdict != LAB_PASS && verdict != LAB_DROP && verdict != LAB_REDIRECT)
		abort();
	if (drops > 1 || (verdict == LAB_DROP && !drops))
		abort();
	seen[hook][WR_REASON_MAX + (verdict & (VERDICTS - 1))] = 1;
	return 0;
}
