/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name server, and a client that uses what it is told at once, for the end-to-end tests.
 *
 *	dns serve ADDR PORT FILE        over UDP and TCP, both families; reads the file for each question. Its lines are
 *	                                NAME TYPE VALUE TTL [COUNT]
 *	                                with the types A, AAAA and CNAME, SEQ: of i7.NAME, VALUE plus 7 (either family), and HINT: an
 *	                                HTTPS record with the IPv4 address. COUNT: the address and as many before it. An alias stands
 *	                                before what it is of
 *	dns ask SERVER PORT NAME TYPE [udp|tcp]               prints the addresses; TYPE: A, AAAA or HTTPS
 *	dns visit SERVER PORT NAME TYPE udp|tcp TCP-PORT      asks, then connects to the last address, which must work before a first
 *	                                                      segment is repeated (WR_PATIENCE times that: on a machine so slow the agent
 *	                                                      may miss its lease, and that answer does not wait)
 *
 * Exit: 0 answered, 1 no answer (3 tries), 2 no such name or address, 4 the connection was not made at once, 64 wrong usage.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/str.h"
#include "lib/dns/dns.h"

enum { ANSWERED, SILENT, NOTHING, CLOSED = 4, USAGE = 64 };

#define TRIES      3
#define ANSWER_MS  1500
#define CONNECT_MS 900 /* a first segment is repeated after a second */

struct msg {
	uint8_t b[65535];
	size_t n;
};

/* ---- messages ---------------------------------------------------------------------------------------- */

static void put16(struct msg *m, unsigned int v)
{
	m->b[m->n++] = (uint8_t)(v >> 8);
	m->b[m->n++] = (uint8_t)v;
}

static void put_name(struct msg *m, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		m->b[m->n++] = (uint8_t)len;
		memcpy(m->b + m->n, name, len);
		m->n += len;
		name += len + (name[len] == '.');
	}
	m->b[m->n++] = 0;
}

static void put_record(struct msg *m, const char *owner, unsigned int type, unsigned long ttl,
		       size_t size)
{
	put_name(m, owner);
	put16(m, type);
	put16(m, 1);
	put16(m, (unsigned int)(ttl >> 16));
	put16(m, (unsigned int)(ttl & 0xffff));
	put16(m, (unsigned int)size);
}

static bool read_name(const struct msg *m, size_t *at, char name[256])
{
	size_t len = 0;

	while (*at < m->n && m->b[*at]) {
		size_t n = m->b[*at];

		if (n > 63 || *at + 1 + n >= m->n || len + n + 1 > 254)
			return false;
		if (len)
			name[len++] = '.';
		memcpy(name + len, m->b + *at + 1, n);
		len += n;
		*at += n + 1;
	}
	name[len] = '\0';
	++*at;
	return true;
}

/* ---- the server --------------------------------------------------------------------------------------- */

struct zone {
	struct msg *to;
	char name[256]; /* of which records are wanted now */
	int family;
	unsigned int type, n;
	bool known;
};

/* @offset is taken from or added to the address' last two bytes. */
static void add_address(struct zone *z, const char *value, unsigned long ttl, long offset)
{
	int family = strchr(value, ':') ? AF_INET6 : AF_INET;
	size_t size = family == AF_INET ? 4 : 16;
	uint8_t addr[16];
	long low;

	z->known = true;
	if (family != z->family || inet_pton(family, value, addr) != 1)
		return;
	low = (addr[size - 2] << 8 | addr[size - 1]) + offset;
	addr[size - 2] = (uint8_t)(low >> 8);
	addr[size - 1] = (uint8_t)low;
	put_record(z->to, z->name, z->type, ttl, size);
	memcpy(z->to->b + z->to->n, addr, size);
	z->to->n += size;
	z->n++;
}

static void add_alias(struct zone *z, const char *value, unsigned long ttl)
{
	put_record(z->to, z->name, 5, ttl, strlen(value) + 2);
	put_name(z->to, value);
	z->n++;
	z->known = true;
	snprintf(z->name, sizeof(z->name), "%s", value);
}

#define TYPE_HTTPS 65

/* Priority 1, the owner itself as the target, ipv4hint. */
static void add_hint(struct zone *z, const char *value, unsigned long ttl)
{
	static const uint8_t head[] = { 0, 1, 0, 0, 4, 0, 4 };

	put_record(z->to, z->name, TYPE_HTTPS, ttl, sizeof(head) + 4);
	memcpy(z->to->b + z->to->n, head, sizeof(head));
	z->to->n += sizeof(head);
	z->known = inet_pton(AF_INET, value, z->to->b + z->to->n) == 1;
	z->to->n += 4;
	z->n++;
}

static bool is_in_sequence(const char *name, const char *sequence, long *ret)
{
	char *end;

	if (name[0] != 'i')
		return false;
	*ret = strtol(name + 1, &end, 10);
	return *end == '.' && strcasecmp(end + 1, sequence) == 0;
}

static void take_line(struct zone *z, const char *line)
{
	char name[256], type[8], value[256];
	unsigned long ttl = 0, count = 0;
	long at;

	if (sscanf(line, "%255s %7s %255s %lu %lu", name, type, value, &ttl, &count) < 4)
		return;
	if (wr_streq(type, "SEQ") && is_in_sequence(z->name, name, &at))
		add_address(z, value, ttl, at);
	if (strcasecmp(name, z->name) != 0)
		return;
	if (wr_streq(type, "CNAME")) {
		add_alias(z, value, ttl);
		return;
	}
	if (wr_streq(type, "HINT") && z->type == TYPE_HTTPS)
		add_hint(z, value, ttl);
	if (wr_streq(type, "HINT") || z->type == TYPE_HTTPS)
		return;
	for (at = (long)count; at >= 0; at--)
		add_address(z, value, ttl, -at);
}

static void answer(const char *file, const struct msg *question, struct msg *to)
{
	struct zone z = { .to = to };
	wr_autofile FILE *f = fopen(file, "re");
	char line[1024];
	size_t at = 12;

	to->n = 0;
	if (question->n < 12 || !read_name(question, &at, z.name) || at + 4 > question->n)
		return;
	z.type = (unsigned int)question->b[at] << 8 | question->b[at + 1];
	z.family = z.type == 28 ? AF_INET6 : AF_INET;
	memcpy(to->b, question->b, at + 4);
	to->n = at + 4;
	while (f && fgets(line, sizeof(line), f))
		take_line(&z, line);
	to->b[2] = 0x81;
	to->b[3] = z.known ? 0x80 : 0x83;
	memset(to->b + 4, 0, 8);
	to->b[5] = 1;
	to->b[6] = (uint8_t)(z.n >> 8);
	to->b[7] = (uint8_t)z.n;
}

static void serve_datagram(int fd, const char *file)
{
	static struct msg question, reply;
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, question.b, sizeof(question.b), 0, (struct sockaddr *)&from, &size);

	if (n <= 0)
		return;
	question.n = (size_t)n;
	answer(file, &question, &reply);
	if (reply.n)
		sendto(fd, reply.b, reply.n, 0, (struct sockaddr *)&from, size);
}

static bool read_all(int fd, uint8_t *to, size_t size)
{
	size_t n = 0;
	ssize_t r;

	for (; n < size; n += (size_t)r) {
		r = read(fd, to + n, size - n);
		if (r <= 0)
			return false;
	}
	return true;
}

/* One message behind its length. */
static bool read_message(int fd, struct msg *m)
{
	uint8_t len[2];

	if (!read_all(fd, len, 2))
		return false;
	m->n = (size_t)len[0] << 8 | len[1];
	return read_all(fd, m->b, m->n);
}

static void write_message(int fd, const struct msg *m)
{
	static uint8_t whole[sizeof(m->b) + 2];

	whole[0] = (uint8_t)(m->n >> 8);
	whole[1] = (uint8_t)m->n;
	memcpy(whole + 2, m->b, m->n);
	if (write(fd, whole, m->n + 2) < 0)
		perror("dns: write");
}

static void serve_connection(int listener, const char *file)
{
	static struct msg question, reply;
	struct timeval limit = { .tv_sec = 2 };
	wr_autofd int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while (read_message(fd, &question)) {
		answer(file, &question, &reply);
		write_message(fd, &reply);
	}
}

static int parse_addr(const char *addr, const char *port, struct sockaddr_storage *ret,
		      socklen_t *ret_size)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *in4 = (struct sockaddr_in *)ret;
	uint64_t number;

	memset(ret, 0, sizeof(*ret));
	if (wr_parse_u64(port, 65535, &number))
		return -EINVAL;
	if (strchr(addr, ':')) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)number);
		*ret_size = sizeof(*in6);
		return inet_pton(AF_INET6, addr, &in6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	in4->sin_family = AF_INET;
	in4->sin_port = htons((uint16_t)number);
	*ret_size = sizeof(*in4);
	return inet_pton(AF_INET, addr, &in4->sin_addr) == 1 ? 0 : -EINVAL;
}

static int listen_on(const char *addr, const char *port, int type)
{
	struct sockaddr_storage at;
	int fd, on = 1, off = 0;
	socklen_t size;

	if (parse_addr(addr, port, &at, &size))
		return -1;
	fd = socket(at.ss_family, type | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&at, size) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 64) < 0)) {
		perror("dns: bind");
		close(fd);
		return -1;
	}
	return fd;
}

static int serve(const char *addr, const char *port, const char *file)
{
	struct pollfd p[] = { { .fd = listen_on(addr, port, SOCK_DGRAM), .events = POLLIN },
			      { .fd = listen_on(addr, port, SOCK_STREAM), .events = POLLIN } };

	if (p[0].fd < 0 || p[1].fd < 0)
		return USAGE;
	puts("ready");
	(void)fflush(stdout);
	while (poll(p, 2, -1) > 0) {
		if (p[0].revents)
			serve_datagram(p[0].fd, file);
		if (p[1].revents)
			serve_connection(p[1].fd, file);
	}
	return 0;
}

/* ---- the client --------------------------------------------------------------------------------------- */

static const struct msg *question_of(const char *name, const char *type)
{
	static uint16_t id;
	static struct msg m;

	m.n = 0;
	put16(&m, (unsigned int)getpid() + id++);
	put16(&m, 0x0100);
	put16(&m, 1);
	put16(&m, 0);
	put16(&m, 0);
	put16(&m, 0);
	put_name(&m, name);
	put16(&m, wr_streq(type, "HTTPS") ? TYPE_HTTPS : wr_streq(type, "AAAA") ? 28 : 1);
	put16(&m, 1);
	return &m;
}

static bool is_ready(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) > 0;
}

/* Connects within the time; -1: it did not. */
static int reach(const struct sockaddr_storage *to, socklen_t size, int type, int ms)
{
	int fd = socket(to->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t len = sizeof(error);

	if (connect(fd, (const struct sockaddr *)to, size) < 0 && errno != EINPROGRESS)
		error = errno;
	if (!error &&
	    (!is_ready(fd, POLLOUT, ms) || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0))
		error = ETIMEDOUT;
	if (error) {
		close(fd);
		errno = error;
		return -1;
	}
	fcntl(fd, F_SETFL, 0);
	return fd;
}

struct query {
	const char *server, *port, *name, *type;
	bool tcp;
};

static bool exchange_once(const struct query *q, const struct msg *question, struct msg *ret)
{
	struct sockaddr_storage to;
	struct timeval limit = { .tv_sec = 1, .tv_usec = 500000 };
	wr_autofd int fd = -1;
	socklen_t size;
	ssize_t n;

	if (parse_addr(q->server, q->port, &to, &size))
		exit(USAGE);
	fd = reach(&to, size, q->tcp ? SOCK_STREAM : SOCK_DGRAM, ANSWER_MS);
	if (fd < 0)
		return false;
	if (q->tcp) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		write_message(fd, question);
		return read_message(fd, ret);
	}
	if (write(fd, question->b, question->n) < 0 || !is_ready(fd, POLLIN, ANSWER_MS))
		return false;
	n = read(fd, ret->b, sizeof(ret->b));
	ret->n = n < 0 ? 0 : (size_t)n;
	return n > 0;
}

static int exchange(const struct query *q, struct wr_dns_answer *ret)
{
	static struct msg reply;
	int i;

	for (i = 0; i < TRIES; i++)
		if (exchange_once(q, question_of(q->name, q->type), &reply))
			return wr_dns_parse(reply.b, reply.n, ret) ? NOTHING : ANSWERED;
	return SILENT;
}

static int ask(const struct query *q)
{
	static struct wr_dns_answer a;
	char text[WR_ADDR_STRLEN];
	int r = exchange(q, &a);
	size_t i;

	for (i = 0; r == ANSWERED && i < a.n_addrs; i++)
		puts(wr_addr_format(&a.addrs[i].addr, text));
	return r;
}

static int connect_ms(void)
{
	const char *text = getenv("WR_PATIENCE");
	uint64_t times = 1;

	if (text && wr_parse_u64(text, 100, &times))
		exit(USAGE);
	return CONNECT_MS * (int)times;
}

static int visit(const struct query *q, const char *port)
{
	static struct wr_dns_answer a;
	struct sockaddr_storage to;
	char text[WR_ADDR_STRLEN];
	socklen_t size;
	int r = exchange(q, &a), fd;

	if (r != ANSWERED)
		return r;
	wr_addr_format(&a.addrs[a.n_addrs - 1].addr, text);
	if (parse_addr(text, port, &to, &size))
		return USAGE;
	fd = reach(&to, size, SOCK_STREAM, connect_ms());
	if (fd < 0) {
		fprintf(stderr, "dns: %s %s: %s\n", q->name, text, strerror(errno));
		return CLOSED;
	}
	close(fd);
	puts(text);
	return ANSWERED;
}

int main(int argc, char **argv)
{
	struct query q = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc == 5 && wr_streq(argv[1], "serve"))
		return serve(argv[2], argv[3], argv[4]);
	if (argc >= 6) {
		q = (struct query){ argv[2], argv[3], argv[4], argv[5], false };
		q.tcp = argc > 6 && wr_streq(argv[6], "tcp");
		if (wr_streq(argv[1], "ask"))
			return ask(&q);
		if (argc == 8 && wr_streq(argv[1], "visit"))
			return visit(&q, argv[7]);
	}
	fputs("usage: dns serve ADDR PORT FILE | ask ... | visit ... (see tests/e2e/tools/dns.c)\n",
	      stderr);
	return USAGE;
}
