"""What is done to dnsfw, and what a good client asks meanwhile."""

import dataclasses

import ground

GOOD = "10.9.0.0/17"
BAD = "10.9.128.0/17"
BAD_CLIENT = "10.9.200.1"
BAD_CLIENTS = tuple(f"10.9.200.{number}" for number in range(1, 6))
SERVER6 = "fd08::1"
BAD6_NET = "fd09::/64"
BAD6_CLIENTS = tuple(f"fd09::{number}" for number in range(1, 5))
RESOLVE = "~> *.bench.test"
GRANT = "-> *.bench.test:TCP:443"
GRANT_FOUR = "\n".join(f"{BAD} -> *.bench.test:TCP:{port}"
                       for port in (80, 443, 8080, 8443))
NOTHING = ""
FIVE_PLAIN = tuple(("plain", client, 600) for client in BAD_CLIENTS)


@dataclasses.dataclass(frozen=True)
class Attack:
    letter: str         # of the fault that it is about
    title: str
    # Of tests/bench/attack.c: KIND, CLIENT, NUMBER.
    clients: tuple
    bad: str = RESOLVE  # the rule of those who attack
    good: str = RESOLVE
    options: tuple = ()     # of dnsfw
    late: bool = False  # the upstream takes 20 ms
    tcp: bool = False   # the good client asks so
    stopped: str = ""   # the process with this word stands still meanwhile
    ramp: float = 1.0   # seconds until it has its full effect

    @property
    def label(self):
        return f"{self.letter} {self.title}"

    def acl(self):
        rules = self.bad
        if rules == RESOLVE:
            rules = f"{BAD} {RESOLVE}\n{BAD6_NET} {RESOLVE}"
        elif rules == GRANT:
            rules = f"{BAD} {GRANT}"
        return f"{GOOD} {self.good}\n{rules}\n"

    def server(self, client):
        if self.clients[0][0] == "icmp":
            return ground.UPSTREAM
        return SERVER6 if ":" in client else ground.SERVER


ATTACKS = (
    Attack("a", "stairs, 20 connections", (("stairs", BAD_CLIENT, 20),),
           NOTHING),
    Attack("a", "stairs, 100 connections", (("stairs", BAD_CLIENT, 100),),
           NOTHING),
    Attack("a", "labels, 100 connections", (("labels", BAD_CLIENT, 100),),
           NOTHING),
    Attack("b", "64 KiB answers, one by one", (("chain", BAD_CLIENT, 4),),
           GRANT),
    Attack("b", "64 KiB answers for 32 each", (("crowd", BAD_CLIENT, 1),),
           GRANT),
    Attack("d", "250 variants of a question",
           (("variants", BAD_CLIENT, 5000),)),
    Attack("e", "silent names, one /64 of IPv6",
           tuple(("silent", client, 2000) for client in BAD6_CLIENTS), ramp=2),
    Attack("e", "silent names, one client", (("silent", BAD_CLIENT, 5000),), ramp=2),
    Attack("f", "helper stopped", FIVE_PLAIN, GRANT, stopped="dnsfw-priv",
           ramp=4),
    Attack("f", "keeper stopped", FIVE_PLAIN, GRANT, stopped="keeper", ramp=4),
    Attack("g", "64 addresses, four ports", (("grants", BAD_CLIENT, 2000),),
           GRANT_FOUR, GRANT),
    Attack("h", "large answers hoarded", tuple(
        ("hoard", client, 300) for client in BAD_CLIENTS), tcp=True),
    Attack("i", "2,000 half messages", (("halves", BAD_CLIENT, 2000),)),
    Attack("j", "large answers over UDP", (("large", BAD_CLIENT, 1000),),
           options=("--upstream-transport", "tcp")),
    Attack("l", "retransmissions", (("again", BAD_CLIENT, 5000),)),
    Attack("l", "empty frames, 20 connections", (("empty", BAD_CLIENT, 20),)),
    Attack("l", "forged ICMP errors", (("icmp", BAD_CLIENT, 200000),),
           late=True),
)
