# shellcheck shell=bash
# A small tree of its own for each test, built and checked by the real Makefile and tools.

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree/lib/base" "$tree/lib/dp" "$tree/agent" "$tree/bpf/abi" "$tree/tests/unit"
	cp -r "$WR_TOP/Makefile" "$WR_TOP/VERSION" "$WR_TOP/tools" "$WR_TOP/.clang-format" \
		"$WR_TOP/.clang-tidy" "$tree"
	cd "$tree" || return 1
	# The outer make's variables and job server are not for this one.
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES BUILD WR_BUILD
}

# put PATH: the file's content is standard input.
put() {
	mkdir -p "$(dirname "$1")"
	cat >"$1"
}
