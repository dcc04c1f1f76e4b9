#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Manifests broken in every field: each is reported with file, line and field, and what was in force stays in force.

setup_file() {
	load nodes
	nodes_up a b
	agent_start a
	pod_up a client app=client
	pod_up a one app=web
	serve one tcp 8080
	save_cluster
	goods
	eventually pod client peer ask tcp 10.96.9.9 80
	eventually settled
}

setup() { load nodes && restore_cluster; }

teardown_file() { load nodes && restore_cluster && cluster_down; }

# good KIND: a manifest with a value in every field that is read, one member a line.
good() {
	case $1 in
	node) jq . <<-J ;;
		{"apiVersion": "v1", "kind": "Node",
		 "metadata": {"name": "node-x", "labels": {"topology.kubernetes.io/zone": "z"}},
		 "spec": {"podCIDR": "10.244.77.0/24", "podCIDRs": ["10.244.77.0/24", "fd00:10:244:77::/64"],
		  "taints": [{"key": "other", "effect": "NoSchedule"}], "providerID": "x://y"},
		 "status": {"addresses": [{"type": "InternalIP", "address": "10.30.0.77"}, {"type": "ExternalIP", "address": "192.0.2.77"}],
		  "conditions": [{"type": "NetworkUnavailable", "status": "False"}]}}
	J
	namespace) jq . <<-J ;;
		{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "space", "uid": "u", "labels": {"team": "blue"}}}
	J
	pod) jq . <<-J ;;
		{"apiVersion": "v1", "kind": "Pod",
		 "metadata": {"name": "other", "namespace": "default", "uid": "u-other", "labels": {"app": "other"}, "annotations": {"weir.dev/audit": "false"}},
		 "spec": {"nodeName": "node-x", "hostNetwork": false,
		  "containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 80, "hostPort": 0, "hostIP": "192.0.2.1", "protocol": "TCP"}]}],
		  "initContainers": [{"name": "i", "restartPolicy": "Always", "ports": [{"name": "side", "containerPort": 81}]}]},
		 "status": {"phase": "Running", "podIP": "10.244.77.9", "podIPs": [{"ip": "10.244.77.9"}, {"ip": "fd00:10:244:77::9"}],
		  "conditions": [{"type": "Ready", "status": "True"}]}}
	J
	service) jq . <<-J ;;
		{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "fields", "namespace": "default"},
		 "spec": {"type": "LoadBalancer", "clusterIP": "10.96.9.9", "clusterIPs": ["10.96.9.9", "fd00:10:96::9:9"],
		  "selector": {"app": "fields"},
		  "ports": [{"name": "main", "port": 80, "targetPort": 8080, "nodePort": 30999, "protocol": "TCP"}],
		  "externalIPs": ["198.51.100.9"], "loadBalancerSourceRanges": ["10.0.0.0/8"],
		  "externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster", "publishNotReadyAddresses": false,
		  "allocateLoadBalancerNodePorts": true, "sessionAffinity": "ClientIP",
		  "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 60}}, "healthCheckNodePort": 0, "trafficDistribution": "PreferClose"},
		 "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9", "ipMode": "VIP"}]}}}
	J
	slice) jq . <<-J ;;
		{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
		 "metadata": {"name": "fields-1", "namespace": "default", "labels": {"kubernetes.io/service-name": "fields"}},
		 "addressType": "IPv4",
		 "ports": [{"name": "main", "port": 8080, "protocol": "TCP"}],
		 "endpoints": [{"addresses": ["$(pod4 one)"], "nodeName": "node-a", "zone": "zone-a",
		  "conditions": {"ready": true, "serving": true, "terminating": false}, "hints": {"forZones": [{"name": "zone-a"}], "forNodes": [{"name": "node-a"}]}}]}
	J
	esac
}

goods() {
	local kind

	for kind in node namespace pod service slice; do good $kind | manifest "fields-$kind"; done
}

# What the agent enforces, without what counts.
in_force() {
	weir services --instance a -o json | jq -S '[.items[] | del(.picks, .since)] | sort' &&
		weir backends --instance a -o json | jq -S '[.items[] | {address, port, state}] | sort' &&
		weir nodes --instance a -o json | jq -S '.items | sort' &&
		weir service --instance a default/fields -o json | jq -e '.ports[0].backends | length > 0'
}

# Two looks in a row see the same: that is what is in force.
settled() {
	in_force >"$WR_T/in-force" && sleep 0.3 && in_force | diff "$WR_T/in-force" - >/dev/null
}

# listen: what told, is_told and is_good_again look at begins here.
listen() { stat -c %s "$WR_T/log/agent-a" >"$WR_T/from"; }
since() { tail -c "+$(($(cat "$WR_T/from") + 1))" "$WR_T/log/agent-a"; }

# told FILE LINE FIELD: since the last look, the agent has said so.
told() { since | grep -F "file=$1.yaml" | grep -F "line $2: $3"; }

# broken KIND < LINES OF "PATH VALUE [FIELD]": jq path, JSON value; the field that the agent names where it is not the path.
# Each is told with the line that changed, and changes nothing.
broken() {
	local kind=$1 path value field line

	good "$kind" >"$WR_T/good"
	while read -r path value field; do
		[[ -n $path ]] || continue
		field=${field:-${path#.}}
		jq "$path = $value" "$WR_T/good" >"$WR_T/bad"
		line=$(cmp "$WR_T/good" "$WR_T/bad" | sed 's/.* //')
		listen
		manifest "fields-$kind" <"$WR_T/bad"
		eventually told "fields-$kind" "$line" "$field" >/dev/null || {
			echo "$path = $value: expected \"line $line: $field\"; the agent said:"
			since
			return 1
		}
	done
	in_force | diff "$WR_T/in-force" -
	[ "$(pod client peer ask tcp 10.96.9.9 80 | cut -d' ' -f1)" = one ]
	listen
	manifest "fields-$kind" <"$WR_T/good"
	eventually is_good_again "fields-$kind"
	in_force | diff "$WR_T/in-force" -
}

is_good_again() { since | grep -F 'manifest is good again' | grep -F "file=$1.yaml"; }

@test "every field of a Node" {
	broken node <<-'E'
		.metadata.name 7
		.metadata.name "Not/A/Name"
		.metadata.labels ["x"]
		.metadata.labels["topology.kubernetes.io/zone"] {} metadata.labels
		.spec "x"
		.spec.podCIDRs "10.244.77.0/24"
		.spec.podCIDRs[0] 7
		.spec.podCIDRs[0] "10.244.77.0/33"
		.spec.podCIDRs[1] "fd00::/129"
		.spec.podCIDRs[0] "10.244.77.0"
		.spec.taints {}
		.spec.taints[0] "x"
		.spec.taints[0].key 1
		.spec.providerID []
		.status []
		.status.addresses {}
		.status.addresses[0] "10.0.0.1"
		.status.addresses[0].type 4
		.status.addresses[0].address 4
		.status.addresses[0].address "10.30.0.777"
		.status.addresses[1].address "fe80::g"
		.status.conditions "x"
		.status.conditions[0] 1
		.status.conditions[0].type 1
		.status.conditions[0].status true
	E
}

@test "every field of a Namespace" {
	broken namespace <<-'E'
		.metadata "space"
		.metadata.name ""
		.metadata.name "Space"
		.metadata.name []
		.metadata.uid 1
		.metadata.labels "x"
		.metadata.labels.team 7
		.metadata.labels.team ["x"]
	E
}

@test "every field of a Pod" {
	broken pod <<-'E'
		.metadata.namespace "a/b"
		.metadata.namespace 1
		.metadata.name {}
		.metadata.uid {}
		.metadata.labels 1
		.metadata.labels.app true
		.spec 1
		.spec.nodeName 1
		.spec.hostNetwork "yes"
		.spec.containers {}
		.spec.containers[0] "c"
		.spec.containers[0].ports "80"
		.spec.containers[0].ports[0] 80
		.spec.containers[0].ports[0].name 80
		.spec.containers[0].ports[0].containerPort "80"
		.spec.containers[0].ports[0].containerPort 0
		.spec.containers[0].ports[0].containerPort 65536
		.spec.containers[0].ports[0].hostPort -1
		.spec.containers[0].ports[0].hostPort 70000
		.spec.containers[0].ports[0].hostIP "300.1.1.1"
		.spec.containers[0].ports[0].hostIP 1
		.spec.containers[0].ports[0].protocol "ICMP"
		.spec.containers[0].ports[0].protocol 6
		.spec.initContainers 1
		.spec.initContainers[0].restartPolicy 1
		.spec.initContainers[0].ports[0].containerPort -5
		.status "x"
		.status.phase "Sleeping"
		.status.phase 1
		.status.podIP "10.0.0"
		.status.podIP 1
		.status.podIPs "x"
		.status.podIPs[0] "10.0.0.1"
		.status.podIPs[0].ip "10.0.0.1.2"
		.status.podIPs[1].ip 1
		.status.conditions {}
		.status.conditions[0].type 1
		.status.conditions[0].status 1
	E
}

@test "every field of a Service" {
	broken service <<-'E'
		.metadata.name "under_score"
		.metadata.namespace "Default"
		.spec []
		.spec.type "Balancer"
		.spec.type 1
		.spec.clusterIP 1
		.spec.clusterIPs "10.96.9.9"
		.spec.clusterIPs[0] 1
		.spec.clusterIPs[0] "10.96.9"
		.spec.clusterIPs[1] "fd00::x"
		.spec.selector "app"
		.spec.selector.app 1
		.spec.ports {}
		.spec.ports []
		.spec.ports[0] 80
		.spec.ports[0].name 1
		.spec.ports[0].name "a-name-that-is-much-longer-than-the-sixty-three-characters-that-are-allowed"
		.spec.ports[0].port 0
		.spec.ports[0].port 65536
		.spec.ports[0].port "80"
		.spec.ports[0].targetPort 0
		.spec.ports[0].targetPort 99999
		.spec.ports[0].targetPort []
		.spec.ports[0].nodePort 65536
		.spec.ports[0].nodePort "30999"
		.spec.ports[0].protocol "tcp"
		.spec.ports[0].protocol 6
		.spec.externalIPs "198.51.100.9"
		.spec.externalIPs[0] "198.51.100.256"
		.spec.externalIPs[0] 1
		.spec.loadBalancerSourceRanges {}
		.spec.loadBalancerSourceRanges[0] "10.0.0.0"
		.spec.loadBalancerSourceRanges[0] 10
		.spec.externalTrafficPolicy "local"
		.spec.externalTrafficPolicy 1
		.spec.internalTrafficPolicy "Node"
		.spec.internalTrafficPolicy 1
		.spec.publishNotReadyAddresses "true"
		.spec.allocateLoadBalancerNodePorts 1
		.spec.sessionAffinity "Client"
		.spec.sessionAffinity 1
		.spec.sessionAffinityConfig "60"
		.spec.sessionAffinityConfig.clientIP 60
		.spec.sessionAffinityConfig.clientIP.timeoutSeconds 0
		.spec.sessionAffinityConfig.clientIP.timeoutSeconds 86401
		.spec.sessionAffinityConfig.clientIP.timeoutSeconds "60"
		.spec.healthCheckNodePort 65536
		.spec.healthCheckNodePort "1"
		.spec.trafficDistribution "Nearest"
		.spec.trafficDistribution 1
		.status 1
		.status.loadBalancer 1
		.status.loadBalancer.ingress 1
		.status.loadBalancer.ingress[0] "x"
		.status.loadBalancer.ingress[0].ip "203.0.113"
		.status.loadBalancer.ingress[0].ip 1
		.status.loadBalancer.ingress[0].ipMode 1
	E
}

@test "every field of an EndpointSlice" {
	broken slice <<-'E'
		.metadata.name 1
		.metadata.namespace 1
		.metadata.labels 1
		.metadata.labels["kubernetes.io/service-name"] 1 metadata.labels
		.addressType "IPv5"
		.addressType 4
		.ports 1
		.ports[0] 1
		.ports[0].name 1
		.ports[0].port 0
		.ports[0].port 65536
		.ports[0].port "80"
		.ports[0].protocol "X"
		.ports[0].protocol 1
		.endpoints 1
		.endpoints[0] 1
		.endpoints[0].addresses "10.0.0.1"
		.endpoints[0].addresses []
		.endpoints[0].addresses[0] 1
		.endpoints[0].addresses[0] "10.0.0.300"
		.endpoints[0].addresses[0] "fd00::1"
		.endpoints[0].nodeName 1
		.endpoints[0].zone 1
		.endpoints[0].conditions 1
		.endpoints[0].conditions.ready "yes"
		.endpoints[0].conditions.serving 1
		.endpoints[0].conditions.terminating "no"
		.endpoints[0].hints 1
		.endpoints[0].hints.forZones 1
		.endpoints[0].hints.forZones[0] 1
		.endpoints[0].hints.forZones[0].name 1
		.endpoints[0].hints.forNodes 1
		.endpoints[0].hints.forNodes[0].name 1
	E
}

@test "a file that is no YAML, no object, of an unknown kind, empty or torn changes nothing but the word about it" {
	local text

	for text in '{' '[1, 2' $'a: b\n\tc: d' '"text"' '42' '[]' 'kind: Pod' 'apiVersion: v1' $'apiVersion: v1\nkind: Secret' $'apiVersion: v9\nkind: Pod' \
		$'apiVersion: v1\nkind: Pod' $'apiVersion: v1\nkind: List\nitems: 7' $'apiVersion: v1\nkind: List\nitems: [7]' \
		$'a: &x [*x]' $'\xc3\x28' '&a [*a, *a]' '%YAML 9.9'; do
		listen
		printf '%s' "$text" | manifest fields-service
		eventually is_told fields-service
		listen
		good service | manifest fields-service
		eventually is_good_again fields-service
	done
	# As an editor that was killed leaves it.
	good service | head -c 300 >"$WR_T/torn"
	listen
	manifest fields-service <"$WR_T/torn"
	eventually is_told fields-service
	in_force | diff "$WR_T/in-force" -
	goods
	eventually is_good_again fields-service
	[ "$(weir status --instance a -o json | jq '[.. | .errors? // empty | arrays | length] | add')" = 0 ]
}

is_told() { since | grep -F 'manifest not in force' | grep -F "file=$1.yaml"; }
