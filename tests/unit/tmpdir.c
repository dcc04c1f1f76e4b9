// SPDX-License-Identifier: Apache-2.0
/* A folder for one test. */
#include <stdlib.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/vec.h"
#include "tests/unit/tmpdir.h"

static WR_VEC(char *) paths;

int wr_tmpdir_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	char *dir = wr_xasprintf("%s/weir-unit.XXXXXX", base ? base : "/tmp");

	if (!mkdtemp(dir)) {
		free(dir);
		return -1;
	}
	*state = dir;
	return 0;
}

int wr_tmpdir_teardown(void **state)
{
	int r = wr_remove_tree(*state);

	while (paths.n)
		free(paths.v[--paths.n]);
	wr_vec_done(&paths);
	free(*state);
	return r;
}

const char *wr_tmpdir_path(const char *dir, const char *name)
{
	wr_vec_push(&paths, wr_xasprintf("%s/%s", dir, name));
	return paths.v[paths.n - 1];
}
