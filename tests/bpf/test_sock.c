/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims about services at the socket (bpf/cgroup/sock.bpf.c): real sockets on loopback, in a cgroup and a network
 * namespace of the test's own. Nothing but loopback is reachable there, so what is left alone fails with ENETUNREACH.
 */
#include "tests/bpf/check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/dp/sys.h"
#include "lib/dp/tables.h"
#include "tests/bpf/cgroup.h"
#include "tests/bpf/svc_rows.h"

#define VIP4      "10.96.0.10"
#define VIP6      "fd00:10:96::a"
#define NODE_PORT 30080
#define SERVERS   3
#define ALL_ON \
	(WR_SW_IPV4 | WR_SW_IPV6 | WR_SW_SOCKET_LB | WR_SW_NODEPORT | WR_SW_LOCALHOST_NODEPORT)

/* Backends 1-3 are 127.0.1.<n>, 4-6 ::1; each has a port of its own and a socket of either kind that listens there. */
struct net {
	struct wr_dp *dp;
	struct cgroup_links *links;
	int tcp[1 + 2 * SERVERS], udp[1 + 2 * SERVERS];
	uint16_t port[1 + 2 * SERVERS];
};

static struct sockaddr_storage sockaddr_of(const struct wr_addr *a, uint16_t port)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *in = (void *)&ss;
	struct sockaddr_in6 *in6 = (void *)&ss;

	ss.ss_family = (sa_family_t)wr_addr_family(a);
	if (ss.ss_family == AF_INET) {
		in->sin_addr = wr_addr_to4(a);
		in->sin_port = htons(port);
	} else {
		in6->sin6_addr = wr_addr_to6(a);
		in6->sin6_port = htons(port);
	}
	return ss;
}

static struct sockaddr_storage name(const char *text, uint16_t port)
{
	struct wr_addr a = rows_addr(text);

	return sockaddr_of(&a, port);
}

/* The same name as an IPv6 socket writes it. */
static struct sockaddr_storage mapped_name(const char *text, uint16_t port)
{
	struct wr_addr a = rows_addr(text);
	struct sockaddr_storage ss = { .ss_family = AF_INET6 };
	struct sockaddr_in6 *in6 = (void *)&ss;

	memcpy(&in6->sin6_addr, &a, sizeof(a));
	in6->sin6_port = htons(port);
	return ss;
}

static socklen_t size_of(const struct sockaddr_storage *ss)
{
	return ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

static int sock(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return fd;
}

static int try_connect(int fd, struct sockaddr_storage to)
{
	return connect(fd, (void *)&to, size_of(&to)) ? -errno : 0;
}

static int try_bind(int family, int type, struct sockaddr_storage at)
{
	wr_autofd int fd = sock(family, type);

	return bind(fd, (void *)&at, size_of(&at)) ? -errno : 0;
}

static int try_send(int fd, struct sockaddr_storage to)
{
	return sendto(fd, "ping", 4, 0, (void *)&to, size_of(&to)) == 4 ? 0 : -errno;
}

/* The kernel zeroes what a name does not use, as we do. */
static void assert_name(const struct sockaddr_storage *got, struct sockaddr_storage want)
{
	assert_int_equal(got->ss_family, want.ss_family);
	assert_memory_equal(got, &want, size_of(&want));
}

static void assert_peer(int fd, struct sockaddr_storage want)
{
	struct sockaddr_storage got = { 0 };
	socklen_t size = sizeof(got);

	assert_int_equal(getpeername(fd, (void *)&got, &size), 0);
	assert_name(&got, want);
}

/* Which server has something to read or accept; 0: nobody. */
static int ready_one(const int *fds)
{
	struct pollfd p[1 + 2 * SERVERS];
	int i, found = 0;

	for (i = 0; i <= 2 * SERVERS; i++)
		p[i] = (struct pollfd){ i ? fds[i] : -1, POLLIN, 0 };
	poll(p, 1 + 2 * SERVERS, 1000);
	for (i = 1; i <= 2 * SERVERS; i++)
		if (p[i].revents) {
			assert_int_equal(found, 0);
			found = i;
		}
	return found;
}

/* Takes one connection; the number of the server that got it. */
static int accepted_by(const struct net *n)
{
	int who = ready_one(n->tcp), fd;

	assert_true(who > 0);
	fd = accept4(n->tcp[who], NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	return who;
}

/* Takes one datagram and answers it. */
static int answered_by(const struct net *n)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	int who = ready_one(n->udp);
	char buf[16];

	assert_true(who > 0);
	assert_int_equal(recvfrom(n->udp[who], buf, sizeof(buf), 0, (void *)&from, &size), 4);
	assert_int_equal(sendto(n->udp[who], "pong", 4, 0, (void *)&from, size), 4);
	return who;
}

static void assert_answer_from(int fd, struct sockaddr_storage want)
{
	struct sockaddr_storage from = { 0 };
	socklen_t size = sizeof(from);
	struct pollfd p = { fd, POLLIN, 0 };
	char buf[16];

	assert_int_equal(poll(&p, 1, 1000), 1);
	assert_int_equal(recvfrom(fd, buf, sizeof(buf), 0, (void *)&from, &size), 4);
	assert_name(&from, want);
}

static void ping(const struct net *n, int fd, struct sockaddr_storage to)
{
	assert_int_equal(try_send(fd, to), 0);
	answered_by(n);
	assert_answer_from(fd, to);
}

static void serve(struct net *n, int i)
{
	struct sockaddr_storage ss;
	socklen_t size = sizeof(ss);
	char text[32];

	snprintf(text, sizeof(text), i <= SERVERS ? "127.0.1.%d" : "::1", i);
	ss = name(text, 0);
	n->tcp[i] = sock(ss.ss_family, SOCK_STREAM);
	n->udp[i] = sock(ss.ss_family, SOCK_DGRAM);
	assert_int_equal(bind(n->tcp[i], (void *)&ss, size_of(&ss)), 0);
	assert_int_equal(listen(n->tcp[i], 16), 0);
	assert_int_equal(getsockname(n->tcp[i], (void *)&ss, &size), 0);
	assert_int_equal(bind(n->udp[i], (void *)&ss, size_of(&ss)), 0);
	n->port[i] = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	rows_backend(n->dp, (uint32_t)i, text, n->port[i], WR_BACKEND_ACTIVE);
}

static struct net *net_new(bool is_node, uint32_t switches)
{
	struct net *n = wr_xcalloc(1, sizeof(*n));
	uint64_t cookie = netns_fresh();
	int i;

	n->dp = rows_load(switches, is_node ? cookie : cookie + 1);
	n->links = cgroup_attach(n->dp);
	for (i = 1; i <= 2 * SERVERS; i++)
		serve(n, i);
	return n;
}

static int net_leave(void **state)
{
	struct net *n = *state;
	int i;

	for (i = 1; i <= 2 * SERVERS; i++) {
		close(n->tcp[i]);
		close(n->udp[i]);
	}
	cgroup_detach(n->links);
	wr_dp_close(n->dp);
	free(n);
	return 0;
}

static int as_pod(void **state)
{
	*state = net_new(false, ALL_ON);
	return 0;
}

static int as_node(void **state)
{
	*state = net_new(true, ALL_ON);
	return 0;
}

static int as_node_without_localhost(void **state)
{
	*state = net_new(true, ALL_ON & ~WR_SW_LOCALHOST_NODEPORT);
	return 0;
}

static int switched_off(void **state)
{
	*state = net_new(false, ALL_ON & ~WR_SW_SOCKET_LB);
	return 0;
}

/* One service record, TCP and UDP: number is its id, its run begins at slot 10 * number. */
static void service(const struct net *n, uint32_t number, const char *addr, uint16_t port,
		    struct wr_service svc, const uint32_t *run)
{
	struct wr_frontend tcp = rows_frontend(addr, port, IPPROTO_TCP, WR_SCOPE_ANY);
	struct wr_frontend udp = rows_frontend(addr, port, IPPROTO_UDP, WR_SCOPE_ANY);

	svc.id = number;
	svc.first = 10 * number;
	rows_run(n->dp, svc.first, run, svc.n);
	rows_service(n->dp, number, &svc);
	rows_point(n->dp, &tcp, number);
	rows_point(n->dp, &udp, number);
}

static const uint32_t run4[] = { 1, 2, 3 }, run6[] = { 4, 5, 6 };

static void services(const struct net *n)
{
	service(n, 1, VIP4, 80, (struct wr_service){ .n = 3 }, run4);
	service(n, 2, VIP6, 80, (struct wr_service){ .n = 3 }, run6);
}

static void check_tcp(const struct net *n, int family, struct sockaddr_storage to, int from, int upto)
{
	wr_autofd int fd = sock(family, SOCK_STREAM);

	assert_int_equal(try_connect(fd, to), 0);
	assert_in_range(accepted_by(n), from, upto);
	assert_peer(fd, to);
}

static void tcp_reaches_a_backend_and_sees_the_service(void **state)
{
	services(*state);
	check_tcp(*state, AF_INET, name(VIP4, 80), 1, 3);
	check_tcp(*state, AF_INET6, name(VIP6, 80), 4, 6);
}

static void a_v4_mapped_name_is_the_ipv4_service(void **state)
{
	struct sockaddr_storage to = mapped_name(VIP4, 80);
	wr_autofd int udp = sock(AF_INET6, SOCK_DGRAM), loose = sock(AF_INET6, SOCK_DGRAM);

	services(*state);
	check_tcp(*state, AF_INET6, to, 1, 3);
	assert_int_equal(try_connect(udp, to), 0);
	assert_peer(udp, to);
	assert_int_equal(send(udp, "ping", 4, 0), 4);
	assert_in_range(answered_by(*state), 1, 3);
	assert_answer_from(udp, to);
	assert_int_equal(try_send(loose, to), 0);
	assert_in_range(answered_by(*state), 1, 3);
	assert_answer_from(loose, to);
}

static void what_is_no_service_is_left_alone(void **state)
{
	const struct net *n = *state;
	wr_autofd int fd = sock(AF_INET, SOCK_STREAM), far = sock(AF_INET, SOCK_STREAM);
	wr_autofd int udp = sock(AF_INET, SOCK_DGRAM);
	struct sockaddr_storage direct = name("127.0.1.2", n->port[2]);

	services(n);
	assert_int_equal(try_connect(far, name("10.96.0.11", 80)), -ENETUNREACH);
	assert_int_equal(try_connect(fd, direct), 0);
	assert_int_equal(accepted_by(n), 2);
	assert_peer(fd, direct);
	assert_int_equal(try_send(udp, direct), 0);
	assert_int_equal(answered_by(n), 2);
	assert_answer_from(udp, direct);
}

static void all_backends_are_used(void **state)
{
	uint32_t seen = 0, i;

	services(*state);
	for (i = 0; i < 200 && seen != 0xe; i++) {
		wr_autofd int fd = sock(AF_INET, SOCK_STREAM);

		assert_int_equal(try_connect(fd, name(VIP4, 80)), 0);
		seen |= 1u << accepted_by(*state);
	}
	assert_int_equal(seen, 0xe);
	for (seen = 0, i = 0; i < 200 && seen != 0xe; i++) {
		wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);

		assert_int_equal(try_send(fd, name(VIP4, 80)), 0);
		seen |= 1u << answered_by(*state);
	}
	assert_int_equal(seen, 0xe);
}

static void tcp_without_a_backend_is_refused_at_once(void **state)
{
	const struct net *n = *state;
	struct wr_frontend owned = rows_frontend(VIP4, 0, 0, WR_SCOPE_ANY);
	struct wr_service row = { .id = 9, .flags = WR_SVC_ADDRESS };
	wr_autofd int fd = sock(AF_INET, SOCK_STREAM), other = sock(AF_INET, SOCK_STREAM);

	service(n, 1, VIP4, 80, (struct wr_service){ .n = 0 }, run4);
	rows_service(n->dp, 9, &row);
	rows_point(n->dp, &owned, 9);
	assert_int_equal(try_connect(fd, name(VIP4, 80)), -ECONNREFUSED);
	assert_int_equal(try_connect(other, name(VIP4, 81)), -ECONNREFUSED);
	services(n);
	assert_int_equal(try_connect(fd, name(VIP4, 80)), 0);
	accepted_by(n);
}

static uint64_t drops(const struct net *n, uint32_t reason)
{
	struct wr_drop_count all[WR_REASON_MAX];

	assert_int_equal(wr_drops_get(n->dp, all), 0);
	return all[reason].packets;
}

struct heard {
	struct wr_event last;
	int n;
};

static int hear(void *ctx, const void *data, size_t size)
{
	struct heard *h = ctx;

	assert_int_equal(size, sizeof(h->last));
	memcpy(&h->last, data, sizeof(h->last));
	h->n++;
	return 0;
}

static void a_refusal_is_counted_and_told(void **state)
{
	const struct net *n = *state;
	wr_autofd int tcp = sock(AF_INET, SOCK_STREAM), udp = sock(AF_INET, SOCK_DGRAM);
	struct sockaddr_storage to = name(VIP4, 80);
	struct heard h = { .n = 0 };
	struct wr_events *events;

	service(n, 1, VIP4, 80, (struct wr_service){ .n = 0 }, run4);
	assert_int_equal(wr_events_open(n->dp, hear, &h, &events), 0);
	assert_int_equal(try_connect(tcp, to), -ECONNREFUSED);
	assert_int_equal(drops(n, WR_REASON_NO_BACKEND), 1);
	assert_int_equal(wr_events_poll(events), 1);
	assert_int_equal(h.last.hook, WR_HOOK_SOCK);
	assert_int_equal(h.last.reason, WR_REASON_NO_BACKEND);
	assert_int_equal(h.last.dport, htons(80));
	assert_int_equal(h.last.service, 1);
	assert_int_equal(try_send(udp, to), -ECONNREFUSED);
	assert_int_equal(drops(n, WR_REASON_NO_BACKEND), 2);
	wr_events_close(events);
}

static void udp_without_a_backend_is_refused_until_there_is_one(void **state)
{
	const struct net *n = *state;
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);

	service(n, 1, VIP4, 80, (struct wr_service){ .n = 0 }, run4);
	assert_int_equal(try_send(fd, name(VIP4, 80)), -ECONNREFUSED);
	services(n);
	ping(n, fd, name(VIP4, 80));
}

/* The packets of such a socket carry the service's address and are judged one by one. */
static void connected_udp_may_wait_for_a_backend(void **state)
{
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);

	service(*state, 1, VIP4, 80, (struct wr_service){ .n = 0 }, run4);
	assert_int_equal(try_connect(fd, name(VIP4, 80)), -ENETUNREACH);
}

static void connected_udp_sees_the_service(void **state)
{
	struct sockaddr_storage v4 = name(VIP4, 80), v6 = name(VIP6, 80);
	wr_autofd int a = sock(AF_INET, SOCK_DGRAM), b = sock(AF_INET6, SOCK_DGRAM);

	services(*state);
	assert_int_equal(try_connect(a, v4), 0);
	assert_peer(a, v4);
	assert_int_equal(send(a, "ping", 4, 0), 4);
	assert_in_range(answered_by(*state), 1, 3);
	assert_answer_from(a, v4);
	assert_int_equal(try_connect(b, v6), 0);
	assert_peer(b, v6);
	assert_int_equal(send(b, "ping", 4, 0), 4);
	assert_in_range(answered_by(*state), 4, 6);
	assert_answer_from(b, v6);
}

static void unconnected_udp_sees_the_service(void **state)
{
	wr_autofd int a = sock(AF_INET, SOCK_DGRAM), b = sock(AF_INET6, SOCK_DGRAM);

	services(*state);
	ping(*state, a, name(VIP4, 80));
	ping(*state, b, name(VIP6, 80));
}

static void unconnected_udp_stays_with_its_backend(void **state)
{
	struct sockaddr_storage to = name(VIP4, 80);
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);
	int i, first;

	services(*state);
	assert_int_equal(try_send(fd, to), 0);
	first = answered_by(*state);
	assert_answer_from(fd, to);
	for (i = 0; i < 50; i++) {
		assert_int_equal(try_send(fd, to), 0);
		assert_int_equal(answered_by(*state), first);
		assert_answer_from(fd, to);
	}
}

static void unconnected_udp_leaves_a_dead_backend(void **state)
{
	const struct net *n = *state;
	struct sockaddr_storage to = name(VIP4, 80);
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);
	uint32_t rest[3], i, k = 0;
	int first;

	services(n);
	assert_int_equal(try_send(fd, to), 0);
	first = answered_by(n);
	assert_answer_from(fd, to);
	for (i = 1; i <= 3; i++)
		if ((int)i != first)
			rest[k++] = i;
	service(n, 1, VIP4, 80, (struct wr_service){ .n = 2 }, rest);
	rows_backend_leaves(n->dp, (uint32_t)first);
	assert_int_equal(try_send(fd, to), 0);
	assert_int_not_equal(answered_by(n), first);
	assert_answer_from(fd, to);
}

static void unconnected_udp_survives_a_time_without_backends(void **state)
{
	const struct net *n = *state;
	struct sockaddr_storage to = name(VIP4, 80);
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);
	uint32_t first;

	services(n);
	assert_int_equal(try_send(fd, to), 0);
	first = (uint32_t)answered_by(n);
	assert_answer_from(fd, to);
	service(n, 1, VIP4, 80, (struct wr_service){ .n = 0 }, run4);
	rows_backend_leaves(n->dp, first);
	assert_int_equal(try_send(fd, to), -ECONNREFUSED);
	first = first % 3 + 1;
	service(n, 1, VIP4, 80, (struct wr_service){ .n = 1 }, &first);
	ping(n, fd, to);
}

static void unconnected_udp_may_finish_with_a_terminating_backend(void **state)
{
	const struct net *n = *state;
	struct sockaddr_storage to = name(VIP4, 80);
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);
	uint32_t next;
	char text[32];
	int first;

	services(n);
	assert_int_equal(try_send(fd, to), 0);
	first = answered_by(n);
	assert_answer_from(fd, to);
	snprintf(text, sizeof(text), "127.0.1.%d", first);
	rows_backend(n->dp, (uint32_t)first, text, n->port[first], WR_BACKEND_TERMINATING);
	next = (uint32_t)first % 3 + 1;
	service(n, 1, VIP4, 80, (struct wr_service){ .n = 1 }, &next);
	assert_int_equal(try_send(fd, to), 0);
	assert_int_equal(answered_by(n), first);
	assert_answer_from(fd, to);
}

/* Its number was given to another one, which nobody shall take for it. */
static void a_backends_number_may_be_used_again(void **state)
{
	const struct net *n = *state;
	struct sockaddr_storage to = name(VIP4, 80);
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);
	uint32_t first, next, other;
	char text[32];

	services(n);
	assert_int_equal(try_send(fd, to), 0);
	first = (uint32_t)answered_by(n);
	assert_answer_from(fd, to);
	next = first % 3 + 1;
	other = next % 3 + 1;
	service(n, 1, VIP4, 80, (struct wr_service){ .n = 1 }, &next);
	rows_backend_leaves(n->dp, first);
	snprintf(text, sizeof(text), "127.0.1.%u", other);
	rows_backend(n->dp, first, text, n->port[other], WR_BACKEND_TERMINATING);
	assert_int_equal(try_send(fd, to), 0);
	assert_int_equal(answered_by(n), (int)next);
}

/* The backend lives on, for another service; this one has dropped it. */
static void unconnected_udp_leaves_what_the_service_has_dropped(void **state)
{
	struct sockaddr_storage to = name(VIP4, 80);
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);
	uint32_t next;
	int first;

	services(*state);
	assert_int_equal(try_send(fd, to), 0);
	first = answered_by(*state);
	assert_answer_from(fd, to);
	next = (uint32_t)first % 3 + 1;
	service(*state, 1, VIP4, 80, (struct wr_service){ .n = 1 }, &next);
	assert_int_equal(try_send(fd, to), 0);
	assert_int_equal(answered_by(*state), (int)next);
	assert_answer_from(fd, to);
}

static void one_backend_behind_two_services_is_not_confused(void **state)
{
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);

	service(*state, 1, VIP4, 80, (struct wr_service){ .n = 1 }, run4);
	service(*state, 2, "10.96.0.20", 90, (struct wr_service){ .n = 1 }, run4);
	ping(*state, fd, name(VIP4, 80));
	/* Left to the packets, which have source ports to tell the two apart. */
	assert_int_equal(try_send(fd, name("10.96.0.20", 90)), -ENETUNREACH);
	ping(*state, fd, name(VIP4, 80));
}

static void who_is_sent_to_directly_answers_under_its_own_name(void **state)
{
	const struct net *n = *state;
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);

	service(n, 1, VIP4, 80, (struct wr_service){ .n = 1 }, run4);
	ping(n, fd, name(VIP4, 80));
	ping(n, fd, name("127.0.1.1", n->port[1]));
	ping(n, fd, name(VIP4, 80));
}

static void connecting_again_forgets_the_service(void **state)
{
	const struct net *n = *state;
	struct sockaddr_storage direct = name("127.0.1.1", n->port[1]);
	wr_autofd int fd = sock(AF_INET, SOCK_DGRAM);

	service(n, 1, VIP4, 80, (struct wr_service){ .n = 1 }, run4);
	assert_int_equal(try_connect(fd, name(VIP4, 80)), 0);
	assert_peer(fd, name(VIP4, 80));
	assert_int_equal(try_connect(fd, direct), 0);
	assert_peer(fd, direct);
	assert_int_equal(send(fd, "ping", 4, 0), 4);
	assert_int_equal(answered_by(n), 1);
	assert_answer_from(fd, direct);
}

static void affinity_is_per_network_namespace(void **state)
{
	struct wr_affinity_key key = { .service = 1 };
	const struct net *n = *state;
	struct wr_affinity row;
	int i, first = 0, who;

	service(n, 1, VIP4, 80, (struct wr_service){ .n = 3, .affinity = 100 }, run4);
	for (i = 0; i < 50; i++) {
		wr_autofd int fd = sock(AF_INET, i % 2 ? SOCK_DGRAM : SOCK_STREAM);

		if (i % 2)
			assert_int_equal(try_send(fd, name(VIP4, 80)), 0);
		else
			assert_int_equal(try_connect(fd, name(VIP4, 80)), 0);
		who = i % 2 ? answered_by(n) : accepted_by(n);
		first = first ? first : who;
		assert_int_equal(who, first);
	}
	assert_int_equal(wr_sys_map_next(wr_dp_map_fd(n->dp, WR_MAP_wr_affinity), NULL, &key), 0);
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(n->dp, WR_MAP_wr_affinity), &key, &row), 0);
	assert_int_equal(key.client.d[0], 0);
	assert_int_not_equal(key.client.d[1], 0);
	assert_int_equal(row.backend, first);
}

static void what_a_socket_cannot_judge_is_left_to_the_packets(void **state)
{
	const struct net *n = *state;
	const uint32_t left[] = { WR_SVC_NO_TRANSLATE, WR_SVC_SRC_RANGES, WR_SVC_LOCAL_ONLY };
	size_t i;

	for (i = 0; i < WR_ARRAY_SIZE(left); i++) {
		wr_autofd int tcp = sock(AF_INET, SOCK_STREAM), udp = sock(AF_INET, SOCK_DGRAM);
		struct wr_service svc = { .n = left[i] != WR_SVC_LOCAL_ONLY, .flags = left[i] };

		service(n, 1, VIP4, 80, svc, run4);
		assert_int_equal(try_connect(tcp, name(VIP4, 80)), -ENETUNREACH);
		assert_int_equal(try_send(udp, name(VIP4, 80)), -ENETUNREACH);
	}
}

static void the_node_is_within_every_source_range(void **state)
{
	service(*state, 1, VIP4, 80, (struct wr_service){ .n = 3, .flags = WR_SVC_SRC_RANGES }, run4);
	check_tcp(*state, AF_INET, name(VIP4, 80), 1, 3);
}

/* As the agent writes a NodePort on a node whose address is 127.9.9.9 here (nothing else is up). */
static void node_port(const struct net *n)
{
	struct wr_service svc = { .n = 3, .flags = WR_SVC_NODEPORT | WR_SVC_EXTERNAL };
	struct wr_frontend tcp = rows_frontend("0.0.0.0", NODE_PORT, IPPROTO_TCP, WR_SCOPE_ANY);

	service(n, 3, "127.0.0.1", NODE_PORT, svc, run4);
	rows_point(n->dp, &tcp, 3);
	tcp = rows_frontend("10.30.0.11", NODE_PORT, IPPROTO_TCP, WR_SCOPE_ANY);
	rows_point(n->dp, &tcp, 3);
}

static void a_node_port_answers_on_the_nodes_address(void **state)
{
	node_port(*state);
	check_tcp(*state, AF_INET, name("10.30.0.11", NODE_PORT), 1, 3);
}

static void a_node_port_answers_on_the_nodes_loopback(void **state)
{
	node_port(*state);
	check_tcp(*state, AF_INET, name("127.0.0.1", NODE_PORT), 1, 3);
	check_tcp(*state, AF_INET, name("127.3.2.1", NODE_PORT), 1, 3);
}

static void a_pods_loopback_is_its_own(void **state)
{
	wr_autofd int fd = sock(AF_INET, SOCK_STREAM), zero = sock(AF_INET, SOCK_STREAM);

	node_port(*state);
	assert_int_equal(try_connect(fd, name("127.0.0.1", NODE_PORT)), -ECONNREFUSED);
	assert_int_equal(try_connect(zero, name("0.0.0.0", NODE_PORT)), -ECONNREFUSED);
	check_tcp(*state, AF_INET, name("10.30.0.11", NODE_PORT), 1, 3);
}

static void localhost_node_ports_can_be_switched_off(void **state)
{
	wr_autofd int fd = sock(AF_INET, SOCK_STREAM);

	node_port(*state);
	assert_int_equal(try_connect(fd, name("127.0.0.1", NODE_PORT)), -ECONNREFUSED);
	check_tcp(*state, AF_INET, name("10.30.0.11", NODE_PORT), 1, 3);
}

static void a_host_port_on_loopback_answers_without_localhost_node_ports(void **state)
{
	struct wr_service svc = { .n = 3, .flags = WR_SVC_HOSTPORT | WR_SVC_EXTERNAL };

	service(*state, 1, "127.0.0.1", 8088, svc, run4);
	check_tcp(*state, AF_INET, name("127.0.0.1", 8088), 1, 3);
}

static void the_node_cannot_bind_a_node_port(void **state)
{
	node_port(*state);
	assert_int_equal(try_bind(AF_INET, SOCK_STREAM, name("0.0.0.0", NODE_PORT)), -EADDRINUSE);
	assert_int_equal(try_bind(AF_INET6, SOCK_STREAM, name("::", NODE_PORT)), -EADDRINUSE);
	assert_int_equal(try_bind(AF_INET6, SOCK_STREAM, mapped_name("0.0.0.0", NODE_PORT)),
			 -EADDRINUSE);
	assert_int_equal(try_bind(AF_INET, SOCK_STREAM, name("127.0.0.1", NODE_PORT)), -EADDRINUSE);
	assert_int_equal(try_bind(AF_INET, SOCK_STREAM, name("127.0.0.9", NODE_PORT)), -EADDRINUSE);
	assert_int_equal(try_bind(AF_INET, SOCK_STREAM, name("0.0.0.0", NODE_PORT + 1)), 0);
	assert_int_equal(try_bind(AF_INET, SOCK_DGRAM, name("0.0.0.0", NODE_PORT)), 0);
	assert_int_equal(try_bind(AF_INET6, SOCK_STREAM, name("::1", NODE_PORT)), 0);
}

static void other_services_ports_can_be_bound(void **state)
{
	service(*state, 1, "127.0.0.1", 8088, (struct wr_service){ .n = 3 }, run4);
	assert_int_equal(try_bind(AF_INET, SOCK_STREAM, name("127.0.0.1", 8088)), 0);
}

static void a_pod_binds_what_it_likes(void **state)
{
	node_port(*state);
	assert_int_equal(try_bind(AF_INET, SOCK_STREAM, name("0.0.0.0", NODE_PORT)), 0);
	assert_int_equal(try_bind(AF_INET6, SOCK_STREAM, name("::", NODE_PORT)), 0);
}

static void nothing_happens_when_it_is_switched_off(void **state)
{
	wr_autofd int tcp = sock(AF_INET, SOCK_STREAM), udp = sock(AF_INET, SOCK_DGRAM);

	services(*state);
	assert_int_equal(try_connect(tcp, name(VIP4, 80)), -ENETUNREACH);
	assert_int_equal(try_send(udp, name(VIP4, 80)), -ENETUNREACH);
}

static void every_combination_of_switches_loads(void **state)
{
	uint32_t i, all[] = { WR_SW_SOCKET_LB, WR_SW_NODEPORT, WR_SW_LOCALHOST_NODEPORT };
	uint32_t k, switches;

	for (i = 0; i < 8; i++) {
		for (k = 0, switches = 0; k < 3; k++)
			switches |= i >> k & 1 ? all[k] : 0;
		wr_dp_close(rows_load(switches, 1));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define POD(name)  cmocka_unit_test_setup_teardown(name, as_pod, net_leave)
#define NODE(name) cmocka_unit_test_setup_teardown(name, as_node, net_leave)
		POD(tcp_reaches_a_backend_and_sees_the_service),
		POD(a_v4_mapped_name_is_the_ipv4_service),
		POD(what_is_no_service_is_left_alone),
		POD(all_backends_are_used),
		POD(tcp_without_a_backend_is_refused_at_once),
		POD(a_refusal_is_counted_and_told),
		POD(udp_without_a_backend_is_refused_until_there_is_one),
		POD(connected_udp_may_wait_for_a_backend),
		POD(connected_udp_sees_the_service),
		POD(unconnected_udp_sees_the_service),
		POD(unconnected_udp_stays_with_its_backend),
		POD(unconnected_udp_leaves_a_dead_backend),
		POD(unconnected_udp_survives_a_time_without_backends),
		POD(unconnected_udp_may_finish_with_a_terminating_backend),
		POD(a_backends_number_may_be_used_again),
		POD(unconnected_udp_leaves_what_the_service_has_dropped),
		POD(one_backend_behind_two_services_is_not_confused),
		POD(who_is_sent_to_directly_answers_under_its_own_name),
		POD(connecting_again_forgets_the_service),
		POD(affinity_is_per_network_namespace),
		POD(what_a_socket_cannot_judge_is_left_to_the_packets),
		NODE(the_node_is_within_every_source_range),
		POD(a_node_port_answers_on_the_nodes_address),
		NODE(a_node_port_answers_on_the_nodes_address),
		NODE(a_node_port_answers_on_the_nodes_loopback),
		POD(a_pods_loopback_is_its_own),
		cmocka_unit_test_setup_teardown(localhost_node_ports_can_be_switched_off,
						as_node_without_localhost, net_leave),
		cmocka_unit_test_setup_teardown(a_host_port_on_loopback_answers_without_localhost_node_ports,
						as_node_without_localhost, net_leave),
		NODE(the_node_cannot_bind_a_node_port),
		NODE(other_services_ports_can_be_bound),
		POD(a_pod_binds_what_it_likes),
		cmocka_unit_test_setup_teardown(nothing_happens_when_it_is_switched_off,
						switched_off, net_leave),
		cmocka_unit_test(every_combination_of_switches_loads),
	};

	return cmocka_run_group_tests(tests, cgroup_enter, cgroup_leave);
}
