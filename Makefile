# SPDX-License-Identifier: Apache-2.0
# Weir: one Makefile for everything, all output below $(BUILD).
# Sources are found by wildcard: a new file in a known folder needs no edit here.

BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_TIME ?= 60

ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= $(if $(shell command -v clang-14),clang-14,clang)
LLVM_STRIP ?= $(if $(shell command -v llvm-strip-14),llvm-strip-14,llvm-strip)
CLANG_FORMAT ?= clang-format-14
CLANG_TIDY ?= clang-tidy-14
JOBS ?= $(shell nproc)

MAKEFLAGS += --no-builtin-rules --no-print-directory
export BUILD JOBS
# As many jobs as processors unless told otherwise; a sub-make takes part in the parent's.
ifeq ($(MAKELEVEL),0)
ifeq ($(filter -j% --jobs%,$(shell tr '\0' ' ' </proc/$$PPID/cmdline)),)
MAKEFLAGS += -j$(JOBS)
endif
endif

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# ---------------------------------------------------------------------------------------------
# Flags. The project's own live in WR_*; CFLAGS, CPPFLAGS, LDFLAGS and BPF_CFLAGS come after them, for
# whoever calls make.

IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null | head -n1))
VERSION := $(shell cat VERSION)$(addprefix +g,$(shell \
	GIT_OPTIONAL_LOCKS=0 git describe --always --dirty --exclude='*' 2>/dev/null))

WR_WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wmissing-declarations -Wvla -Wformat=2 -Wundef -Wpointer-arith \
	-Wcast-qual -Wwrite-strings -Wnested-externs -Wdate-time -Wimplicit-fallthrough \
	-Wno-unused-parameter
ifneq ($(IS_CLANG),)
WR_WARN += -Wconditional-uninitialized -Wunreachable-code
else
WR_WARN += -Wlogical-op -Wduplicated-cond -Wjump-misses-init
endif

WR_CPPFLAGS := -D_GNU_SOURCE -I. -isystem /usr/include/libnl3 \
	$(addprefix -include ,$(wildcard lib/base/banned.h))
WR_CFLAGS := -std=gnu11 -g -O2 $(WR_WARN) -fPIE -fno-common -fno-strict-aliasing \
	-ffunction-sections -fdata-sections -fstack-protector-strong -fstack-clash-protection \
	-ffile-prefix-map=$(CURDIR)=.
WR_LDFLAGS := -Wl,--gc-sections -Wl,--as-needed -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
# The plugin runs on hosts that we do not choose: nothing is loaded at run time.
WR_CNI_LDFLAGS := -static
WR_CNI_EXTRA := $(wildcard cni/static/*.c)

# SAN: empty, asan (everything under address and undefined-behaviour sanitizers) or fuzz (the same, and libFuzzer's
# instrumentation; needs clang). Sanitizers cannot be linked statically.
SAN ?=
ifeq ($(SAN),)
# Not with clang: there sprintf() becomes a macro, and poisoning one (banned.h) is a warning that has no switch.
WR_CPPFLAGS += $(if $(IS_CLANG)$(filter -O0,$(CFLAGS)),,-D_FORTIFY_SOURCE=2)
WR_LDFLAGS += -pie
else
WR_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
WR_CFLAGS += $(WR_SAN) $(if $(filter fuzz,$(SAN)),-fsanitize=fuzzer-no-link)
WR_LDFLAGS += $(WR_SAN) -pie
WR_CNI_LDFLAGS := $(WR_LDFLAGS)
WR_CNI_EXTRA :=
WR_CPPFLAGS += -DWR_SANITIZED=1
endif

WR_LIBS := -lbpf -lelf -lz -lnl-route-3 -lnl-3 -lmnl -ljson-c -lyaml -lcurl -lssl -lcrypto
WR_CNI_LIBS := -lnl-route-3 -lnl-3 -ljson-c -lbpf -lelf -lz -lm -lpthread

WR_BPF_CFLAGS := -target bpf -mcpu=v3 -std=gnu11 -g -O2 -Wall -Wextra -Werror -Wshadow -Wundef \
	-Wstrict-prototypes -Wpointer-arith -Wwrite-strings -Wno-unused-parameter \
	-Wno-address-of-packed-member -fno-ident -ffile-prefix-map=$(CURDIR)=. \
	-I. -idirafter /usr/include/$(shell uname -m)-linux-gnu

COMPILE = $(CC) $(WR_CPPFLAGS) -DWR_VERSION='"$(VERSION)"' $(WR_CFLAGS) $(CPPFLAGS) $(CFLAGS)
COMPILE_BPF = $(CLANG) $(WR_BPF_CFLAGS) $(BPF_CFLAGS)
LINK = $(CC) $(WR_LDFLAGS) $(LDFLAGS)

# ---------------------------------------------------------------------------------------------
# What there is.

LIB_SRC := $(sort $(wildcard lib/*/*.c))
CNI_SRC := $(sort $(wildcard cni/*.c))
CLI_SRC := $(sort $(wildcard cli/*.c))
AGENT_SRC := $(sort $(wildcard agent/*.c agent/*/*.c))
BPF_SRC := $(sort $(wildcard bpf/tc/*.bpf.c bpf/xdp/*.bpf.c bpf/cgroup/*.bpf.c))

# Programs that only tests load; embedded like the others, but in an archive of their own.
TEST_BPF_SRC := $(sort $(wildcard tests/*/*.bpf.c))
E2E_SRC := $(sort $(wildcard tests/e2e/tools/*.c))
UNIT_SRC := $(filter-out %.bpf.c,$(sort $(wildcard tests/unit/*.c)))
BPFT_SRC := $(filter-out %.bpf.c,$(sort $(wildcard tests/bpf/*.c)))
BENCH_SRC := $(filter-out %.bpf.c,$(sort $(wildcard tests/bench/*.c)))
FLOOR_SRC := $(sort $(wildcard tests/bench/floor/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/*.c))
SRC := $(LIB_SRC) $(CNI_SRC) $(WR_CNI_EXTRA) $(CLI_SRC) $(AGENT_SRC) \
	$(UNIT_SRC) $(BPFT_SRC) $(BENCH_SRC) $(FLOOR_SRC) $(FUZZ_SRC) $(E2E_SRC)
HDR := $(sort $(wildcard bpf/*/*.h lib/*/*.h agent/*.h agent/*/*.h cni/*.h cli/*.h \
	tests/*.h tests/*/*.h tests/*/*/*.h))
ALL_C := $(SRC) $(BPF_SRC) $(TEST_BPF_SRC) $(HDR)
SCRIPTS := $(sort $(wildcard .ci/run tests/*.sh tests/*/*.sh tests/*/*/*.sh tests/*/*.bash \
	tests/*/*.bats $(shell grep -lsIE -d skip '^\#!.*\b(ba|da)?sh\b' \
	tools/* tests/*/* tests/*/*/* deploy/* deploy/*/* docs/*)))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
bpfname = $(basename $(basename $(notdir $(1))))
mains = $(filter $(1),$(2))
# $(call tests,SOURCES,PREFIX): the binaries of those whose names begin with PREFIX; the rest are helpers.
tests = $(foreach s,$(1),$(if $(filter $(2)%,$(notdir $(s))),$(BUILD)/$(basename $(s))))
helpers = $(call obj,$(foreach s,$(1),$(if $(filter $(2)%,$(notdir $(s))),,$(s))))

LIBWEIR := $(BUILD)/lib/libweir.a
LIBBPFOBJ := $(BUILD)/lib/libweir_bpf.a
LIBTESTBPF := $(BUILD)/lib/libweir_test_bpf.a
# The parts of the programs without their main(), for unit tests; the linker takes the members that a test needs.
PART_LIBS := $(BUILD)/lib/libpart_agent.a $(BUILD)/lib/libpart_cni.a $(BUILD)/lib/libpart_cli.a
TEST_LIBS := $(PART_LIBS) $(LIBWEIR) $(LIBBPFOBJ) $(LIBTESTBPF)

BPF_OBJ := $(foreach s,$(BPF_SRC),$(BUILD)/bpf/$(call bpfname,$(s)).bpf.o)
BIN := $(if $(wildcard cni/main.c),$(BUILD)/bin/weir-cni) \
	$(if $(wildcard agent/main.c),$(BUILD)/bin/weir-agent) \
	$(if $(wildcard cli/main.c),$(BUILD)/bin/weir)
UNIT_BIN := $(call tests,$(UNIT_SRC),test_)
BPFT_BIN := $(call tests,$(BPFT_SRC),test_)
BENCH_BIN := $(call tests,$(BENCH_SRC),bench_)
FUZZ_BIN := $(call tests,$(FUZZ_SRC),fuzz_)
FLOOR_BIN := $(foreach s,$(FLOOR_SRC),$(BUILD)/tests/bench/$(basename $(notdir $(s))))
E2E_BIN := $(foreach s,$(E2E_SRC),$(BUILD)/tests/e2e/$(basename $(notdir $(s))))
# The agent of a release whose ABI number differs, which upgrades are tried with.
OTHER_ABI := 99
OTHER_AGENT := $(if $(wildcard agent/main.c),$(BUILD)/tests/e2e/weir-agent-abi$(OTHER_ABI))

# The agent that is killed between two stores into the kernel's tables.
MORTAL_SRC := $(addprefix lib/dp/,endpoints.c peers.c globals.c nexthops.c)
MORTAL_AGENT := $(if $(wildcard agent/main.c),$(BUILD)/tests/e2e/weir-agent-mortal)

# ---------------------------------------------------------------------------------------------

.PHONY: all
all: programs ## Build the programs, the BPF objects and the library (default)

.PHONY: programs tests
programs: $(LIBWEIR) $(BPF_OBJ) $(BIN)
tests: programs $(UNIT_BIN) $(BPFT_BIN) $(BENCH_BIN) $(FLOOR_BIN) $(E2E_BIN) $(OTHER_AGENT) $(MORTAL_AGENT)

# Objects depend on the flags they are built with. The recipe always runs; an unchanged file triggers nothing.
FLAGS_NOW = $(CC) $(WR_CPPFLAGS) $(WR_CFLAGS) $(CPPFLAGS) $(CFLAGS) | $(COMPILE_BPF)
$(BUILD)/flags: FORCE
	@for tool in $(CC) $(CLANG) $(LLVM_STRIP); do command -v $$tool >/dev/null || \
		{ echo "$$tool is missing: run tools/bootstrap" >&2; exit 1; }; done
	@mkdir -p $(@D)
	@$(call write_if_changed,$(FLAGS_NOW))
$(BUILD)/link-flags: FORCE
	@mkdir -p $(@D)
	@$(call write_if_changed,$(LINK) $(WR_CNI_LDFLAGS) $(WR_LIBS) $(WR_CNI_LIBS))
$(BUILD)/version: FORCE
	@mkdir -p $(@D)
	@$(call write_if_changed,$(VERSION))
# Which files an archive or a table is made of: a deleted source counts too.
$(BUILD)/sources: FORCE
	@mkdir -p $(@D)
	@$(call write_if_changed,$(SRC) $(BPF_SRC) $(TEST_BPF_SRC))
.PHONY: FORCE
FORCE:
quoted = '$(subst ','\'',$(1))'
write_if_changed = printf '%s\n' $(call quoted,$(1)) | cmp -s - $@ || printf '%s\n' $(call quoted,$(1)) >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(COMPILE) -MMD -MP -c -o $@ $<

$(call obj,$(shell grep -lsw WR_VERSION $(SRC))): $(BUILD)/version

AR ?= ar
define archive
@mkdir -p $(@D)
@echo "  AR   $@"
@rm -f $@
@$(AR) rcsD $@ $(filter %.o,$^)
endef

$(LIBWEIR): $(call obj,$(LIB_SRC)) $(BUILD)/sources
	$(archive)
$(BUILD)/lib/libpart_agent.a: $(call obj,$(filter-out agent/main.c,$(AGENT_SRC))) $(BUILD)/sources
	$(archive)
$(BUILD)/lib/libpart_cni.a: $(call obj,$(filter-out cni/main.c,$(CNI_SRC))) $(BUILD)/sources
	$(archive)
$(BUILD)/lib/libpart_cli.a: $(call obj,$(filter-out cli/main.c,$(CLI_SRC))) $(BUILD)/sources
	$(archive)

# $(call link,flags,libraries)
define link
@mkdir -p $(@D)
@echo "  LD   $@"
@$(1) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(2)
endef

$(BUILD)/bin/weir-cni: $(call obj,$(CNI_SRC) $(WR_CNI_EXTRA)) $(LIBWEIR) $(BUILD)/link-flags
	$(call link,$(CC) $(filter-out -pie,$(WR_LDFLAGS)) $(WR_CNI_LDFLAGS) $(LDFLAGS),$(WR_CNI_LIBS))
$(BUILD)/bin/weir-agent: $(call obj,$(AGENT_SRC)) $(LIBWEIR) $(LIBBPFOBJ) $(BUILD)/link-flags
	$(call link,$(LINK),$(WR_LIBS))
$(BUILD)/bin/weir: $(call obj,$(CLI_SRC)) $(LIBWEIR) $(LIBBPFOBJ) $(BUILD)/link-flags
	$(call link,$(LINK),$(WR_LIBS))

# ---------------------------------------------------------------------------------------------
# BPF: compiled once, without DWARF (BTF stays), and embedded: <name>.bpf.o becomes the symbols
# wr_obj_<name>_start and _end, and a row of wr_bpf_objects (lib/dp/objects.h).

# $(call bpf_rules,source,object folder)
define bpf_rules
$(2)/$(call bpfname,$(1)).bpf.o: $(1) $$(BUILD)/flags
	@mkdir -p $$(@D)
	@echo "  BPF  $(1)"
	@$$(COMPILE_BPF) -MMD -MP -MF $$(@:.o=.d) -MT $$@ -c -o $$@ $(1)
	@$$(LLVM_STRIP) -g $$@

$$(BUILD)/gen/$(call bpfname,$(1)).o: $(2)/$(call bpfname,$(1)).bpf.o tools/embed
	@mkdir -p $$(@D)
	@tools/embed asm $(call bpfname,$(1)) $$< >$$(@:.o=.S)
	@$$(CC) -c -o $$@ $$(@:.o=.S)

-include $(2)/$(call bpfname,$(1)).bpf.d
endef
$(foreach s,$(BPF_SRC),$(eval $(call bpf_rules,$(s),$(BUILD)/bpf)))
$(foreach s,$(TEST_BPF_SRC),$(eval $(call bpf_rules,$(s),$(BUILD)/tests/progs)))

$(BUILD)/gen/bpf_objects.c: $(BPF_OBJ) $(BUILD)/sources tools/embed
	@mkdir -p $(@D)
	@tools/embed table $(BPF_OBJ) >$@
$(BUILD)/gen/bpf_objects.o: $(BUILD)/gen/bpf_objects.c $(wildcard lib/dp/objects.h) $(BUILD)/flags
	@$(COMPILE) -c -o $@ $<

$(LIBBPFOBJ): $(foreach s,$(BPF_SRC),$(BUILD)/gen/$(call bpfname,$(s)).o) \
		$(if $(wildcard lib/dp/objects.h),$(BUILD)/gen/bpf_objects.o) $(BUILD)/sources
	$(archive)
$(LIBTESTBPF): $(foreach s,$(TEST_BPF_SRC),$(BUILD)/gen/$(call bpfname,$(s)).o) $(BUILD)/sources
	$(archive)

# ---------------------------------------------------------------------------------------------
# Tests: one binary per test_*.c; other files of the folder are helpers, linked into each.

$(UNIT_BIN): $(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o \
		$(call helpers,$(UNIT_SRC),test_) $(TEST_LIBS) $(BUILD)/link-flags
	$(call link,$(LINK),-lcmocka $(WR_LIBS))
$(BPFT_BIN): $(BUILD)/tests/bpf/%: $(BUILD)/obj/tests/bpf/%.o \
		$(call helpers,$(BPFT_SRC),test_) $(TEST_LIBS) $(BUILD)/link-flags
	$(call link,$(LINK),-lcmocka $(WR_LIBS))
$(BENCH_BIN): $(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o \
		$(call helpers,$(BENCH_SRC),bench_) $(call helpers,$(BPFT_SRC),test_) $(TEST_LIBS) $(BUILD)/link-flags
	$(call link,$(LINK),-lm -lcmocka $(WR_LIBS))
# What a bench compares the plugin with: linked as the plugin is, without our libraries.
$(FLOOR_BIN): $(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/floor/%.o $(BUILD)/link-flags
	$(call link,$(CC) $(filter-out -pie,$(WR_LDFLAGS)) $(WR_CNI_LDFLAGS) $(LDFLAGS))
$(E2E_BIN): $(BUILD)/tests/e2e/%: $(BUILD)/obj/tests/e2e/tools/%.o $(LIBWEIR) $(LIBBPFOBJ) $(LIBTESTBPF) \
		$(BUILD)/link-flags
	$(call link,$(LINK),$(WR_LIBS))
# Members that know the number, in front of the library's own.
OTHER_OBJ := $(patsubst %.c,$(BUILD)/obj/abi$(OTHER_ABI)/%.o,$(shell grep -lsw WR_ABI_VERSION $(LIB_SRC) $(AGENT_SRC)))
$(OTHER_OBJ): $(BUILD)/obj/abi$(OTHER_ABI)/%.o: %.c bpf/abi/base.h $(BUILD)/flags
	@mkdir -p $(@D)
	@$(COMPILE) -DWR_ABI_VERSION=$(OTHER_ABI) -c -o $@ $<
$(OTHER_AGENT): $(OTHER_OBJ) $(call obj,$(AGENT_SRC)) $(LIBWEIR) $(LIBBPFOBJ) $(BUILD)/link-flags
	$(call link,$(LINK),$(WR_LIBS))
MORTAL_OBJ := $(patsubst %.c,$(BUILD)/obj/mortal/%.o,$(MORTAL_SRC))
$(MORTAL_OBJ): $(BUILD)/obj/mortal/%.o: %.c tests/e2e/tools/mortal.h lib/dp/array.h $(BUILD)/flags
	@mkdir -p $(@D)
	@$(COMPILE) -include tests/e2e/tools/mortal.h -c -o $@ $<
$(MORTAL_AGENT): $(MORTAL_OBJ) $(call obj,$(AGENT_SRC)) $(LIBWEIR) $(LIBBPFOBJ) $(BUILD)/link-flags
	$(call link,$(LINK),$(WR_LIBS))
$(FUZZ_BIN): $(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o \
		$(call helpers,$(FUZZ_SRC),fuzz_) $(call helpers,$(BPFT_SRC),test_) $(TEST_LIBS) $(BUILD)/link-flags
	$(call link,$(LINK) -fsanitize=fuzzer,-lcmocka $(WR_LIBS))
$(UNIT_BIN) $(BPFT_BIN) $(BENCH_BIN) $(FUZZ_BIN) $(E2E_BIN): $(BUILD)/sources

-include $(patsubst %.o,%.d,$(call obj,$(SRC)))

# Everything below calls scripts; a script that does not exist makes no target. Each runner leaves TAP in
# $(BUILD)/results, and tools/summary adds it up.

.PHONY: test run-all-tests test-unit test-bpf test-tools test-e2e
test: ## Install what is missing, build, run all tests, count them
	@tools/bootstrap
	@+$(MAKE) run-all-tests

run-all-tests: programs $(UNIT_BIN) $(BPFT_BIN) $(E2E_BIN) $(OTHER_AGENT) $(MORTAL_AGENT)
	@rm -rf $(BUILD)/results
	@tools/run-tests unit $(UNIT_BIN) || true
	@tools/run-tests bpf $(BPFT_BIN) || true
	@tests/e2e/run -s tools $(wildcard tests/tools/*.bats) || true
	@tests/e2e/run || true
	@tools/summary

test-unit: $(UNIT_BIN) ## Unit tests
	@tools/run-tests unit $(UNIT_BIN)
test-bpf: $(BPFT_BIN) ## Every BPF program, packet by packet
	@tools/run-tests bpf $(BPFT_BIN)
test-tools: ## The checkers notice the faults they are there for
	@tests/e2e/run -s tools $(wildcard tests/tools/*.bats)
test-e2e: programs $(E2E_BIN) $(OTHER_AGENT) $(MORTAL_AGENT) ## End to end, in network namespaces (one file: tests/e2e/run 05)
	@tests/e2e/run

.PHONY: asan asan-build test-asan fuzz fuzz-build
asan: ## Build everything with address and undefined-behaviour sanitizers, in $(BUILD)/asan
	@+$(MAKE) BUILD=$(BUILD)/asan SAN=asan tests
test-asan: asan ## Unit tests and the plugin's end-to-end tests (tag "plugin") with sanitizers
	@rm -rf $(BUILD)/asan/results
	@BUILD=$(BUILD)/asan WR_POLICY_CLUSTERS=60 tools/run-tests unit $(UNIT_BIN:$(BUILD)/%=$(BUILD)/asan/%) || true
	@BUILD=$(BUILD)/asan tests/e2e/run -t plugin || true
	@BUILD=$(BUILD)/asan tools/summary

fuzz-build: $(FUZZ_BIN)
fuzz: ## Every fuzzer for FUZZ_TIME seconds (60)
	@+$(MAKE) BUILD=$(BUILD)/fuzz SAN=fuzz CC=$(CLANG) fuzz-build
	@BUILD=$(BUILD)/fuzz tools/run-fuzzers $(FUZZ_TIME) $(FUZZ_BIN:$(BUILD)/%=$(BUILD)/fuzz/%)

ifneq ($(wildcard tests/runtimes/run),)
.PHONY: test-runtimes
test-runtimes: programs $(E2E_BIN) ## Real runtimes and CNI's own client
	@tools/bootstrap
	@tests/runtimes/run
endif

ifneq ($(wildcard tests/kernels/run),)
.PHONY: test-kernels
test-kernels: programs $(BPFT_BIN) $(E2E_BIN) ## Debian's kernels 6.1 and 6.12 in qemu: BPF programs, a small cluster
	@tools/bootstrap kernels
	@rm -rf $(BUILD)/results
	@tests/kernels/run || true
	@tools/summary
endif

ifneq ($(wildcard tests/policy/run),)
.PHONY: test-policy-long
test-policy-long: $(BUILD)/tests/unit/test_policy_random ## 10,000 random clusters against the oracle
	@tests/policy/run
endif

ifneq ($(wildcard tests/e2e/39-service-kill.bats),)
.PHONY: test-services-long
test-services-long: programs $(E2E_BIN) ## A thousand changes of services, the agent killed all the while
	@tools/bootstrap
	@CHANGES=1000 WR_TEST_TIMEOUT=1400 tests/e2e/run -s services-long 39
endif

ifneq ($(wildcard tests/bench/run),)
.PHONY: bench
bench: tests ## Measure; prints a table, writes $(BUILD)/bench.json
	@tools/bootstrap
	@tests/bench/run
endif

ifneq ($(wildcard tests/cluster/up),)
.PHONY: cluster-up
cluster-up: programs ## Start a Kubernetes cluster with Weir on this machine
	@tools/bootstrap cluster
	@tests/cluster/up
endif

ifneq ($(wildcard tests/cluster/down),)
.PHONY: cluster-down
cluster-down: ## Stop it
	@tests/cluster/down
endif

ifneq ($(wildcard tests/cluster/run),)
.PHONY: test-cluster
test-cluster: programs $(BUILD)/tests/e2e/peer ## Tests in that cluster
	@rm -rf $(BUILD)/results
	@tests/cluster/run || true
	@tests/cluster/test || true
	@tools/summary
endif

ifneq ($(wildcard tests/image/run),)
.PHONY: test-image
test-image: ## The container image: small, the same when built again, runs on arm64
	@rm -rf $(BUILD)/results
	@tools/bootstrap cluster
	@tests/image/run || true
	@tools/summary
endif

ifneq ($(wildcard tests/cluster/ci),)
.PHONY: test-cluster-ci
test-cluster-ci: programs ## Start it, a smoke set, stop it; builds it the first time
	@tools/bootstrap cluster
	@tests/cluster/ci
endif

ifneq ($(wildcard tests/cluster/bench),)
.PHONY: bench-cluster
bench-cluster: programs ## Measure in that cluster
	@tools/bootstrap cluster
	@tests/cluster/bench

.PHONY: bench-cluster-scale
bench-cluster-scale: programs ## Measure one agent in a cluster of 500 nodes, 10,000 services and 50,000 pods
	@tools/bootstrap cluster
	@tests/cluster/build
	@tests/cluster/scale
endif

ifneq ($(wildcard tools/demo),)
.PHONY: demo
demo: ## Two nodes, pods, a Service, in a minute
	@tools/bootstrap build
	@+$(MAKE) programs $(E2E_BIN)
	@tools/demo
endif

ifneq ($(wildcard tools/image),)
.PHONY: image
image: ## Container image (ARCH=amd64 or arm64)
	@tools/image
endif

# ---------------------------------------------------------------------------------------------
# Checks. Those that look at one source leave a stamp, so that only what changed is looked at again.

.PHONY: check check-format check-tidy check-shell check-floors check-headers format measure
check: check-format check-tidy check-shell check-floors check-headers ## Formatting, static analysis, shell, floors, headers

stamp = $(patsubst %,$(BUILD)/check/%.$(2),$(1))
touch = @mkdir -p $(@D) && touch $@

check-format: $(call stamp,$(ALL_C),format)
$(BUILD)/check/%.format: % .clang-format
	@$(CLANG_FORMAT) --dry-run -Werror $<
	$(touch)

format: ## Format all C sources in place
	@$(CLANG_FORMAT) -i $(ALL_C)
	@$(CLANG_FORMAT) -i $(ALL_C) # its first pass may leave work for a second

# The object's dependencies are the analysis' too, hence the detour.
check-tidy: $(call stamp,$(basename $(SRC)),tidy)
# clang cannot use another compiler's warning names and options.
TIDY_FLAGS = $(filter-out -Wlogical-op -Wduplicated-cond -Wjump-misses-init -fstack-clash-protection,\
	$(WR_CPPFLAGS) -DWR_VERSION='"$(VERSION)"' $(WR_CFLAGS)) -U_FORTIFY_SOURCE
$(BUILD)/check/%.tidy: $(BUILD)/obj/%.o .clang-tidy
	@mkdir -p $(@D)
	@echo "  TIDY $*.c"
	@$(CLANG_TIDY) --quiet $*.c -- $(TIDY_FLAGS) >$@.out 2>&1 || { cat $@.out >&2; exit 1; }
	@mv $@.out $@

check-shell: $(call stamp,$(SCRIPTS),shell)
$(BUILD)/check/%.shell: %
	@shellcheck -x $<
	$(touch)

check-floors:
	@tools/check-floors

# Headers compile alone, without what banned.h brings along: in C, below bpf/ for the BPF target, the ABI in both.
check-headers: $(call stamp,$(HDR),header)
$(BUILD)/check/%.header: % $(HDR) $(BUILD)/flags
	$(if $(filter-out bpf/%,$<)$(filter bpf/abi/%,$<),@$(filter-out -include lib/base/banned.h,$(COMPILE)) \
		-fsyntax-only -include $< -x c /dev/null)
	$(if $(filter bpf/%,$<),@$(COMPILE_BPF) -fsyntax-only -include $< -x c /dev/null)
	$(touch)

measure: ## Figures of STYLE: lengths, nesting, parameters, and the five longest of each
	@tools/measure

# ---------------------------------------------------------------------------------------------

MAN := $(sort $(wildcard docs/man/*.[1-8]))
.PHONY: install
install: programs ## Install below $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/libexec/weir
	$(if $(filter %/weir,$(BIN)),install -m 755 $(BUILD)/bin/weir $(DESTDIR)$(PREFIX)/bin/)
	$(if $(wildcard deploy/kubectl-weir),install -m 755 deploy/kubectl-weir $(DESTDIR)$(PREFIX)/bin/)
	$(if $(filter %/weir-agent,$(BIN)),install -m 755 $(BUILD)/bin/weir-agent $(DESTDIR)$(PREFIX)/sbin/)
	$(if $(filter %/weir-cni,$(BIN)),install -m 755 $(BUILD)/bin/weir-cni $(DESTDIR)$(PREFIX)/libexec/weir/)
	$(foreach m,$(MAN),install -D -m 644 $(m) \
		$(DESTDIR)$(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m));)
	$(if $(wildcard cli/completion.bash),install -D -m 644 cli/completion.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/weir)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/weir README.md LICENSE CHANGELOG.md deploy/systemd/agent.yaml
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's,/usr/local/sbin/,$(PREFIX)/sbin/,' deploy/systemd/weir-agent.service \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/weir-agent.service

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf $(BUILD)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' ' \
		/^ifneq .*wildcard/ { path = $$0; gsub(/.*wildcard |\).*/, "", path); \
			hidden = system("test -e " path) } \
		/^endif/ { hidden = 0 } \
		/^[a-z][a-z0-9-]*:.*## / && !hidden { printf "  %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
