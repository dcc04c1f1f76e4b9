/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of services ask of sockets beside what peer does.
 *
 *	svc bind tcp|udp ADDR PORT            0: it can be bound; 2: it is taken
 *	svc send ADDR PORT COUNT [PAUSE-MS]   datagrams from one socket that is not connected; prints "ANSWER FROM PORT" or "silent"
 *	svc stay ADDR PORT COUNT [PAUSE-MS]   the same from a connected one
 *	svc many ADDR PORT COUNT              that many connected UDP sockets at a time, prints how many were answered
 *	svc churn ADDR PORT SECONDS           connection after connection; prints "tried N failed M", exit 0 when M is 0
 *	svc half ADDR PORT                    one connection, asks until it ends: prints "open", then "reset", "end" or "silent"
 *	svc stray SRC SPORT DST DPORT         50 TCP segments out of anyone's window, IPv4, by a raw socket
 *
 * Exit: 0 as hoped, 1 timed out, 2 refused or taken, 3 another error, 64 wrong usage. WEIR_PEER_TIMEOUT_MS as for peer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GOOD, TIMED_OUT, REFUSED, FAILED, USAGE = 64 };

static int timeout_ms = 2000;

struct target {
	struct sockaddr_storage addr;
	socklen_t size;
};

static int parse_target(const char *addr, const char *port, struct target *t)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found;

	hints.ai_socktype = SOCK_STREAM;
	if (getaddrinfo(addr, port, &hints, &found))
		return USAGE;
	memcpy(&t->addr, found->ai_addr, found->ai_addrlen);
	t->size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int result_of(int error)
{
	if (error == ECONNREFUSED || error == ECONNRESET || error == EADDRINUSE)
		return REFUSED;
	return error == EAGAIN || error == ETIMEDOUT || error == EINPROGRESS ? TIMED_OUT : FAILED;
}

static int open_socket(const struct target *t, int type)
{
	struct timeval tv = { timeout_ms / 1000, (timeout_ms % 1000) * 1000 };
	int fd = socket(t->addr.ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		perror("svc: socket");
		exit(FAILED);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return fd;
}

static int try_bind(const char *proto, const struct target *t)
{
	int fd = open_socket(t, strcmp(proto, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM);

	return bind(fd, (const struct sockaddr *)&t->addr, t->size) ? result_of(errno) : GOOD;
}

static void print_answer(const char *text, const struct sockaddr_storage *from, socklen_t size)
{
	char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";

	getnameinfo((const struct sockaddr *)from, size, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	printf("%.*s %s %s\n", (int)strcspn(text, " \n"), text, host, port);
}

/* @t: NULL on a connected socket. */
static int send_one(int fd, const struct target *t)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	char in[256];
	ssize_t n;

	if (sendto(fd, "ask\n", 4, 0, t ? (const struct sockaddr *)&t->addr : NULL,
		   t ? t->size : 0) != 4)
		return result_of(errno);
	n = recvfrom(fd, in, sizeof(in) - 1, 0, (struct sockaddr *)&from, &size);
	if (n < 0)
		return result_of(errno);
	in[n] = '\0';
	print_answer(in, &from, size);
	return GOOD;
}

static int send_all(const struct target *t, long count, long pause_ms, int connected)
{
	static const char *const words[] = { "", "silent", "refused", "failed" };
	struct timespec pause = { pause_ms / 1000, pause_ms % 1000 * 1000000 };
	int fd = open_socket(t, SOCK_DGRAM), r = GOOD;

	if (connected && connect(fd, (const struct sockaddr *)&t->addr, t->size))
		return result_of(errno);
	for (long i = 0; i < count; i++) {
		r = send_one(fd, connected ? NULL : t);
		if (r)
			puts(words[r]);
		(void)fflush(stdout);
		nanosleep(&pause, NULL);
	}
	return r;
}

static int many(const struct target *t, long count)
{
	int *fds = calloc((size_t)count, sizeof(*fds)), answered = 0;
	char in[256];

	for (long i = 0; i < count; i++) {
		fds[i] = open_socket(t, SOCK_DGRAM);
		if (connect(fds[i], (const struct sockaddr *)&t->addr, t->size) ||
		    send(fds[i], "ask\n", 4, 0) != 4 || recv(fds[i], in, sizeof(in), 0) <= 0)
			continue;
		answered++;
	}
	printf("%d\n", answered);
	free(fds);
	return GOOD;
}

static int exchange(const struct target *t)
{
	int fd = open_socket(t, SOCK_STREAM), r = GOOD;
	char in[256];

	if (connect(fd, (const struct sockaddr *)&t->addr, t->size) ||
	    send(fd, "ask\n", 4, MSG_NOSIGNAL) != 4 || recv(fd, in, sizeof(in), 0) <= 0)
		r = FAILED;
	close(fd);
	return r;
}

static volatile sig_atomic_t enough;

static void on_signal(int number)
{
	enough = number;
}

/* Until its time is up or it is interrupted; a connection that the interruption hit is none. */
static int churn(const struct target *t, long seconds)
{
	struct timespec pause = { 0, 5 * 1000 * 1000 };
	unsigned long tried = 0, failed = 0;

	(void)signal(SIGINT, on_signal);
	for (time_t end = time(NULL) + seconds; time(NULL) < end && !enough; tried++) {
		nanosleep(&pause, NULL);
		if (exchange(t) == GOOD || enough)
			continue;
		printf("connection %lu: %s\n", tried, strerror(errno));
		failed++;
	}
	printf("tried %lu failed %lu\n", tried, failed);
	return failed ? FAILED : GOOD;
}

/* Sends once and waits: how does the connection end? */
static int half(const struct target *t)
{
	int fd = open_socket(t, SOCK_STREAM);
	char in[256];
	ssize_t n;

	if (connect(fd, (const struct sockaddr *)&t->addr, t->size) ||
	    send(fd, "ask\n", 4, MSG_NOSIGNAL) != 4 || recv(fd, in, sizeof(in), 0) <= 0)
		return result_of(errno);
	puts("open");
	(void)fflush(stdout);
	for (;;) {
		struct timespec pause = { 0, 50 * 1000 * 1000 };

		if (send(fd, "ask\n", 4, MSG_NOSIGNAL) != 4)
			break;
		n = recv(fd, in, sizeof(in), 0);
		if (n <= 0) {
			errno = n ? errno : 0;
			break;
		}
		nanosleep(&pause, NULL);
	}
	puts(!errno ? "end" : errno == ECONNRESET || errno == EPIPE ? "reset" : "silent");
	return GOOD;
}

static uint16_t tcp_sum(const struct in_addr *src, const struct in_addr *dst, const struct tcphdr *th)
{
	const uint16_t *half = (const uint16_t *)th;
	uint32_t sum = htons(IPPROTO_TCP) + htons(sizeof(*th));

	sum += (src->s_addr & 0xffff) + (src->s_addr >> 16);
	sum += (dst->s_addr & 0xffff) + (dst->s_addr >> 16);
	for (size_t i = 0; i < sizeof(*th) / 2; i++)
		sum += half[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int stray(char **argv)
{
	struct sockaddr_in src = { .sin_family = AF_INET }, dst = src;
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP);

	inet_pton(AF_INET, argv[2], &src.sin_addr);
	inet_pton(AF_INET, argv[4], &dst.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&src, sizeof(src))) {
		perror("svc: raw socket");
		return FAILED;
	}
	for (uint32_t i = 0; i < 50; i++) {
		struct tcphdr th = {
			.source = htons((uint16_t)strtol(argv[3], NULL, 10)),
			.dest = htons((uint16_t)strtol(argv[5], NULL, 10)),
			.seq = htonl(i * 0x05000001u),
			.ack_seq = htonl(i * 0x03000001u),
			.doff = sizeof(th) / 4,
			.ack = 1,
			.window = htons(1000),
		};

		th.check = tcp_sum(&src.sin_addr, &dst.sin_addr, &th);
		if (sendto(fd, &th, sizeof(th), 0, (struct sockaddr *)&dst, sizeof(dst)) < 0)
			return FAILED;
	}
	return GOOD;
}

int main(int argc, char **argv)
{
	const char *limit = getenv("WEIR_PEER_TIMEOUT_MS");
	int at = argc > 1 && strcmp(argv[1], "bind") == 0 ? 3 : 2, connected;
	struct target t;

	if (limit)
		timeout_ms = (int)strtol(limit, NULL, 10);
	if (argc == 6 && strcmp(argv[1], "stray") == 0)
		return stray(argv);
	if (argc < at + 2 || parse_target(argv[at], argv[at + 1], &t)) {
		fputs("usage: svc bind tcp|udp ADDR PORT | send|stay|many|churn|half ADDR PORT [N [N]]\n",
		      stderr);
		return USAGE;
	}
	if (strcmp(argv[1], "bind") == 0)
		return try_bind(argv[2], &t);
	if (strcmp(argv[1], "half") == 0)
		return half(&t);
	connected = strcmp(argv[1], "stay") == 0;
	if (argc > 4 && (connected || strcmp(argv[1], "send") == 0))
		return send_all(&t, strtol(argv[4], NULL, 10),
				argc > 5 ? strtol(argv[5], NULL, 10) : 0, connected);
	if (argc > 4 && strcmp(argv[1], "many") == 0)
		return many(&t, strtol(argv[4], NULL, 10));
	if (argc > 4 && strcmp(argv[1], "churn") == 0)
		return churn(&t, strtol(argv[4], NULL, 10));
	return USAGE;
}
