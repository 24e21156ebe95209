"""Random access control lists and queries, and what they mean.

The meaning is SPEC's, or with quirks that of the reference: it compares names
with regard to case (CASE), keeps subnets apart that differ in their host bits
alone (MASK), and lets "~> *" beat every block (ALL).
"""

import dataclasses
import ipaddress

CASE, MASK, ALL = "A2", "A1", "A5"
QUIRKS = frozenset((CASE, MASK, ALL))

ZONES = ("example.com", "sub.example.com", "deep.sub.example.com",
         "example.net", "test", "_tcp.example.org")
CLIENTS = {4: [f"10.9.{i}.{j}" for i in (0, 1) for j in (1, 2, 5, 6, 200)] +
           ["127.0.0.1", "127.0.0.9", "127.1.2.3"],
           6: [f"fd00:9::{i}" for i in ("1", "2", "7", "1:1", "ffff")] +
           ["::1"]}
PREFIXES = {4: (32, 32, 31, 30, 24, 24, 16, 8, 0),
            6: (128, 128, 126, 112, 64, 64, 16, 0)}
LOCAL = {4: ("192.0.2.7", "127.0.0.1", "2001:db8::7", "0.0.0.0"),
         6: ("192.0.2.7", "::1", "2001:db8::7", "::")}


@dataclasses.dataclass
class Rule:
    """A line, as it is spelled."""
    client: str
    arrow: str
    domain: str
    proto: str = ""
    port: int = 0
    address: str = ""

    def line(self, rng):
        """With blanks, which mean nothing."""
        def gap(least=""):
            return rng.choice((least, " ", "  ", "\t")) or least
        target = self.domain
        if self.arrow == "->":
            target += f":{self.proto}:{self.port}"
        elif self.address:
            target += f"{gap()}={gap()}{self.address}"
        text = f"{gap()}{self.client}{gap()}{self.arrow}{gap()}{target}{gap()}"
        return text + rng.choice(("", "", "# why", "#", " # a -> b:TCP:1"))

    def interface(self):
        return ipaddress.ip_interface(self.client)

    def contains(self, client):
        net = self.interface().network
        return client.version == net.version and client in net

    def subnet(self, quirks):
        """Rules with the same key are of the same subnet."""
        one = self.interface()
        return (one.network.prefixlen,
                int(one.ip if MASK in quirks else one.network[0]))

    def pattern(self, quirks):
        """In the order of what is specific, "*" the least."""
        text = self.domain if self.domain == "*" else \
            self.domain.removesuffix(".") + "."
        if CASE not in quirks:
            text = text.lower()
        wildcard = text.startswith("*")
        return (text != "*", len(text.removeprefix("*")), not wildcard, text)

    def matches(self, name, quirks):
        """name: with the final dot."""
        text = self.pattern(quirks)[3]
        if CASE not in quirks:
            name = name.lower()
        if text.startswith("*."):
            return name.endswith(text[1:])
        return text in ("*", name)

    def is_all(self):
        return (self.arrow, self.domain) == ("~>", "*")

    def effect(self):
        return (self.arrow, str(ipaddress.ip_address(self.address))
                if self.address else "")


@dataclasses.dataclass
class Verdict:
    allowed: bool = False
    every_type: bool = False
    every_kind: bool = False    # of opcode and class, too
    ports: list = dataclasses.field(default_factory=list)
    local: str = ""             # address that is answered here

    def meaning(self):
        return (self.allowed, self.every_type, self.every_kind,
                sorted(set(self.ports)), self.local)


def decide(rules, client, name, quirks=frozenset()):
    """A4: from the most specific rule on, up to the first block."""
    client = ipaddress.ip_address(client)
    own = [rule for rule in rules if rule.contains(client)]
    verdict = Verdict()
    if ALL in quirks and any(rule.is_all() for rule in own):
        verdict.allowed = verdict.every_type = verdict.every_kind = True
        own = [rule for rule in own if not rule.is_all()]
    own = [rule for rule in own if rule.matches(name, quirks)]
    for key in sorted({(rule.subnet(quirks), rule.pattern(quirks))
                       for rule in own}, reverse=True):
        same = [rule for rule in own if
                (rule.subnet(quirks), rule.pattern(quirks)) == key]
        if same[0].arrow == "-|":
            if not verdict.allowed:
                verdict.local = same[0].effect()[1]
            return verdict
        for rule in same:
            verdict.allowed = True
            verdict.every_type |= rule.arrow == "~>"
            verdict.every_kind |= rule.is_all()
            if rule.arrow == "->":
                verdict.ports.append((rule.proto.upper(), rule.port))
    return verdict


def conflicts(rules, quirks=frozenset()):
    """Numbers of the rules that contradict one before them (A6)."""
    seen, wrong = {}, []
    for number, rule in enumerate(rules):
        if ALL in quirks and rule.is_all():
            continue
        key = (rule.interface().version, rule.subnet(quirks),
               rule.pattern(quirks))
        effect = rule.effect() if rule.arrow == "-|" else "allow"
        if seen.setdefault(key, effect) != effect:
            wrong.append(number)
    return wrong


class Policies:
    """Lists and queries without end, the same from the same seed."""

    def __init__(self, rng, names):
        self._rng = rng
        self._names = names

    def _mixed(self, text, chance):
        if self._rng.random() >= chance:
            return text
        return "".join(self._rng.choice((letter, letter.upper()))
                       for letter in text)

    def _client(self, family):
        rng = self._rng
        address = rng.choice(CLIENTS[family])
        if rng.random() < 0.3:
            return address
        length = rng.choice(PREFIXES[family])
        if rng.random() < 0.6:
            address = ipaddress.ip_network(f"{address}/{length}",
                                           strict=False)[0]
        return f"{address}/{length}"

    def _domain(self):
        rng = self._rng
        pick = rng.random()
        if pick < 0.12:
            return "*"
        if pick < 0.4:
            domain = f"*.{rng.choice(ZONES)}"
        else:
            domain = rng.choice(self._names)
        return self._mixed(domain, 0.05) + rng.choice(("", "", "."))

    def rule(self, family):
        rng = self._rng
        rule = Rule(self._client(family), rng.choice(
            ("->", "->", "->", "~>", "~>", "-|")), self._domain())
        if rule.arrow == "->":
            rule.proto = rng.choice(("TCP", "UDP", "tcp", "Udp"))
            rule.port = rng.choice((1, 53, 80, 443, 443, 8080, 65535))
        elif rule.arrow == "-|" and rng.random() < 0.5:
            rule.address = rng.choice(LOCAL[family])
        return rule

    def rules(self, family):
        return [self.rule(family)
                for _ in range(self._rng.choice((1, 3, 8, 15, 30, 60)))]

    def query(self, family):
        """client, name, type, class, opcode, by TCP, with EDNS"""
        rng = self._rng
        if rng.random() < 0.9:
            name = rng.choice(self._names)
        else:
            name = f"new{rng.randrange(100)}.{rng.choice(ZONES)}"
        return (rng.choice(CLIENTS[family]), self._mixed(name, 0.12),
                rng.choices(("A", "AAAA", "TXT", "MX", "HTTPS", "SVCB",
                             "ANY", "SRV", "TYPE65280", "CNAME", "DS"),
                            (50, 25, 4, 3, 5, 2, 2, 2, 2, 3, 2))[0],
                rng.choices(("IN", "CH", "ANY"), (96, 3, 1))[0],
                rng.choices(("QUERY", "NOTIFY", "STATUS"), (97, 2, 1))[0],
                rng.random() < 0.1, rng.random() < 0.5)
