"""The operator's side of each firewall backend, and what is in the kernel."""

import collections
import json
import re

# One grant as the kernel lists it; client is None for this host's own.
Entry = collections.namedtuple(
    "Entry", "client proto port address timeout comment")

# Established traffic, the gateway's own affairs, and nothing else.  A reset ends
# a TCP connection at once; for ICMPv6 Linux waits for a second SYN.
IPTABLES_RULES = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:{chain} - [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -j {chain}
-A FORWARD -p tcp -j REJECT --reject-with tcp-reset
-A FORWARD -j REJECT --reject-with {reject}
-A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A OUTPUT -o lo -j ACCEPT
-A OUTPUT -d {outside} -j ACCEPT
-A OUTPUT -p {icmp} -j ACCEPT
-A OUTPUT -j {chain}
-A OUTPUT -p tcp -j REJECT --reject-with tcp-reset
-A OUTPUT -j REJECT --reject-with {reject}
COMMIT
"""

NFTABLES_RULES = """table inet filter {
    chain dnsfw { }
    chain forward {
        type filter hook forward priority filter; policy accept;
        ct state established,related accept
        jump dnsfw
        meta l4proto tcp reject with tcp reset
        reject with icmpx type admin-prohibited
    }
    chain output {
        type filter hook output priority filter; policy accept;
        ct state established,related accept
        oif "lo" accept
        ip daddr 10.77.2.0/24 accept
        ip6 daddr fd77:2::/64 accept
        meta l4proto { icmp, ipv6-icmp } accept
        jump dnsfw
        meta l4proto tcp reject with tcp reset
        reject with icmpx type admin-prohibited
    }
}
"""


def dump(namespace):
    """All that a firewall has, without counters and times."""
    text = (namespace.run("nft", "-s", "list", "ruleset") +
            namespace.run("ipset", "save"))
    return re.sub(r" timeout \d[\ddhms]*", "", text)


class Iptables:
    name = "iptables"
    chain = "DNSFW"
    options = ("--firewall", "iptables", "--chain", "DNSFW")

    def __init__(self, namespace, chain="DNSFW"):
        self._namespace = namespace
        self.chain = chain

    def set_up(self, families=(4, 6)):
        for family in families:
            command = "iptables" if family == 4 else "ip6tables"
            self._namespace.run(
                f"{command}-nft-restore", text=IPTABLES_RULES.format(
                    chain=self.chain,
                    reject="icmp-admin-prohibited" if family == 4
                    else "icmp6-adm-prohibited",
                    outside="10.77.2.0/24" if family == 4 else "fd77:2::/64",
                    icmp="icmp" if family == 4 else "ipv6-icmp"))

    def sets(self):
        """The names of ipset's sets, with the text that it lists for each."""
        text = self._namespace.run("ipset", "list")
        return {block.split("\n")[0].removeprefix("Name: "): block
                for block in text.split("\n\n") if block.strip()}

    def entries(self):
        found = []
        for block in self.sets().values():
            for line in block.partition("Members:\n")[2].splitlines():
                found.append(self._entry(line))
        return found

    @staticmethod
    def _entry(line):
        match = re.fullmatch(
            r'(?:([^,]+),)?(tcp|udp):(\d+),(\S+) timeout (\d+)'
            r'(?: comment "([^"]*)")?', line)
        if match:
            client, proto, port, address, timeout, comment = match.groups()
        else:
            match = re.fullmatch(r'(\S+),(tcp|udp):(\d+) timeout (\d+)'
                                 r'(?: comment "([^"]*)")?', line)
            assert match, f"ipset: {line}"
            address, proto, port, timeout, comment = match.groups()
            client = None
        return Entry(client, proto, int(port), address, int(timeout),
                     comment)


class Nftables:
    name = "nftables"
    options = ("--firewall", "nftables", "--table", "inet filter",
               "--chain", "dnsfw")

    def __init__(self, namespace):
        self._namespace = namespace

    def set_up(self):
        self._namespace.run("nft", "-f", "-", text=NFTABLES_RULES)

    def objects(self, kind):
        """All objects of a kind ("set", "rule") of the ruleset."""
        text = self._namespace.run("nft", "-j", "list", "ruleset")
        return [item[kind] for item in json.loads(text)["nftables"]
                if kind in item]

    def entries(self):
        found = []
        for one in self.objects("set"):
            for element in one.get("elem", []):
                found.append(self._entry(element["elem"]))
        return found

    @staticmethod
    def _entry(element):
        values = element["val"]["concat"]
        if len(values) == 4:
            client, proto, port, address = values
        else:
            client, (proto, port, address) = None, values
        # In the last millisecond of an element nft leaves "expires" out.
        left = element.get("expires", 0 if "timeout" in element else None)
        assert left is not None, f"an element without end: {element}"
        return Entry(client, proto, port, address, left,
                     element.get("comment"))


BACKENDS = {"iptables": Iptables, "nftables": Nftables}
