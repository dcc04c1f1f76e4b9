/* SPDX-License-Identifier: Apache-2.0 */
/* A test run carries no tunnel metadata: a program before overlay_ingress gives the packet some. */
#include "tests/bpf/check.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/bpf/as_tunnelled.h"
#include "tests/bpf/tunnel.h"

extern const char wr_obj_as_tunnelled_start[], wr_obj_as_tunnelled_end[];

static struct bpf_object *tunneller(const struct lab *lab)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "as_tunnelled");
	size_t size = (size_t)(wr_obj_as_tunnelled_end - wr_obj_as_tunnelled_start);
	struct bpf_object *obj = bpf_object__open_mem(wr_obj_as_tunnelled_start, size, &opts);
	int prog = wr_dp_prog_fd(lab->dp, "overlay_ingress");
	uint32_t zero = 0;

	assert_non_null(obj);
	assert_int_equal(bpf_object__load(obj), 0);
	assert_int_equal(bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, "next"), &zero,
					     &prog, BPF_ANY),
			 0);
	return obj;
}

static struct as_tunnelled row_of(const char *outer)
{
	struct as_tunnelled row = { .v6 = strchr(outer, ':') != NULL };
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(outer, &a), 0);
	memcpy(row.source, &a, sizeof(row.source));
	if (!row.v6)
		row.source[3] = ntohl(row.source[3]);
	return row;
}

int lab_from_tunnel(struct lab *lab, const char *outer, const struct packet *in)
{
	struct bpf_object *obj = tunneller(lab);
	struct as_tunnelled row = row_of(outer);
	struct __sk_buff ctx;
	uint32_t zero = 0;
	int verdict;

	memset(&ctx, 0, sizeof(ctx)); /* its padding, too: the kernel refuses what is not zero */
	ctx.ifindex = ctx.ingress_ifindex = lab->overlay;
	assert_int_equal(bpf_map_update_elem(bpf_object__find_map_fd_by_name(obj, "outer"), &zero,
					     &row, BPF_ANY),
			 0);
	verdict = lab_run_fd(lab,
			     bpf_program__fd(bpf_object__find_program_by_name(obj, "as_tunnelled")),
			     in, ctx);
	bpf_object__close(obj);
	return verdict;
}
