/* SPDX-License-Identifier: Apache-2.0 */
/* Sends batches of requests over one rtnetlink socket and reads what comes back. */
#include "lib/nl/nl.h"

#include <errno.h>
#include <sys/socket.h>

#include "lib/nl/msg.h"

/* One sendmsg: well below the default send buffer, and all its errors fit the receive buffer. */
#define PIECE_MSGS 128
/* An answer about one interface takes 1 to 3 KB. */
#define ANSWER_SIZE 8192
/* The kernel fills dump buffers of up to 32 KB. */
#define DUMP_SIZE 32768

int wr_nl_open(struct wr_nl *ret)
{
	wr_autofd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	int on = 1;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)))
		return -errno;

	ret->fd = wr_take_fd(&fd);
	ret->seq = 0;
	return 0;
}

void wr_nl_close(struct wr_nl *nl)
{
	if (nl->fd >= 0)
		close(nl->fd);
	nl->fd = -1;
}

void wr_nl_batch_done(struct wr_nl_batch *b)
{
	for (size_t i = 0; i < b->ops.n; i++)
		nlmsg_free(b->ops.v[i].msg);
	wr_vec_done(&b->ops);
	b->error = 0;
}

static int send_iov(struct wr_nl *nl, struct iovec *iov, size_t n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr mh = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = iov,
		.msg_iovlen = n,
	};
	ssize_t r;

	do
		r = sendmsg(nl->fd, &mh, 0);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/*
 * The kernel has queued the answer, or a dump's next part, by the time that the call before returns: there is
 * nothing to wait for, and no way to hang.
 */
static int receive(struct wr_nl *nl, void *buf, size_t size)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr mh = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t r;

	do
		r = recvmsg(nl->fd, &mh, MSG_DONTWAIT);
	while ((r < 0 && errno == EINTR) || (r >= 0 && from.nl_pid));
	if (r < 0)
		return errno == EAGAIN ? -EIO : -errno;
	return mh.msg_flags & MSG_TRUNC ? -EMSGSIZE : (int)r;
}

/* A piece of a batch that is under way. */
struct piece {
	struct wr_nl_op *ops;
	size_t n;
	uint32_t first_seq;
	wr_nl_answer fn;
	void *ctx;
	bool finished;
	int code; /* first failure that counts */
	struct wr_err *err;
};

static bool tolerated(const struct wr_nl_op *op, int code)
{
	switch (-code) {
	case EEXIST:
		return op->tolerate & WR_NL_MAY_EXIST;
	case ENODEV:
	case ENOENT:
	case ESRCH:
	case EADDRNOTAVAIL:
	case ENXIO:
		return op->tolerate & WR_NL_MAY_MISS;
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
		return op->tolerate & WR_NL_MAY_LACK;
	case EINVAL:
		return op->tolerate & WR_NL_NO_PARENT;
	default:
		return false;
	}
}

/* The kernel's own words, from the attributes behind the message that it sends back. */
static const char *kernel_words(const struct nlmsghdr *msg, char *buf, size_t size)
{
	const struct nlmsgerr *e = nlmsg_data(msg);
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = { 0 };
	int skip = (int)sizeof(*e);

	buf[0] = '\0';
	if (!(msg->nlmsg_flags & NLM_F_ACK_TLVS))
		return buf;
	if (!(msg->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN((int)e->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (nlmsg_datalen(msg) < skip)
		return buf;
	nla_parse(tb, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)nlmsg_data(msg) + skip),
		  nlmsg_datalen(msg) - skip, NULL);
	wr_attr_str(tb[NLMSGERR_ATTR_MSG], buf, size);
	return buf;
}

static void note_failure(struct piece *p, const struct wr_nl_op *op, const struct nlmsghdr *msg,
			 int code)
{
	char what[160], words[160];

	if (p->code || tolerated(op, code))
		return;
	p->code = code;
	wr_msg_describe(nlmsg_hdr(op->msg), what, sizeof(what));
	if (kernel_words(msg, words, sizeof(words))[0])
		wr_err_sys(p->err, code, "cannot %s (%s)", what, words);
	else
		wr_err_sys(p->err, code, "cannot %s", what);
}

static void take_one(struct piece *p, const struct nlmsghdr *msg)
{
	uint32_t at = msg->nlmsg_seq - p->first_seq;
	const struct nlmsgerr *e = nlmsg_data(msg);
	int r;

	if (at >= p->n)
		return;
	if (msg->nlmsg_type == NLMSG_ERROR) {
		if (nlmsg_datalen(msg) >= (int)sizeof(*e) && e->error)
			note_failure(p, &p->ops[at], msg, e->error);
	} else if (p->fn) {
		r = p->fn(p->ctx, msg);
		if (r < 0 && !p->code)
			p->code = wr_err_sys(p->err, r, "cannot read the kernel's answer");
	}
	p->finished |= at == p->n - 1;
}

static int send_piece(struct wr_nl *nl, struct piece *p)
{
	struct iovec iov[PIECE_MSGS];
	struct nlmsghdr *msg = NULL;

	p->first_seq = nl->seq + 1;
	for (size_t i = 0; i < p->n; i++) {
		msg = nlmsg_hdr(p->ops[i].msg);
		msg->nlmsg_seq = ++nl->seq;
		iov[i] = (struct iovec){ .iov_base = msg, .iov_len = NLMSG_ALIGN(msg->nlmsg_len) };
	}
	if (!p->ops[p->n - 1].answers)
		msg->nlmsg_flags |= NLM_F_ACK;
	return send_iov(nl, iov, p->n);
}

static int run_piece(struct wr_nl *nl, struct piece *p)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	int left, r = send_piece(nl, p);

	while (!r && !p->finished) {
		left = receive(nl, buf, sizeof(buf));
		if (left < 0)
			r = left;
		for (struct nlmsghdr *m = (void *)buf; left > 0 && nlmsg_ok(m, left);
		     m = nlmsg_next(m, &left))
			take_one(p, m);
	}
	return r ? wr_err_sys(p->err, r, "cannot talk to the kernel over netlink") : p->code;
}

int wr_nl_commit_get(struct wr_nl *nl, struct wr_nl_batch *b, wr_nl_answer fn, void *ctx,
		     struct wr_err *err)
{
	int r, first = b->error;

	if (first)
		wr_err_sys(err, first, "cannot build a netlink message");
	for (size_t i = 0; !b->error && i < b->ops.n; i += PIECE_MSGS) {
		struct piece p = {
			.ops = b->ops.v + i,
			.n = WR_MIN(b->ops.n - i, (size_t)PIECE_MSGS),
			.fn = fn,
			.ctx = ctx,
			.err = err,
		};

		r = run_piece(nl, &p);
		first = first ?: r;
	}
	wr_nl_batch_done(b);
	return first;
}

int wr_nl_commit(struct wr_nl *nl, struct wr_nl_batch *b, struct wr_err *err)
{
	return wr_nl_commit_get(nl, b, NULL, NULL, err);
}

/* A dump that is under way. */
struct dump {
	uint32_t seq;
	wr_nl_answer fn;
	void *ctx;
	bool finished, torn;
	int code;
};

static void take_row(struct dump *d, const struct nlmsghdr *msg)
{
	const int *code = nlmsg_data(msg); /* DONE and ERROR both begin with one */
	bool last = msg->nlmsg_type == NLMSG_DONE || msg->nlmsg_type == NLMSG_ERROR;
	int r = 0;

	if (msg->nlmsg_seq != d->seq)
		return;
	d->torn |= !!(msg->nlmsg_flags & NLM_F_DUMP_INTR);
	d->finished |= last;
	if (!last)
		r = d->fn(d->ctx, msg);
	else if (nlmsg_datalen(msg) >= (int)sizeof(*code))
		r = *code;
	if (r < 0 && !d->code)
		d->code = r;
}

static int run_dump(struct wr_nl *nl, struct dump *d)
{
	char buf[DUMP_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	int left;

	while (!d->finished) {
		left = receive(nl, buf, sizeof(buf));
		if (left < 0)
			return left;
		for (struct nlmsghdr *m = (void *)buf; nlmsg_ok(m, left); m = nlmsg_next(m, &left))
			take_row(d, m);
	}
	return d->code ?: d->torn ? -EAGAIN : 0;
}

int wr_nl_dump(struct wr_nl *nl, struct nl_msg *msg, wr_nl_answer fn, void *ctx)
{
	struct dump d = { .fn = fn, .ctx = ctx };
	struct iovec iov;
	int on = 1, r;

	if (!msg)
		return -ENOMEM;
	/* Without it the kernel ignores the filters of a dump; older ones (before 4.20) do so anyway. */
	setsockopt(nl->fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
	nlmsg_hdr(msg)->nlmsg_seq = d.seq = ++nl->seq;
	iov = (struct iovec){ .iov_base = nlmsg_hdr(msg), .iov_len = nlmsg_hdr(msg)->nlmsg_len };
	r = send_iov(nl, &iov, 1);
	nlmsg_free(msg);
	return r ?: run_dump(nl, &d);
}
