/* SPDX-License-Identifier: Apache-2.0 */
/* What server.c and server_client.c share. */
#ifndef WR_AGENT_SERVER_CLIENT_H
#define WR_AGENT_SERVER_CLIENT_H

#include "agent/server.h"

struct wr_server {
	struct wr_loop *loop;
	struct wr_io io;
	char *path;
	const struct wr_verb *verbs;
	void *ctx;
	struct wr_client *clients;
	size_t n_clients;
};

void wr_client_new(struct wr_server *s, int fd); /* takes the descriptor */
void wr_client_close(struct wr_client *c);

#endif
