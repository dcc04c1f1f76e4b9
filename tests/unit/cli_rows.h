/* SPDX-License-Identifier: Apache-2.0 */
/* What the maps, the disk and the agent hold in tests of weir, and ways to look at what it says. */
#ifndef WR_TESTS_UNIT_CLI_ROWS_H
#define WR_TESTS_UNIT_CLI_ROWS_H

#include "bpf/abi/flow.h"
#include "lib/base/addr.h"
#include "lib/json/json.h"
#include "tests/unit/cli_fixture.h"

/* Knows service 7 as default/web:main, node-b with number 3, pods default/client (10.244.1.2) and default/far (10.244.2.3). */
extern const struct cli_answer cli_agent[];

/* cmocka fixtures: service 7 on 10.96.0.10:80 with backend 5, 10.244.2.3:8080, picked 42 times; service 8 on [fd00::20]:443 with
 * none. With the agent above, or without any. */
int cli_maps_make(void **state);
int cli_maps_remove(void **state);
int cli_agent_make(void **state);
int cli_agent_remove(void **state);

struct wr_addr cli_addr(const char *text);
/* TCP; allowed. */
void cli_put_flow(struct wr_dp *dp, const char *src, uint16_t sport, const char *dst,
		  uint16_t dport, struct wr_flow flow);
void cli_put_backend(struct wr_dp *dp, uint32_t number, const char *where, uint64_t picks);
void cli_put_frontend(struct wr_dp *dp, const char *where, uint16_t port, uint32_t record);
void cli_put_record(const char *container, const char *ns, const char *pod, const char *where);

/* The output as JSON; the caller frees. */
struct wr_json *cli_items(const struct cli_result *r);
/* The item whose @key is @value; fails the test when there is none. */
const struct wr_json *cli_find(const struct wr_json *list, const char *key, const char *value);
void assert_has(const char *text, const char *part);

#define NOTHING(test) cmocka_unit_test(test)
#define MAPS(test)    cmocka_unit_test_setup_teardown(test, cli_maps_make, cli_maps_remove)
#define AGENT(test)   cmocka_unit_test_setup_teardown(test, cli_agent_make, cli_agent_remove)

#endif
