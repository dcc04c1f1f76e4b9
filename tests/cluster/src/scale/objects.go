// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Ten pods of a workload share their labels, as those of a Deployment do; each tenth workload is a StatefulSet, whose pods have a
// label of their own. A workload's pods are on different nodes.
const (
	namespaces = 100
	perLoad    = 10
	images     = 30 // that a node says it has
)

func namespaceOf(load int) string { return fmt.Sprintf("team-%d", load%namespaces) }
func farNode(i int) string        { return fmt.Sprintf("far-%d", i) }
func zoneOf(node int) string      { return fmt.Sprintf("zone-%d", node%3) }
func nodeOf(pod int) int          { return pod % *nodes }
func loadName(load int) string    { return fmt.Sprintf("shop-%d-web", load) }

// addressOf is in the /24 of the pod's node, of 100.64.0.0/10; those that come and go are in the upper half.
func addressOf(pod int, brief bool) string {
	node, k := nodeOf(pod), 2 + pod / *nodes
	if brief {
		k = 128 + pod / *nodes % 120
	}
	return fmt.Sprintf("100.%d.%d.%d", 64+node>>8, node&255, k)
}

func namespaceObject(i int) []request {
	return []request{{"POST", "/api/v1/namespaces", fmt.Sprintf(
		`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"%s","labels":{"team":"%d","stage":"s%d"}}}`, namespaceOf(i), i, i%3)}}
}

func now() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000Z") }

func nodeStatus(conditions string) string {
	return fmt.Sprintf(`{"status":{"conditions":[%s]}}`, conditions)
}

func nodeConditions() string {
	var all []string
	for _, c := range [][2]string{{"MemoryPressure", "False"}, {"DiskPressure", "False"}, {"PIDPressure", "False"}, {"Ready", "True"}} {
		all = append(all, fmt.Sprintf(`{"type":"%s","status":"%s","reason":"KubeletSays","message":"as it should be","lastHeartbeatTime":"%s"}`,
			c[0], c[1], time.Now().UTC().Format(time.RFC3339)))
	}
	return strings.Join(all, ",")
}

func nodeObject(i int) []request {
	var have []string
	name, cidr := farNode(i), fmt.Sprintf("100.%d.%d.0/24", 64+i>>8, i&255)

	for k := 0; k < images; k++ {
		have = append(have, fmt.Sprintf(`{"names":["registry.example/team/image-%d@sha256:%064x","registry.example/team/image-%d:v1.%d"],"sizeBytes":%d}`,
			k, k*7919+i, k, k, 10000000+k))
	}
	status := fmt.Sprintf(`{"status":{"addresses":[{"type":"InternalIP","address":"10.31.%d.%d"},{"type":"Hostname","address":"%s"}],
		"conditions":[%s],"capacity":{"cpu":"32","memory":"128Gi","pods":"110"},"allocatable":{"cpu":"31","memory":"120Gi","pods":"110"},
		"images":[%s]}}`, i>>8, 1+i&255, name, nodeConditions(), strings.Join(have, ","))
	lease := fmt.Sprintf(`{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"%s","namespace":"kube-node-lease"},
		"spec":{"holderIdentity":"%s","leaseDurationSeconds":40,"renewTime":"%s"}}`, name, name, now())
	return []request{
		{"POST", "/api/v1/nodes", fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s","labels":{"kubernetes.io/hostname":"%s",
			"topology.kubernetes.io/zone":"%s","kubernetes.io/os":"linux"}},"spec":{"podCIDR":"%s","podCIDRs":["%s"]}}`, name, name, zoneOf(i), cidr, cidr)},
		{"PATCH", "/api/v1/nodes/" + name + "/status", status},
		{"POST", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", lease},
	}
}

func endpoint(pod int, brief bool) string {
	node := nodeOf(pod)
	return fmt.Sprintf(`{"addresses":["%s"],"conditions":{"ready":true,"serving":true,"terminating":false},"nodeName":"%s","zone":"%s",
		"targetRef":{"kind":"Pod","namespace":"%s","name":"%s"}}`, addressOf(pod, brief), farNode(node), zoneOf(node), namespaceOf(pod/perLoad), podName(pod, brief))
}

// sliceObject has four pods; last stands in for the fourth unless it is negative.
func sliceObject(service, last int) string {
	var ends []string
	first := service * 4 % max(*pods-4, 1)

	for k := 0; k < 4; k++ {
		if k == 3 && last >= 0 {
			ends = append(ends, endpoint(last, true))
		} else {
			ends = append(ends, endpoint(first+k, false))
		}
	}
	name := loadName(service)
	return fmt.Sprintf(`{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"%s-abcde","namespace":"%s",
		"labels":{"kubernetes.io/service-name":"%s","app":"%s","endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io"}},
		"addressType":"IPv4","ports":[{"name":"http","port":8080,"protocol":"TCP"}],"endpoints":[%s]}`,
		name, namespaceOf(service), name, name, strings.Join(ends, ","))
}

func serviceObject(i int) []request {
	name, ns := loadName(i), namespaceOf(i)
	return []request{
		{"POST", "/api/v1/namespaces/" + ns + "/services", fmt.Sprintf(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"%s","labels":{"app":"%s"}},
			"spec":{"selector":{"app":"%s"},"ports":[{"name":"http","port":80,"targetPort":8080}]}}`, name, name, name)},
		{"POST", "/apis/discovery.k8s.io/v1/namespaces/" + ns + "/endpointslices", sliceObject(i, -1)},
	}
}

func podName(pod int, brief bool) string {
	if brief {
		return fmt.Sprintf("brief-%d", pod)
	}
	return fmt.Sprintf("%s-5d9c7bbd8-%05d", loadName(pod/perLoad), pod)
}

func podLabels(pod int) string {
	load := pod / perLoad
	labels := fmt.Sprintf(`"app":"%s","tier":"t%d","pod-template-hash":"5d9c7bbd8"`, loadName(load), load%4)
	if load%10 == 0 {
		labels += fmt.Sprintf(`,"statefulset.kubernetes.io/pod-name":"web-%d"`, pod)
	}
	return labels
}

// podBody is about what the API server holds of a pod with one container.
func podBody(name, labels, node string) string {
	return fmt.Sprintf(`"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s","labels":{%s},"annotations":{"checksum/config":"%064x"},
		"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-5d9c7bbd8","uid":"00000000-0000-4000-8000-000000000000","controller":true}]},
		"spec":{"nodeName":"%s","serviceAccountName":"default","automountServiceAccountToken":false,"containers":[{"name":"web",
		"image":"registry.example/team/web:v1.27.3","args":["--listen=:8080","--config=/etc/web/config.yaml"],
		"ports":[{"name":"http","containerPort":8080},{"name":"metrics","containerPort":9090}],
		"env":[{"name":"POD_NAME","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"}}},{"name":"STAGE","value":"production"}],
		"resources":{"requests":{"cpu":"100m","memory":"128Mi"},"limits":{"memory":"256Mi"}},
		"readinessProbe":{"httpGet":{"path":"/ready","port":8080}}}]}`, name, labels, len(name), node)
}

func podStatus(address string) string {
	when := time.Now().UTC().Format(time.RFC3339)
	var conditions []string
	for _, c := range []string{"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"} {
		conditions = append(conditions, fmt.Sprintf(`{"type":"%s","status":"True","lastTransitionTime":"%s"}`, c, when))
	}
	return fmt.Sprintf(`"status":{"phase":"Running","podIP":"%s","podIPs":[{"ip":"%s"}],"hostIP":"10.31.0.1","startTime":"%s","conditions":[%s],
		"containerStatuses":[{"name":"web","ready":true,"started":true,"restartCount":0,"image":"registry.example/team/web:v1.27.3",
		"imageID":"registry.example/team/web@sha256:%064x","containerID":"containerd://%064x","state":{"running":{"startedAt":"%s"}}}]}`,
		address, address, when, strings.Join(conditions, ","), 1, 2, when)
}

func podCollection(pod int) string { return "/api/v1/namespaces/" + namespaceOf(pod/perLoad) + "/pods" }

// podObject: its status is a request of its own, as the kubelet's is.
func podObject(pod int, brief bool) []request {
	name := podName(pod, brief)
	body := podBody(name, podLabels(pod), farNode(nodeOf(pod)))
	return []request{
		{"POST", podCollection(pod), "{" + body + "}"},
		{"PUT", podCollection(pod) + "/" + name + "/status", "{" + body + "," + podStatus(addressOf(pod, brief)) + "}"},
	}
}

func ownPod(i int) []request {
	return []request{{"POST", "/api/v1/namespaces/" + namespaceOf(i) + "/pods",
		"{" + podBody(fmt.Sprintf("own-%d", i), podLabels(i*perLoad), *own) + "}"}}
}

// policyObject lets a workload's neighbours in, one tier of another team, and a block.
func policyObject(i int) []request {
	return []request{{"POST", "/apis/networking.k8s.io/v1/namespaces/" + namespaceOf(i) + "/networkpolicies",
		fmt.Sprintf(`{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{"name":"let-in-%d"},"spec":{
		"podSelector":{"matchLabels":{"app":"%s"}},"policyTypes":["Ingress"],"ingress":[{"from":[
		{"podSelector":{"matchLabels":{"app":"%s"}}},
		{"namespaceSelector":{"matchLabels":{"team":"%d"}},"podSelector":{"matchLabels":{"tier":"t%d"}}},
		{"ipBlock":{"cidr":"192.0.2.0/24","except":["192.0.2.%d/32"]}}],"ports":[{"port":8080},{"port":"metrics"}]}]}}`,
			i, loadName(i), loadName(i+namespaces), (i+1)%namespaces, i%4, i%250)}}
}

// ownNode is where the agent is measured; addresses as tests/e2e/nodes.bash gives them.
func ownNode(int) []request {
	return []request{
		{"POST", "/api/v1/nodes", fmt.Sprintf(`{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s","labels":{"kubernetes.io/hostname":"%s",
			"topology.kubernetes.io/zone":"zone-0"}},"spec":{"podCIDR":"10.244.11.0/24","podCIDRs":["10.244.11.0/24"]}}`, *own, *own)},
		{"PATCH", "/api/v1/nodes/" + *own + "/status", `{"status":{"addresses":[{"type":"InternalIP","address":"10.30.0.11"}]}}`},
	}
}

func fill() error {
	for _, kind := range []struct {
		what string
		n    int
		job  func(i int) []request
	}{
		{"namespaces", namespaces, namespaceObject},
		{"nodes with a lease", *nodes, nodeObject},
		{"node with an agent", 1, ownNode},
		{"pods of that node", *ownPods, ownPod},
		{"services with an EndpointSlice", *services, serviceObject},
		{"policies", *policies, policyObject},
		{"pods with a status", *pods, func(i int) []request { return podObject(i, false) }},
	} {
		if err := inParallel(kind.what, kind.n, kind.job); err != nil {
			return err
		}
	}
	return nil
}

// renew does what 500 kubelets do for their nodes.
func renew() error {
	var c *http.Client = newClient()
	every := 10 * time.Second / time.Duration(*nodes)

	for i := 0; ; i++ {
		name := farNode(i % *nodes)
		r := request{"PATCH", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/" + name,
			fmt.Sprintf(`{"spec":{"renewTime":"%s"}}`, now())}
		if err := r.call(c); err != nil {
			return err
		}
		if i%30 == 0 { // each node once in five minutes
			name = farNode(i / 30 % *nodes)
			r = request{"PATCH", "/api/v1/nodes/" + name + "/status", nodeStatus(nodeConditions())}
			if err := r.call(c); err != nil {
				return err
			}
		}
		time.Sleep(every)
	}
}
