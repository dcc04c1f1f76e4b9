/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCTP by hand, over raw sockets: the kernels that tests run on have no SCTP. An association as RFC 9260 has it (INIT,
 * INIT ACK, COOKIE ECHO, COOKIE ACK, DATA both ways, SHUTDOWN), every packet's CRC32c made and checked.
 *
 *	sctp serve ADDR PORT NAME               answers DATA with "NAME CLIENT-ADDRESS CLIENT-PORT"
 *	sctp ask ADDR PORT [COUNT [PADDING]]    COUNT associations; each sends a message of PADDING bytes, prints the answer
 *
 * Exit: 0 answered, 1 timed out, 2 refused (ABORT, or unreachable by ICMP), 3 a wrong answer, 64 wrong usage.
 * Every wait is bounded: WEIR_PEER_TIMEOUT_MS (default 2000).
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWERED, TIMED_OUT, REFUSED, WRONG, USAGE = 64 };
enum {
	DATA = 0,
	INIT = 1,
	INIT_ACK = 2,
	SACK = 3,
	ABORT = 6,
	SHUTDOWN = 7,
	SHUTDOWN_ACK = 8,
	COOKIE_ECHO = 10,
	COOKIE_ACK = 11,
	SHUTDOWN_COMPLETE = 14,
};
#define COOKIE_PARAMETER 7
#define SERVER_TAG       0x5e17e100u
#define DATA_HEADER      12 /* after the chunk's: TSN, stream, sequence, protocol */
#define TEXT_MAX         65000

static int timeout_ms = 2000;

struct packet {
	uint8_t b[1 << 16];
	size_t size;
};

struct end {
	struct sockaddr_storage addr; /* of the other side; its port is in @port */
	socklen_t addr_size;
	int fd;
	uint16_t port, own_port;
	uint32_t tag; /* what the other side wants to see */
};

static void put16(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, 2);
}

static void put32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, 4);
}

static uint16_t get16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, 2);
	return be16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return be32toh(v);
}

/* Little endian in the packet (RFC 9260, appendix A). */
static uint32_t crc32c(const uint8_t *p, size_t size)
{
	uint32_t crc = ~0u;

	while (size--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
	}
	return htole32(~crc);
}

static void start_packet(struct packet *p, const struct end *e)
{
	memset(p->b, 0, 12);
	put16(p->b, e->own_port);
	put16(p->b + 2, e->port);
	put32(p->b + 4, e->tag);
	p->size = 12;
}

/* Returns where the chunk's value begins; @size bytes, zero until filled. */
static uint8_t *add_chunk(struct packet *p, uint8_t type, uint8_t flags, size_t size)
{
	uint8_t *c = p->b + p->size;

	memset(c, 0, 4 + size + 3);
	c[0] = type;
	c[1] = flags;
	put16(c + 2, (uint16_t)(4 + size));
	p->size += (4 + size + 3) & ~3u;
	return c + 4;
}

static bool send_packet(struct packet *p, const struct end *e)
{
	uint32_t crc = crc32c(p->b, p->size);

	memcpy(p->b + 8, &crc, 4);
	return sendto(e->fd, p->b, p->size, 0, (const struct sockaddr *)&e->addr, e->addr_size) ==
	       (ssize_t)p->size;
}

static bool is_sound(struct packet *p)
{
	uint32_t said, crc;

	if (p->size < 16)
		return false;
	memcpy(&said, p->b + 8, 4);
	memset(p->b + 8, 0, 4);
	crc = crc32c(p->b, p->size);
	if (crc != said)
		fprintf(stderr, "sctp: checksum %08x instead of %08x\n", said, crc);
	return crc == said;
}

/* One packet of the raw socket: without its IPv4 header, which IPv6 never hands over. */
static bool receive(int fd, struct packet *p, struct sockaddr_storage *from, socklen_t *size)
{
	ssize_t n;
	size_t skip = 0;

	*from = (struct sockaddr_storage){ 0 };
	*size = sizeof(*from);
	n = recvfrom(fd, p->b, sizeof(p->b) - 64, 0, (struct sockaddr *)from, size);
	if (n <= 0)
		return false;
	if (from->ss_family == AF_INET)
		skip = (size_t)(p->b[0] & 15) * 4;
	p->size = (size_t)n - skip;
	memmove(p->b, p->b + skip, p->size);
	return true;
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
		       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
		      &((const struct sockaddr_in6 *)b)->sin6_addr, 16) == 0;
}

/* --- server: it keeps nothing; tags are constant and the cookie is empty of meaning */

static void answer_init(struct packet *p, struct packet *out, struct end *e)
{
	uint8_t *c;

	e->tag = get32(p->b + 16);
	start_packet(out, e);
	c = add_chunk(out, INIT_ACK, 0, 16 + 8);
	put32(c, SERVER_TAG);
	put32(c + 4, 1 << 20);
	put16(c + 8, 1);
	put16(c + 10, 1);
	put32(c + 12, 1000);
	put16(c + 16, COOKIE_PARAMETER);
	put16(c + 18, 8);
	put32(c + 20, e->tag); /* the cookie remembers for us */
	send_packet(out, e);
}

static void answer_data(struct packet *p, struct packet *out, struct end *e, const char *name)
{
	char host[INET6_ADDRSTRLEN] = "?", text[256];
	uint8_t *c;
	int n;

	getnameinfo((const struct sockaddr *)&e->addr, e->addr_size, host, sizeof(host), NULL, 0,
		    NI_NUMERICHOST);
	n = snprintf(text, sizeof(text), "%s %s %u\n", name, host, e->port);
	/* The client says its tag in the first bytes of what it sends. */
	e->tag = get32(p->b + 16 + DATA_HEADER);
	start_packet(out, e);
	c = add_chunk(out, SACK, 0, 12);
	put32(c, get32(p->b + 16));
	put32(c + 4, 1 << 20);
	c = add_chunk(out, DATA, 3, DATA_HEADER + (size_t)n);
	put32(c, 1000);
	memcpy(c + DATA_HEADER, text, (size_t)n);
	send_packet(out, e);
}

static void answer_simply(struct packet *out, const struct end *e, uint8_t type)
{
	start_packet(out, e);
	add_chunk(out, type, 0, 0);
	send_packet(out, e);
}

static void serve_packet(struct packet *p, struct end *e, const char *name)
{
	static struct packet out;
	static uint32_t last_tag;

	e->own_port = get16(p->b + 2);
	e->port = get16(p->b);
	e->tag = last_tag;
	if (p->b[12] == INIT && get32(p->b + 4) == 0 && p->size >= 32) {
		answer_init(p, &out, e);
		return;
	}
	if (get32(p->b + 4) != SERVER_TAG)
		return;
	if (p->b[12] == COOKIE_ECHO && p->size >= 20) {
		last_tag = e->tag = get32(p->b + 16);
		answer_simply(&out, e, COOKIE_ACK);
	} else if (p->b[12] == DATA && p->size >= 16 + DATA_HEADER + 4) {
		answer_data(p, &out, e, name);
	} else if (p->b[12] == SHUTDOWN) {
		answer_simply(&out, e, SHUTDOWN_ACK);
	}
}

static int raw_socket(int family)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_SCTP);

	if (fd < 0) {
		fprintf(stderr, "sctp: raw socket: %s\n", strerror(errno));
		exit(WRONG);
	}
	return fd;
}

static __attribute__((noreturn)) void serve(uint16_t port, const char *name)
{
	struct pollfd fds[2] = { { raw_socket(AF_INET), POLLIN, 0 },
				 { raw_socket(AF_INET6), POLLIN, 0 } };
	static struct packet p;

	puts("ready");
	(void)fflush(stdout);
	for (;;) {
		poll(fds, 2, -1);
		for (int i = 0; i < 2; i++) {
			struct end e = { .fd = fds[i].fd };

			if (!(fds[i].revents & POLLIN) ||
			    !receive(e.fd, &p, &e.addr, &e.addr_size) || !is_sound(&p))
				continue;
			if (get16(p.b + 2) == port)
				serve_packet(&p, &e, name);
		}
	}
}

/* --- client */

/* Waits for a packet of the association whose first chunk is @type. */
static int expect(const struct end *e, uint32_t own_tag, uint8_t type, struct packet *p)
{
	struct pollfd pfd = { e->fd, POLLIN, 0 };
	struct sockaddr_storage from;
	socklen_t size;

	for (;;) {
		if (poll(&pfd, 1, timeout_ms) == 0)
			return TIMED_OUT;
		if (!receive(e->fd, p, &from, &size)) {
			if (errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENOPROTOOPT)
				return REFUSED;
			continue;
		}
		if (p->size < 16 || get16(p->b) != e->port || get16(p->b + 2) != e->own_port ||
		    !same_host(&from, &e->addr))
			continue;
		if (!is_sound(p) || get32(p->b + 4) != own_tag)
			return WRONG;
		if (p->b[12] == ABORT)
			return REFUSED;
		return p->b[12] == type ? ANSWERED : WRONG;
	}
}

static int step(struct packet *out, const struct end *e, uint32_t own_tag, uint8_t type,
		struct packet *in)
{
	if (!send_packet(out, e)) {
		fprintf(stderr, "sctp: %s\n", strerror(errno));
		return errno == ECONNREFUSED || errno == EPERM ? REFUSED : WRONG;
	}
	return expect(e, own_tag, type, in);
}

static int associate(struct end *e, uint32_t own_tag, struct packet *out, struct packet *in)
{
	uint8_t cookie[4], *c;
	int r;

	start_packet(out, e);
	c = add_chunk(out, INIT, 0, 16);
	put32(c, own_tag);
	put32(c + 4, 1 << 20);
	put16(c + 8, 1);
	put16(c + 10, 1);
	put32(c + 12, 1);
	r = step(out, e, own_tag, INIT_ACK, in);
	if (r || in->size < 40)
		return r ? r : WRONG;
	e->tag = get32(in->b + 16);
	memcpy(cookie, in->b + 36, 4);
	start_packet(out, e);
	memcpy(add_chunk(out, COOKIE_ECHO, 0, 4), cookie, 4);
	return step(out, e, own_tag, COOKIE_ACK, in);
}

/* The answer is a SACK and then DATA in one packet. */
static int converse(struct end *e, uint32_t own_tag, size_t padding, struct packet *out,
		    struct packet *in)
{
	uint8_t *c;
	int r, n;

	start_packet(out, e);
	c = add_chunk(out, DATA, 3, DATA_HEADER + 4 + padding);
	put32(c, 1);
	put32(c + DATA_HEADER, own_tag);
	r = step(out, e, own_tag, SACK, in);
	if (r)
		return r;
	if (in->size < 28 + 4 + DATA_HEADER || in->b[28] != DATA)
		return WRONG;
	n = get16(in->b + 30) - 4 - DATA_HEADER;
	printf("%.*s", n, (const char *)in->b + 32 + DATA_HEADER);
	(void)fflush(stdout);
	return ANSWERED;
}

static int shut_down(const struct end *e, uint32_t own_tag, struct packet *out, struct packet *in)
{
	int r;

	start_packet(out, e);
	put32(add_chunk(out, SHUTDOWN, 0, 4), 1000);
	r = step(out, e, own_tag, SHUTDOWN_ACK, in);
	if (r)
		return r;
	answer_simply(out, e, SHUTDOWN_COMPLETE);
	return ANSWERED;
}

static int ask_once(struct end *e, size_t padding)
{
	static struct packet out, in;
	uint32_t tag = 0;
	uint16_t port = 0;
	int r;

	while (getrandom(&tag, sizeof(tag), 0) < 0 || !tag)
		;
	while (getrandom(&port, sizeof(port), 0) < 0)
		;
	e->own_port = port | 0x8000;
	e->tag = 0;
	r = associate(e, tag, &out, &in);
	if (r == ANSWERED)
		r = converse(e, tag, padding, &out, &in);
	return r ? r : shut_down(e, tag, &out, &in);
}

static int ask(struct end *e, long count, size_t padding)
{
	int r = ANSWERED, one = 1;

	e->fd = raw_socket(e->addr.ss_family);
	setsockopt(e->fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	setsockopt(e->fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
	/* Not connected: a raw socket's reports come by connect only, and connect would choose the source once. */
	for (long i = 0; i < count && r == ANSWERED; i++)
		r = ask_once(e, padding);
	return r;
}

static int parse_target(const char *addr, struct end *e)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_RAW }, *found;

	if (getaddrinfo(addr, NULL, &hints, &found)) {
		fprintf(stderr, "sctp: not an address: %s\n", addr);
		return USAGE;
	}
	memcpy(&e->addr, found->ai_addr, found->ai_addrlen);
	e->addr_size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int main(int argc, char **argv)
{
	const char *limit = getenv("WEIR_PEER_TIMEOUT_MS");
	struct end e = { 0 };
	long padding;

	if (limit)
		timeout_ms = (int)strtol(limit, NULL, 10);
	if (argc < 4 || parse_target(argv[2], &e)) {
		fputs("usage: sctp serve ADDR PORT NAME | sctp ask ADDR PORT [COUNT [PADDING]]\n",
		      stderr);
		return USAGE;
	}
	e.port = (uint16_t)strtol(argv[3], NULL, 10);
	if (strcmp(argv[1], "serve") == 0 && argc > 4)
		serve(e.port, argv[4]);
	padding = argc > 5 ? strtol(argv[5], NULL, 10) : 0;
	if (strcmp(argv[1], "ask") == 0 && padding <= TEXT_MAX)
		return ask(&e, argc > 4 ? strtol(argv[4], NULL, 10) : 1, (size_t)padding);
	fprintf(stderr, "sctp: unknown verb %s\n", argv[1]);
	return USAGE;
}
