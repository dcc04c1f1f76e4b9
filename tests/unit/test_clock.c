/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about clocks. */
#include "tests/unit/check.h"

#include <time.h>

#include "lib/base/clock.h"

static uint64_t ns_of(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void each_reads_its_clock_in_its_unit(void **state)
{
	uint64_t before, after;

	before = ns_of(CLOCK_MONOTONIC);
	assert_in_range(wr_now_ns(), before, before + 60000000000u);
	assert_in_range(wr_now_ms(), before / 1000000, before / 1000000 + 60000);
	before = ns_of(CLOCK_BOOTTIME);
	assert_in_range(wr_boot_ns(), before, before + 60000000000u);
	before = ns_of(CLOCK_REALTIME) / 1000000;
	after = wr_real_ms();
	assert_in_range(after, before, before + 60000);
}

static void time_goes_on(void **state)
{
	uint64_t first = wr_now_ns();

	assert_true(wr_now_ns() >= first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reads_its_clock_in_its_unit),
		cmocka_unit_test(time_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
