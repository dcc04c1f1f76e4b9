# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A job pool for the test runners: some at once, each under a time limit, and none left behind.

# Runs FUNCTION once for each further argument, JOBS at a time. Fails when any of them does.
pool_run() {
	local jobs=$1 function=$2 item failed=0 running=0

	shift 2
	trap 'exit 130' INT TERM
	trap 'pool_stop' EXIT
	for item; do
		if [[ $running -ge $jobs ]]; then
			wait -n || failed=1
			running=$((running - 1))
		fi
		"$function" "$item" &
		running=$((running + 1))
	done
	for ((; running > 0; running--)); do
		wait -n || failed=1
	done
	return $failed
}

pool_stop() {
	local pids

	mapfile -t pids < <(jobs -p)
	[[ ${#pids[@]} == 0 ]] || kill "${pids[@]}" 2>/dev/null || true
	wait
}

# Runs a command for at most SECONDS, then ends it and all its children. They are a process group of their own, so
# that a Ctrl-C reaches them only through this function's trap.
pool_limit() {
	local seconds=$1 pid rc=0

	shift
	timeout -k 10 "$seconds" "$@" </dev/null &
	pid=$!
	# shellcheck disable=SC2064 # the process of now
	trap "kill $pid 2>/dev/null" TERM
	wait "$pid" || rc=$?
	trap - TERM
	return $rc
}
