/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the probe share. */
#ifndef WR_AGENT_PROBE_PRIVATE_H
#define WR_AGENT_PROBE_PRIVATE_H

#include "agent/probe.h"

#define WR_PROBE_PACKET_MAX (40 + 8 + WR_PROBE_SIZE)

/* A query as a packet from its network header on. Returns its size. */
size_t wr_probe_packet(const struct wr_addr *src, const struct wr_addr *dst, uint16_t port,
		       uint64_t number, uint8_t ret[WR_PROBE_PACKET_MAX]);

#endif
