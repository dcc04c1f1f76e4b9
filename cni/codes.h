/* SPDX-License-Identifier: Apache-2.0 */
/* Error codes of the plugin's answers (CNI specification 1.1.0, section "Error"); 100 and up are Weir's own. */
#ifndef WR_CNI_CODES_H
#define WR_CNI_CODES_H

enum wr_cni_code {
	WR_CNI_VERSION =
		1, /* the configuration's cniVersion is not one of ours, or too old for the verb */
	WR_CNI_UNSUPPORTED = 2, /* a field that we do not support; the message has its key and value */
	WR_CNI_UNKNOWN =
		3, /* the container does not exist: nothing was made, nothing needs cleaning up */
	WR_CNI_ENVIRONMENT = 4, /* missing or bad environment variables */
	WR_CNI_IO = 5,          /* files: records, address store, standard input and output */
	WR_CNI_DECODE = 6,      /* standard input is not what it should be */
	WR_CNI_CONFIG = 7,      /* the network configuration is not valid */
	WR_CNI_NETNS = 8,       /* CNI_NETNS is no network namespace, or the plugin's own */
	WR_CNI_TRY_AGAIN = 11,  /* the agent or an address is not to be had now */
	WR_CNI_NOT_READY = 50,  /* STATUS: no ADD can be served */
	WR_CNI_LIMITED = 51,    /* STATUS: nor do existing pods have all of their network */
	WR_CNI_SYSTEM = 100,    /* the kernel refused something */
	WR_CNI_EXISTS = 101,    /* the pod has an interface of that name already */
	WR_CNI_DIFFERS = 102,   /* CHECK found something that is not as ADD left it */
	WR_CNI_DELEGATE = 103,  /* the IPAM plugin failed and did not say why */
	WR_CNI_PARTIAL = 104,   /* GC removed what it could */
};

#endif
