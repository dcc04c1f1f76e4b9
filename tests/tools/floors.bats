#!/usr/bin/env bats
# tools/check-floors: who includes whom.

load tree

@test "lower floors and the own folder are fine" {
	put agent/a.c <<<'#include "lib/base/err.h"
#include "agent/b.h"
#include <stdio.h>'
	put lib/dp/a.c <<<'#include <bpf/libbpf.h>
#include "bpf/abi/flow.h"'
	tools/check-floors
}

@test "a higher floor is refused, with file and line" {
	put lib/base/a.c <<<'#include <stdio.h>
#include "lib/dp/dp.h"'
	run tools/check-floors
	[[ $status == 1 && $output == "lib/base/a.c:2: lib/dp/dp.h: lib/base does not stand on lib/dp" ]]
}

@test "folders beside each other do not include each other" {
	put cni/a.c <<<'#include "agent/agent.h"'
	run tools/check-floors
	[[ $status == 1 && $output == *"cni does not stand on agent" ]]
}

@test "programs are no business of user space" {
	put lib/dp/a.c <<<'#include "bpf/include/pkt.h"'
	run tools/check-floors
	[[ $status == 1 ]]
}

@test "a library has one folder that knows it" {
	put agent/a.c <<<'#include <json-c/json.h>'
	run tools/check-floors
	[[ $status == 1 && $output == *"json-c/json.h: belongs to lib/json" ]]
}

@test "the ABI sees only linux/types.h" {
	put bpf/abi/a.h <<<'#include <stdint.h>'
	run tools/check-floors
	[[ $status == 1 && $output == *"bpf/abi sees only <linux/types.h>" ]]
}

@test "an include that is not written from the top is refused" {
	put lib/base/a.c <<<'#include "err.h"'
	run tools/check-floors
	[[ $status == 1 ]]
}

@test "a folder that nobody has placed is refused" {
	put lib/new/a.c <<<'int x;'
	run tools/check-floors
	[[ $status == 1 && $output == "lib/new/a.c: its folder is not in tools/floors.txt" ]]
}

@test "tests include anything" {
	put tests/unit/test_a.c <<<'#include <json-c/json.h>
#include "agent/a.h"
#include "cni/b.h"'
	tools/check-floors
}
