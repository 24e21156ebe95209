# What tests/systemd/run and tests/package/run check with: tests, and what is asked
# of the service $unit and of the gateway.  Uses what machine.sh has, and, of the
# caller, $tmp.
# shellcheck shell=bash disable=SC2034,SC2154

policy_rc=
leader=		# the container's first process, as seen from here
container=	# its job
passed=0
failed=0
unit=dnsfw
site=203.0.113.80
other=203.0.113.66
exec {never}<> <(:)

# shellcheck disable=SC2317	# the trap calls it
cleanup() {
	[ -z "$tmp" ] || umount "$tmp"/{client,internet,gateway} 2>/dev/null
	leave_nothing
	[ -z "$policy_rc" ] || rm -f "$policy_rc"
}
trap cleanup EXIT

# until_true SECONDS COMMAND...: look again and again.
until_true() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.1 -u "$never"
	done
	return 0
}

# check TEXT COMMAND...: a test; what it prints is shown.
check() {
	local text=$1

	shift
	if "$@"; then
		echo "  ok      $text"
		passed=$((passed + 1))
	else
		echo "  FAILED  $text: $*"
		failed=$((failed + 1))
	fi
}

section() {
	printf '\n%s\n' "$*"
}

fails() {
	! "$@"
}

same() {
	[ "$1" = "$2" ] || { echo "    \"$1\" is not \"$2\""; return 1; }
}

### The service

property() {
	gw systemctl show --value --property="$1" $unit
}

is() {
	same "$(property "$1")" "$2"
}

# becomes PROPERTY VALUE: soon.
becomes() {
	until_true 10 has "$@" || is "$@"
}

has() {
	[ "$(property "$1")" = "$2" ]
}

# restarted PID: that main process has a successor that serves.
restarted() {
	! has MainPID "$1" && has ActiveState active
}

# log [OPTION...]: its lines.
log() {
	gw journalctl --quiet --output=cat --unit=$unit "$@"
}

# logged WORDS: there is such a line since mark.
logged() {
	log --after-cursor="$cursor" | grep -E -- "$1" | sed 's/^/    /' | head -n 3
	log --after-cursor="$cursor" | grep -q -E -- "$1"
}

# kill_there PID [SIGNAL]: of the gateway's; 0 would be all of this script.
kill_there() {
	[ "$1" -gt 1 ] && gw sh -c "kill -${2-KILL} $1"
}

# mark: what comes from here on.
mark() {
	cursor=$(gw journalctl --quiet --lines=1 --show-cursor --output=cat |
	    sed -n 's/^-- cursor: //p')
}

granted() {
	gw nft list set inet filter dnsfw_ipv4_allow | grep -q "$site"
}

set_option() {
	sed -i "s/^$1=.*/$1=$2/" "$tmp/tree/etc/dnsfw/config.env"
}
