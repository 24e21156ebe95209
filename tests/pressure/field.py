"""One run of an attack."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import threading

import attacks
import ground
import servers
from ground import Failed, HostileGround

# The kernel has a tick each 4 ms, at which it works for connections, too.  1000 a
# second would meet it with each fourth query, or with none, for as long as they last.
GOOD = {"rate": 990, "window": 10000, "clients": 10}
GOOD_TCP = {"per_connection": 10, "depth": 1, "window": 1, "clients": 10}
FIRST = 1 << 24         # number of the good client's first name
RECOVERY = 2.5          # seconds after it, which is more than the timeout
TIMEOUT = "2"
ADDRESSES = "".join(f"address add {address}/128 dev lo nodad\n" for address in (
    attacks.SERVER6, *attacks.BAD6_CLIENTS))

# The good client and the upstream are never kept waiting by who attacks from
# the same CPU, and who attacks not by what else is on the machine.
FIRST_SERVED = ["chrt", "-f", "50"]
FAVOURED = ["nice", "-n", "-20"]


class Field(HostileGround):
    """A ground with an upstream of bad will, and dnsfw on its own CPU."""

    def __init__(self, tools, tmp, server_cpu, load_cpu, late):
        self._late = ["late"] if late else []
        super().__init__(tools, tmp, server_cpu, load_cpu)

    def start_upstream(self, capture):
        self.namespace.run("ip", "-batch", "-", text=ADDRESSES)
        return self.spawn([*FIRST_SERVED, self.tools / "hostile",
                           ground.UPSTREAM, *self._late], self.load_cpu,
                          stdout=subprocess.PIPE)

    def spawn(self, argv, cpu, **kwargs):
        if argv[0] == self.tools / "loadgen":
            argv = [*FIRST_SERVED, *argv]
        return super().spawn(argv, cpu, **kwargs)

    def start_attack(self, attack):
        return [self.spawn([*FAVOURED, self.tools / "attack", kind,
                            attack.server(client), client, str(number)],
                           self.load_cpu, stdout=subprocess.PIPE)
                for kind, client, number in attack.clients]

    @contextlib.contextmanager
    def served_first(self):
        """dnsfw runs as soon as it can in the block, whatever else runs.

        For less than a second: the kernel then stops real-time processes for
        50 ms, if there are others.
        """
        pids = ground.tree(self.server.pid)
        for pid in pids:
            os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(50))
        yield
        for pid in pids:
            os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))

    def end(self, processes):
        """Their figures, added."""
        total = {}
        for process in processes:
            process.terminate()
        for process in processes:
            out, _ = process.communicate(timeout=ground.STOP_DEADLINE)
            if process.returncode != 0:
                raise Failed(f"{process.args}: ended with "
                             f"{process.returncode}")
            for key, value in json.loads(out).items():
                total[key] = total.get(key, 0) + value
        return total

    def worker_rss(self):
        """The most that the worker has had in memory, in MiB."""
        worker, = servers.Dnsfw.worker_pids(self)
        status = pathlib.Path(f"/proc/{worker}/status").read_text(
            encoding="ascii")
        return int(re.search(r"VmHWM:\s*(\d+)", status)[1]) / 1024


def argv_of(field, build, attack):
    acl = field.tmp / "acl"
    acl.write_text(attack.acl(), encoding="ascii")
    firewall = ["none"]
    if "->" in attack.acl():
        field.make_nftables()
        firewall = ["nftables", "--table", "inet filter", "--chain", "dnsfw",
                    "--max-grants", str(ground.SET_SIZE)]
    return [build / "dnsfw-priv" / "start" / "dnsfw",
            "--acl-file", acl, "--upstream", ground.UPSTREAM,
            "--bind", f"{ground.SERVER},{attacks.SERVER6}",
            "--bind-port", "53", "--timeout", TIMEOUT,
            "--firewall", *firewall, *attack.options]


def wrong(figures):
    """How many answers did not come, or were wrong."""
    return sum(figures[key] for key in (
        "lost", "wrong_question", "wrong_rcode", "wrong_address", "failed"))


class Names:
    """Each load has names of its own, so that no grant is there already."""

    def __init__(self):
        self.first = FIRST

    def load(self, field, attack, milliseconds):
        self.first += 1 << 20
        with field.served_first():
            return field.load(first=self.first, names=1 << 20,
                              milliseconds=milliseconds,
                              **(GOOD_TCP if attack.tcp else GOOD))


@contextlib.contextmanager
def stopped(field, word):
    """The process of dnsfw with that word on its command line stands still in
    the block, if there is a word."""
    if not word:
        yield
        return
    pid, = (pid for pid in ground.tree(field.server.pid)
            if word.encode() in pathlib.Path(
                f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def remark(attack, figures, upstream):
    """What else is to be known of this attack."""
    kinds = {kind for kind, _, _ in attack.clients}
    if "large" in kinds:
        return f"{figures['octets_in'] / figures['octets_out']:.1f} octets " \
            "for each of the attacker's"
    if "variants" in kinds:
        return f"{upstream['open']} of one question open"
    if kinds & {"stairs", "labels", "chain", "crowd"}:
        return f"{figures['answered'] / figures['seconds']:,.0f} of its " \
            "messages a second"
    if "again" in kinds:
        return f"{figures['answered']} answers to {figures['sent']}"
    if kinds & {"halves", "hoard", "empty"}:
        return f"{figures['closed']} connections closed"
    return ""


def press(where, build, attack, milliseconds):
    """The figures of one run."""
    names = Names()
    with Field(*where, attack.late) as field:
        field.start(argv_of(field, build, attack))
        names.load(field, attack, 200)
        idle = names.load(field, attack, milliseconds)
        with stopped(field, attack.stopped):
            processes = field.start_attack(attack)
            threading.Event().wait(attack.ramp)
            before = field.cost()
            pressed = names.load(field, attack, milliseconds)
            cpu = field.cost().cpu_ns - before.cpu_ns
            figures = field.end(processes)
        threading.Event().wait(RECOVERY)
        after = names.load(field, attack, 200)
        field.cost()            # is it still there?
        rss = field.worker_rss()
        upstream = field.end([field.upstream])
    return {"idle": idle, "pressed": pressed, "after": after,
            "lost": wrong(pressed), "lost_after": wrong(after),
            "attack": figures, "rss_mib": rss,
            "cpu": cpu / (milliseconds * 1e6),
            "remark": remark(attack, figures, upstream)}
