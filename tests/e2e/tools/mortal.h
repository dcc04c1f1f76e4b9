/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agent that dies between two words: what the kernel's tables hold in mapped memory is changed by single stores, which no
 * tracer of system calls sees. Included before all else where the tables are written (Makefile, MORTAL_AGENT); $WR_MORTAL names a
 * file of 8 bytes, mapped: a number N there kills the process instead of its N-th store from then on.
 */
#ifndef WR_TESTS_E2E_TOOLS_MORTAL_H
#define WR_TESTS_E2E_TOOLS_MORTAL_H

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static inline void wr_mortal(void)
{
	static volatile uint64_t *left;
	const char *file = getenv("WR_MORTAL");
	int fd;

	if (!left && file) {
		fd = open(file, O_RDWR | O_CLOEXEC);
		left = mmap(NULL, sizeof(*left), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
		if (left == MAP_FAILED)
			abort();
	}
	if (left && *left && --*left == 0)
		kill(getpid(), SIGKILL);
}
#define wr_before_store wr_mortal

#endif
