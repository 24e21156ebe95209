# Installing what a packages.txt lists; contrib/demo and tests/run read this file.
# shellcheck shell=bash disable=SC2154

# install_packages FILE...: what is missing of what the files list, without
# starting daemons.  Uses the caller's $tmp.  While it works, $policy_rc names a
# file that the caller's clean-up has to remove.
install_packages() {
	local package services missing=()

	command -v dpkg-query >/dev/null || return 0
	while read -r package; do
		dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null |
		    grep -q '^ii' || missing+=("$package")
	done < <(sed 's/#.*//; /^ *$/d' "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "Installing: ${missing[*]}"
	if [ ! -e /usr/sbin/policy-rc.d ]; then
		policy_rc=/usr/sbin/policy-rc.d
		printf '#!/bin/sh\nexit 101\n' >"$policy_rc"
		chmod 755 "$policy_rc"
	fi
	if ! { apt-get -q update && DEBIAN_FRONTEND=noninteractive \
	    apt-get -qy install --no-install-recommends "${missing[@]}"; } \
	    >"$tmp/apt.log" 2>&1 </dev/null; then
		tail -n 20 "$tmp/apt.log"
		echo "The packages could not be installed."
		return 1
	fi
	[ -d /run/systemd/system ] || return 0
	# Three of them enable a resolver for the host, which is not our affair.
	for package in "${missing[@]}"; do
		case $package in
		unbound) services=(unbound.service) ;;
		bind9) services=(named.service) ;;
		knot-resolver) services=(kresd.target kres-cache-gc.service) ;;
		*) continue ;;
		esac
		systemctl -q disable "${services[@]}"
	done
}
