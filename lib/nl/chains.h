/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a chain of a packet filter is there, in the caller's network namespace: nf_tables has those of nft and of
 * iptables-nft, ip_tables those of iptables-legacy. Nothing is changed, and no module is loaded for legacy ones. Only the agent
 * links this (libmnl).
 */
#ifndef WR_NL_CHAINS_H
#define WR_NL_CHAINS_H

#include <stdint.h>

/* Both answer 1, 0, or a negative errno; a kernel without the filter has no chain. @family: AF_INET or AF_INET6. */
int wr_nft_has(uint8_t family, const char *table, const char *chain /* NULL: the table */);
int wr_xt_has(uint8_t family, const char *table, const char *chain);

#endif
