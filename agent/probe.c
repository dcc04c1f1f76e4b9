// SPDX-License-Identifier: Apache-2.0
/* Probes between agents. */
#include "agent/probe.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/domains_private.h"
#include "agent/probe_private.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define TICK_MS 250

#ifndef IPV6_TRANSPARENT
#define IPV6_TRANSPARENT 75
#endif

struct family {
	struct wr_probe *probe;
	struct wr_addr node, source; /* zero: off */
	struct wr_io io;             /* the node's socket */
	int ask_fd;                  /* the pod-range socket, -1: closed */
};

struct wr_probe {
	struct wr_loop *loop;
	uint16_t port;
	struct wr_probe_events events;
	struct family families[2];      /* IPv4, IPv6 */
	struct wr_probe_target targets; /* ring head */
	struct wr_timer tick;
	int tunnel_fd; /* -1: not open */
};

void wr_probe_encode(enum wr_probe_type type, uint64_t number, uint8_t ret[WR_PROBE_SIZE])
{
	uint64_t be = htobe64(number);

	memcpy(ret, "WRPB\1\0\0\0", 8);
	ret[5] = (uint8_t)type;
	memcpy(ret + 8, &be, 8);
}

bool wr_probe_decode(const uint8_t *data, size_t size, enum wr_probe_type *ret_type,
		     uint64_t *ret_number)
{
	uint64_t be;

	if (size != WR_PROBE_SIZE || memcmp(data, "WRPB\1", 5) || data[6] || data[7])
		return false;
	if (data[5] != WR_PROBE_QUERY && data[5] != WR_PROBE_ANSWER)
		return false;
	memcpy(&be, data + 8, 8);
	*ret_type = (enum wr_probe_type)data[5];
	*ret_number = be64toh(be);
	return true;
}

static struct family *family_of(struct wr_probe *p, const struct wr_addr *a)
{
	return &p->families[!wr_addr_is4(a)];
}

static socklen_t fill_sockaddr(const struct wr_addr *a, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (wr_addr_is4(a)) {
		*in4 = (struct sockaddr_in){ .sin_family = AF_INET,
					     .sin_port = htons(port),
					     .sin_addr = wr_addr_to4(a) };
		return sizeof(*in4);
	}
	*in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
				      .sin6_port = htons(port),
				      .sin6_addr = wr_addr_to6(a) };
	return sizeof(*in6);
}

static struct wr_addr take_sockaddr(const struct sockaddr_storage *ss)
{
	if (ss->ss_family == AF_INET)
		return wr_addr_from4(((const struct sockaddr_in *)ss)->sin_addr);
	return wr_addr_from6(&((const struct sockaddr_in6 *)ss)->sin6_addr);
}

static void send_probe(int fd, const struct wr_addr *to, uint16_t port, enum wr_probe_type type,
		       uint64_t number)
{
	struct sockaddr_storage ss;
	uint8_t payload[WR_PROBE_SIZE];
	socklen_t len = fill_sockaddr(to, port, &ss);

	wr_probe_encode(type, number, payload);
	/* A probe that cannot be sent is one that is not answered. */
	(void)sendto(fd, payload, sizeof(payload), MSG_DONTWAIT | MSG_NOSIGNAL,
		     (const struct sockaddr *)&ss, len);
}

static void set_proven(struct wr_probe *p, struct wr_probe_target *t, bool proven)
{
	if (t->proven == proven)
		return;
	t->proven = proven;
	p->events.changed(p->events.ctx, t);
}

static void take_answer(struct wr_probe *p, const struct wr_addr *from, uint64_t number)
{
	struct wr_probe_target *t;

	for (t = p->targets.next; t != &p->targets; t = t->next) {
		if (!t->number || t->number != number || !wr_addr_eq(&t->addr, from))
			continue;
		t->number = 0;
		t->misses = 0;
		set_proven(p, t, true);
		return;
	}
}

static void take_datagram(struct family *f, const struct wr_addr *from, const uint8_t *data,
			  size_t size)
{
	struct wr_probe *p = f->probe;
	enum wr_probe_type type;
	struct wr_addr node;
	uint64_t number;

	if (!wr_probe_decode(data, size, &type, &number))
		return;
	if (type == WR_PROBE_ANSWER)
		take_answer(p, from, number);
	else if (p->events.owner(p->events.ctx, from, &node))
		send_probe(f->io.fd, &node, p->port, WR_PROBE_ANSWER, number);
}

static void socket_ready(struct wr_io *io, uint32_t events)
{
	struct family *f = WR_CONTAINER_OF(io, struct family, io);
	struct sockaddr_storage ss = { 0 };
	uint8_t data[WR_PROBE_SIZE + 1];
	int bound; /* others' datagrams must not keep the loop */

	for (bound = 0; bound < 256; bound++) {
		socklen_t len = sizeof(ss);
		ssize_t n = recvfrom(io->fd, data, sizeof(data), MSG_DONTWAIT,
				     (struct sockaddr *)&ss, &len);
		struct wr_addr from;

		if (n < 0)
			return;
		from = take_sockaddr(&ss);
		take_datagram(f, &from, data, (size_t)n);
	}
}

/* @foreign: the address is not this node's, which needs permission to send from it. */
static int open_socket(const struct wr_addr *a, uint16_t port, bool foreign)
{
	bool is4 = wr_addr_is4(a);
	wr_autofd int fd =
		socket(is4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage ss;
	socklen_t len = fill_sockaddr(a, port, &ss);
	int one = 1;

	if (fd < 0)
		return -errno;
	if (foreign && setsockopt(fd, is4 ? IPPROTO_IP : IPPROTO_IPV6,
				  is4 ? IP_TRANSPARENT : IPV6_TRANSPARENT, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&ss, len) < 0)
		return -errno;
	return wr_take_fd(&fd);
}

static void close_family(struct wr_probe *p, struct family *f)
{
	if (f->io.active) {
		wr_io_del(p->loop, &f->io);
		close(f->io.fd);
	}
	if (f->ask_fd >= 0)
		close(f->ask_fd);
	f->ask_fd = -1;
	f->node = f->source = (struct wr_addr){ 0 };
}

int wr_probe_set_local(struct wr_probe *p, int family, const struct wr_addr *node,
		       const struct wr_addr *pod_source)
{
	struct family *f = &p->families[family];
	wr_autofd int fd = -1, ask = -1;
	int r;

	if (wr_addr_eq(&f->node, node) && wr_addr_eq(&f->source, pod_source))
		return 0;
	close_family(p, f);
	if (wr_addr_is_zero(node) || wr_addr_is_zero(pod_source))
		return 0;
	fd = open_socket(node, p->port, false);
	if (fd < 0)
		return fd;
	ask = open_socket(pod_source, p->port, true);
	if (ask < 0)
		return ask;
	r = wr_io_add(p->loop, &f->io, fd, EPOLLIN, socket_ready);
	if (r)
		return r;
	wr_take_fd(&fd);
	f->ask_fd = wr_take_fd(&ask);
	f->node = *node;
	f->source = *pod_source;
	return 0;
}

static uint64_t random_number(void)
{
	uint64_t n = 0;

	while (!n)
		if (getrandom(&n, sizeof(n), GRND_NONBLOCK) < 0)
			n = wr_now_ns();
	return n;
}

/* A query that cannot be sent is one that is not answered. */
static void query_tunnel(const struct wr_probe *p, const struct wr_probe_target *t,
			 const struct wr_addr *source)
{
	struct wr_endpoint device = { .ifindex = t->tunnel.ifindex };
	uint8_t packet[WR_PROBE_PACKET_MAX];
	size_t size;

	if (p->tunnel_fd < 0 || wr_addr_is_zero(source))
		return;
	memcpy(device.mac, t->tunnel.mac, sizeof(device.mac));
	memcpy(device.host_mac, t->tunnel.own_mac, sizeof(device.host_mac));
	size = wr_probe_packet(source, &t->addr, p->port, t->number, packet);
	(void)wr_pod_send(p->tunnel_fd, &device, packet, size, 0);
}

static void query(struct wr_probe *p, struct wr_probe_target *t, uint64_t now)
{
	struct family *f = family_of(p, &t->addr);

	if (t->number && ++t->misses >= WR_PROBE_MISSES_MAX)
		set_proven(p, t, false);
	t->number = random_number();
	t->tries++;
	t->next_ms = now + (t->misses || (!t->proven && t->tries < WR_PROBE_FAST_TRIES) ?
				    WR_PROBE_FAST_MS :
				    WR_PROBE_SLOW_MS);
	/* Many misses: nobody is there. */
	if (t->misses >= WR_PROBE_FAST_TRIES)
		t->next_ms = now + WR_PROBE_SLOW_MS;
	if (t->tunnel.ifindex)
		query_tunnel(p, t, &f->source);
	else if (f->ask_fd >= 0)
		send_probe(f->ask_fd, &t->addr, p->port, WR_PROBE_QUERY, t->number);
}

static void tick(struct wr_timer *timer)
{
	struct wr_probe *p = WR_CONTAINER_OF(timer, struct wr_probe, tick);
	uint64_t now = wr_now_ms();
	struct wr_probe_target *t;

	for (t = p->targets.next; t != &p->targets; t = t->next)
		if (t->next_ms <= now)
			query(p, t, now);
	if (p->targets.next != &p->targets)
		wr_timer_start(p->loop, timer, TICK_MS, tick);
}

static void start(struct wr_probe *p, struct wr_probe_target *t, const struct wr_addr *addr,
		  const struct wr_probe_tunnel *tunnel)
{
	bool proven = t->proven && (!t->active || wr_addr_eq(&t->addr, addr));

	if (t->active && wr_addr_eq(&t->addr, addr) && !memcmp(&t->tunnel, tunnel, sizeof(t->tunnel)))
		return;
	wr_probe_stop(p, t);
	*t = (struct wr_probe_target){
		.active = true, .proven = proven, .addr = *addr, .tunnel = *tunnel
	};
	t->prev = p->targets.prev;
	t->next = &p->targets;
	t->prev->next = t->next->prev = t;
	t->next_ms = wr_now_ms() + TICK_MS;
	if (!tunnel->ifindex) /* the programs are told the way to the node meanwhile */
		query(p, t, wr_now_ms());
	if (!p->tick.armed)
		wr_timer_start(p->loop, &p->tick, TICK_MS, tick);
}

void wr_probe_start(struct wr_probe *p, struct wr_probe_target *t, const struct wr_addr *addr)
{
	static const struct wr_probe_tunnel none;

	start(p, t, addr, &none);
}

void wr_probe_start_tunnel(struct wr_probe *p, struct wr_probe_target *t, const struct wr_addr *addr,
			   const struct wr_probe_tunnel *tunnel, uint32_t mark)
{
	if (p->tunnel_fd < 0)
		wr_pod_socket_open(mark, &p->tunnel_fd);
	start(p, t, addr, tunnel);
}

void wr_probe_stop(struct wr_probe *p, struct wr_probe_target *t)
{
	if (!t->active)
		return;
	t->prev->next = t->next;
	t->next->prev = t->prev;
	t->active = false;
}

struct wr_probe *wr_probe_new(struct wr_loop *loop, uint16_t port,
			      const struct wr_probe_events *events)
{
	struct wr_probe *p = wr_xcalloc(1, sizeof(*p));
	int i;

	*p = (struct wr_probe){ .loop = loop, .port = port, .events = *events, .tunnel_fd = -1 };
	p->targets.prev = p->targets.next = &p->targets;
	for (i = 0; i < 2; i++) {
		p->families[i].probe = p;
		p->families[i].ask_fd = -1;
	}
	return p;
}

void wr_probe_free(struct wr_probe *p)
{
	int i;

	if (!p)
		return;
	for (i = 0; i < 2; i++)
		close_family(p, &p->families[i]);
	wr_timer_stop(p->loop, &p->tick);
	if (p->tunnel_fd >= 0)
		close(p->tunnel_fd);
	free(p);
}
