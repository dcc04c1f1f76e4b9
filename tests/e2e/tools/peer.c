/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a conversation, for the end-to-end tests and the demo.
 *
 *	peer serve tcp|udp ADDR PORT NAME       answers every message with "NAME CLIENT-ADDRESS CLIENT-PORT"
 *	peer ask tcp|udp ADDR PORT [COUNT]      sends COUNT messages (a connection each over TCP), prints the answers
 *	peer stay tcp|udp ADDR PORT COUNT       one socket, COUNT messages in turn, prints the answers
 *	peer hold tcp|udp ADDR PORT SECONDS     one socket, a numbered message every 10 ms, which must come back; prints "sent N
 *	                                        lost M"; ends early, as it should, when told to by SIGINT
 *	peer bulk tcp|udp ADDR PORT BYTES       one message of that size to a server started with "sink"; prints what arrived
 *	peer sink tcp|udp ADDR PORT             counts bytes of a connection (or datagram) and answers the number
 *
 * Exit: 0 answered, 1 timed out, 2 refused, 3 unreachable or another error, 64 wrong usage.
 * Every wait is bounded: WEIR_PEER_TIMEOUT_MS (default 2000).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ANSWERED, TIMED_OUT, REFUSED, FAILED, USAGE = 64 };

static int timeout_ms = 2000;

struct target {
	struct sockaddr_storage addr;
	socklen_t size;
	int type;
};

static int parse_target(const char *proto, const char *addr, const char *port, struct target *t)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV }, *found;

	hints.ai_socktype = strcmp(proto, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
	if (getaddrinfo(addr, port, &hints, &found)) {
		fprintf(stderr, "peer: not an address and port: %s %s\n", addr, port);
		return USAGE;
	}
	memcpy(&t->addr, found->ai_addr, found->ai_addrlen);
	t->size = found->ai_addrlen;
	t->type = found->ai_socktype;
	freeaddrinfo(found);
	return 0;
}

static int result_of(int error)
{
	if (error == ECONNREFUSED || error == ECONNRESET)
		return REFUSED;
	if (error == EAGAIN || error == ETIMEDOUT || error == EINPROGRESS)
		return TIMED_OUT;
	fprintf(stderr, "peer: %s\n", strerror(error));
	return FAILED;
}

static int open_socket(const struct target *t)
{
	struct timeval tv = { timeout_ms / 1000, (timeout_ms % 1000) * 1000 };
	int fd = socket(t->addr.ss_family, t->type | SOCK_CLOEXEC, 0);

	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	}
	return fd;
}

static int listen_on(const struct target *t)
{
	int one = 1, fd = socket(t->addr.ss_family, t->type | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&t->addr, t->size) ||
	    (t->type == SOCK_STREAM && listen(fd, 512))) {
		fprintf(stderr, "peer: %s\n", strerror(errno));
		exit(FAILED);
	}
	puts("ready");
	(void)fflush(stdout);
	return fd;
}

static size_t describe(const char *name, const struct sockaddr_storage *from, socklen_t size,
		       char *out, size_t out_size)
{
	char host[INET6_ADDRSTRLEN] = "?", port[8] = "?";

	getnameinfo((const struct sockaddr *)from, size, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	return (size_t)snprintf(out, out_size, "%s %s %s\n", name, host, port);
}

static __attribute__((noreturn)) void serve_connection(int fd, const char *name,
						       const struct sockaddr_storage *from,
						       socklen_t size)
{
	char in[2048], out[256];
	size_t len = describe(name, from, size, out, sizeof(out));
	ssize_t n;

	while ((n = read(fd, in, sizeof(in))) > 0) {
		if (in[0] == '#') { /* numbered: echoed as it is */
			if (write(fd, in, (size_t)n) != n)
				break;
		} else if (write(fd, out, len) != (ssize_t)len) {
			break;
		}
	}
	exit(0);
}

static __attribute__((noreturn)) void sink_connection(int fd)
{
	static char in[1 << 16];
	char out[32];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, in, sizeof(in))) > 0)
		total += (size_t)n;
	n = snprintf(out, sizeof(out), "%zu\n", total);
	exit(write(fd, out, (size_t)n) != n);
}

static __attribute__((noreturn)) void serve_tcp(const struct target *t, const char *name)
{
	int listener = listen_on(t);

	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		int fd = accept(listener, (struct sockaddr *)&from, &size);

		if (fd < 0)
			continue;
		if (fork() == 0) {
			close(listener);
			if (name)
				serve_connection(fd, name, &from, size);
			sink_connection(fd);
		}
		close(fd);
	}
}

static __attribute__((noreturn)) void serve_udp(const struct target *t, const char *name)
{
	static char in[1 << 16];
	char out[256];
	int fd = listen_on(t);

	for (;;) {
		struct sockaddr_storage from;
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, in, sizeof(in), 0, (struct sockaddr *)&from, &size);
		size_t len;

		if (n < 0)
			continue;
		len = name ? describe(name, &from, size, out, sizeof(out)) :
			     (size_t)snprintf(out, sizeof(out), "%zd\n", n);
		if (name && in[0] == '#') /* numbered: echoed as it is */
			sendto(fd, in, (size_t)n, 0, (struct sockaddr *)&from, size);
		else
			sendto(fd, out, len, 0, (struct sockaddr *)&from, size);
	}
}

static __attribute__((noreturn)) void serve(const struct target *t, const char *name)
{
	if (t->type == SOCK_STREAM)
		serve_tcp(t, name);
	serve_udp(t, name);
}

static int exchange(int fd, const char *text, size_t len)
{
	char in[256];
	ssize_t n;

	if (send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		return result_of(errno);
	n = recv(fd, in, sizeof(in) - 1, 0);
	if (n < 0)
		return result_of(errno);
	if (n == 0)
		return REFUSED;
	in[n] = '\0';
	fputs(in, stdout);
	(void)fflush(stdout);
	return ANSWERED;
}

static int connect_to(const struct target *t, int *ret_fd)
{
	int r, fd = open_socket(t);

	if (connect(fd, (const struct sockaddr *)&t->addr, t->size)) {
		r = result_of(errno);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return ANSWERED;
}

static int ask(const struct target *t, long count)
{
	int fd, r = ANSWERED;

	for (long i = 0; i < count && r == ANSWERED; i++) {
		r = connect_to(t, &fd);
		if (r)
			break;
		r = exchange(fd, "ask\n", 4);
		close(fd);
	}
	return r;
}

static int stay(const struct target *t, long count)
{
	int fd, r = connect_to(t, &fd);

	for (long i = 0; i < count && r == ANSWERED; i++)
		r = exchange(fd, "ask\n", 4);
	return r;
}

static volatile sig_atomic_t enough;

static void on_signal(int number)
{
	enough = number;
}

/* Until its time is up or it is interrupted. */
static int hold(const struct target *t, long seconds)
{
	struct timespec pause = { 0, 10 * 1000 * 1000 };
	unsigned long sent = 0, lost = 0;
	char out[32], in[32];
	int fd, r = connect_to(t, &fd);

	(void)signal(SIGINT, on_signal);
	for (time_t end = time(NULL) + seconds; !r && !enough && time(NULL) < end;
	     nanosleep(&pause, NULL)) {
		int len = snprintf(out, sizeof(out), "#%lu\n", sent++);

		if (send(fd, out, (size_t)len, MSG_NOSIGNAL) != len ||
		    recv(fd, in, (size_t)len, MSG_WAITALL) != len ||
		    memcmp(in, out, (size_t)len) != 0) {
			if (enough)
				break;
			lost++;
			r = result_of(errno);
		}
	}
	printf("sent %lu lost %lu\n", sent, lost);
	return r;
}

static int bulk(const struct target *t, long bytes)
{
	char *data = calloc(1, (size_t)bytes), in[64];
	int fd, r = connect_to(t, &fd);
	ssize_t n;

	for (long done = 0; !r && done < bytes; done += n) {
		n = send(fd, data + done, (size_t)(bytes - done), MSG_NOSIGNAL);
		if (n < 0)
			r = result_of(errno);
	}
	free(data);
	if (r)
		return r;
	if (t->type == SOCK_STREAM)
		shutdown(fd, SHUT_WR);
	n = recv(fd, in, sizeof(in) - 1, 0);
	if (n <= 0)
		return n ? result_of(errno) : REFUSED;
	in[n] = '\0';
	fputs(in, stdout);
	return ANSWERED;
}

int main(int argc, char **argv)
{
	const char *limit = getenv("WEIR_PEER_TIMEOUT_MS");
	struct target t;
	long n;

	if (limit)
		timeout_ms = (int)strtol(limit, NULL, 10);
	if (argc < 5 || parse_target(argv[2], argv[3], argv[4], &t)) {
		fputs("usage: peer serve|sink|ask|stay|hold|bulk tcp|udp ADDR PORT [NAME|COUNT|SECONDS|BYTES]\n",
		      stderr);
		return USAGE;
	}
	n = argc > 5 ? strtol(argv[5], NULL, 10) : 1;
	if (strcmp(argv[1], "serve") == 0 && argc > 5)
		serve(&t, argv[5]);
	if (strcmp(argv[1], "sink") == 0)
		serve(&t, NULL);
	if (strcmp(argv[1], "ask") == 0)
		return ask(&t, n);
	if (strcmp(argv[1], "stay") == 0)
		return stay(&t, n);
	if (strcmp(argv[1], "hold") == 0)
		return hold(&t, n);
	if (strcmp(argv[1], "bulk") == 0)
		return bulk(&t, n);
	fprintf(stderr, "peer: unknown verb %s\n", argv[1]);
	return USAGE;
}
