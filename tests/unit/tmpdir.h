/* SPDX-License-Identifier: Apache-2.0 */
/* A folder for one test. */
#ifndef WR_TESTS_UNIT_TMPDIR_H
#define WR_TESTS_UNIT_TMPDIR_H

#include <stddef.h>

/* cmocka's setup and teardown: *state is the path, below $TMPDIR or /tmp. */
int wr_tmpdir_setup(void **state);
int wr_tmpdir_teardown(void **state);
/* "<dir>/<name>"; lives until the teardown. */
const char *wr_tmpdir_path(const char *dir, const char *name);

#endif
