/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and ends sockets by their destination. */
#include "lib/nl/sockdiag.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>

#include "lib/base/cleanup.h"

#define REPLY_SIZE 32768

void wr_socks_done(struct wr_socks *s)
{
	wr_vec_done(&s->v);
}

static void close_socket(struct mnl_socket **s)
{
	if (*s)
		mnl_socket_close(*s);
}
#define auto_socket wr_cleanup(close_socket) struct mnl_socket

static struct inet_diag_req_v2 *put_request(char *buf, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | flags;
	msg->nlmsg_seq = 1;
	return mnl_nlmsg_put_extra_header(msg, sizeof(struct inet_diag_req_v2));
}

/* The kernel's filter program for "the other end is": one condition; what fails it jumps behind the end. */
static void put_filter(struct nlmsghdr *msg, const struct wr_addr *dst, uint16_t port)
{
	uint8_t code[sizeof(struct inet_diag_bc_op) + sizeof(struct inet_diag_hostcond) + 16];
	struct inet_diag_hostcond cond = {
		.family = (uint8_t)wr_addr_family(dst),
		.prefix_len = wr_addr_is4(dst) ? 32 : 128,
		.port = port ?: -1,
	};
	struct inet_diag_bc_op op = { .code = INET_DIAG_BC_D_COND };
	size_t size = sizeof(op) + sizeof(cond);

	size += wr_addr_bytes(dst, code + size);
	op.yes = (uint8_t)size;
	op.no = (uint16_t)(size + sizeof(op));
	memcpy(code, &op, sizeof(op));
	memcpy(code + sizeof(op), &cond, sizeof(cond));
	mnl_attr_put(msg, INET_DIAG_REQ_BYTECODE, size, code);
}

static struct wr_addr addr_of(uint8_t family, const __be32 words[4])
{
	struct in_addr in;
	struct in6_addr in6;

	memcpy(&in, words, sizeof(in));
	memcpy(&in6, words, sizeof(in6));
	return family == AF_INET ? wr_addr_from4(in) : wr_addr_from6(&in6);
}

static int add_sock(const struct nlmsghdr *msg, void *ctx)
{
	const struct inet_diag_msg *d = mnl_nlmsg_get_payload(msg);
	struct wr_socks *socks = ctx;
	struct wr_sock s = { 0 };

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*d))
		return MNL_CB_OK;
	s.family = d->idiag_family;
	s.state = d->idiag_state;
	s.src = addr_of(d->idiag_family, d->id.idiag_src);
	s.dst = addr_of(d->idiag_family, d->id.idiag_dst);
	s.src_port = ntohs(d->id.idiag_sport);
	s.dst_port = ntohs(d->id.idiag_dport);
	s.ifindex = d->id.idiag_if;
	s.uid = d->idiag_uid;
	s.inode = d->idiag_inode;
	memcpy(&s.cookie, d->id.idiag_cookie, sizeof(s.cookie));
	wr_vec_push(&socks->v, s);
	return MNL_CB_OK;
}

static uint32_t connected_states(uint8_t proto)
{
	if (proto != IPPROTO_TCP)
		return 1u << TCP_ESTABLISHED;
	return ~0u & ~(1u << TCP_LISTEN | 1u << TCP_TIME_WAIT | 1u << TCP_CLOSE);
}

/* Sends what is in @buf and reads the answer to its end. */
static int talk(struct mnl_socket *s, char *buf, mnl_cb_t fn, void *ctx)
{
	struct nlmsghdr *msg = (void *)buf;
	char reply[REPLY_SIZE] __attribute__((aligned(8)));
	ssize_t n;
	int r;

	if (mnl_socket_sendto(s, msg, msg->nlmsg_len) < 0)
		return -errno;
	do {
		n = mnl_socket_recvfrom(s, reply, sizeof(reply));
		if (n < 0)
			return -errno;
		r = mnl_cb_run(reply, (size_t)n, 1, 0, fn, ctx);
		if (r < 0)
			return -errno;
	} while (r > MNL_CB_STOP);
	return 0;
}

static int list_family(struct mnl_socket *s, uint8_t family, uint8_t proto,
		       const struct wr_addr *dst, uint16_t port, struct wr_socks *ret)
{
	char buf[256] __attribute__((aligned(8)));
	struct inet_diag_req_v2 *req = put_request(buf, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	size_t first = ret->v.n;
	int r;

	req->sdiag_family = family;
	req->sdiag_protocol = proto;
	req->idiag_states = connected_states(proto);
	put_filter((void *)buf, dst, port);
	r = talk(s, buf, add_sock, ret);
	for (size_t i = first; i < ret->v.n; i++)
		ret->v.v[i].proto = proto;
	return r;
}

static int open_socket(struct mnl_socket **ret, struct wr_err *err)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);

	if (!s)
		return wr_err_sys(err, -errno, "cannot open a sock_diag socket");
	*ret = s;
	return 0;
}

static int list(struct mnl_socket *s, uint8_t proto, const struct wr_addr *dst, uint16_t port,
		struct wr_socks *ret, struct wr_err *err)
{
	char text[WR_ADDR_STRLEN];
	/* No IPv4 socket has an IPv6 destination; an IPv6 one may have either. */
	int r = wr_addr_is4(dst) ? list_family(s, AF_INET, proto, dst, port, ret) : 0;

	r = r ?: list_family(s, AF_INET6, proto, dst, port, ret);
	return r ? wr_err_sys(err, r, "cannot list the sockets connected to %s",
			      wr_addr_format(dst, text)) :
		   0;
}

int wr_sockdiag_list(uint8_t proto, const struct wr_addr *dst, uint16_t port, struct wr_socks *ret,
		     struct wr_err *err)
{
	auto_socket *s = NULL;
	wr_auto_socks socks = { 0 };
	int r = open_socket(&s, err) ?: list(s, proto, dst, port, &socks, err);

	if (r)
		return r;
	wr_socks_done(ret);
	*ret = socks;
	socks = (struct wr_socks){ 0 };
	return 0;
}

static void put_words(const struct wr_sock *s, const struct wr_addr *a, __be32 words[4])
{
	if (s->family == AF_INET)
		words[0] = a->w[3];
	else
		memcpy(words, a->w, sizeof(a->w));
}

static int destroy(struct mnl_socket *nl, const struct wr_sock *s)
{
	char buf[256] __attribute__((aligned(8)));
	struct inet_diag_req_v2 *req = put_request(buf, SOCK_DESTROY, NLM_F_ACK);
	int r;

	req->sdiag_family = s->family;
	req->sdiag_protocol = s->proto;
	req->idiag_states = ~0u;
	put_words(s, &s->src, req->id.idiag_src);
	put_words(s, &s->dst, req->id.idiag_dst);
	req->id.idiag_sport = htons(s->src_port);
	req->id.idiag_dport = htons(s->dst_port);
	req->id.idiag_if = s->ifindex;
	memcpy(req->id.idiag_cookie, &s->cookie, sizeof(s->cookie));
	r = talk(nl, buf, NULL, NULL);
	return r == -ENOENT ? 0 : r;
}

int wr_sockdiag_destroy(uint8_t proto, const struct wr_addr *dst, uint16_t port, size_t *ret_n,
			struct wr_err *err)
{
	auto_socket *s = NULL;
	wr_auto_socks socks = { 0 };
	char text[WR_ADDR_STRLEN];
	int r = open_socket(&s, err) ?: list(s, proto, dst, port, &socks, err);

	for (size_t i = 0; !r && i < socks.v.n; i++)
		r = destroy(s, &socks.v.v[i]);
	if (r)
		return wr_err_sys(err, r, "cannot end the sockets connected to %s",
				  wr_addr_format(dst, text));
	*ret_n = socks.v.n;
	return 0;
}
