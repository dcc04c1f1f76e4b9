/* SPDX-License-Identifier: Apache-2.0 */
/* Telling a service manager how we are: sd_notify(3)'s protocol, a datagram to $NOTIFY_SOCKET. */
#ifndef WR_AGENT_NOTIFY_H
#define WR_AGENT_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=..."; lines may be joined by \n. No socket named: 0. */
int wr_notify(const char *state);
/* How often WATCHDOG=1 should be sent (half of what the manager waits), from $WATCHDOG_USEC and $WATCHDOG_PID; 0: never. */
uint64_t wr_notify_watchdog_ms(void);

#endif
