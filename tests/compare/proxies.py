"""dnsfw, its neighbours and its reference, set up as alike as they can be.

Each allows *.example.com, refuses blocked.example.com, answers ads.example.com
itself, and, if it can, opens TCP port PORT of the addresses that it gives.
"""

import firewall
from lab import CLIENT4, CLIENT6, DNS4, GATEWAY4, OTHER4, PORT
import programs

BLOCKED = "blocked.example.com"
LOCAL = "ads.example.com"
LOCAL_ADDRESS = "192.0.2.1"
BLOCK_LINE = 2      # of ACL
ACL = f"""
{CLIENT4} -| {BLOCKED}
{CLIENT4} -| {LOCAL} = {LOCAL_ADDRESS}
""" + "".join(f"{client} -> *.example.com:TCP:{PORT}\n"
              for client in (CLIENT4, CLIENT6, OTHER4))


class Dnsfw:
    """With nftables."""

    name = "dnsfw"
    grants = True
    TIMEOUT = 3     # seconds for the upstream; the default is 10

    def __init__(self, lab):
        self.lab = lab
        self._fw = lab.set_up_firewall("nftables")

    def start(self, upstreams=(DNS4,), protected=False, wide=False):
        """wide: all names may be resolved.  It is always protected."""
        del protected
        acl = ACL + f"{CLIENT4} ~> *\n" * wide
        programs.dnsfw(self.lab, self._fw, "--timeout", str(self.TIMEOUT),
                       acl=acl, upstream=",".join(upstreams))

    def lose_firewall(self):
        self.lab.gateway.run("nft", "flush", "ruleset")

    def lifetimes(self):
        """Seconds that each granted address has."""
        return {entry.address: entry.timeout for entry in self._fw.entries()}


class Reference(Dnsfw):
    """dns-firewall 1.2, with ipset; it has one upstream, and listens once."""

    name = "dns-firewall"
    program = None      # a path

    def __init__(self, lab):
        self.lab = lab
        self._fw = lab.set_up_firewall("iptables")

    def start(self, upstreams=(DNS4,), protected=False, wide=False):
        del protected
        acl = self.lab.write_acl(ACL + f"{CLIENT4} ~> *\n" * wide)
        programs.start(self.lab, [
            self.program, "--acl-file", str(acl), "--upstream", upstreams[0],
            "--bind", GATEWAY4, "--bind-port", "53", "--timeout",
            str(self.TIMEOUT), *self._fw.options])

    def lose_firewall(self):
        super().lose_firewall()
        self.lab.gateway.run("ipset", "destroy")


class Dnsmasq:
    """With a set of nftables, which an accept rule of the operator's uses.

    It and unbound resolve all names anyway, so that wide changes nothing.
    """

    name = "dnsmasq"
    grants = True

    def __init__(self, lab):
        self.lab = lab
        lab.gateway.run("nft", "-f", "-", text=firewall.NFTABLES_RULES.replace(
            "chain dnsfw { }", "set allowed { type ipv4_addr; }\n"
            "chain dnsfw { ip daddr @allowed "
            f"tcp dport {PORT} accept; }}"))
        self._fw = firewall.Nftables(lab.gateway)

    def start(self, upstreams=(DNS4,), protected=False, wide=False):
        del wide
        programs.dnsmasq(
            self.lab, f"local=/{BLOCKED}/",
            f"address=/{LOCAL}/{LOCAL_ADDRESS}",
            "nftset=/example.com/4#inet#filter#allowed",
            *(f"server={address}" for address in upstreams if
              address != DNS4), *["stop-dns-rebind"] * protected)

    def lose_firewall(self):
        self.lab.gateway.run("nft", "flush", "ruleset")

    def lifetimes(self):
        """An element without a timeout is a string, and never ends."""
        return {element: None for one in self._fw.objects("set")
                for element in one.get("elem", [])}


class Unbound:
    """Debian's cannot fill a set of the firewall."""

    name = "unbound"
    grants = False

    def __init__(self, lab):
        self.lab = lab

    def start(self, upstreams=(DNS4,), protected=False, wide=False):
        del wide
        nets = programs.RANGES4 + programs.RANGES6
        programs.unbound(
            self.lab, f'local-zone: "{BLOCKED}." always_refuse',
            f'local-zone: "{LOCAL}." redirect',
            f'local-data: "{LOCAL}. A {LOCAL_ADDRESS}"', "ede: yes",
            *[f"private-address: {net}" for net in nets if protected],
            zones='forward-zone:\n    name: "."\n' + "".join(
                f"    forward-addr: {address}\n" for address in upstreams))

    def lifetimes(self):
        return {}


ALL = (Dnsfw, Dnsmasq, Unbound)
