/* SPDX-License-Identifier: Apache-2.0 */
/* Claims about the memory that a large cluster's objects take. */
#include "tests/unit/check.h"

#include <malloc.h>
#include <stdio.h>

#include "agent/obj/store.h"
#include "tests/unit/objects.h"

#define PODS     50000
#define SERVICES 30000
#define TARGET   (40u << 20)

/* Under a sanitizer the allocator is another one, and counts nothing. */
#ifdef WR_SANITIZED
#define MEASURED 0
#else
#define MEASURED 1
#endif

static size_t in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void add(struct wr_store *s, const char *text)
{
	struct wr_json *j = NULL;
	struct wr_object *o = NULL;
	struct wr_err err = WR_ERR_INIT;

	if (wr_json_parse(text, strlen(text), &j, &err) < 0 ||
	    wr_object_decode(j, false, &o, &err) < 0)
		fail_msg("%s", err.msg);
	wr_json_free(j);
	wr_store_put(s, o);
}

/* As the API server sends them: ten pods of a workload share their labels but for the pod's name. */
static void add_pod(struct wr_store *s, int i)
{
	char text[1500];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-%d-5d9c7bbd8-%05d\","
		 "\"namespace\":\"team-%d\",\"uid\":\"00000000-0000-4000-8000-%012d\",\"resourceVersion\":\"%d\","
		 "\"labels\":{\"app\":\"web-%d\",\"pod-template-hash\":\"5d9c7bbd8\",\"tier\":\"front\"}},"
		 "\"spec\":{\"nodeName\":\"node-%d\",\"containers\":[{\"name\":\"web\",\"ports\":"
		 "[{\"name\":\"http\",\"containerPort\":8080},{\"containerPort\":9090}]}]},"
		 "\"status\":{\"phase\":\"Running\",\"podIP\":\"10.%d.%d.%d\",\"podIPs\":[{\"ip\":\"10.%d.%d.%d\"},"
		 "{\"ip\":\"fd00::%x\"}],\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
		 i / 10, i, i % 100, i, i, i / 10, i % 500, i >> 16, i >> 8 & 255, i & 255, i >> 16,
		 i >> 8 & 255, i & 255, i + 1);
	add(s, text);
}

static void add_service(struct wr_store *s, int i)
{
	char text[1000];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"web-%d\","
		 "\"namespace\":\"team-%d\",\"uid\":\"00000000-0000-4000-8000-%012d\",\"labels\":{\"app\":\"web-%d\"}},"
		 "\"spec\":{\"clusterIP\":\"10.%d.%d.%d\",\"clusterIPs\":[\"10.%d.%d.%d\"],"
		 "\"selector\":{\"app\":\"web-%d\"},\"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":8080}]}}",
		 i, i % 100, i, i, i >> 16 | 64, i >> 8 & 255, i & 255, i >> 16 | 64, i >> 8 & 255,
		 i & 255, i);
	add(s, text);
}

#define ENDPOINT                                                                             \
	"{\"addresses\":[\"10.%d.%d.%d\"],\"conditions\":{\"ready\":true,\"serving\":true}," \
	"\"nodeName\":\"node-%d\",\"zone\":\"zone-%d\",\"targetRef\":{\"kind\":\"Pod\",\"name\":\"p\"}}"

static void add_slice(struct wr_store *s, int i)
{
	int a = i >> 16, b = i >> 8 & 255, c = i & 255;
	char text[1500];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\",\"metadata\":"
		 "{\"name\":\"web-%d-abcde\",\"namespace\":\"team-%d\",\"uid\":\"00000000-0000-4000-8000-%012d\","
		 "\"labels\":{\"kubernetes.io/service-name\":\"web-%d\"}},\"addressType\":\"IPv4\",\"endpoints\":[" ENDPOINT
		 "," ENDPOINT "," ENDPOINT "," ENDPOINT
		 "],\"ports\":[{\"name\":\"http\",\"port\":8080,\"protocol\":\"TCP\"}]}",
		 i, i % 100, i, i, a, b, c, i % 500, i % 3, a + 1, b, c, i % 499, i % 3, a + 2, b,
		 c, i % 498, i % 3, a + 3, b, c, i % 497, i % 3);
	add(s, text);
}

static size_t bytes_each(void (*fn)(struct wr_store *s, int i), struct wr_store *s, int n)
{
	size_t before = in_use();
	int i;

	for (i = 0; i < n; i++)
		fn(s, i);
	return (in_use() - before) / (size_t)n;
}

/* Hash tables and interned strings are counted in. */
static void fifty_thousand_pods_and_thirty_thousand_services_fit(void **state)
{
	struct wr_store *s = wr_store_new();
	size_t before = in_use(), pod, service, slice;

	pod = bytes_each(add_pod, s, PODS);
	service = bytes_each(add_service, s, SERVICES);
	slice = bytes_each(add_slice, s, SERVICES);
	if (MEASURED) {
		assert_in_range(pod, 100, 320);
		assert_in_range(service, 100, 340);
		assert_in_range(slice, 100, 490);
		assert_true(in_use() - before < TARGET);
	}
	wr_store_free(s);
	assert_int_equal(wr_istr_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fifty_thousand_pods_and_thirty_thousand_services_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
