/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about messages of name servers in packets. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdlib.h>

#include "agent/domains_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

struct heard {
	char text[256]; /* messages, each behind a '|' */
	struct wr_dns_streams *streams;
};

static void hear(void *ctx, const uint8_t *msg, size_t size)
{
	struct heard *h = ctx;
	size_t len = strlen(h->text);

	assert_true(len + size + 2 < sizeof(h->text));
	h->text[len] = '|';
	memcpy(h->text + len + 1, msg, size);
	h->text[len + 1 + size] = '\0';
}

static enum wr_packet_fate give(struct heard *h, const void *packet, size_t size)
{
	const struct wr_dns_sink sink = { h, hear };
	wr_autofree uint8_t *copy = wr_xmalloc(size ? size : 1);

	memcpy(copy, packet, size);
	return wr_dns_streams_take(h->streams, copy, size, 1000, &sink);
}

static size_t ip4(uint8_t *b, uint8_t proto, size_t payload, uint16_t frag)
{
	struct iphdr ip = { .version = 4, .ihl = 5, .protocol = proto, .id = htons(7) };

	ip.tot_len = htons((uint16_t)(sizeof(ip) + payload));
	ip.frag_off = htons(frag);
	ip.saddr = htonl(0x0a000001);
	ip.daddr = htonl(0x0a000002);
	memcpy(b, &ip, sizeof(ip));
	return sizeof(ip);
}

static enum wr_packet_fate datagram(struct heard *h, const char *text)
{
	struct udphdr uh = { .uh_sport = htons(53), .uh_dport = htons(1000) };
	uint8_t b[512];
	size_t at = ip4(b, IPPROTO_UDP, sizeof(uh) + strlen(text), 0);

	memcpy(b + at, &uh, sizeof(uh));
	memcpy(b + at + sizeof(uh), text, strlen(text));
	return give(h, b, at + sizeof(uh) + strlen(text));
}

/* Bytes of a stream "LLmessage..." from @from on. */
static enum wr_packet_fate segment(struct heard *h, uint32_t seq, const void *data, size_t size)
{
	struct tcphdr th = { .th_off = 5, .th_seq = htonl(seq) };
	uint8_t b[512];
	size_t at = ip4(b, IPPROTO_TCP, sizeof(th) + size, 0);

	th.th_sport = htons(53);
	th.th_dport = htons(1000);
	memcpy(b + at, &th, sizeof(th));
	memcpy(b + at + sizeof(th), data, size);
	return give(h, b, at + sizeof(th) + size);
}

static enum wr_packet_fate fragment(struct heard *h, size_t offset, const void *data, size_t size,
				    bool more)
{
	uint8_t b[512];
	size_t at = ip4(b, IPPROTO_UDP, size, (uint16_t)(offset / 8 | (more ? IP_MF : 0)));

	memcpy(b + at, data, size);
	return give(h, b, at + size);
}

static int setup(void **state)
{
	struct heard *h = wr_xcalloc(1, sizeof(*h));

	h->streams = wr_dns_streams_new();
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct heard *h = *state;

	wr_dns_streams_free(h->streams);
	free(h);
	return 0;
}

static void a_datagram_is_a_message(void **state)
{
	struct heard *h = *state;

	assert_int_equal(datagram(h, "one"), WR_PACKET_GOES);
	assert_int_equal(datagram(h, "two"), WR_PACKET_GOES);
	assert_string_equal(h->text, "|one|two");
}

static void ipv6_and_its_extension_headers_are_followed(void **state)
{
	struct ip6_hdr ip = { .ip6_nxt = IPPROTO_DSTOPTS, .ip6_plen = htons(8 + 8 + 3) };
	struct heard *h = *state;
	uint8_t b[64] = { 0 };

	ip.ip6_vfc = 0x60;
	memcpy(b, &ip, sizeof(ip));
	b[40] = IPPROTO_UDP;
	memcpy(b + 56, "six", 3);
	assert_int_equal(give(h, b, 59), WR_PACKET_GOES);
	assert_string_equal(h->text, "|six");
}

static void messages_of_a_stream_are_cut_where_they_end(void **state)
{
	static const uint8_t stream[] = "\0\3one\0\5three\0\1x";
	struct heard *h = *state;

	assert_int_equal(segment(h, 100, stream, 1), WR_PACKET_GOES);
	assert_int_equal(segment(h, 101, stream + 1, 3), WR_PACKET_GOES);
	assert_string_equal(h->text, "");
	assert_int_equal(segment(h, 104, stream + 4, 11), WR_PACKET_GOES);
	assert_string_equal(h->text, "|one|three|x");
}

static void what_is_sent_again_is_not_read_again(void **state)
{
	static const uint8_t stream[] = "\0\3one\0\3two";
	struct heard *h = *state;

	segment(h, UINT32_MAX - 1, stream, 5);
	assert_int_equal(segment(h, UINT32_MAX - 1, stream, 5), WR_PACKET_GOES);
	assert_int_equal(segment(h, UINT32_MAX - 1, stream, 10), WR_PACKET_GOES);
	assert_string_equal(h->text, "|one|two");
}

static void a_segment_that_is_too_early_waits_for_what_is_missing(void **state)
{
	static const uint8_t stream[] = "\0\3one\0\3two";
	struct heard *h = *state;

	segment(h, 1, stream, 2);
	assert_int_equal(segment(h, 6, stream + 5, 5), WR_PACKET_LOST);
	assert_int_equal(segment(h, 3, stream + 2, 3), WR_PACKET_GOES);
	assert_int_equal(segment(h, 6, stream + 5, 5), WR_PACKET_GOES);
	assert_string_equal(h->text, "|one|two");
}

static void what_went_by_unseen_is_not_waited_for_twice(void **state)
{
	static const uint8_t stream[] = "\0\3one\0\3two";
	struct heard *h = *state;

	segment(h, 1, stream, 5);
	assert_int_equal(segment(h, 100, stream + 5, 5), WR_PACKET_LOST);
	assert_int_equal(segment(h, 100, stream + 5, 5), WR_PACKET_GOES);
	assert_string_equal(h->text, "|one|two");
}

static void fragments_in_their_order_are_a_message(void **state)
{
	uint8_t data[24] = { 0 };
	struct heard *h = *state;

	memcpy(data + 8, "abcdefghijklmno", 15);
	fragment(h, 0, data, 16, true);
	assert_string_equal(h->text, "");
	fragment(h, 16, data + 16, 7, false);
	assert_string_equal(h->text, "|abcdefghijklmno");
}

static void fragments_that_overlap_or_leave_holes_are_none(void **state)
{
	uint8_t data[32] = { 0 };
	struct heard *h = *state;

	fragment(h, 0, data, 16, true);
	fragment(h, 8, data + 8, 16, true);
	fragment(h, 24, data + 24, 8, false);
	fragment(h, 16, data + 16, 8, false);
	fragment(h, 0, data, 16, true);
	fragment(h, 24, data + 24, 8, false);
	assert_string_equal(h->text, "");
}

static void rubbish_is_let_go(void **state)
{
	struct heard *h = *state;
	uint8_t b[64] = { 0x45 };
	size_t n;

	for (n = 0; n < sizeof(b); n++)
		assert_int_equal(give(h, b, n), WR_PACKET_GOES);
	b[0] = 0x60;
	b[6] = IPPROTO_HOPOPTS;
	b[5] = 24;
	b[40] = IPPROTO_HOPOPTS;
	b[41] = 255;
	for (n = 0; n < sizeof(b); n++)
		assert_int_equal(give(h, b, n), WR_PACKET_GOES);
	assert_string_equal(h->text, "");
}

static void more_connections_than_there_is_room_for_forget_the_oldest(void **state)
{
	static const uint8_t half[] = "\0\3o";
	struct heard *h = *state;
	uint32_t i;

	for (i = 0; i < 1000; i++) {
		const struct wr_dns_sink sink = { h, hear };
		struct tcphdr th = { .th_off = 5, .th_seq = htonl(1) };
		uint8_t b[128];
		size_t at = ip4(b, IPPROTO_TCP, sizeof(th) + 3, 0);

		th.th_dport = htons((uint16_t)(2000 + i));
		memcpy(b + at, &th, sizeof(th));
		memcpy(b + at + sizeof(th), half, 3);
		wr_dns_streams_take(h->streams, b, at + sizeof(th) + 3, 1000 + i, &sink);
	}
	assert_string_equal(h->text, "");
}

#define claim(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		claim(a_datagram_is_a_message),
		claim(ipv6_and_its_extension_headers_are_followed),
		claim(messages_of_a_stream_are_cut_where_they_end),
		claim(what_is_sent_again_is_not_read_again),
		claim(a_segment_that_is_too_early_waits_for_what_is_missing),
		claim(what_went_by_unseen_is_not_waited_for_twice),
		claim(fragments_in_their_order_are_a_message),
		claim(fragments_that_overlap_or_leave_holes_are_none),
		claim(rubbish_is_let_go),
		claim(more_connections_than_there_is_room_for_forget_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
