# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Policies and the traffic that shows what they do; loaded after nodes.bash.
#
#	allowed FROM TO PORT [tcp|udp]   pod FROM gets an answer of pod TO, in both families
#	denied FROM TO PORT [tcp|udp]    it gets none, in either (a timeout: a refusal would have been an answer)
#	asks FROM PROTO ADDRESS PORT     one family; unheard FROM PROTO ADDRESS PORT: no answer
#	policy NAME [NAMESPACE] < SPEC   a NetworkPolicy; cluster_policy NAME < SPEC: a ClusterNetworkPolicy
#	namespace NAME [label=value ...]
#	labels POD [label=value ...]     the pod's from now on
#	knocks FROM TO                   tries all the time, in both families, as process $KNOCKS; what gets in is in log/knocks

asks() { timeout $((10 * ${WR_PATIENCE:-1})) nsenter --net="/run/netns/p-$1" -- peer ask "${@:2}" >/dev/null; }

unheard() {
	local rc=0

	WEIR_PEER_TIMEOUT_MS=$((300 * ${WR_PATIENCE:-1})) timeout $((5 * ${WR_PATIENCE:-1})) \
		nsenter --net="/run/netns/p-$1" -- peer ask "${@:2}" >/dev/null 2>&1 || rc=$?
	[[ $rc == 1 ]]
}

allowed() { asks "$1" "${4:-tcp}" "$(pod4 "$2")" "$3" && asks "$1" "${4:-tcp}" "$(pod6 "$2")" "$3"; }
denied() { unheard "$1" "${4:-tcp}" "$(pod4 "$2")" "$3" && unheard "$1" "${4:-tcp}" "$(pod6 "$2")" "$3"; }

policy() {
	{
		printf 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: %s, namespace: %s%s}\nspec:\n' \
			"$1" "${2:-default}" "${AUDIT:+, annotations: {weir.dev/audit: \"true\"\}}"
		sed 's/^/  /'
	} | manifest "np-$1"
}

cluster_policy() {
	{
		printf 'apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: %s%s}\nspec:\n' \
			"$1" "${AUDIT:+, annotations: {weir.dev/audit: \"true\"\}}"
		sed 's/^/  /'
	} | manifest "np-$1"
}

deny_web() { policy deny <<<'{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}'; }

namespace() {
	local name=$1

	shift
	manifest "namespace-$name" <<-Y
		apiVersion: v1
		kind: Namespace
		metadata: {name: $name, labels: {$(printf '%s\n' "kubernetes.io/metadata.name=$name" "$@" |
			sed -nE 's/^([^=]+)=(.*)$/\1: "\2"/p' | paste -sd, -)}}
	Y
}

labels() { pod_manifest "$1" "$(pod4 "$1")" "$(pod6 "$1")" "${@:2}"; }

# Every policy of the test goes, and its effect with it.
no_policies() {
	local f

	for f in "$MANIFESTS"/np-*; do [[ ! -e $f ]] || rm "$f"; done
	for f; do eventually nobody_judges "$f"; done
}

nobody_judges() {
	weir policy --instance "$1" -o json | jq -e '[.items[] | select(.endpoint and .judged != "none")] == []'
}

# judged NODE POD DIRECTIONS [POLICY...]: exactly these policies are in force for the pod.
judged() {
	weir policy --instance "$1" -o json | jq -e --arg pod "$2" --arg judged "$3" --args \
		'.items[] | select(.endpoint and .name == $pod) | .judged == $judged and ([.policies[].name] | sort) == ($ARGS.positional | sort)' \
		"${@:4}"
}

knocks() {
	# shellcheck disable=SC2016 # expanded inside
	nsenter --net="/run/netns/p-$1" env WEIR_PEER_TIMEOUT_MS=50 bash -c \
		'while :; do peer ask tcp "$0" 8080; peer ask tcp "$1" 8080; done' "$(pod4 "$2")" "$(pod6 "$2")" \
		>"$WR_T/log/knocks" 2>/dev/null 3>&- 4>&- &
	# shellcheck disable=SC2034 # the tests end it
	KNOCKS=$!
}
