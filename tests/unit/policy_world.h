/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store, the compiler that hears of it, and maps that hold what it puts, with the look-ups of the datapath: the exact
 * identity first, then any peer; the longest prefix; no row: deny.
 */
#ifndef WR_TESTS_UNIT_POLICY_WORLD_H
#define WR_TESTS_UNIT_POLICY_WORLD_H

#include "agent/obj/store.h"
#include "agent/policy/policy.h"

struct pk;
struct pw;

struct pw *pw_new(void);
/* The same goes into real maps, for real programs. Borrowed; the maps must be as new or as pw_free leaves them. */
void pw_mirror(struct pw *w, struct pk *k);
void pw_free(struct pw *w);
struct wr_policy *pw_policy(struct pw *w);
void pw_apply_yaml(struct pw *w, const char *yaml); /* one object */
void pw_del(struct pw *w, enum wr_kind kind, const char *ns, const char *name);
void pw_subject(struct pw *w, uint32_t number, const char *ns, const char *name,
		const struct wr_addr *addr4, const struct wr_addr *addr6);
void pw_settle(struct pw *w); /* apply */
void pw_collect(struct pw *w);
/* The next @n puts of rules fail. */
void pw_fail(struct pw *w, int n);

uint64_t pw_word(const struct pw *w, uint32_t number);
uint32_t pw_identity(const struct pw *w, const struct wr_addr *addr);
/* The row that decides (WR_RULE_WORD), as the programs find it. */
uint64_t pw_judge(const struct pw *w, uint32_t number, enum wr_dir dir, const struct wr_addr *peer,
		  uint8_t proto, uint16_t port);
bool pw_allows(const struct pw *w, uint32_t number, enum wr_dir dir, const struct wr_addr *peer,
	       uint8_t proto, uint16_t port);
/* The same of a connection out of the endpoint that is there already. */
bool pw_goes_on(const struct pw *w, uint32_t number, const struct wr_addr *to, uint8_t proto,
		uint16_t port);
size_t pw_rows(const struct pw *w);
size_t pw_rule_writes(const struct pw *w); /* rows put so far */

#endif
