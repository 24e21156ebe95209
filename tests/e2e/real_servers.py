"""Real programs that the tests run, with the defaults of their packages."""

import contextlib
import fcntl
import pathlib
import shutil
import socket
import subprocess

from lab import DNS4, build_dir
from process import until
import signed

RECURSIVE = "10.77.2.3"     # beside the zones' own server

NAMED_UPSTREAM = """
options {{
    directory "{tmp}"; pid-file none; session-keyfile none;
    listen-on {{ {address}; }}; listen-on-v6 {{ none; }};
    recursion no;
}};
controls {{ }};
"""
NAMED_ZONE = 'zone "{zone}" {{ type primary; file "{file}"; }};\n'

UNBOUND = """
server:
    interface: {address}
    {more}
    trust-anchor-file: "{key}"
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{tmp}"
    use-syslog: no
    do-daemonize: no
    do-ip6: no
remote-control:
    control-enable: no
"""
DNSMASQ = """
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
server={server}
user=root
pid-file={tmp}/dnsmasq-front.pid
log-facility=-
"""

# $1: the configuration, $2: the program.  It needs a /run of its own, does
# without D-Bus, and keeps the capabilities that its unit gives it.
START_RESOLVED = """
config=$(cat "$1")
mount -t tmpfs none /run && mount -t tmpfs none /etc/systemd || exit 1
mkdir -p /run/systemd/resolve
chown 65534:65534 /run/systemd/resolve
echo "$config" >/etc/systemd/resolved.conf
caps=+net_bind_service,+net_raw,+setpcap
export SYSTEMD_LOG_LEVEL=debug
exec setpriv --reuid=65534 --regid=65534 --clear-groups \
	--inh-caps=$caps --ambient-caps=$caps "$2"
"""


def resolved():
    """The program; its package is unpacked only.

    Installed, it would take over this machine's own name service.
    """
    path = "lib/systemd/systemd-resolved"
    if pathlib.Path("/", path).exists():
        return f"/{path}"
    tools = build_dir() / "tools"
    tools.mkdir(exist_ok=True)
    with open(tools / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)        # other tests want it, too
        if not (tools / path).exists():
            unpack("systemd-resolved", tools)
    return str(tools / path)


def unpack(package, where):
    """Fetch a Debian package, and put its files below a directory."""
    def apt(*argv):
        return subprocess.run(["apt-get", "-q", *argv], cwd=where, text=True,
                              capture_output=True, timeout=120, check=False)

    done = apt("download", package)
    if done.returncode != 0:        # perhaps there are no lists yet
        apt("update")
        done = apt("download", package)
    assert done.returncode == 0, f"{package} cannot be had: {done.stderr}"
    (file,) = where.glob(f"{package}_*.deb")
    subprocess.run(["dpkg-deb", "-x", file, where], check=True)


def write(lab, name, text, **values):
    path = lab.tmp / name
    path.write_text(text.format(tmp=lab.tmp, **values), encoding="ascii")
    return str(path)


def start(lab, namespace, address, *argv):
    """Start a server, and wait until it takes connections."""
    assert shutil.which(argv[0]), f"{argv[0]} is not installed"
    process = lab.start(argv, namespace=namespace)

    def serves():
        assert process.popen.poll() is None, process.err
        with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as sock, \
                contextlib.suppress(ConnectionRefusedError):
            sock.connect((address, 53))
            return True
        return False

    until(serves, what=f"connections to {argv[0]}")
    return process


def named_upstream(lab, zones):
    """The signed zones' own server, with cookies."""
    conf = write(lab, "upstream.conf", NAMED_UPSTREAM, address=DNS4)
    with open(conf, "a", encoding="ascii") as file:
        file.writelines(NAMED_ZONE.format(zone=zone, file=zones.file(zone))
                        for zone in signed.ZONES)
    start(lab, lab.internet, DNS4, "named", "-g", "-n", "1", "-c", conf)
    return DNS4
