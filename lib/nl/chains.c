// SPDX-License-Identifier: Apache-2.0
/* Looks for one chain of nf_tables or ip_tables. */
#include "lib/nl/chains.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/x_tables.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

/* ---- nf_tables --------------------------------------------------------------------------------------- */

static void close_socket(struct mnl_socket **s)
{
	if (*s)
		mnl_socket_close(*s);
}
#define auto_socket wr_cleanup(close_socket) struct mnl_socket

static void put_question(char *buf, uint8_t family, const char *table, const char *chain)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *head;

	msg->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 |
				     (chain ? NFT_MSG_GETCHAIN : NFT_MSG_GETTABLE));
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	msg->nlmsg_seq = 1;
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	head->nfgen_family = family;
	head->version = NFNETLINK_V0;
	mnl_attr_put_strz(msg, chain ? NFTA_CHAIN_TABLE : NFTA_TABLE_NAME, table);
	if (chain)
		mnl_attr_put_strz(msg, NFTA_CHAIN_NAME, chain);
}

int wr_nft_has(uint8_t family, const char *table, const char *chain)
{
	auto_socket *s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	char buf[256] __attribute__((aligned(8))), reply[8192] __attribute__((aligned(8)));
	ssize_t n;
	int r;

	if (!s)
		return errno == EPROTONOSUPPORT ? 0 : -errno;
	put_question(buf, family, table, chain);
	if (mnl_socket_sendto(s, buf, ((struct nlmsghdr *)(void *)buf)->nlmsg_len) < 0)
		return -errno;
	/* The answer, then the acknowledgement; or an error. */
	do {
		n = mnl_socket_recvfrom(s, reply, sizeof(reply));
		if (n < 0)
			return -errno;
		r = mnl_cb_run(reply, (size_t)n, 1, 0, NULL, NULL);
	} while (r > MNL_CB_STOP);
	if (!r)
		return 1;
	return errno == ENOENT || errno == EOPNOTSUPP || errno == EINVAL ? 0 : -errno;
}

/* ---- ip_tables --------------------------------------------------------------------------------------- */

/* As in linux/netfilter_ipv{4,6}/ip{,6}_tables.h, which say the same twice and collide with net/if.h. */
#define SO_GET_INFO    64
#define SO_GET_ENTRIES 65
#define HOOKS          5 /* NF_INET_NUMHOOKS */

struct table_info {
	char name[XT_TABLE_MAXNAMELEN];
	unsigned int hooks, entry[HOOKS], underflow[HOOKS], n, size;
};

struct table_entries {
	char name[XT_TABLE_MAXNAMELEN];
	unsigned int size;
	char bytes[] __attribute__((aligned(8)));
};

/* Asking for a table that nobody uses would load it. */
static bool table_is_loaded(uint8_t family, const char *table)
{
	const char *names = family == AF_INET ? "/proc/net/ip_tables_names" :
						"/proc/net/ip6_tables_names";
	wr_autofile FILE *f = fopen(names, "re");
	char line[XT_TABLE_MAXNAMELEN + 1];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line, table) == 0)
			return true;
	}
	return false;
}

int wr_xt_has(uint8_t family, const char *table, const char *chain)
{
	wr_autofd int fd = -1;
	wr_autofree struct table_entries *t = NULL;
	struct table_info info = { 0 };
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	socklen_t size = sizeof(info);

	if (!table_is_loaded(family, table))
		return 0;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(info.name, sizeof(info.name), "%s", table);
	if (fd < 0 || getsockopt(fd, level, SO_GET_INFO, &info, &size) < 0)
		return -errno;
	size = (socklen_t)sizeof(*t) + info.size;
	t = wr_xcalloc(1, size);
	memcpy(t->name, info.name, sizeof(t->name));
	t->size = info.size;
	if (getsockopt(fd, level, SO_GET_ENTRIES, t, &size) < 0)
		return -errno;
	/* A chain begins with an entry that bears its name. */
	return memmem(t->bytes, t->size, chain, strlen(chain) + 1) != NULL;
}
