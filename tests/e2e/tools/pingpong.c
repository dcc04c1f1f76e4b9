/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast two ends talk over TCP, for the benches.
 *
 *	pingpong serve PORT [COUNT]       serves COUNT connections (1000000), on every address
 *	pingpong rr ADDR PORT SECONDS     one connection, one byte there and back; prints transactions a second
 *	pingpong stream ADDR PORT SECONDS one connection, as much as goes; prints bytes a second
 *	pingpong connect ADDR PORT SECONDS  connections opened, used once and closed; prints connections a second
 *
 * SECONDS is a decimal number, at most 30.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK       (128 << 10)
#define SECONDS_MAX 30.0

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static __attribute__((noreturn)) void die(const char *what)
{
	perror(what);
	exit(1);
}

static void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* The first byte says what the client wants: 's' is a stream, anything else is sent back, byte by byte. */
static void serve_one(int fd)
{
	static char in[CHUNK];

	no_delay(fd);
	while (read(fd, in, sizeof(in)) > 0)
		if (in[0] != 's' && write(fd, in, 1) != 1)
			break;
	_exit(0);
}

static int serve(const char *port, long count)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	int one = 1, listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (const struct sockaddr *)&any, sizeof(any)) || listen(listener, 1024))
		die("pingpong: listen");
	(void)signal(SIGCHLD, SIG_IGN);
	puts("ready");
	(void)fflush(stdout);
	while (count--) {
		int fd = accept(listener, NULL, NULL);
		char byte;

		if (fd < 0)
			continue;
		/* A short connection is answered here: a process for each would be what is measured. */
		if (recv(fd, &byte, 1, MSG_PEEK) == 1 && byte == 'c') {
			if (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) != 1)
				perror("pingpong: write");
		} else if (fork() == 0) {
			serve_one(fd);
		}
		close(fd);
	}
	return 0;
}

static int open_to(const struct addrinfo *to)
{
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen))
		die("pingpong: connect");
	no_delay(fd);
	return fd;
}

static void exchange(int fd, char byte)
{
	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		die("pingpong: exchange");
}

static double rr(const struct addrinfo *to, double seconds)
{
	int fd = open_to(to);
	double start = now(), end = start + seconds, t;
	long n = 0;

	do {
		for (int i = 0; i < 64; i++, n++)
			exchange(fd, 'r');
		t = now();
	} while (t < end);
	return (double)n / (t - start);
}

static double stream(const struct addrinfo *to, double seconds)
{
	static char out[CHUNK];
	int fd = open_to(to);
	double start = now(), end = start + seconds, t, bytes = 0;

	memset(out, 's', sizeof(out));
	do {
		ssize_t n = write(fd, out, sizeof(out));

		if (n < 0)
			die("pingpong: write");
		bytes += (double)n;
		t = now();
	} while (t < end);
	return bytes / (t - start);
}

static double connects(const struct addrinfo *to, double seconds)
{
	struct linger reset = { .l_onoff = 1 }; /* no TIME_WAIT: ports last */
	double start = now(), end = start + seconds, t;
	long n = 0;

	do {
		int fd = open_to(to);

		exchange(fd, 'c');
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
		n++;
		t = now();
	} while (t < end);
	return (double)n / (t - start);
}

int main(int argc, char **argv)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				  .ai_socktype = SOCK_STREAM },
			*to;
	double seconds = argc > 4 ? strtod(argv[4], NULL) : 1;

	if (argc > 2 && strcmp(argv[1], "serve") == 0)
		return serve(argv[2], argc > 3 ? strtol(argv[3], NULL, 10) : 1000000);
	if (argc < 5 || seconds > SECONDS_MAX || getaddrinfo(argv[2], argv[3], &hints, &to)) {
		fputs("usage: pingpong serve PORT [COUNT] | rr|stream|connect ADDR PORT SECONDS\n",
		      stderr);
		return 64;
	}
	if (strcmp(argv[1], "rr") == 0)
		printf("%.1f\n", rr(to, seconds));
	else if (strcmp(argv[1], "stream") == 0)
		printf("%.0f\n", stream(to, seconds));
	else
		printf("%.1f\n", connects(to, seconds));
	freeaddrinfo(to);
	return 0;
}
