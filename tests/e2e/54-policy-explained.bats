#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What policy says of itself: who dropped a packet, what a change would do, shadow mode, what is not understood, what does not fit.

setup_file() {
	load nodes
	load policy
	nodes_up a
	namespace other team=red
	printf 'apiVersion: weir.dev/v1alpha1\nkind: AgentConfiguration\nmapSizes: {rules: 256}\n' >"$WR_T/agent.yaml"
	agent_start a --config "$WR_T/agent.yaml"
	pod_up a web app=web
	pod_up a client app=client
	NAMESPACE=other pod_up a guest app=guest
	serve web tcp 8080
	serve web tcp 9090
	eventually allowed client web 8080
	save_cluster
}

setup() {
	load nodes
	load policy
	restore_cluster
}

teardown() {
	rm -f "$MANIFESTS/np-"*
	no_policies a
}

teardown_file() {
	load nodes && restore_cluster
	cluster_down
}

holding() { nsenter --net=/run/netns/p-client ss -Htn state established | grep -q :8080; }
recent() { weir drops --instance a --recent -o json | jq -e "[.items[] | select($1)] | length > 0"; }

@test "a drop names the policy and the rule, or the policies that have none for it" {
	cluster_policy guard <<<'{tier: Admin, priority: 3, subject: {namespaces: {}}, ingress: [{action: Deny, name: no-guests, from: [{namespaces: {matchLabels: {team: red}}}]}]}'
	deny_web
	eventually judged a web ingress guard default/deny
	denied guest web 8080
	denied client web 8080
	eventually recent '.type == "drop" and .src_name == "other/guest" and .policy == "ClusterNetworkPolicy guard: ingress[0] \"no-guests\""'
	eventually recent '.type == "drop" and .src_name == "default/client" and .policy == "no ingress rule of NetworkPolicy default/deny"'
	weir why --instance a other/guest default/web 8080 | grep -q 'ClusterNetworkPolicy guard: ingress\[0\]'
}

@test "check says which connections a policy would cut or open, and changes nothing" {
	nsenter --net=/run/netns/p-client peer hold tcp "$(pod4 web)" 8080 20 >"$WR_T/log/hold" 2>&1 3>&- 4>&- &
	hold=$!
	eventually holding
	cat >"$WR_T/deny.yaml" <<-Y
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: deny, namespace: default}
		spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
	Y
	weir policy check --instance a -f "$WR_T/deny.yaml" -o json |
		jq -e '.items[] | select(.change == "cut" and .source.pod == "client" and .destination.pod == "web" and .port == 8080 and .then == "no ingress rule of NetworkPolicy default/deny")'
	weir policy check --instance a -f "$WR_T/deny.yaml" | grep -Eq 'cut +tcp +default/client +default/web:8080'
	nobody_judges a
	kill -0 "$hold"
	# In force, the same file changes nothing; what opens says so.
	cp "$WR_T/deny.yaml" "$MANIFESTS/np-deny.yaml"
	eventually judged a web ingress default/deny
	denied client web 9090
	[ "$(weir policy check --instance a -f "$MANIFESTS/np-deny.yaml" -o json | jq '[.items[] | select(.destination.pod == "web")] | length')" = 0 ]
	sed 's/policyTypes: .Ingress./ingress: [{ports: [{port: 9090}]}]/' "$WR_T/deny.yaml" |
		weir policy check --instance a -f - -o json | jq -e '.items[] | select(.change == "opened" and .source.pod == "client" and .port == 9090)'
	kill "$hold" || true
	run weir policy check --instance a -f /dev/null/nothing
	[ "$status" -eq 1 ]
}

@test "shadow mode drops nothing and says what it would have dropped" {
	AUDIT=1 deny_web
	eventually judged a web ingress default/deny
	allowed client web 8080
	eventually recent '.type == "audit" and .src_name == "default/client" and .dst_port == 8080 and .policy == "no ingress rule of NetworkPolicy default/deny"'
	weir why --instance a default/client default/web 8080 | grep -q 'ingress *allowed, and audited: no ingress rule'
	weir endpoints --instance a -o json | jq -e '.items[] | select(.name == "default/web") | .policy == "audit"'
}

@test "shadow mode beside a policy in force: that one decides, the other is heard" {
	policy real <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 9090}]}]}'
	AUDIT=1 policy shadow <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}]}]}'
	AUDIT=1 cluster_policy guard <<<'{tier: Admin, priority: 3, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {matchLabels: {team: red}}}]}]}'
	eventually judged a web ingress guard default/real default/shadow
	allowed client web 9090
	allowed guest web 9090
	denied client web 8080
	eventually recent '.type == "audit" and .src_name == "other/guest" and .policy == "ClusterNetworkPolicy guard: ingress[0]"'
	eventually recent '.type == "drop" and .src_name == "default/client" and .dst_port == 8080 and .policy == "no ingress rule of NetworkPolicy default/real"'
}

metric() { node a curl -s http://127.0.0.1:9877/metrics | sed -n "s/^$1 //p"; }

@test "what is not understood is closed, and said by weir policy, the log and a metric" {
	cluster_policy future <<<'{tier: Admin, priority: 1, subject: {namespaces: {}}, ingress: [{action: Deny, from: [{serviceAccounts: {}}]}]}'
	eventually judged a web ingress future
	denied client web 8080
	weir policy --instance a 2>&1 | grep -q 'ClusterNetworkPolicy future: spec.ingress\[0\]'
	agent_log a | grep -q 'policy not understood.*name=future'
	[ "$(metric 'weir_policies{what="not-understood"}')" = 1 ]
	node a peer ask tcp "$(pod4 web)" 8080
}

@test "what cannot be is closed, too, and said of the policy, not of its file alone: in force, and before" {
	cat >"$WR_T/odd.yaml" <<-Y
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: odd, namespace: default}
		spec:
		  podSelector: {matchLabels: {app: web}}
		  ingress:
		  - {ports: [{port: 8090, endPort: 8080}, {port: 70000}, {port: 9090}]}
		  - {from: [{ipBlock: {cidr: 10.0.0.0/33}}, {ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}]}
	Y
	run weir policy check --instance a -f "$WR_T/odd.yaml"
	[ "$status" -eq 0 ]
	[[ $output == *'NetworkPolicy default/odd: spec.ingress[0].ports[1].port must be 1-65535, not 70000'* ]]
	cp "$WR_T/odd.yaml" "$MANIFESTS/np-odd.yaml"
	eventually judged a web ingress default/odd
	denied client web 8080
	allowed client web 9090
	[ "$(weir policy --instance a 2>&1 | grep -c '^weir: NetworkPolicy default/odd: spec.ingress')" = 4 ]
	weir status --instance a | grep -q '1 policy is not understood in full'
}

closed_for_room() { weir policy --instance a -o json | jq -e '.items[] | select(.name == "web") | .judged | startswith("closed: its rules do not fit")'; }

@test "Cilium 28337, 28450: a map of rules that overflows closes the pod, and status, metric and log say so" {
	# Odd ports cannot share prefixes: 400 rows for 256 places.
	policy large <<<"{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [$(for ((i = 0; i < 400; i++)); do printf '{port: %d}, ' $((8081 + 2 * i)); done) {port: 8080}]}]}"
	eventually closed_for_room
	denied client web 8080
	denied client web 9090
	node a peer ask tcp "$(pod4 web)" 8080
	[ "$(metric weir_policy_closed_pods)" = 1 ]
	agent_log a | grep -q 'pod closed: its policies. rules do not fit.*pod=web'
	weir status --instance a -o json | grep -q 'mapSizes.rules'
	# With room again it opens by itself.
	policy large <<<'{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8080}]}]}'
	eventually allowed client web 8080
	denied client web 9090
	[ "$(metric weir_policy_closed_pods)" = 0 ]
}
