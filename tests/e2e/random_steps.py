"""Random sequences of what can happen to dnsfw and the firewall.

A step is plain data: what is done does not depend on what came of the steps
before it, so that a part of a sequence is a sequence, too.
"""

import collections

from lab import CLIENT4, CLIENT6, OTHER4, OTHER6, OTHER_PORT, PORT
from model import LOOPBACK, RULE_TIME_MAX, Host, Rule

AWAY = (CLIENT4, OTHER4, CLIENT6, OTHER6)
CLIENTS = AWAY + LOOPBACK
NAMES = tuple(f"n{i}.{zone}.test" for zone in ("a", "b") for i in range(5))
# All names share these.
ADDRESSES = {"A": tuple(f"10.78.7.{i}" for i in range(1, 9)),
             "AAAA": tuple(f"fd78::7:{i}" for i in range(1, 9))}
TTLS = (0, 0, 1, 1, 2, 3, 5, 8, 15, 30, 60, 300, 3600, 86400, 2 ** 31 - 1,
        2 ** 31, 2 ** 32 - 1)
RULE_TIMES = ((1, 1), (1, 3), (1, 20), (2, 10), (5, RULE_TIME_MAX), (10, 60),
              (30, 40), (1, RULE_TIME_MAX))
SUBNETS = (f"{CLIENT4}/32", f"{OTHER4}/32", "10.77.1.0/24", "0.0.0.0/0",
           f"{CLIENT6}/128", f"{OTHER6}/128", "fd77:1::/64", "::/0",
           "127.0.0.0/8", "127.0.0.1/32", "::1/128")
NETWORK6 = "fd77:1::/64"
PATTERNS = NAMES + ("*.a.test", "*.b.test", "*.test", "*")
PORTS = (("TCP", PORT), ("TCP", OTHER_PORT), ("UDP", PORT))
VICTIMS = ("stop", "keeper", "helper", "compiler", "worker")
BOOTTIMES = (0, 0, 60, 1000000, 2 ** 31)    # seconds; only forwards

# Query: name and type as asked; links: owners of CNAMEs behind it; addresses:
# (address, TTL) in the order of the answer.
Query = collections.namedtuple("Query", "client name rdtype links addresses")

Ask = collections.namedtuple("Ask", "queries")      # at the same time
Connect = collections.namedtuple("Connect", "client address proto port")
Reload = collections.namedtuple("Reload", "rules hosts", defaults=((),))
Disturb = collections.namedtuple("Disturb", "how choice")
Outage = collections.namedtuple("Outage", "families queries")
Restart = collections.namedtuple("Restart", "victim rule_time rules boottime hosts",
                                 defaults=((),))
Watch = collections.namedtuple("Watch", "seconds")

DISTURBANCES = {
    "nftables": ("reload", "flush and restore", "flush set", "flush chain",
                 "delete element", "delete rule", "restore of before"),
    "iptables": ("reload", "flush and restore", "flush set", "flush chain",
                 "flush sets", "destroy sets", "delete rule"),
}


def some(random, values, most):
    return random.sample(values, random.randint(1, most))


def rules(random):
    """A list without conflicts (A6), that allows more than it refuses."""
    arrows = {}
    for _ in range(random.randint(8, 24)):
        key = random.choice(SUBNETS), random.choice(PATTERNS)
        arrows[key] = random.choices(("->", "~>", "-|"), (8, 1, 2))[0]
    # "~> *" admits more than names (A5), which is not the subject here.
    return tuple(
        Rule(subnet, pattern, arrow,
             tuple(some(random, PORTS, 3)) if arrow == "->" else ())
        for (subnet, pattern), arrow in arrows.items()
        if (arrow, pattern) != ("~>", "*"))


def hosts(random):
    """One machine, or two, or one that has a subnet, or none."""
    left = random.sample(AWAY, len(AWAY))
    kind = random.choice(("one", "one", "two", "two", "subnet", "none"))
    if kind == "one":
        return (Host("one", left[:random.randint(2, 4)]),)
    if kind == "two":
        return (Host("one", left[:2]), Host("two", left[2:random.randint(3, 4)]))
    if kind == "subnet":
        return (Host("one", random.sample((CLIENT4, OTHER4, CLIENT6), 2) +
                     [NETWORK6]),)
    return ()


def query(random, client=None):
    client = client or random.choice(CLIENTS)
    rdtype = "AAAA" if ":" in client else "A"
    if random.random() < 0.2:
        rdtype = random.choice(("A", "AAAA"))
    links = random.choice((0, 0, 0, 1, 2))
    addresses = [(address, random.choice(TTLS)) for address in
                 some(random, ADDRESSES[rdtype], 3)]
    if random.random() < 0.1:
        addresses.append((addresses[0][0], random.choice(TTLS)))
    return Query(client, random.choice(NAMES), rdtype,
                 tuple(random.choice(TTLS) for _ in range(links)),
                 tuple(addresses))


def queries(random):
    """Of several clients, which are not one host for the firewall."""
    clients = some(random, AWAY, len(AWAY))
    clients.append(random.choice(LOOPBACK))
    # One name has one set of records at a time.
    names = random.sample(NAMES, len(clients))
    return tuple(query(random, client)._replace(name=name)
                 for client, name in zip(clients, names))


def connect(random):
    client = random.choice(CLIENTS)
    return Connect(client, random.choice(
        ADDRESSES["AAAA" if ":" in client else "A"]),
        *random.choice(PORTS))


def step(random, backend):
    """One step, for "nftables" or "iptables"."""
    kind = random.choices(
        (Ask, Connect, Reload, Disturb, Outage, Restart, Watch, "burst"),
        (70, 8, 5, 5, 1, 2, 4, 5))[0]
    if kind == Ask:
        return Ask((query(random),))
    if kind == "burst":
        return Ask(queries(random))
    if kind == Connect:
        return connect(random)
    if kind == Reload:
        return Reload(rules(random), hosts(random))
    if kind == Disturb:
        return Disturb(random.choice(DISTURBANCES[backend]),
                       random.random())
    if kind == Outage:
        # One table of nftables has both families.
        families = "46" if backend == "nftables" else \
            random.choice(("4", "6", "46"))
        return Outage(families, queries(random))
    if kind == Restart:
        return Restart(random.choice(VICTIMS), random.choice(RULE_TIMES),
                       rules(random) if random.random() < 0.3 else None,
                       random.choice(BOOTTIMES), hosts(random))
    return Watch(random.choice((0.3, 1, 2.5)))
