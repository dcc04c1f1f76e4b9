#!/usr/bin/env bats
# make check notices what it is there for.

load tree

@test "a header that does not compile alone" {
	put lib/base/a.h <<<'size_t wr_a(void);'
	run make check-headers
	[[ $status != 0 && $output == *"unknown type name"* ]]
	put lib/base/a.h <<<'#include <stddef.h>
size_t wr_a(void);'
	make check-headers
}

@test "an ABI header that compiles for user space only" {
	put bpf/abi/a.h <<<'static inline int f(void)
{
	return __x86_64__;
}'
	run make check-headers
	[[ $status != 0 && $output == *"__x86_64__"* ]]
}

@test "a badly formatted file" {
	put lib/base/a.c <<<'int wr_a;
int  wr_b;'
	run make check-format
	[[ $status != 0 && $output == *"lib/base/a.c:2"* ]]
	make format
	make check-format
}

@test "a size of a size" {
	put lib/base/a.c <<<'#include <stddef.h>

int wr_a(int b);

int wr_a(int b)
{
	return b + sizeof(sizeof(b));
}'
	run make check-tidy
	[[ $status != 0 && $output == *"bugprone-sizeof-expression"* ]]
}

@test "a shell script with an unquoted variable" {
	# shellcheck disable=SC2016
	put tests/e2e/run.sh <<<'#!/bin/sh
rm $1'
	run make check-shell
	[[ $status != 0 && $output == *SC2086* ]]
}

@test "a test that is missing from its table" {
	put tests/unit/test_a.c <<<'#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void one_is_one(void **state)
{
	assert_int_equal(1, 1);
}

static void two_is_forgotten(void **state)
{
	assert_int_equal(2, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(one_is_one) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}'
	run make test-unit
	[[ $status != 0 && $output == *two_is_forgotten*"defined but not used"* ]]

	# One that is not static is noticed too.
	sed -i 's/^static void two/void two/' tests/unit/test_a.c
	run make test-unit
	[[ $status != 0 && $output == *"no previous prototype"*two_is_forgotten* ]]

	sed -i '/^void two/,/^}/d' tests/unit/test_a.c
	make test-unit
}

@test "CFLAGS add to the project's flags and silence none" {
	put lib/base/a.c <<<'int a(void)
{
	return 0;
}'
	run make CFLAGS=-O1
	[[ $status != 0 && $output == *missing-prototypes* ]]
}

@test "a changed header, changed flags and a deleted source lead to a new build" {
	put lib/base/a.h <<<'#define A 1'
	put lib/base/a.c <<<'#include "lib/base/a.h"
extern int wr_a;
int wr_a = A;'
	put lib/base/b.c <<<'extern int wr_b;
int wr_b;'
	make
	[[ $(make) == '' ]]

	echo '#define A 2' >lib/base/a.h
	run make
	[[ $output == *'CC   lib/base/a.c'* && $output != *lib/base/b.c* ]]
	[[ $(make CPPFLAGS=-DX) == *lib/base/b.c* ]]

	rm lib/base/b.c
	make
	run ar t build/lib/libweir.a
	[[ $output == a.o ]]
}

@test "the version reaches the code" {
	put lib/base/version.c <<<'extern const char wr_v[];
const char wr_v[] = WR_VERSION;'
	make
	grep -q "$(cat VERSION)" build/obj/lib/base/version.o
}
