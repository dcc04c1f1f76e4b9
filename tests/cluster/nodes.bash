# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Nodes and the control plane's processes, one by one; env.bash comes first.
#
#	node_plug NODE        its network namespace, with a cable to the switch
#	node_start NODE       its cgroups, PID 1, containerd and kubelet
#	node_stop NODE        power off: every process is killed, namespace, mounts and cgroups go; its disk ($NODES_DIR) stays
#	route_to NETNS NODE   a way to the node's pods
#	process_stop PID-FILE            kills; keeps its command line beside the file
#	control_start NAME               starts a process of the control plane again that process_stop has ended
#	node_process_restart NODE NAME   containerd or kubelet, killed and started again

node_plug() {
	local ns=k8s-node-$1 i

	i=$(node_index "$1")
	ip netns add "$ns"
	ip -n "$ns" link set lo up
	ip -n "$ns" link add eth0 type veth peer name "node-$1" netns "$CP"
	ip -n "$CP" link set "node-$1" master br0 up
	ip -n "$ns" addr add "$U4.$i/24" dev eth0
	ip -n "$ns" addr add "$U6:$i/64" dev eth0 nodad
	ip -n "$ns" link set eth0 up
	ip -n "$ns" route add default via "$U4.1"
	ip -n "$ns" -6 route add default via "$U6:1"
}

node_cgroups() {
	local c g

	for c in $CG1 systemd unified; do
		g=/sys/fs/cgroup/$c/k8s-node-$1
		mkdir -p "$g"
		if [[ $c == cpuset ]]; then
			cat /sys/fs/cgroup/cpuset/cpuset.cpus >"$g/cpuset.cpus"
			cat /sys/fs/cgroup/cpuset/cpuset.mems >"$g/cpuset.mems"
			echo 1 >"$g/cgroup.clone_children"
		fi
	done
}

node_start() {
	local n=$1 outer

	mkdir -p "$NODES_DIR/$n"
	rm -f "$NODES_DIR/$n/pid1-runs"
	node_cgroups "$n"
	(
		join_cgroups "$n"
		exec setsid nsenter --net="/run/netns/k8s-node-$n" unshare --mount --uts --ipc --pid --cgroup --fork --kill-child \
			--mount-proc bash "$S/node-init" "$n" >"$NODES_DIR/$n/init.log" 2>&1 3>&- 4>&- </dev/null
	) &
	outer=$!
	until [[ -e $NODES_DIR/$n/pid1-runs ]]; do sleep 0.02; done
	echo $outer >"$RUN/node-$n.outer.pid"
	tr -d ' ' <"/proc/$outer/task/$outer/children" >"$RUN/node-$n.pid"
}

end_processes() { # files with process numbers
	local f

	for f; do
		[[ ! -s $f ]] || kill -9 "$(cat "$f")" 2>/dev/null || true
	done
}

processes_left() { # node
	find "/sys/fs/cgroup/pids/k8s-node-$1" -name cgroup.procs -exec cat {} + 2>/dev/null | grep -c .
}

node_stop() {
	local n=$1 c

	end_processes "$RUN/node-$n.pid" "$RUN/node-$n.outer.pid"
	for _ in $(seq 100); do
		[[ $(processes_left "$n") == 0 ]] && break
		sleep 0.1
	done
	ip netns del "k8s-node-$n" 2>/dev/null || true
	for c in $CG1 systemd unified; do
		[[ ! -d /sys/fs/cgroup/$c/k8s-node-$n ]] || find "/sys/fs/cgroup/$c/k8s-node-$n" -depth -type d -exec rmdir {} \;
	done
}

pod_ranges() { kubectl_ get node "node-$1" -o jsonpath='{.spec.podCIDRs[*]}'; } # NODE

route_to() {
	local range

	for range in $(pod_ranges "$2"); do
		if [[ $range == *:* ]]; then
			ip -n "$1" -6 route replace "$range" via "$U6:$(node_index "$2")"
		else
			ip -n "$1" route replace "$range" via "$U4.$(node_index "$2")"
		fi
	done
}

process_stop() {
	local pid

	pid=$(cat "$1")
	cp "/proc/$pid/cmdline" "$1.cmdline"
	kill -9 "$pid"
}

control_start() {
	local -a cmd

	mapfile -d '' cmd <"$RUN/$1.pid.cmdline"
	(cd "$RUN" && exec setsid ip netns exec "$CP" "${cmd[@]}" >>"$LOG/$1.log" 2>&1 3>&- 4>&- </dev/null) &
	echo $! >"$RUN/$1.pid"
}

node_process_restart() {
	local n=$1 name=$2

	# shellcheck disable=SC2016
	node_exec "$n" bash -c '
		pid=$(cat "/run/$0.pid")
		mapfile -d "" cmd <"/proc/$pid/cmdline"
		kill -9 "$pid"
		setsid "${cmd[@]}" >>"$1/$0.log" 2>&1 3>&- 4>&- </dev/null &
		echo $! >"/run/$0.pid"' "$name" "$NODES_DIR/$n"
}
