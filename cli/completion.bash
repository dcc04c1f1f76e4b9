# SPDX-License-Identifier: Apache-2.0
# bash completion for weir: the program itself knows its commands, flags, pods and services.

_weir() {
	local line=${COMP_LINE:0:COMP_POINT} words word

	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=("")
	mapfile -t COMPREPLY < <("$1" __complete -- "${words[@]:1}" 2>/dev/null | sort -u)
	# The shell takes what stands before a colon for a word of its own.
	word=${words[-1]}
	if [[ $COMP_WORDBREAKS == *:* && $word == *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${word%:*}:"}")
	fi
}
complete -F _weir weir
