"""The workloads W1 to W13, and one run of one of them."""

import dataclasses
import re
import signal
import time

import policy
from ground import Failed, Ground, HostileGround
from policy import Policy, Rules

WINDOW = 100            # queries in flight
CLIENTS = 256           # that ask, if the workload does not say
OTHER_NAMES = 1 << 24   # first number of names that no workload blocks
RELOAD_DEADLINE = 10    # seconds

WARM_UP = {"milliseconds": 200, "count": 1000}

WORST = 64              # messages that cost most
HALVES = 2000           # messages that do not end
HALVES_TIME = 1500      # milliseconds until they have come

# In flight on one connection, and queries until it is closed.
TCP_MANY = {"depth": 10, "per_connection": 100}
TCP_ONE = {"depth": 1, "per_connection": 1}


@dataclasses.dataclass(frozen=True)
class Workload:
    number: str         # "W5"
    title: str
    rules: Rules
    firewall: object = None     # the server's; None: without one
    load: dict = dataclasses.field(default_factory=dict)
    variant: str = ""
    tcp: bool = False
    workers: int = 0    # at most so many processes share the queries
    attack: str = ""    # of attack.c, instead of a load; only dnsfw's worst

    @property
    def label(self):
        return f"{self.number} {self.variant}".rstrip()

    def suits(self, server):
        """Can the server do this, and is it the server for it?"""
        if self.rules.policy not in server.policies:
            return False
        if server.only and self.number not in server.only:
            return False
        if self.attack and server.kind != "dnsfw":
            return False
        if self.rules.policy is Policy.RELOAD and not server.reloaded:
            return False
        if self.rules.policy is Policy.CLIENTS:
            return bool(server.firewall)
        if self.tcp and not server.tcp:
            return False
        if self.workers and not server.workers:
            return False
        return server.firewall == self.firewall

    @property
    def refuses(self):
        return self.rules.policy in (Policy.BLOCK, Policy.CLIENTS)

    def load_of(self, server):
        """Its load, with what the server's refusals look like."""
        load = {**self.load, "bare": int(server.bare_refusal)}
        if self.rules.policy is Policy.BLOCK:
            load["rcode"] = server.refusal
        return load

    def lack(self):
        """What a server misses that does not suit."""
        if self.tcp:
            return "no TCP"
        if self.workers:
            return "not measured with several workers"
        if self.attack:
            return "its worst messages may be others"
        return {
            Policy.PLAIN: "no plain forwarding",
            Policy.GRANT: f"no grants through {self.firewall}",
            Policy.BLOCK: "no policy",
            Policy.CLIENTS: "no policy of single clients with grants",
            Policy.RELOAD: "no reload of its rules by SIGHUP",
        }[self.rules.policy]


def all_workloads(quick):
    plain = Rules(Policy.PLAIN)
    grant = Rules(Policy.GRANT)
    fresh = {"names": OTHER_NAMES, "clients": CLIENTS}
    new_grants = {"names": 120000, "clients": CLIENTS,
                  "count": 25000 if quick else 120000}
    sizes = (10, 100000) if quick else (10, 1000, 100000, 1000000)
    yield Workload("W1", "plain forwarding", plain, load=fresh)
    yield Workload("W2", "every answer needs a new grant, ipset", grant,
                   "ipset", new_grants)
    # Each client has some of the names; all pairs are granted in the warm-up.
    yield Workload("W3", "answers repeat, ipset", grant, "ipset",
                   {"names": 1000, "clients": 100})
    yield Workload("W4", "every answer needs a new grant, nftables", grant,
                   "nftables", new_grants)
    for size in sizes:
        yield Workload("W5", f"refusals with {size:,} rules",
                       Rules(Policy.BLOCK, size), variant=f"{size:,}",
                       load={"plan": "random", "names": size,
                             "clients": CLIENTS})
    yield Workload("W6", "TCP, 100 queries a connection", plain,
                   load={**fresh, **TCP_MANY}, variant="many", tcp=True)
    yield Workload("W6", "TCP, a connection a query", plain,
                   load={**fresh, **TCP_ONE}, variant="one", tcp=True)
    yield Workload("W7", f"{policy.CLIENTS:,} clients with "
                   f"{policy.CLIENT_NAMES} rules each, mixed",
                   Rules(Policy.CLIENTS, policy.CLIENTS),
                   load={"plan": "policy", "clients": policy.CLIENTS,
                         "count": 50000 if quick else 200000})
    yield Workload("W8", "latency at 20 % of the maximal load", plain,
                   load=fresh)
    yield Workload("W9", "reload of 1,000,000 rules at half load",
                   Rules(Policy.RELOAD, 1000000),
                   load={**fresh, "first": OTHER_NAMES})
    yield Workload("W10", "W1 with two workers on two CPUs", plain,
                   load=fresh, variant="plain", workers=2)
    yield Workload("W10", "W2 with two workers on two CPUs", grant, "ipset",
                   new_grants, variant="ipset", workers=2)
    for kind, title in (("stairs", "names over 126 pointers each"),
                        ("labels", "4,096 pointers to a name of 126 labels")):
        yield Workload("W11", f"64 KiB queries: {title}", plain,
                       variant=kind, attack=kind)
    for kind, title in (("chain", "each for one"), ("crowd", "for 32 each")):
        yield Workload("W12", f"64 KiB answers over 17 long names, {title}",
                       grant, "nftables", variant=kind, attack=kind)
    yield Workload("W13", f"{HALVES:,} half messages of one client", plain,
                   attack="halves")


WRONG = ("lost", "wrong_question", "wrong_rcode", "wrong_address", "strays",
         "failed")


def figures_of(answers, used, cost):
    """The figures of a run: what loadgen counted, and what it has cost."""
    wrong = {key: answers[key] for key in WRONG if answers[key]}
    if not answers["answered"]:
        counts = ", ".join(f"{count} {key}" for key, count in wrong.items())
        raise Failed(f"no right answer: {counts or 'none came'}")
    return {
        "cpu_us": used / 1000 / answers["answered"],
        "qps": answers["answered"] / answers["seconds"],
        "p50_us": answers["p50"] / 1000,
        "p99_us": answers["p99"] / 1000,
        "p999_us": answers["p999"] / 1000,
        "rss_mib": cost.rss_kib / 1024,
        "answered": answers["answered"],
        "wrong": wrong,
    }


class Run:
    """One run of one workload by one server."""

    def __init__(self, where, server, workload, milliseconds, workers=1):
        self.where = where
        self.server = server
        self.workload = workload
        self.workers = workers
        self.load = {"window": WINDOW * workers,
                     "milliseconds": milliseconds,
                     **workload.load_of(server)}

    def start(self):
        self.server.prepare(self.where)
        argv = self.server.argv(self.where, self.workload.rules)
        if self.workers > 1:
            argv += ["--workers", str(self.workers)]
        started = self.where.start(argv)
        if self.workers > 1:
            self.where.spread(self.server.worker_pids(self.where))
        return started

    def warm_up(self):
        """Ask what the measured load does not ask again, or (W3) does."""
        options = {**self.load, **WARM_UP}
        if self.workload.number == "W3":
            # With the reference this takes seconds.
            options |= {"milliseconds": 10000, "count": 2000}
        elif self.workload.rules.policy is Policy.GRANT:
            options |= {"first": self.load["names"], "count": 500}
        return self.where.load(**options)

    def measure(self, **more):
        before = self.where.cost()
        answers = self.where.load(**{**self.load, **more})
        after = self.where.cost()
        return figures_of(answers, after.cpu_ns - before.cpu_ns, after)

    def check_grants(self, warmed, figures):
        """What was answered must be in the kernel."""
        wanted = (self.load["names"] if self.workload.number == "W3" else
                  warmed["answered"] + figures["answered"])
        found = self.where.count_elements()
        if found < wanted:
            figures["wrong"]["not granted"] = wanted - found

    def usual(self):
        warmed = self.warm_up()
        figures = self.measure()
        if self.workload.firewall:
            self.check_grants(warmed, figures)
        return figures

    def _rate(self, share):
        """A share of the load that the server can bear."""
        self.warm_up()
        peak = self.where.load(**self.load)
        if not peak["seconds"]:
            raise Failed("no answer at full load")
        return max(1, int(peak["answered"] / peak["seconds"] * share))

    def at_low_load(self):
        rate = self._rate(0.2)
        return {**self.measure(rate=rate, window=10000), "rate": rate}

    def reload(self):
        """The same load twice, the second time from SIGHUP to its end."""
        if self.where.server_ignores(signal.SIGHUP):
            raise Failed("it ignores SIGHUP, so does not reload")
        rate = self._rate(0.5)
        still = self.measure(rate=rate, window=10000)
        load = {**self.load, "rate": rate, "window": 10000,
                "milliseconds": 30000}
        before = self.where.cost()
        process = self.where.start_load(**load)
        try:
            log = len(self.where.server_log())
            self.where.server.send_signal(signal.SIGHUP)
            seconds = self._wait_until_reloaded(log)
        finally:
            process.terminate()
            answers = self.where.end_load(process)
        after = self.where.cost()
        figures = figures_of(answers, after.cpu_ns - before.cpu_ns, after)
        return {**figures, "rate": rate, "reload_s": seconds,
                "still_p999_us": still["p999_us"]}

    def _wait_until_reloaded(self, log):
        began = time.monotonic()
        while time.monotonic() - began < RELOAD_DEADLINE:
            self.where.cost()       # is it still there?
            if re.search(self.server.reloaded, self.where.server_log()[log:]):
                return time.monotonic() - began
            time.sleep(0.005)
        raise Failed(f"no reload within {RELOAD_DEADLINE} s of SIGHUP")


def worst(where, one):
    """The cost of what is answered, or of what is kept without an end.

    Latency is that of the attacker, with two messages under way or 32.
    """
    kind = one.workload.attack
    before = where.cost()
    if kind == "halves":
        came = where.attack(kind, HALVES, milliseconds=HALVES_TIME)
        came["answered"] = HALVES
    else:
        came = where.attack(kind, 1, WORST)
    after = where.cost()
    figures = figures_of({**dict.fromkeys(WRONG, 0), **came},
                         after.cpu_ns - before.cpu_ns, after)
    if kind == "halves":
        # At most: some are closed by now, and their memory is kept.
        figures["kept"] = (after.rss_kib - before.rss_kib) * 1024 / HALVES
    return figures


def scaling(ground, server, workload, milliseconds):
    """What a second worker on a CPU of its own is good for.

    Each core of two bears as many queries as fit by the CPU time of one while
    both are under load, so the factor is exact on a machine on which load and
    upstream have to share the cores with the workers.
    """
    runs = []
    for workers in (1, workload.workers):
        with Ground(*ground) as where:
            one = Run(where, server, workload, milliseconds, workers)
            runs.append({"start_s": one.start(), **one.usual()})
    alone, both = runs
    return {**both, "one_cpu_us": alone["cpu_us"],
            "factor": workload.workers * alone["cpu_us"] / both["cpu_us"],
            "wrong": {key: alone["wrong"].get(key, 0) +
                      both["wrong"].get(key, 0)
                      for key in {**alone["wrong"], **both["wrong"]}}}


def run(ground, server, workload, milliseconds):
    """The figures of one run; ground makes the Ground."""
    if workload.workers:
        return scaling(ground, server, workload, milliseconds)
    kind = HostileGround if workload.attack else Ground
    with kind(*ground) as where:
        one = Run(where, server, workload, milliseconds)
        started = one.start()
        if workload.attack:
            figures = worst(where, one)
        elif workload.number == "W8":
            figures = one.at_low_load()
        elif workload.number == "W9":
            figures = one.reload()
        else:
            figures = one.usual()
        return {**figures, "start_s": started}
