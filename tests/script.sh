# What tests/run and the scripts in the folders beside it have in common: read
# with ".", it sees to it that nothing is left of them, however they end.
# shellcheck shell=bash

tmp=

# make_tmp NAME: $tmp is the folder for all that is temporary.
make_tmp() {
	tmp=$(mktemp -d "/tmp/dnsfw-$1.XXXXXX") || exit 1
	chmod 755 "$tmp"	# the users of dnsfw have folders below it
	export TMPDIR=$tmp
}

# start COMMAND...: in a group of its own, which leave_nothing can end.  Whatever
# the command leaves behind ends with it, since it is in a PID namespace.  The
# first process there, which signals do not end by default, is a shell.
start() {
	set -m
	# shellcheck disable=SC2016	# that shell expands it
	unshare --pid --fork --kill-child --mount-proc -- \
	    bash -c '"$@"; exit' bash "$@" </dev/null &
	set +m
}

# run COMMAND...: the same, and wait for it.  A signal is not held up by that.
run() {
	start "$@"
	wait $!
}

# end_jobs SECONDS: what was started in the background, after that time by force.
end_jobs() {
	local job

	set +e
	trap '' INT TERM HUP
	# INT lets the command clean up; KILL for unshare ends all below it.
	for job in $(jobs -p); do
		kill -INT -- "-$job" 2>/dev/null
		timeout "$1" tail -s 0.1 --pid="$job" -f /dev/null
		kill -KILL -- "-$job" 2>/dev/null
		wait "$job" 2>/dev/null
	done
}

leave_nothing() {
	end_jobs 15
	[ -z "$tmp" ] || rm -rf "$tmp"
}
trap leave_nothing EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# number OPTION VALUE [LEAST]: end the script if it is none.
number() {
	[[ $2 =~ ^(0|[1-9][0-9]{0,17})$ ]] && [ "$2" -ge "${3-0}" ] && return
	echo "$1 \"$2\": expected a number${3+ of at least $3}" >&2
	exit 2
}

# needs_root_and_build DIR: end the script if it cannot work.
needs_root_and_build() {
	[ "$(id -u)" = 0 ] || { echo "root is needed" >&2; exit 1; }
	[ -x "$1/dnsfw-priv/start/dnsfw" ] && return
	echo "$1: dnsfw was not built there" >&2
	exit 1
}
