/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about name servers' answers. */
#include "tests/unit/check.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dns/dns.h"

#define A     1
#define CNAME 5
#define AAAA  28
#define SVCB  64
#define HTTPS 65

struct msg {
	uint8_t b[4096];
	size_t n;
};

static void put16(struct msg *m, unsigned int v)
{
	m->b[m->n++] = (uint8_t)(v >> 8);
	m->b[m->n++] = (uint8_t)v;
}

static void put32(struct msg *m, uint32_t v)
{
	put16(m, v >> 16);
	put16(m, v & 0xffff);
}

static void put_name(struct msg *m, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		m->b[m->n++] = (uint8_t)len;
		memcpy(m->b + m->n, name, len);
		m->n += len;
		name += len + (name[len] == '.');
	}
	m->b[m->n++] = 0;
}

static struct msg answer(const char *question, unsigned int type, unsigned int answers)
{
	struct msg m = { 0 };

	put16(&m, 0x1234);
	put16(&m, 0x8180);
	put16(&m, 1);
	put16(&m, answers);
	put16(&m, 0);
	put16(&m, 1); /* OPT, which nobody looks at */
	put_name(&m, question);
	put16(&m, type);
	put16(&m, 1);
	return m;
}

static void begin_record(struct msg *m, const char *owner, unsigned int type, uint32_t ttl)
{
	put_name(m, owner);
	put16(m, type);
	put16(m, 1);
	put32(m, ttl);
}

static void put_a(struct msg *m, const char *owner, const char *addr, uint32_t ttl)
{
	begin_record(m, owner, A, ttl);
	put16(m, 4);
	assert_int_equal(inet_pton(AF_INET, addr, m->b + m->n), 1);
	m->n += 4;
}

static void put_aaaa(struct msg *m, const char *owner, const char *addr, uint32_t ttl)
{
	begin_record(m, owner, AAAA, ttl);
	put16(m, 16);
	assert_int_equal(inet_pton(AF_INET6, addr, m->b + m->n), 1);
	m->n += 16;
}

static void put_cname(struct msg *m, const char *owner, const char *target, uint32_t ttl)
{
	size_t at;

	begin_record(m, owner, CNAME, ttl);
	at = m->n;
	m->n += 2;
	put_name(m, target);
	m->b[at] = (uint8_t)((m->n - at - 2) >> 8);
	m->b[at + 1] = (uint8_t)(m->n - at - 2);
}

/* In memory of its own, for the sanitizers. */
static int parse(const struct msg *m, struct wr_dns_answer *ret)
{
	wr_autofree uint8_t *copy = wr_xmalloc(m->n ? m->n : 1);

	memcpy(copy, m->b, m->n);
	return wr_dns_parse(copy, m->n, ret);
}

static void assert_addr(const struct wr_dns_answer *a, size_t i, const char *want, uint32_t ttl)
{
	char text[WR_ADDR_STRLEN];

	assert_true(i < a->n_addrs);
	assert_string_equal(wr_addr_format(&a->addrs[i].addr, text), want);
	assert_int_equal(a->addrs[i].ttl, ttl);
}

static void addresses_belong_to_the_question(void **state)
{
	static struct wr_dns_answer a;
	struct msg m = answer("WWW.Example.com", A, 3);

	put_a(&m, "www.example.COM", "192.0.2.1", 60);
	put_a(&m, "www.example.com", "192.0.2.2", 30);
	put_a(&m, "other.example.com", "192.0.2.3", 60);
	assert_int_equal(parse(&m, &a), 0);
	assert_int_equal(a.n_names, 1);
	assert_string_equal(a.names[0].text, "www.example.com");
	assert_int_equal(a.n_addrs, 2);
	assert_addr(&a, 0, "192.0.2.1", 60);
	assert_addr(&a, 1, "192.0.2.2", 30);
	m = answer("six.example.com", AAAA, 1);
	put_aaaa(&m, "six.example.com", "2001:db8::1", 5);
	assert_int_equal(parse(&m, &a), 0);
	assert_addr(&a, 0, "2001:db8::1", 5);
}

static void aliases_are_followed_in_any_order_and_live_as_long_as_what_is_behind_them(void **state)
{
	static struct wr_dns_answer a;
	struct msg m = answer("a.org", A, 3);

	put_a(&m, "c.net", "192.0.2.9", 300);
	put_cname(&m, "b.net", "C.net", 20);
	put_cname(&m, "a.org", "b.net", 1000);
	assert_int_equal(parse(&m, &a), 0);
	assert_int_equal(a.n_names, 3);
	assert_string_equal(a.names[0].text, "a.org");
	assert_string_equal(a.names[1].text, "b.net");
	assert_string_equal(a.names[2].text, "c.net");
	assert_int_equal(a.names[0].ttl, 20);
	assert_int_equal(a.names[1].ttl, 20);
	assert_int_equal(a.names[2].ttl, UINT32_MAX);
	assert_addr(&a, 0, "192.0.2.9", 300);
}

/* Priority 1, itself as the target, an ALPN of two bytes that nobody reads, and both hints. */
static void put_service(struct msg *m, const char *owner, unsigned int type, uint32_t ttl)
{
	static const uint8_t params[] = { 0, 1,   0, 2, 1, 'h', 0, 4, 0,  8,    192, 0,   2,
					  1, 192, 0, 2, 2, 0,   6, 0, 16, 0x20, 1,   0xd, 0xb8,
					  0, 0,   0, 0, 0, 0,   0, 0, 0,  0,    0,   1 };

	begin_record(m, owner, type, ttl);
	put16(m, 2 + 1 + sizeof(params));
	put16(m, 1);
	put_name(m, "");
	memcpy(m->b + m->n, params, sizeof(params));
	m->n += sizeof(params);
}

/* Clients connect to hinted addresses before, or instead of, asking for A and AAAA. */
static void hints_of_services_are_addresses(void **state)
{
	struct msg m = answer("www.example.com", HTTPS, 1);
	struct wr_dns_answer a;

	put_service(&m, "www.example.com", HTTPS, 300);
	assert_int_equal(parse(&m, &a), 0);
	assert_int_equal(a.n_addrs, 3);
	assert_addr(&a, 0, "192.0.2.1", 300);
	assert_addr(&a, 1, "192.0.2.2", 300);
	assert_addr(&a, 2, "2001:db8::1", 300);
	m = answer("_8443._foo.api.example.com", SVCB, 2);
	put_cname(&m, "_8443._foo.api.example.com", "svc.example.net", 60);
	put_service(&m, "svc.example.net", SVCB, 300);
	assert_int_equal(parse(&m, &a), 0);
	assert_int_equal(a.n_names, 2);
	assert_string_equal(a.names[0].text, "api.example.com");
	assert_int_equal(a.names[0].ttl, 60);
	assert_string_equal(a.names[1].text, "svc.example.net");
	assert_int_equal(a.n_addrs, 3);
}

static void hints_that_are_cut_off_are_refused(void **state)
{
	struct msg m = answer("a.org", HTTPS, 1);
	struct wr_dns_answer a;
	size_t size;

	put_service(&m, "a.org", HTTPS, 300);
	size = m.n;
	/* A value longer than its record. */
	m.b[size - 17] = 17;
	assert_int_equal(parse(&m, &a), -EBADMSG);
	/* Of an address that is not whole nothing is taken. */
	m.b[size - 17] = 15;
	assert_int_equal(parse(&m, &a), -EBADMSG);
	for (m.n = 12; m.n < size; m.n++)
		assert_int_equal(parse(&m, &a), -EBADMSG);
}

static void what_nobody_asked_for_is_no_answer(void **state)
{
	static struct wr_dns_answer a;
	struct msg m = answer("a.org", A, 1);

	put_a(&m, "victim.org", "192.0.2.9", 300);
	assert_int_equal(parse(&m, &a), -ENODATA);
	m = answer("a.org", 15, 1); /* MX */
	put_a(&m, "a.org", "192.0.2.9", 300);
	assert_int_equal(parse(&m, &a), -ENODATA);
}

static void questions_errors_and_cut_answers_tell_nothing(void **state)
{
	static const uint8_t flags[][2] = {
		{ 0x01, 0x00 }, { 0x81, 0x83 }, { 0x83, 0x80 }, { 0xa9, 0x80 }
	};
	static struct wr_dns_answer a;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(flags); i++) {
		struct msg m = answer("a.org", A, 1);

		put_a(&m, "a.org", "192.0.2.9", 300);
		memcpy(m.b + 2, flags[i], 2);
		assert_int_equal(parse(&m, &a), -ENODATA);
	}
}

static void compressed_names_are_read(void **state)
{
	static struct wr_dns_answer a;
	struct msg m = answer("www.example.com", A, 2);

	/* www.example.com is at 12, example.com at 16. */
	put16(&m, 0xc00c);
	put16(&m, CNAME);
	put16(&m, 1);
	put32(&m, 60);
	put16(&m, 6);
	m.b[m.n++] = 3;
	memcpy(m.b + m.n, "cdn", 3);
	m.n += 3;
	put16(&m, 0xc010);
	put_a(&m, "cdn.example.com", "192.0.2.1", 60);
	assert_int_equal(parse(&m, &a), 0);
	assert_string_equal(a.names[1].text, "cdn.example.com");
}

static void pointers_that_do_not_go_back_are_refused(void **state)
{
	static const unsigned int targets[] = { 0xc01b, 0xc0ff, 0xffff, 0xc000, 0xc002 };
	static struct wr_dns_answer a;
	size_t i;

	/* The record's owner begins at 12 + 11 + 4 = 27 = 0x1b. */
	for (i = 0; i < WR_ARRAY_SIZE(targets); i++) {
		struct msg m = answer("a.example", A, 1);

		assert_int_equal(m.n, 0x1b);
		put16(&m, targets[i]);
		put16(&m, A);
		put16(&m, 1);
		put32(&m, 60);
		put16(&m, 4);
		put32(&m, 0x01020304);
		assert_int_equal(parse(&m, &a), -EBADMSG);
	}
}

static void aliases_in_a_circle_are_refused(void **state)
{
	static struct wr_dns_answer a;
	struct msg m = answer("a.org", A, 3);

	put_cname(&m, "a.org", "b.org", 60);
	put_cname(&m, "b.org", "a.org", 60);
	put_a(&m, "a.org", "192.0.2.1", 60);
	assert_int_equal(parse(&m, &a), -EBADMSG);
}

static void every_cut_of_a_message_is_refused(void **state)
{
	static struct wr_dns_answer a;
	struct msg m = answer("www.example.com", A, 2);
	size_t n;

	put_cname(&m, "www.example.com", "x.example.net", 60);
	put_a(&m, "x.example.net", "192.0.2.1", 60);
	assert_int_equal(parse(&m, &a), 0);
	for (n = m.n; m.n--;)
		assert_int_equal(parse(&m, &a), -EBADMSG);
	assert_true(n > 12);
}

static void strange_bytes_make_no_host_name(void **state)
{
	static struct wr_dns_answer a;
	struct msg m = answer("wwwXexample.com", A, 1);

	m.b[16] = '.'; /* inside a label */
	put_a(&m, "wwwXexample.com", "192.0.2.1", 60);
	m.b[12 + 17 + 4 + 4] = '.';
	assert_int_equal(parse(&m, &a), 0);
	assert_string_equal(a.names[0].text, "www?example.com");
	assert_false(wr_dns_matches("*.example.com", a.names[0].text));
}

static void addresses_beyond_the_most_do_not_count(void **state)
{
	static struct wr_dns_answer a;
	struct msg m = answer("a", A, 300);
	int i;

	for (i = 0; i < 300; i++) {
		if (m.n + 32 > sizeof(m.b))
			break;
		put16(&m, 0xc00c);
		put16(&m, A);
		put16(&m, 1);
		put32(&m, 60);
		put16(&m, 4);
		put32(&m, 0x0a000000u + (uint32_t)i);
	}
	m.b[6] = (uint8_t)(i >> 8);
	m.b[7] = (uint8_t)i;
	assert_int_equal(parse(&m, &a), 0);
	assert_int_equal(a.n_addrs, WR_MIN(i, WR_DNS_ADDRS_MAX));
}

static void patterns_mean_whole_labels(void **state)
{
	assert_true(wr_dns_matches("kubernetes.io", "kubernetes.io"));
	assert_false(wr_dns_matches("kubernetes.io", "www.kubernetes.io"));
	assert_false(wr_dns_matches("kubernetes.io", "my-kubernetes.io"));
	assert_true(wr_dns_matches("*.kubernetes.io", "www.kubernetes.io"));
	assert_true(wr_dns_matches("*.kubernetes.io", "latest.blog.kubernetes.io"));
	assert_false(wr_dns_matches("*.kubernetes.io", "kubernetes.io"));
	assert_false(wr_dns_matches("*.kubernetes.io", "my-kubernetes.io"));
	assert_false(wr_dns_matches("*.kubernetes.io", ".kubernetes.io"));
	assert_false(wr_dns_matches("*.kubernetes.io", "wikipedia.org"));
	assert_false(wr_dns_matches("kubernetes.io", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_belong_to_the_question),
		cmocka_unit_test(
			aliases_are_followed_in_any_order_and_live_as_long_as_what_is_behind_them),
		cmocka_unit_test(hints_of_services_are_addresses),
		cmocka_unit_test(hints_that_are_cut_off_are_refused),
		cmocka_unit_test(what_nobody_asked_for_is_no_answer),
		cmocka_unit_test(questions_errors_and_cut_answers_tell_nothing),
		cmocka_unit_test(compressed_names_are_read),
		cmocka_unit_test(pointers_that_do_not_go_back_are_refused),
		cmocka_unit_test(aliases_in_a_circle_are_refused),
		cmocka_unit_test(every_cut_of_a_message_is_refused),
		cmocka_unit_test(strange_bytes_make_no_host_name),
		cmocka_unit_test(addresses_beyond_the_most_do_not_count),
		cmocka_unit_test(patterns_mean_whole_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
