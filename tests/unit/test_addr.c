/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about addresses and prefixes. */
#include "tests/unit/check.h"

#include "lib/base/addr.h"
#include "lib/base/cleanup.h"

static struct wr_addr addr(const char *s)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(s, &a), 0);
	return a;
}

static struct wr_prefix prefix(const char *s)
{
	struct wr_prefix p;

	assert_int_equal(wr_prefix_parse(s, &p), 0);
	return p;
}

static void addresses_come_back_as_they_went(void **state)
{
	static const char *const all[] = { "10.1.2.3", "0.0.0.0",  "255.255.255.255",
					   "::",       "::1",      "fd00:10:244::1",
					   "fe80::1",  "::1.2.3.4" };
	char buf[WR_ADDR_STRLEN];
	struct wr_addr a;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(all); i++) {
		a = addr(all[i]);
		assert_string_equal(wr_addr_format(&a, buf), all[i]);
	}
}

static void ipv4_is_mapped(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, 10, 1, 2, 3 };
	struct wr_addr a = addr("10.1.2.3"), six = addr("fd00::1"), again;
	uint8_t raw[16];

	assert_memory_equal(a.b, mapped, 16);
	assert_true(wr_addr_is4(&a));
	assert_int_equal(wr_addr_family(&a), AF_INET);
	assert_int_equal(wr_addr_family(&six), AF_INET6);
	assert_int_equal(wr_addr_bytes(&a, raw), 4);
	assert_memory_equal(raw, mapped + 12, 4);
	assert_int_equal(wr_addr_bytes(&six, raw), 16);
	again = wr_addr_from4(wr_addr_to4(&a));
	assert_true(wr_addr_eq(&a, &again));
	again = wr_addr_from6(&(struct in6_addr){ 0 });
	assert_false(wr_addr_eq(&a, &again));
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"",          "10.1.2",         "10.1.2.3.4",     "10.01.2.3",
		"256.1.1.1", "::ffff:1.2.3.4", "::ffff:102:304", "fe80::1%eth0",
		"1::2::3",   " 10.1.2.3",      "10.1.2.3 ",      "host"
	};
	struct wr_addr a = addr("1.1.1.1"), before = a;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++)
		assert_int_equal(wr_addr_parse(bad[i], &a), -EINVAL);
	assert_true(wr_addr_eq(&a, &before));
}

static void zero_is_zero_in_both_families(void **state)
{
	struct wr_addr a = addr("::"), b = addr("0.0.0.0"), c = addr("::1"), d = addr("0.0.0.1");
	struct wr_addr e = addr("0:0:0:0:0:1::");

	assert_true(wr_addr_is_zero(&a));
	assert_true(wr_addr_is_zero(&b));
	assert_false(wr_addr_is_zero(&c));
	assert_false(wr_addr_is_zero(&d));
	assert_false(wr_addr_is_zero(&e));
}

static void order_is_numeric(void **state)
{
	struct wr_addr a = addr("10.0.0.9"), b = addr("10.0.0.10"), c = addr("fd00::1");

	assert_true(wr_addr_cmp(&a, &b) < 0);
	assert_true(wr_addr_cmp(&c, &b) > 0);
	assert_int_equal(wr_addr_cmp(&b, &b), 0);
}

static void prefixes_come_back_as_they_went(void **state)
{
	static const char *const all[] = { "10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/24", "10.1.2.3/32",
					   "::/0",       "fd00::/64", "fd00::1/128" };
	char buf[WR_PREFIX_STRLEN];
	struct wr_prefix p;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(all); i++) {
		p = prefix(all[i]);
		assert_string_equal(wr_prefix_format(&p, buf), all[i]);
	}
	p = prefix("10.0.0.0/8");
	assert_int_equal(p.len, 104);
	assert_int_equal(wr_prefix_family_len(&p), 8);
}

static void what_is_no_prefix_is_refused(void **state)
{
	static const char *const bad[] = { "",
					   "10.0.0.0",
					   "10.0.0.0/",
					   "10.0.0.0/33",
					   "10.0.0.0/-1",
					   "10.0.0.0/08",
					   "10.0.0.0/8/8",
					   "::/129",
					   "/8",
					   "x/8",
					   "10.0.0.0/8 ",
					   "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/8" };
	struct wr_prefix p;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(bad); i++)
		assert_int_equal(wr_prefix_parse(bad[i], &p), -EINVAL);
}

static void a_prefix_has_addresses_of_its_own_family_only(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool has;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.0.1", true },
		{ "10.0.0.0/8", "11.0.0.1", false },
		{ "10.0.0.128/25", "10.0.0.127", false },
		{ "10.0.0.128/25", "10.0.0.128", true },
		{ "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "::1", false },
		{ "::/0", "fd00::1", true },
		{ "::/0", "1.2.3.4", false },
		{ "::/96", "::1", true },
		{ "fd00::/63", "fd00:0:0:1::", true },
		{ "fd00::/63", "fd00:0:0:2::", false },
		{ "10.1.2.3/8", "10.9.9.9", true },
		{ "::1/128", "::1", true },
	};
	struct wr_prefix p;
	struct wr_addr a;
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(rows); i++) {
		p = prefix(rows[i].prefix);
		a = addr(rows[i].addr);
		if (wr_prefix_has(&p, &a) != rows[i].has)
			fail_msg("%s, %s", rows[i].prefix, rows[i].addr);
	}
}

static void masking_clears_host_bits(void **state)
{
	struct wr_prefix p = prefix("10.1.2.3/20"), want = prefix("10.1.0.0/20"), m;
	struct wr_addr a = addr("10.1.2.3");

	m = wr_prefix_masked(&p);
	assert_true(wr_prefix_eq(&m, &want));
	assert_false(wr_prefix_eq(&p, &want));
	m = wr_prefix_of(&a);
	assert_int_equal(m.len, 128);
	m = wr_prefix_masked(&m);
	assert_true(wr_addr_eq(&m.addr, &a));
}

static void addresses_are_counted_from_the_first(void **state)
{
	struct wr_prefix p = prefix("10.1.2.3/22"), six = prefix("fd00::ff00/64");
	struct wr_addr a, want = addr("10.1.3.255");

	assert_int_equal(wr_prefix_nth(&p, 1023, &a), 0);
	assert_true(wr_addr_eq(&a, &want));
	assert_int_equal(wr_prefix_nth(&p, 1024, &a), -ERANGE);
	assert_true(wr_addr_eq(&a, &want));
	assert_int_equal(wr_prefix_nth(&six, UINT64_MAX, &a), 0);
	want = addr("fd00::ffff:ffff:ffff:ffff");
	assert_true(wr_addr_eq(&a, &want));
	six = prefix("fd00::/48");
	assert_int_equal(wr_prefix_nth(&six, 0x10001, &a), 0);
	want = addr("fd00::1:1");
	assert_true(wr_addr_eq(&a, &want));
}

static void sizes_saturate(void **state)
{
	struct wr_prefix p = prefix("10.0.0.0/32");

	assert_int_equal(wr_prefix_size(&p), 1);
	p = prefix("0.0.0.0/0");
	assert_true(wr_prefix_size(&p) == 1ull << 32);
	p = prefix("fd00::/65");
	assert_true(wr_prefix_size(&p) == 1ull << 63);
	p = prefix("fd00::/64");
	assert_true(wr_prefix_size(&p) == UINT64_MAX);
}

static void macs_come_back_as_they_went(void **state)
{
	static const char *const bad[] = { "",
					   "02:00:00:00:00",
					   "02:00:00:00:00:0",
					   "02:00:00:00:00:0g",
					   "02-00-00-00-00-01",
					   "02:00:00:00:00:01:02",
					   "2:0:0:0:0:1" };
	uint8_t mac[6] = { 0 };
	char buf[WR_MAC_STRLEN];
	size_t i;

	assert_int_equal(wr_mac_parse("02:aB:00:00:fF:01", mac), 0);
	assert_string_equal(wr_mac_format(mac, buf), "02:ab:00:00:ff:01");
	for (i = 0; i < WR_ARRAY_SIZE(bad); i++)
		assert_int_equal(wr_mac_parse(bad[i], mac), -EINVAL);
	assert_string_equal(wr_mac_format(mac, buf), "02:ab:00:00:ff:01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_come_back_as_they_went),
		cmocka_unit_test(ipv4_is_mapped),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(zero_is_zero_in_both_families),
		cmocka_unit_test(order_is_numeric),
		cmocka_unit_test(prefixes_come_back_as_they_went),
		cmocka_unit_test(what_is_no_prefix_is_refused),
		cmocka_unit_test(a_prefix_has_addresses_of_its_own_family_only),
		cmocka_unit_test(masking_clears_host_bits),
		cmocka_unit_test(addresses_are_counted_from_the_first),
		cmocka_unit_test(sizes_saturate),
		cmocka_unit_test(macs_come_back_as_they_went),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
