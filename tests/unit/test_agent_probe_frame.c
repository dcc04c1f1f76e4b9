/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about queries through the tunnel, as packets. */
#include "tests/unit/check.h"

#include <arpa/inet.h>

#include "agent/domains_private.h"
#include "agent/probe_private.h"

static struct wr_addr addr(const char *text)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

/* All words, a complete one's complement sum. */
static uint32_t sum_of(const uint8_t *b, size_t size)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)b[i] << 8 | b[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void a_query_is_a_whole_packet(const char *from, const char *to, size_t header)
{
	struct wr_addr src = addr(from), dst = addr(to);
	uint8_t packet[WR_PROBE_PACKET_MAX], pseudo[36 + 8 + WR_PROBE_SIZE + 4];
	size_t size = wr_probe_packet(&src, &dst, 9878, 0x1122334455667788, packet), n;
	enum wr_probe_type type;
	struct wr_ip_parts ip;
	uint64_t number;

	assert_int_equal(size, header + 8 + WR_PROBE_SIZE);
	assert_int_equal(wr_ip_parse(packet, size, &ip), 0);
	assert_true(wr_addr_eq(&ip.src, &src));
	assert_true(wr_addr_eq(&ip.dst, &dst));
	assert_int_equal(ip.proto, IPPROTO_UDP);
	assert_int_equal(ip.end, size);
	assert_int_equal(packet[header] << 8 | packet[header + 1], 9878);
	assert_int_equal(packet[header + 2] << 8 | packet[header + 3], 9878);
	assert_true(wr_probe_decode(packet + header + 8, WR_PROBE_SIZE, &type, &number));
	assert_int_equal(type, WR_PROBE_QUERY);
	assert_true(number == 0x1122334455667788);
	if (wr_addr_is4(&src))
		assert_int_equal(sum_of(packet, header), 0xffff);
	n = wr_addr_bytes(&src, pseudo);
	n += wr_addr_bytes(&dst, pseudo + n);
	memcpy(pseudo + n, (uint8_t[]){ 0, IPPROTO_UDP, 0, 8 + WR_PROBE_SIZE }, 4);
	memcpy(pseudo + n + 4, packet + header, 8 + WR_PROBE_SIZE);
	assert_int_equal(sum_of(pseudo, n + 4 + 8 + WR_PROBE_SIZE), 0xffff);
}

static void a_query_in_either_family_is_a_whole_packet(void **state)
{
	a_query_is_a_whole_packet("10.244.11.1", "10.30.0.12", 20);
	a_query_is_a_whole_packet("fd00:10:244:11::1", "fd30::c", 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_in_either_family_is_a_whole_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
