#!/usr/bin/env bats
# tools/measure counts right.

load tree

@test "length, nesting and parameters of a function" {
	put lib/base/a.c <<<'/* int not_me(void)
{
} */
static __attribute__((unused)) int three(int (*fn)(void *a, int b), int c,
					 const char *d)
{
	for (;;) {
		wr_hmap_each(x, y) {
			if (c)
				fn(0, 1);
		}
	}
}

SEC("tc")
int none(void)
{
	return 0;
}'
	run tools/measure
	[[ $output == "user space: 1 files, 19 lines, 2 functions"* ]]
	[[ $output == *"longest functions"*"  10  lib/base/a.c:4 three"*"   4  lib/base/a.c:16 none"* ]]
	[[ $output == *"deepest"*"   3  lib/base/a.c:4 three"*"   0  lib/base/a.c:16 none"* ]]
	[[ $output == *"most parameters"*"   3  lib/base/a.c:4 three"*"   0  lib/base/a.c:16 none"* ]]
}
