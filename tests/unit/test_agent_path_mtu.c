/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about words of narrow paths. */
#include "tests/unit/check.h"

#include <string.h>

#include "agent/path_mtu.h"

#define SIZE (8 + 40 + 8)

/* Packet too big about UDP from fd30::11 to fd30::12, port 4789. */
static void fill(uint8_t m[SIZE])
{
	memset(m, 0, SIZE);
	m[0] = 2;
	m[8] = 0x60;
	m[8 + 6] = 17;
	m[8 + 24] = 0xfd;
	m[8 + 25] = 0x30;
	m[8 + 39] = 0x12;
	m[8 + 42] = 4789 >> 8;
	m[8 + 43] = 4789 & 255;
}

static void the_destination_of_a_tunnel_packet_is_found(void **state)
{
	struct wr_addr a = { 0 };
	uint8_t m[SIZE];
	char text[WR_ADDR_STRLEN];

	fill(m);
	assert_true(wr_path_mtu_parse(m, SIZE, 4789, &a));
	wr_addr_format(&a, text);
	assert_string_equal(text, "fd30::12");
}

static void other_messages_are_none_of_ours(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} changes[] = { { 0, 1 }, { 8, 0x45 }, { 8 + 6, 6 }, { 8 + 43, 0 } };
	struct wr_addr a = { 0 };
	uint8_t m[SIZE];
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		fill(m);
		m[changes[i].at] = changes[i].value;
		assert_false(wr_path_mtu_parse(m, SIZE, 4789, &a));
	}
	fill(m);
	for (i = 0; i < SIZE; i++)
		assert_false(wr_path_mtu_parse(m, i, 4789, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_destination_of_a_tunnel_packet_is_found),
		cmocka_unit_test(other_messages_are_none_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
