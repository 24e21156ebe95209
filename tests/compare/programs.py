"""The programs that are compared, each started by hand on the gateway."""

import shutil
import subprocess

import dns.message
import dns.rdatatype

from addresses import EMBEDDED, RANGES4, RANGES6
from lab import CLIENT4, CLIENT6, DNS4, GATEWAY4, GATEWAY6, PORT, READY
from process import until

ACL = f"""
{CLIENT4} -> *.example.com:TCP:{PORT}
{CLIENT6} -> *.example.com:TCP:{PORT}
"""


def write(lab, name, text):
    path = lab.tmp / name
    path.write_text(text, encoding="ascii")
    return str(path)


def wait_until_served(lab, process):
    """Any answer will do; a program that has ended will not."""
    query = dns.message.make_query("started.example.com", "A").to_wire()

    def served():
        assert process.popen.poll() is None, process.err
        try:
            return lab.exchange(query, timeout=1)
        except OSError:
            return None

    until(served, what=f"an answer from {process.popen.args[2]}")


def start(lab, argv):
    assert shutil.which(argv[0]), f"{argv[0]} is not installed"
    process = lab.start(argv, stdout=subprocess.DEVNULL)
    wait_until_served(lab, process)
    return process


def dnsfw(lab, firewall, *options, acl=ACL, **more):
    process = lab.start_dnsfw(acl, *options, fw=firewall, **more)
    process.err.wait_for(READY)
    return process


def dnsmasq(lab, *options):
    return start(lab, ["dnsmasq", "-k", "-C", write(lab, "dnsmasq.conf", f"""
port=53
listen-address={GATEWAY4},{GATEWAY6}
bind-interfaces
no-resolv
no-hosts
server={DNS4}
pid-file={lab.tmp}/dnsmasq.pid
user=root
log-facility={lab.tmp}/dnsmasq.log
""" + "\n".join(options) + "\n")])


def translated(text):
    """The IPv6 networks that embed an IPv4 network, as far as CIDR can."""
    address, length = text.split("/")
    octets = bytes(map(int, address.split(".")))
    for net, start_at, flip in EMBEDDED:
        if flip:
            continue            # Teredo has its client at the end, inverted
        packed = bytearray(net.network_address.packed)
        packed[start_at:start_at + 4] = octets
        groups = ":".join(packed[i:i + 2].hex() for i in range(0, 16, 2))
        yield f"{groups}/{8 * start_at + int(length)}"


def unbound(lab, *options, zones=f"""
forward-zone:
    name: "."
    forward-addr: {DNS4}
"""):
    return start(lab, ["unbound", "-d", "-c", write(lab, "unbound.conf", f"""
server:
    interface: {GATEWAY4}
    interface: {GATEWAY6}
    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    module-config: "iterator"
    username: ""
    chroot: ""
    pidfile: ""
    directory: "{lab.tmp}"
    use-syslog: no
    do-daemonize: no
    do-ip6: yes
""" + "".join(f"    {option}\n" for option in options) + """
remote-control:
    control-enable: no
""" + zones)])


def unbound_as_documented(lab):
    """private-address of the same ranges, and of mapped addresses."""
    return unbound(lab, *(f"private-address: {net}" for net in
                          (*RANGES4, *RANGES6, "::ffff:0:0/96")))


def unbound_with_all(lab):
    """Every IPv6 form that CIDR can say written out, too."""
    return unbound(lab, *(f"private-address: {net}" for net in
                          (*RANGES4, *RANGES6)),
                   *(f"private-address: {net}" for text in RANGES4
                     for net in translated(text)))


def knot_resolver(lab):
    (lab.tmp / "kresd").mkdir()
    return start(lab, ["kresd", "-n", "-c", write(lab, "kresd.conf", f"""
net.listen('{GATEWAY4}', 53, {{ kind = 'dns' }})
net.listen('{GATEWAY6}', 53, {{ kind = 'dns' }})
modules = {{ 'policy', 'rebinding < iterate' }}
modules.unload('priming')
modules.unload('detect_time_skew')
trust_anchors.remove('.')
cache.size = 50 * MB
policy.add(policy.all(policy.STUB('{DNS4}')))
"""), str(lab.tmp / "kresd")])


# In the table's order; how each was protected is in its name.
PEERS = {
    "dnsmasq, stop-dns-rebind":
        lambda lab: dnsmasq(lab, "stop-dns-rebind"),
    "unbound, private-address": unbound_as_documented,
    "unbound, all forms written out": unbound_with_all,
    "knot-resolver, rebinding": knot_resolver,
}
VERSIONS = {"dnsmasq": ["dnsmasq", "--version"], "unbound": ["unbound", "-V"],
            "knot-resolver": ["kresd", "--version"]}


def version(name):
    """The first line that the program says about itself."""
    return subprocess.run(VERSIONS[name.partition(",")[0]], check=True,
                          capture_output=True, text=True).stdout.split(
                              "\n")[0].strip()
