"""Real programs as upstreams of the signed zones, and as forwarders in front.

Each has the configuration of its Debian package but for where it listens, where
it forwards to, and the root's key, which is the test's own.
"""

import contextlib
import fcntl
import pathlib
import shutil
import socket
import subprocess

from lab import DNS4, GATEWAY4, build_dir
from process import until
import signed

RECURSIVE = "10.77.2.3"     # unbound, beside the zones' own server

NAMED_UPSTREAM = """
options {{
    directory "{tmp}"; pid-file none; session-keyfile none;
    listen-on {{ {address}; }}; listen-on-v6 {{ none; }};
    recursion no;
}};
controls {{ }};
"""
NAMED_ZONE = 'zone "{zone}" {{ type primary; file "{file}"; }};\n'

NAMED_FORWARDER = """
options {{
    directory "{tmp}"; pid-file none; session-keyfile none;
    listen-on {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
    bindkeys-file "{anchors}";
    dnssec-validation auto;
    forward only; forwarders {{ {server}; }};
}};
controls {{ }};
"""

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
UNBOUND_FORWARD = """
forward-zone:
    name: "."
    forward-addr: {server}
"""

KRESD = """
net.listen('127.0.0.1', 53, {{ kind = 'dns' }})
modules = {{ 'hints > iterate', 'stats', 'predict' }}
cache.size = 10 * MB
trust_anchors.remove('.')
trust_anchors.add_file('{key}', true)
policy.add(policy.all(policy.FORWARD('{server}')))
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

RESOLVED = """
[Resolve]
DNS={server}
Domains=~.
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


# --- upstreams: each returns its address ---

def named_upstream(lab, zones):
    """The signed zones' own server, with cookies."""
    conf = write(lab, "upstream.conf", NAMED_UPSTREAM, address=DNS4)
    with open(conf, "a", encoding="ascii") as file:
        file.writelines(NAMED_ZONE.format(zone=zone, file=zones.file(zone))
                        for zone in signed.ZONES)
    start(lab, lab.internet, DNS4, "named", "-g", "-n", "1", "-c", conf)
    return DNS4


def unbound_upstream(lab, zones, access="access-control: 0.0.0.0/0 allow"):
    """A resolver that begins at the root, and gives whole chains."""
    named_upstream(lab, zones)
    lab.internet.run("ip", "address", "add", f"{RECURSIVE}/24", "dev", "wan")
    hints = write(lab, "hints", f". 300 NS ns.example.com.\n{signed.GLUE}\n")
    start(lab, lab.internet, RECURSIVE, "unbound", "-d", "-c", write(
        lab, "recursive.conf", UNBOUND, address=RECURSIVE,
        key=zones.anchor_record(),
        more=f'{access}\n    root-hints: "{hints}"'))
    return RECURSIVE


# --- forwarders, on the client: each returns its address and the process ---

def forwarder(lab, *argv, address="127.0.0.1"):
    return address, start(lab, lab.client, address, *argv)


def unbound_forwarder(lab, zones):
    return forwarder(lab, "unbound", "-d", "-c", write(
        lab, "forwarder.conf", UNBOUND + UNBOUND_FORWARD, more="",
        address="127.0.0.1", key=zones.anchor_record(), server=GATEWAY4))


def named_forwarder(lab, zones):
    return forwarder(lab, "named", "-g", "-n", "1", "-c", write(
        lab, "forwarder.conf", NAMED_FORWARDER, server=GATEWAY4,
        anchors=zones.anchors("initial-key")))


def kresd_forwarder(lab, zones):
    (lab.tmp / "kresd").mkdir()
    return forwarder(lab, "kresd", "-n", "-c", write(
        lab, "forwarder.conf", KRESD, server=GATEWAY4,
        key=zones.anchor_record()), str(lab.tmp / "kresd"))


def dnsmasq_forwarder(lab, _zones):
    return forwarder(lab, "dnsmasq", "-k", "-C", write(
        lab, "forwarder.conf", DNSMASQ, server=GATEWAY4))


def resolved_forwarder(lab, _zones):
    return forwarder(
        lab, "unshare", "--mount", "sh", "-c", START_RESOLVED, "sh",
        write(lab, "forwarder.conf", RESOLVED, server=GATEWAY4),
        resolved(), address="127.0.0.53")
