// SPDX-License-Identifier: Apache-2.0
/*
 * traces STATE PINS: prints what pods have left on this node, one a line: files of records and tombstones (temporary ones
 * too), reservations, pods' links of this network namespace, pins. Fast enough to be asked after every system call.
 */
#include <dirent.h>
#include <net/if.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/dp/dp.h"
#include "lib/ipam/ipam.h"

static void files(const char *state, const char *kind)
{
	wr_autofree char *path = wr_xasprintf("%s/%s", state, kind);
	DIR *dir = opendir(path);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (!wr_streq(e->d_name, ".") && !wr_streq(e->d_name, ".."))
			printf("%s/%s\n", kind, e->d_name);
	if (dir)
		closedir(dir);
}

static int reservations(const char *state)
{
	wr_autofree char *path = wr_xasprintf("%s/ipam", state);
	struct wr_ipam_leases all = { 0 };
	wr_auto_ipam *ipam = NULL;
	char text[WR_ADDR_STRLEN];
	size_t i;

	if (wr_ipam_open(path, &ipam, NULL) < 0 || wr_ipam_dump(ipam, &all, NULL) < 0)
		return 1;
	for (i = 0; i < all.v.n; i++)
		if (!all.v.v[i].resting)
			printf("address %s of %s %s %s\n", wr_addr_format(&all.v.v[i].addr, text),
			       all.v.v[i].id.network, all.v.v[i].id.container, all.v.v[i].id.ifname);
	wr_ipam_leases_done(&all);
	return 0;
}

static int links(void)
{
	struct if_nameindex *all = if_nameindex(), *i;

	if (!all)
		return 1;
	for (i = all; i->if_name; i++)
		if (wr_has_prefix(i->if_name, "wr") && strlen(i->if_name) == 12)
			printf("link %s\n", i->if_name);
	if_freenameindex(all);
	return 0;
}

/* Keys of attachments are 16 digits; the rest of what is pinned is the node's own. */
static int pin(void *ctx, const char *who)
{
	if (strlen(who) == 16 && !who[strspn(who, "0123456789abcdef")])
		printf("pin %s\n", who);
	return 0;
}

int main(int argc, char **argv)
{
	int failed;

	if (argc != 3) {
		fprintf(stderr, "usage: traces STATE PINS\n");
		return 2;
	}
	files(argv[1], "endpoints");
	files(argv[1], "tombstones");
	failed = reservations(argv[1]) | links();
	return failed | (wr_dp_each_attached(argv[2], pin, NULL) < 0);
}
