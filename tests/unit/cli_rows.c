/* SPDX-License-Identifier: Apache-2.0 */
/* What the maps, the disk and the agent hold in tests of weir. */
#include "tests/unit/cli_rows.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/io.h"
#include "lib/base/str.h"
#include "lib/dp/svc_table.h"
#include "lib/dp/tables.h"
#include "lib/model/records.h"
#include "tests/unit/check.h"
#include "tests/unit/dp_fixture.h"

const struct cli_answer cli_agent[] = {
	{ "status",
	  "{\"version\":\"9.9\",\"node\":\"node-a\",\"started_ms\":1,\"ready\":false,"
	  "\"needs\":[{\"name\":\"datapath\"},{\"name\":\"uplink\",\"reason\":\"no uplink is attached yet\"}],"
	  "\"routing\":{\"mode\":\"auto\",\"direct\":2,\"vxlan\":1},"
	  "\"reconcilers\":[{\"name\":\"nodes\",\"failing\":true,\"failures\":4}],"
	  "\"sources\":[{\"name\":\"/m\",\"errors\":[\"a.yaml: line 3: spec.ports: must be a list\"]}],"
	  "\"kinds\":[{\"kind\":\"Pod\",\"count\":3,\"synced\":true},"
	  "{\"kind\":\"Service\",\"count\":0,\"synced\":false}],"
	  "\"warnings\":[\"rules of kube-proxy\",\"2 pods of another network\"],"
	  "\"not_enforced\":[\"bandwidth limits of pods\"]}" },
	{ "nodes",
	  "{\"items\":[{\"name\":\"node-a\",\"via\":\"self\",\"addresses\":[\"10.30.0.11\"]},"
	  "{\"name\":\"node-b\",\"number\":3,\"zone\":\"zone-b\",\"zone_number\":2,\"addresses\":[\"10.30.0.12\"],\"via\":\"vxlan\"}]}" },
	{ "pods",
	  "{\"items\":[{\"namespace\":\"default\",\"name\":\"far\",\"addresses\":[\"10.244.2.3\"]},"
	  "{\"namespace\":\"default\",\"name\":\"client\",\"addresses\":[\"10.244.1.2\"]}]}" },
	{ "hello",
	  "{\"pins\":\"/x\",\"pools\":[\"10.244.1.0/24\",\"fd00:1::/64\"],\"mtu\":1500,\"ready\":true}" },
	{ "services",
	  "{\"items\":[{\"id\":7,\"namespace\":\"default\",\"name\":\"web\",\"port_name\":\"main\"},"
	  "{\"namespace\":\"default\",\"name\":\"web\",\"skipped\":[{\"reason\":\"10.244.2.9 is not ready\"}]},"
	  "{\"namespace\":\"default\",\"name\":\"webs\",\"skipped\":[{\"reason\":\"another one\"}]}]}" },
	{ "why",
	  "{\"judged\":[{\"direction\":\"egress\",\"pod\":\"10.244.1.2\",\"peerIdentity\":17,\"allowed\":false,"
	  "\"rule\":\"no egress rule of NetworkPolicy default/shut\","
	  "\"policies\":[{\"tier\":\"NetworkPolicy\",\"name\":\"default/shut\"}]}]}" },
	{ "monitor",
	  "{\"type\":\"drop\",\"time\":\"2026-01-02T03:04:05.678Z\",\"reason\":\"policy-ingress\","
	  "\"hook\":\"pod-ingress\",\"protocol\":\"tcp\",\"length\":74,\"tcp_flags\":2,"
	  "\"source\":{\"address\":\"10.244.1.2\",\"port\":400},"
	  "\"destination\":{\"address\":\"10.244.2.3\",\"port\":80}}" },
	{ "monitor",
	  "{\"type\":\"drop\",\"time\":\"2026-01-02T03:04:06.678Z\",\"reason\":\"ttl-exceeded\","
	  "\"hook\":\"pod-egress\",\"protocol\":\"udp\",\"length\":74,"
	  "\"source\":{\"address\":\"10.244.1.2\",\"port\":40000},"
	  "\"destination\":{\"address\":\"192.0.2.1\",\"port\":80}}" },
	{ 0 },
};

struct wr_addr cli_addr(const char *text)
{
	struct wr_addr a;

	assert_int_equal(wr_addr_parse(text, &a), 0);
	return a;
}

/* --- what is in the maps */

void cli_put_flow(struct wr_dp *dp, const char *src, uint16_t sport, const char *dst,
		  uint16_t dport, struct wr_flow flow)
{
	struct wr_addr s = cli_addr(src), d = cli_addr(dst);
	bool swap = memcmp(&s, &d, sizeof(s)) > 0;
	struct wr_flow_key key = {
		.a = swap ? d : s,
		.b = swap ? s : d,
		.port_a = htons(swap ? dport : sport),
		.port_b = htons(swap ? sport : dport),
		.proto = IPPROTO_TCP,
	};
	uint32_t shard = 0, id;
	wr_autofd int fd = -1;

	flow.state |= swap ? WR_FLOW_ORIG_B : 0;
	flow.judged = WR_JUDGED_EGRESS | WR_JUDGED_INGRESS;
	assert_int_equal(wr_sys_map_lookup(wr_dp_map_fd(dp, WR_MAP_wr_flows), &shard, &id), 0);
	fd = wr_sys_map_by_id(id);
	assert_true(fd >= 0);
	assert_int_equal(wr_sys_map_update(fd, &key, &flow, 0), 0);
}

void cli_put_backend(struct wr_dp *dp, uint32_t number, const char *where, uint64_t picks)
{
	struct wr_backend be = { .addr = cli_addr(where),
				 .port = htons(8080),
				 .proto = IPPROTO_TCP,
				 .state = WR_BACKEND_ACTIVE,
				 .node = 3,
				 .zone = 2 };

	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_backends), &number, &be, 0), 0);
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_picks), &number, &picks, 0), 0);
}

void cli_put_frontend(struct wr_dp *dp, const char *where, uint16_t port, uint32_t record)
{
	struct wr_frontend fe = { .addr = cli_addr(where),
				  .port = htons(port),
				  .proto = port ? IPPROTO_TCP : 0 };
	uint64_t word = WR_FE_WORD(record, wr_frontend_check(&fe));

	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_frontends), &fe, &word, 0), 0);
}

/* Service 7 on 10.96.0.10:80 with one backend, 10.244.2.3:8080; service 8 with none. */
static void put_services(struct wr_dp *dp)
{
	struct wr_service svc = { .id = 7, .first = 4, .n = 1, .affinity = 10800 },
			  empty = { .id = 8 };
	uint32_t slot = 4, backend = 5, record = 1, other = 2;

	cli_put_backend(dp, backend, "10.244.2.3", 42);
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_slots), &slot, &backend, 0), 0);
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_services), &record, &svc, 0),
			 0);
	assert_int_equal(wr_sys_map_update(wr_dp_map_fd(dp, WR_MAP_wr_services), &other, &empty, 0),
			 0);
	cli_put_frontend(dp, "10.96.0.10", 80, record);
	cli_put_frontend(dp, "10.96.0.10", 0, record);
	cli_put_frontend(dp, "fd00::20", 443, other);
}

void cli_put_record(const char *container, const char *ns, const char *pod, const char *where)
{
	struct wr_endpoint_record r = { .addr4 = cli_addr(where) };
	wr_auto_json *j = wr_json_new_object();

	wr_json_add_str(j, "network", "net");
	wr_json_add_str(j, "container", container);
	wr_json_add_str(j, "ifname", "eth0");
	wr_json_add_str(j, "pod_namespace", ns);
	wr_json_add_str(j, "pod_name", pod);
	assert_int_equal(wr_attachment_decode(j, &r.id, NULL), 0);
	r.netns = strdup("/run/netns/x");
	r.pod_namespace = strdup(ns);
	r.pod_name = strdup(pod);
	r.pod_uid = strdup("uid");
	r.host_ifname = strdup("wr0123456789");
	assert_int_equal(wr_record_put("/mnt/state/test", &r, NULL), 0);
	wr_endpoint_record_done(&r);
}

int cli_maps_make(void **state)
{
	struct wr_dp *dp;

	dp_maps_make(state);
	dp = dp_open();
	put_services(dp);
	wr_dp_close(dp);
	return 0;
}

int cli_maps_remove(void **state)
{
	wr_remove_tree("/mnt/state");
	return dp_maps_remove(state);
}

int cli_agent_make(void **state)
{
	cli_maps_make(state);
	cli_agent_start(cli_agent);
	return 0;
}

int cli_agent_remove(void **state)
{
	cli_agent_stop();
	return cli_maps_remove(state);
}

struct wr_json *cli_items(const struct cli_result *r)
{
	struct wr_err err = WR_ERR_INIT;
	struct wr_json *j = NULL;

	if (wr_json_parse(r->out, strlen(r->out), &j, &err) < 0)
		fail_msg("%s in %s", err.msg, r->out);
	assert_string_equal(wr_json_get_str(j, "apiVersion"), "weir.dev/v1alpha1");
	return j;
}

const struct wr_json *cli_find(const struct wr_json *list, const char *key, const char *value)
{
	const struct wr_json *items = wr_json_get(list, "items");
	size_t i;

	for (i = 0; i < wr_json_len(items); i++)
		if (wr_streq(wr_json_get_str(wr_json_at(items, i), key), value))
			return wr_json_at(items, i);
	fail_msg("no item has %s \"%s\"", key, value);
	return NULL;
}

void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in\n%s", part, text);
}
