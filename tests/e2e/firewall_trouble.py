"""What an operator, or somebody else, does to the firewall under dnsfw."""

import re

from firewall import IPTABLES_RULES, NFTABLES_RULES

SETS = {"nftables": [f"dnsfw_ipv{family}_allow{local}" for family in (4, 6)
                     for local in ("", "_local")],
        "iptables": [f"DNSFW-ipv{family}-allow{local}" for family in (4, 6)
                     for local in ("", "-local")]}


def restore_text(family):
    return IPTABLES_RULES.format(
        chain="DNSFW", reject=f"icmp{family.replace('4', '')}-adm-prohibited"
        if family == "6" else "icmp-admin-prohibited",
        outside="10.77.2.0/24" if family == "4" else "fd77:2::/64",
        icmp="icmp" if family == "4" else "ipv6-icmp")


def command(family):
    return "iptables-nft" if family == "4" else "ip6tables-nft"


def skeleton(gateway):
    """The firewall without its entries, times and counters.

    Which table comes first is the operator's doing; and the order of our rules
    is of no account, as all of them accept.
    """
    text = gateway.run("nft", "-s", "list", "ruleset")
    text = re.sub(r"(?m)(?:^.*dnsfw:managed.*\n)+", lambda match: "".join(
        sorted(match[0].splitlines(True))), text)
    text = re.sub(r"\n\t*elements = \{[^}]*\}", "", text)
    tables = sorted(re.findall(r"(?ms)^table .*?^\}\n", text))
    sets = gateway.run("ipset", "save").splitlines(True)
    return "".join(tables + sorted(line for line in sets
                                   if not line.startswith("add ")))


class Trouble:
    """What is done to the firewall of one backend."""

    def __init__(self, gateway, backend):
        self._gateway = gateway
        self._backend = backend
        self._saved = None

    def _nft(self, text):
        self._gateway.run("nft", "-f", "-", text=text)

    def _restore(self, families="46"):
        for family in families:
            self._gateway.run(f"{command(family)}-restore",
                              text=restore_text(family))

    def save(self):
        """For "restore of before"."""
        self._saved = self._gateway.run("nft", "list", "ruleset")

    def do(self, how, choice):
        """choice, 0 to 1, chooses what is hit.

        Returns the name of the set that was flushed, for "flush set".
        """
        one = SETS[self._backend][int(choice * 4)]
        chain = "inet filter dnsfw"
        if self._backend == "nftables":
            {"reload": lambda: self._nft("flush ruleset\n" +
                                         NFTABLES_RULES),
             "flush and restore": self._flush_and_restore,
             "flush set": lambda: self._nft(f"flush set inet filter {one}"),
             "flush chain": lambda: self._nft(f"flush chain {chain}"),
             "delete element": lambda: self._delete_element(choice),
             "delete rule": lambda: self._delete_rule(choice),
             "restore of before": self._restore_of_before}[how]()
        else:
            {"reload": self._restore,
             "flush and restore": self._flush_and_restore,
             "flush set": lambda: self._gateway.run("ipset", "flush", one),
             "flush sets": lambda: self._gateway.run("ipset", "flush"),
             "flush chain": lambda: self._gateway.run(
                 command("46"[int(choice * 2)]), "-F", "DNSFW"),
             "destroy sets": self._destroy_sets,
             "delete rule": lambda: self._gateway.run(
                 command("46"[int(choice * 2)]), "-D", "DNSFW", "1")}[how]()
        return one

    def _flush_and_restore(self):
        self._gateway.run("nft", "flush", "ruleset")
        self.restore("46")

    def _destroy_sets(self):
        """They are in use as long as the rules are, or are again."""
        self._gateway.run(
            "sh", "-c", "iptables-nft -F DNSFW; ip6tables-nft -F DNSFW; "
            "ipset destroy 2>/dev/null || true")

    def _delete_element(self, choice):
        text = self._gateway.run("nft", "list", "ruleset")
        found = [(name, key) for name, block in re.findall(
                     r"set (dnsfw_\w+) \{(.*?)\n\t\}", text, re.S)
                 for key in re.findall(r"([^\s{,]+(?: \. [^\s,]+)+) timeout",
                                       block)]
        if found:
            name, key = found[int(choice * len(found))]
            # It may be over by now.
            self._gateway.run("sh", "-c", "nft 'delete element inet filter "
                              f"{name} {{ {key} }}' 2>/dev/null || true")

    def _delete_rule(self, choice):
        text = self._gateway.run("nft", "-a", "list", "chain", "inet",
                                 "filter", "dnsfw")
        handles = re.findall(r"accept.*# handle (\d+)", text)
        handle = handles[int(choice * len(handles))]
        self._nft(f"delete rule inet filter dnsfw handle {handle}")

    def _restore_of_before(self):
        """With entries, some of which have ended or were revoked since."""
        if self._saved:
            self._nft("flush ruleset\n" + self._saved)

    def take_down(self, families):
        """All of the operator's rules go, and with them ours."""
        if self._backend == "nftables":
            self._gateway.run("nft", "flush", "ruleset")
            return
        # In one go, as dnsfw puts its rules back after a moment, and then
        # its chain cannot be deleted.
        for family in families:
            self._gateway.run(
                f"{command(family)}-restore", "--noflush",
                text="*filter\n-F\n-X DNSFW\nCOMMIT\n")

    def restore(self, families):
        if self._backend == "nftables":
            self._nft(NFTABLES_RULES)
        else:
            self._restore(families)
