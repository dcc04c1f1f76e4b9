#!/usr/bin/env bats
# The runners lose no failure.

bats_require_minimum_version 1.5.0
load tree

script() {
	put "$1"
	chmod +x "$1"
}

@test "a binary that succeeds is counted by its tests" {
	script t <<<'#!/bin/sh
printf "1..2\nok 1 - a\nok 2 - b\n"'
	tools/run-tests unit ./t
	run tools/summary
	[[ $status == 0 && ${lines[-1]} == "2 passed, 0 failed, 0 skipped" ]]
}

@test "a crash is a failure" {
	# shellcheck disable=SC2016
	script t <<<'#!/bin/sh
printf "1..2\nok 1 - a\n"; kill -SEGV $$'
	run tools/run-tests unit ./t
	[[ $status == 1 && $output == *"exit status 139"* ]]
	run tools/summary
	[[ $status == 1 && ${lines[-1]} == "1 passed, 1 failed, 0 skipped" ]]
}

@test "a binary that hangs is stopped, with its children" {
	script t <<<'#!/bin/sh
sleep 987654 & sleep 987654'
	WR_TEST_TIMEOUT=1 run tools/run-tests unit ./t
	[[ $status == 1 && $output == *"stopped after 1 s"* ]]
	run ! pgrep -f 'sleep 987654'
}

@test "a binary without a test is a failure" {
	script t <<<'#!/bin/sh
exit 0'
	run tools/run-tests unit ./t
	[[ $status == 1 && $output == *"ran no test"* ]]
}

@test "a skipped test fails in CI only" {
	script t <<<'#!/bin/sh
printf "1..2\nok 1 - a\nnot ok 2 # SKIP b\n"'
	tools/run-tests unit ./t
	CI='' run tools/summary
	[[ $status == 0 && ${lines[-1]} == "1 passed, 0 failed, 1 skipped" ]]
	CI=true run tools/summary
	[[ $status == 1 && ${lines[0]} == "skipped: unit/t: ok 2 # SKIP b" ]]
}

@test "no result at all is a failure" {
	run tools/summary
	[[ $status == 1 && ${lines[-1]} == "0 passed, 0 failed, 0 skipped" ]]
}

bats_file() {
	cp "$WR_TOP/tests/e2e/run" "$WR_TOP/tests/e2e/sandbox" tests/e2e/
	put "$1"
}

@test "bats files run side by side and are summed up" {
	mkdir -p tests/e2e
	bats_file tests/e2e/01-a.bats <<<'@test "a" { sleep 1; }'
	bats_file tests/e2e/02-b.bats <<<'@test "b" { sleep 1; false; }'
	SECONDS=0
	run tests/e2e/run -j 2
	[[ $status == 1 && $output == *"ok   e2e/01-a: 1"* && $output == *"FAIL e2e/02-b"*"not ok 1 b"* ]]
	[[ $SECONDS -lt 4 ]]
	run tools/summary
	[[ ${lines[-1]} == "1 passed, 1 failed, 0 skipped" ]]
}

@test "a bats file that is stopped is a failure, and a name picks one" {
	mkdir -p tests/e2e
	bats_file tests/e2e/01-a.bats <<<$'# time-limit: 1\n@test "a" { sleep 987; }'
	bats_file tests/e2e/02-b.bats <<<'@test "b" { true; }'
	run tests/e2e/run 01
	[[ $status == 1 && $output == *"stopped after 1 s"* ]]
	run tests/e2e/run 02
	[[ $status == 0 && $output == "ok   e2e/02-b: 1"* ]]
	run tests/e2e/run 03
	[[ $status == 2 && $output == "03: no such test" ]]
}
