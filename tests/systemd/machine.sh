# The machines of tests/systemd/run and tests/package/run: a client, a gateway that
# boots a Debian, and an "internet".  Uses the caller's $tmp and $top, and
# checks.sh.
# shellcheck shell=bash disable=SC2154

# sources: Debian's lines of this machine's apt, with its mirrors.
sources() {
	# shellcheck disable=SC2016	# apt's variables
	apt-get indextargets --format \
	    'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
	    "Created-By: Packages" "Origin: Debian" |
	    awk -v suite="$suite" '$3 ~ "^" suite && !seen[$0]++'
}

# make_tree PACKAGES: with these, which have commas between them.
make_tree() {
	# procps: sysctl, which the firewall's drop-in runs.
	local packages=systemd-sysv,dbus,nftables,procps,iproute2,$1

	suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	echo "Making a Debian $suite"
	# The host's proxy, if it has one.
	apt-config dump | grep -i '^Acquire::.*::Proxy' >"$tmp/apt.conf"
	sources >"$tmp/sources"
	if [ ! -s "$tmp/sources" ]; then
		echo "apt knows no mirror of it"
		return 1
	fi
	if ! run sh -c "exec mmdebstrap --variant=apt --quiet \
	    --aptopt='$tmp/apt.conf' --include=$packages $suite '$tmp/tree' - \
	    <'$tmp/sources'" >"$tmp/debian.log" 2>&1; then
		tail -n 20 "$tmp/debian.log"
		return 1
	fi
	# Empty: it gets one, and nobody is asked what a first boot asks.
	: >"$tmp/tree/etc/machine-id"
	echo gateway >"$tmp/tree/etc/hostname"
}

# install_dnsfw: README's "Install", into the tree.
install_dnsfw() {
	echo "Building dnsfw"
	if ! { run meson setup "$tmp/build" "$top" --prefix=/usr \
	    --buildtype=release -Dtests=false &&
	    run env DESTDIR="$tmp/tree" meson install -C "$tmp/build"; } \
	    >"$tmp/build.log" 2>&1; then
		tail -n 20 "$tmp/build.log"
		return 1
	fi
}

# configure EXAMPLE...: README's "Quick start on a new gateway", to the start; the
# examples are for /etc/dnsfw.
configure() {
	local etc=$tmp/tree/etc docs=$tmp/tree/usr/share/doc/dnsfw/examples
	local drop_in=$etc/systemd/system/nftables.service.d

	mkdir -p "$etc/dnsfw" "$drop_in"
	(cd "$docs" && exec cp "$@" "$etc/dnsfw/") &&
	    cp "$docs/firewall.nft" "$etc/nftables.conf" &&
	    cp "$docs/forward-nftables.conf" "$drop_in/dnsfw.conf" || return 1
	write_list -
	set_option UPSTREAM 203.0.113.53
	set_option BIND 192.168.1.1
	set_option BIND_PORT 53
	set_option FIREWALL nftables
	set_option TABLE '"inet filter"'
	set_option CHAIN dnsfw
}

# give_addresses: networkd's, some time after the boot began.
give_addresses() {
	local etc=$tmp/tree/etc

	printf '[Match]\nName=eth0\n[Network]\nAddress=203.0.113.1/24\n' \
	    >"$etc/systemd/network/eth0.network"
	printf '[Match]\nName=eth1\n[Network]\nAddress=192.168.1.1/24\n' \
	    >"$etc/systemd/network/eth1.network"
	systemctl --quiet --root="$tmp/tree" enable systemd-networkd
}

# write_list FILE [LINE...]: the ACL; "-" for where it belongs.
write_list() {
	local file=$1

	shift
	[ "$file" != - ] || file=$tmp/tree/etc/dnsfw/acl
	printf '%s\n' '192.168.1.0/24 -> www.shop.example:TCP:80' "$@" \
	    >"$file.new"
	mv "$file.new" "$file"
}

in_ns() {
	local ns=$1

	shift
	nsenter --net="$tmp/$ns" -- "$@"
}

make_network() {
	local ns

	for ns in client internet; do
		touch "$tmp/$ns"
		unshare --net="$tmp/$ns" ip link set lo up || return 1
	done
	cat >"$tmp/unbound.conf" <<-END
	server:
	    interface: 203.0.113.53
	    ip-freebind: yes
	    access-control: 0.0.0.0/0 allow
	    username: ""
	    chroot: ""
	    pidfile: ""
	    directory: "$tmp"
	    use-syslog: no
	    do-daemonize: no
	    local-zone: "example." static
	    local-data: "www.shop.example. 60 IN A $site"
	    local-data: "www.games.example. 60 IN A $other"
	remote-control:
	    control-enable: no
	END
	mkdir "$tmp/www"
	echo Welcome >"$tmp/www/index.html"
	echo "nameserver 192.168.1.1" >"$tmp/resolv.conf"
	echo "hosts: dns" >"$tmp/nsswitch.conf"
	start nsenter --net="$tmp/internet" -- \
	    unbound -d -c "$tmp/unbound.conf" >"$tmp/unbound.log" 2>&1
	start nsenter --net="$tmp/internet" -- /usr/bin/python3 -m \
	    http.server --directory "$tmp/www" 80 >"$tmp/http.log" 2>&1
}

# connect: a gateway without an address or a rule, as at power-on.
connect() {
	touch "$tmp/gateway"
	unshare --net="$tmp/gateway" true &&
	    in_ns client ip link add lan type veth peer name lan-gw &&
	    in_ns internet ip link add wan type veth peer name wan-gw &&
	    in_ns client ip address add 192.168.1.10/24 dev lan &&
	    in_ns internet ip address add 203.0.113.53/24 dev wan &&
	    in_ns internet ip address add "$site/24" dev wan &&
	    in_ns internet ip address add "$other/24" dev wan || return 1
	move client lan-gw eth1 && move internet wan-gw eth0 &&
	    in_ns client ip link set lan up &&
	    in_ns internet ip link set wan up &&
	    in_ns client ip route add default via 192.168.1.1
}

# move NAMESPACE DEVICE NAME: from there to the gateway.
move() {
	# A path of ip-netns(8) would have to be below /run.
	nsenter --net="$tmp/gateway" -- tail -f /dev/null &
	local pid=$!

	until_true 5 same_ns "$pid" && in_ns "$1" ip link set "$2" netns "$pid" \
	    name "$3"
	local status=$?

	kill "$pid"
	wait "$pid" 2>/dev/null
	return $status
}

same_ns() {
	[ "/proc/$1/ns/net" -ef "$tmp/gateway" ]
}

name_of() {
	cat "/proc/$1/comm" 2>/dev/null
}

# find_leader PID: the first process of the container below that process.
find_leader() {
	local child

	# shellcheck disable=SC2013	# they are words of one line
	for child in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		if [ "$(name_of "$1") $(name_of "$child")" = \
		    "systemd-nspawn systemd" ]; then
			leader=$child
			return 0
		fi
		find_leader "$child" && return 0
	done
	return 1
}

# boot: until there is nothing left to start.
boot() {
	connect || return 1
	# What nspawn leaves in /run goes with its mount namespace.
	# shellcheck disable=SC2016	# that shell expands it
	start sh -c 'mount -t tmpfs none /run && exec "$@"' sh \
	    env SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn --quiet --directory="$tmp/tree" --boot \
	    --machine=dnsfw-gateway --register=no --keep-unit \
	    --link-journal=no --resolv-conf=off --timezone=off \
	    --network-namespace-path="$tmp/gateway" \
	    --capability=CAP_NET_ADMIN --console=read-only \
	    >"$tmp/console" 2>&1
	container=$!
	until_true 30 find_leader $container &&
	    until_true 30 gw test -e /run/systemd/private || return 1
	echo "    $(gw timeout 60 systemctl is-system-running --wait 2>&1)"
	gw systemctl --failed --no-legend --plain
}

# power_off: and the gateway's network goes with it.
power_off() {
	gw systemctl poweroff 2>/dev/null
	wait "$container"
	leader=
	in_ns client ip link delete lan
	in_ns internet ip link delete wan
	umount "$tmp/gateway"
}

# gw COMMAND...: on the gateway.
gw() {
	nsenter --target "$leader" --all -- env -i \
	    PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$@"
}

# client COMMAND...: its names come from the gateway.
client() {
	# shellcheck disable=SC2016	# that shell expands it
	unshare --mount -- sh -c 'mount --bind "$1/resolv.conf" \
	    "$(realpath /etc/resolv.conf)" &&
	    mount --bind "$1/nsswitch.conf" /etc/nsswitch.conf && shift &&
	    exec "$@"' sh "$tmp" nsenter --net="$tmp/client" -- "$@"
}

fetch() {
	same "$(client curl --silent --show-error --max-time 5 "http://$1/" \
	    2>&1)" Welcome
}

no_way() {
	! client curl --silent --output /dev/null --max-time 2 "http://$1/"
}

# rcode NAME: of the gateway's answer.
rcode() {
	in_ns client dig +tries=3 +timeout=2 @192.168.1.1 "$1" |
	    sed -n 's/.*status: \([A-Z]*\).*/\1/p'
}

refuses() {
	same "$(rcode "$1")" NXDOMAIN	# as config.env has it
}

answers() {
	same "$(rcode "$1")" NOERROR
}
