// SPDX-License-Identifier: Apache-2.0
/* The table of configuration keys. */
#include <errno.h>
#include <stddef.h>

#include "agent/config.h"
#include "lib/base/cleanup.h"
#include "lib/base/str.h"

static const char *const formats[] = { "text", "json", NULL };
static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const routings[] = { "auto", "direct", "vxlan", NULL };
static const char *const lb_modes[] = { "snat", "dsr", NULL };

static const char *const timeout_names[WR_TIMEOUT_MAX] = {
	[WR_TIMEOUT_TCP_SYN] = "tcpSyn", [WR_TIMEOUT_TCP_ESTABLISHED] = "tcpEstablished",
	[WR_TIMEOUT_TCP_FIN] = "tcpFin", [WR_TIMEOUT_TCP_CLOSED] = "tcpClosed",
	[WR_TIMEOUT_UDP_NEW] = "udpNew", [WR_TIMEOUT_UDP] = "udp",
	[WR_TIMEOUT_ICMP] = "icmp",      [WR_TIMEOUT_OTHER] = "other",
	[WR_TIMEOUT_SCTP] = "sctp",
};

static int timeout_lookup(const char *name)
{
	int i;

	for (i = 0; i < WR_TIMEOUT_MAX; i++)
		if (wr_streq(name, timeout_names[i]))
			return i;
	return -ENOENT;
}

/* "newFlows" is wr_new_flows. */
static bool names_map(const char *name, const char *map)
{
	if (!wr_has_prefix(map, "wr_"))
		return false;
	for (map += 3; *map && *name; map++, name++) {
		char want = *map;

		if (want == '_')
			want = (char)(*++map - 'a' + 'A');
		if (*name != want)
			return false;
	}
	return !*map && !*name;
}

static const struct {
	const char *name;
	uint32_t size;
} maps[] = {
#define X(map_name, default_size) { #map_name, default_size },
	WR_MAPS(X)
#undef X
};

/* Only maps whose size may be given: that of the others follows from what they hold. */
static int map_lookup(const char *name)
{
	int i;

	for (i = 0; i < WR_MAP_MAX; i++)
		if (maps[i].size > 1 && names_map(name, maps[i].name))
			return i;
	return -ENOENT;
}

#define AT(member) .offset = offsetof(struct wr_agent_config, member)

const struct wr_key wr_config_keys[] = {
	{ "instance", .flag = "instance", .type = WR_KEY_STRING, AT(instance), .dflt = "default",
	  .arg = "NAME", .help = "which Weir of this kernel" },
	{ "node", .flag = "node", .type = WR_KEY_STRING, AT(node), .dflt = "", .arg = "NAME",
	  .help = "this node's name; empty: $NODE_NAME, else the host name" },
	{ "manifests", .flag = "manifests", .type = WR_KEY_STRING, AT(manifests), .dflt = "",
	  .arg = "DIR", .help = "read Kubernetes objects from this directory" },
	{ "kubeconfig", .flag = "kubeconfig", .type = WR_KEY_STRING, AT(kubeconfig), .dflt = "",
	  .arg = "FILE", .help = "follow the Kubernetes API that this file names" },
	{ "apiServers", .flag = "api-servers", .type = WR_KEY_STRINGS, AT(api_servers), .dflt = "",
	  .arg = "URL,...",
	  .help = "follow the Kubernetes API as the pod's service account; with kubeconfig: further servers" },
	{ "serviceAccount", .flag = "service-account", .type = WR_KEY_STRING, AT(service_account),
	  .dflt = "/var/run/secrets/kubernetes.io/serviceaccount", .arg = "DIR",
	  .help = "where the service account's token and authority are" },
	{ "logFormat", .flag = "log-format", .type = WR_KEY_CHOICE, AT(log_format), .dflt = "text",
	  .names = formats, .arg = "text|json", .help = "form of the log on stderr" },
	{ "logLevel", .flag = "log-level", .type = WR_KEY_CHOICE, AT(log_level), .dflt = "info",
	  .names = levels, .arg = "LEVEL", .help = "debug, info, warn or error" },
	{ "routing", .flag = "routing", .type = WR_KEY_CHOICE, AT(routing), .dflt = "auto",
	  .names = routings, .arg = "auto|direct|vxlan",
	  .help = "how packets reach other nodes' pods" },
	{ "mtu", .flag = "mtu", .type = WR_KEY_UINT, AT(mtu), .dflt = "0", .max = 65535,
	  .arg = "BYTES", .help = "of pod interfaces; 0: follow the uplink and the encapsulation" },
	{ "uplinks", .flag = "uplinks", .type = WR_KEY_STRINGS, AT(uplinks), .dflt = "",
	  .arg = "NAME,...",
	  .help = "interfaces to other nodes; empty: those with the node's addresses or a default route" },
	{ "masquerade", .flag = "masquerade", .type = WR_KEY_BOOL, AT(masquerade), .dflt = "true",
	  .help = "pods leave the cluster with the node's address" },
	{ "vxlanPort", .flag = "vxlan-port", .type = WR_KEY_UINT, AT(vxlan_port), .dflt = "4789",
	  .min = 1, .max = 65535, .arg = "PORT", .help = "UDP port of the tunnel" },
	{ "vxlanID", .flag = "vxlan-id", .type = WR_KEY_UINT, AT(vxlan_id), .dflt = "1", .min = 1,
	  .max = 0xffffff, .arg = "VNI", .help = "network number of the tunnel" },
	{ "probePort", .flag = "probe-port", .type = WR_KEY_UINT, AT(probe_port), .dflt = "9878",
	  .min = 1, .max = 65535, .arg = "PORT",
	  .help = "UDP port of the probe that finds direct ways" },
	{ "natPorts", .flag = "nat-ports", .type = WR_KEY_PORTS, AT(nat_ports),
	  .dflt = "49152-65535", .min = 1024, .max = 65535, .arg = "FIRST-LAST",
	  .help = "source ports of masqueraded flows" },
	{ "markBit", .flag = "mark-bit", .type = WR_KEY_UINT, AT(mark_bit), .dflt = "12", .max = 31,
	  .arg = "BIT",
	  .help = "of the packet mark, set on what Weir has masqueraded or encapsulated" },
	{ "socketLB", .flag = "socket-lb", .type = WR_KEY_BOOL, AT(socket_lb), .dflt = "true",
	  .help = "choose backends when a socket connects" },
	{ "cgroupRoot", .flag = "cgroup-root", .type = WR_KEY_STRING, AT(cgroup_root), .dflt = "",
	  .arg = "DIR", .help = "cgroup2 directory of the socket programs; empty: the mounted root" },
	{ "procSysNet", .flag = "proc-sys-net", .type = WR_KEY_STRING, AT(proc_sys_net),
	  .dflt = "/proc/sys/net", .arg = "DIR",
	  .help = "where the network's sysctls can be written; a container has them elsewhere" },
	{ "nodePortAddresses", .flag = "node-port-addresses", .type = WR_KEY_PREFIXES,
	  AT(node_port_addresses), .dflt = "", .arg = "CIDR,...",
	  .help = "which of the node's addresses answer on node ports; empty: all but loopback" },
	{ "localhostNodePorts", .flag = "localhost-node-ports", .type = WR_KEY_BOOL,
	  AT(localhost_node_ports), .dflt = "false", .help = "node ports answer on 127.0.0.1 too" },
	{ "nameServers", .flag = "name-servers", .type = WR_KEY_PREFIXES, AT(name_servers),
	  .dflt = "", .arg = "CIDR,...",
	  .help = "whose answers say what domain names of policies mean; empty: the cluster's DNS, this node, resolv.conf" },
	{ "loadBalancerMode", .flag = "load-balancer-mode", .type = WR_KEY_CHOICE, AT(lb_mode),
	  .dflt = "snat", .names = lb_modes, .arg = "snat|dsr",
	  .help = "who answers clients outside: the node they came by, or (dsr) the backend's own" },
	{ "maglevTableSize", .flag = "maglev-table-size", .type = WR_KEY_UINT, AT(maglev_size),
	  .dflt = "32749", .min = 251, .max = 1048573, .arg = "N",
	  .help = "elements of each consistent-hash table (a prime; equal on all nodes)" },
	{ "installCNI", .flag = "install-cni", .type = WR_KEY_BOOL, AT(install_cni), .dflt = "true",
	  .help = "install the plugin and its configuration, and keep them there" },
	{ "cniReplace", .flag = "cni-replace", .type = WR_KEY_BOOL, AT(cni_replace), .dflt = "false",
	  .help = "rename other plugins' configurations away (back on --uninstall)" },
	{ "cniBinDir", .flag = "cni-bin-dir", .type = WR_KEY_STRING, AT(cni_bin_dir),
	  .dflt = "/opt/cni/bin", .arg = "DIR", .help = "where runtimes look for plugins" },
	{ "cniConfDir", .flag = "cni-conf-dir", .type = WR_KEY_STRING, AT(cni_conf_dir),
	  .dflt = "/etc/cni/net.d", .arg = "DIR",
	  .help = "where runtimes look for network configurations" },
	{ "cniPlugin", .flag = "cni-plugin", .type = WR_KEY_STRING, AT(cni_plugin), .dflt = "",
	  .arg = "FILE",
	  .help = "the plugin to install; empty: weir-cni beside this program or in ../libexec/weir" },
	{ "cniNetwork", .flag = "cni-network", .type = WR_KEY_STRING, AT(cni_network),
	  .dflt = "weir", .arg = "NAME", .help = "name of the network in the CNI configuration" },
	{ "healthAddress", .flag = "health-address", .type = WR_KEY_LISTEN, AT(health),
	  .dflt = "127.0.0.1:9877", .arg = "ADDR:PORT",
	  .help = "/healthz, /readyz and /metrics; off: none" },
	{ "proxyHealthAddress", .flag = "proxy-health-address", .type = WR_KEY_LISTEN,
	  AT(proxy_health), .dflt = "[::]:10256", .arg = "ADDR:PORT",
	  .help = "/healthz and /livez as kube-proxy has them, for load balancers; off: none" },
	{ "dropSample", .flag = "drop-sample", .type = WR_KEY_UINT, AT(drop_sample), .dflt = "1",
	  .max = 1u << 20, .arg = "N",
	  .help = "report one in N drops (a power of two); 0: count only" },
	{ "flowEvents", .flag = "flow-events", .type = WR_KEY_BOOL, AT(flow_events),
	  .dflt = "false", .help = "report the beginning and the end of flows" },
	{ "flowShards", .flag = "flow-shards", .type = WR_KEY_UINT, AT(flow_shards), .dflt = "16",
	  .min = 1, .max = 256, .arg = "N",
	  .help = "maps that the flow table is divided into (a power of two)" },
	{ "flowQuota", .flag = "flow-quota", .type = WR_KEY_UINT, AT(flow_quota), .dflt = "0",
	  .max = 1u << 28, .arg = "N", .help = "established flows one pod may hold; 0: no limit" },
	{ "resync", .flag = "resync", .type = WR_KEY_SECONDS, AT(resync_s), .dflt = "5m", .min = 1,
	  .max = 86400, .arg = "TIME", .help = "how often everything is compared with the kernel" },
	{ "garbageCollection", .flag = "garbage-collection", .type = WR_KEY_SECONDS, AT(gc_s),
	  .dflt = "30s", .min = 1, .max = 86400, .arg = "TIME",
	  .help = "how often pods that are gone are looked for" },
	{ "mapSizes", .flag = "map-sizes", .type = WR_KEY_SIZES, AT(map_sizes), .dflt = "",
	  .min = 16, .max = 1u << 26, .lookup = map_lookup, .arg = "MAP=N,...",
	  .help = "entries of maps: flows, newFlows, peers, ..." },
	{ "timeouts", .flag = "timeouts", .type = WR_KEY_DURATIONS, AT(timeouts),
	  .dflt = "tcpSyn=60s,tcpEstablished=6h,tcpFin=120s,tcpClosed=10s,udpNew=30s,udp=180s,icmp=30s,other=60s,sctp=6h",
	  .min = 1, .max = 30 * 86400, .lookup = timeout_lookup, .arg = "WHAT=TIME,...",
	  .help = "how long quiet flows are kept" },
};
const size_t wr_config_keys_n = WR_ARRAY_SIZE(wr_config_keys);
