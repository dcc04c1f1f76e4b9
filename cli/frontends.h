/* SPDX-License-Identifier: Apache-2.0 */
/* Services as the maps hold them: frontends, the records behind them, their backends. */
#ifndef WR_CLI_FRONTENDS_H
#define WR_CLI_FRONTENDS_H

#include "bpf/abi/service.h"
#include "cli/names.h"
#include "lib/base/vec.h"
#include "lib/json/json.h"

struct wr_dp;

struct wr_frontend_row {
	struct wr_frontend fe;
	struct wr_service svc;
	const char *name; /* of the service port; NULL: not known. Borrowed from the names */
};

struct wr_frontends {
	WR_VEC(struct wr_frontend_row) v; /* by service, then address and port */
};

/* @addresses: also the rows that only say that an address is a service's (port 0). */
int wr_frontends_load(const struct wr_dp *dp, const struct wr_names *names, bool addresses,
		      struct wr_frontends *ret);
void wr_frontends_done(struct wr_frontends *f);
#define wr_auto_frontends __attribute__((cleanup(wr_frontends_done))) struct wr_frontends

struct wr_json *wr_frontend_encode(const struct wr_frontend_row *row);
struct wr_json *wr_backend_encode(const struct wr_dp *dp, const struct wr_names *names,
				  uint32_t number, const struct wr_backend *be);

/*
 * Ids of the service ports that @text means: [NAMESPACE/]NAME[:PORT NAME] when the agent gave names, ADDRESS[:PORT] always.
 */
void wr_service_search(const struct wr_dp *dp, const struct wr_names *names, const char *text,
		       void (*fn)(void *ctx, uint32_t id), void *ctx);
/* The same; WR_EXIT_NOT_FOUND: none. */
int wr_service_find(struct wr_cli *cli, const struct wr_dp *dp, const struct wr_names *names,
		    const char *text, void (*fn)(void *ctx, uint32_t id), void *ctx,
		    struct wr_err *err);
/* "10.0.0.1:80", "[fd00::1]:80", "10.0.0.1", "fd00::1" (port 0). -EINVAL. */
int wr_socket_parse(const char *text, struct wr_addr *ret_addr, uint16_t *ret_port);

#endif
