/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka with the headers it wants before it, and what several tests ask of errors. */
#ifndef WR_TESTS_UNIT_CHECK_H
#define WR_TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "lib/base/err.h"

/* The error has @code, and its message contains @part. */
#define assert_err(err, want_code, part)                                                \
	do {                                                                            \
		assert_int_equal((err)->code, (want_code));                             \
		if (!strstr((err)->msg, (part)))                                        \
			fail_msg("\"%s\" does not contain \"%s\"", (err)->msg, (part)); \
	} while (0)

#endif
