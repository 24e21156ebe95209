"""Where the programs are measured: a namespace with an upstream and a server.

Traffic is on the loopback device of the namespace only.  The server has one
CPU for itself; the load generator and the upstream share another one.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from ending import undisturbed
from netns import Namespace

HERE = pathlib.Path(__file__).resolve().parent
UPSTREAM = "10.7.0.1"
SERVER = "10.8.0.1"
CLIENTS = "10.9.0.0/16"
FIRST_CLIENT = "10.9.0.1"

START_DEADLINE = 60     # seconds until a server must answer
STOP_DEADLINE = 10
LOAD_DEADLINE = 120     # of loadgen, which ends by itself long before

# Of the sets: more than any workload grants.
SET_SIZE = 1 << 18

ADDRESSES = f"""link set lo up
address add {UPSTREAM}/32 dev lo
address add {SERVER}/32 dev lo
route add local {CLIENTS} dev lo
"""

NFTABLES = f"""table inet filter {{
    chain dnsfw {{ }}
    set bench {{
        type ipv4_addr . inet_proto . inet_service . ipv4_addr
        flags timeout
        size {SET_SIZE}
    }}
    set address {{
        type ipv4_addr
        size {SET_SIZE}
    }}
}}
"""

# What must be installed, with Debian's package.
COMMANDS = {"cc": "gcc, libmnl-dev", "ip": "iproute2", "ipset": "ipset",
            "iptables-nft": "iptables", "nft": "nftables",
            "nsenter": "util-linux"}

# The programs in C, with the sources and libraries of each.
TOOLS = {
    "loadgen": (("loadgen.c", "loadgen_tcp.c", "loadgen_udp.c",
                 "histogram.c", "plan.c", "query.c"), ()),
    "answerer": (("answerer.c", "query.c"), ()),
    "attack": (("attack.c", "attack_tcp.c", "attack_udp.c", "attack_icmp.c",
                "histogram.c", "query.c", "worst.c"), ()),
    "hostile": (("hostile.c", "query.c", "worst.c"), ("-lpthread",)),
    "forwarder": (("forwarder.c", "netgrant.c"), ("-lmnl",)),
}

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "CONTROL": "none"}      # of dnsfw: no socket in /run

Cost = collections.namedtuple("Cost", "cpu_ns rss_kib")


class Failed(Exception):
    """A run that did not come to figures; the text says why."""


def missing_commands():
    """What is not installed that every run needs."""
    return [f"{name} (Debian packages: {package})"
            for name, package in COMMANDS.items() if not shutil.which(name)]


@undisturbed()
def build_tools(where):
    """Compile the programs in C."""
    for name, (sources, libraries) in TOOLS.items():
        subprocess.run(
            ["cc", "-O2", "-std=gnu11", "-D_GNU_SOURCE",
             "-o", where / name, *(HERE / source for source in sources),
             *libraries], check=True)


def tree(pid):
    """The process and all its descendants."""
    pids = [pid]
    for one in pids:
        try:
            for children in pathlib.Path(f"/proc/{one}/task").glob(
                    "*/children"):
                pids += [int(child) for child in
                         children.read_text(encoding="ascii").split()]
        except OSError:
            continue    # it has ended
    return pids


def cost(pid):
    """CPU time, user and system, of the tree; and what it has in memory.

    The clock of a living process is exact; children that have ended count in
    ticks.  Pages that two of the processes share count twice.
    """
    cpu = rss = 0
    for one in tree(pid):
        try:
            # CPUCLOCK_SCHED of the process, see clock_getcpuclockid(3).
            cpu += time.clock_gettime_ns((~one << 3) | 2)
            with open(f"/proc/{one}/stat", encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
            cpu += ((int(fields[13]) + int(fields[14])) * 1000000000 //
                    os.sysconf("SC_CLK_TCK"))
            rss += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024
        except OSError:
            continue
    return Cost(cpu, rss)


class Ground:
    """The namespace; as a context manager it ends all that was started."""

    def __init__(self, tools, tmp, server_cpu, load_cpu, capture=None):
        """capture: a file for what the upstream sees, see answerer.c."""
        self.tools = tools
        self.tmp = tmp
        self.server_cpu = server_cpu
        self.load_cpu = load_cpu
        self.server = None
        self.upstream = None
        self.processes = []     # all that were started
        self.namespace = Namespace()
        try:
            self.namespace.run("ip", "-batch", "-", text=ADDRESSES)
            self.upstream = self.start_upstream(capture)
            self._wait_until_answered(UPSTREAM, self.upstream)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def start_upstream(self, capture):
        return self.spawn([self.tools / "answerer", UPSTREAM,
                           *([capture] if capture else [])], self.load_cpu)

    @undisturbed()
    def close(self):
        for process in self.processes:
            if process.poll() is None:
                self.stop(process)
        # Now, and not at some time during the next run.
        subprocess.run(self.namespace.command("nft", "flush", "ruleset"),
                       check=False)
        subprocess.run(self.namespace.command("ipset", "destroy"),
                       stderr=subprocess.DEVNULL, check=False)
        self.namespace.close()

    @undisturbed()
    def spawn(self, argv, cpu, **kwargs):
        kwargs.setdefault("stdout", subprocess.DEVNULL)
        process = subprocess.Popen(
            self.namespace.command(*argv), stdin=subprocess.DEVNULL,
            env=ENVIRONMENT,
            preexec_fn=lambda: os.sched_setaffinity(0, {cpu}), **kwargs)
        self.processes.append(process)
        return process

    @staticmethod
    def stop(process):
        """End a process and what it has started."""
        pids = tree(process.pid)
        process.terminate()
        try:
            process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            process.wait()

    # The firewall.

    def make_ipset(self, name, kind):
        self.namespace.run("ipset", "create", name, kind, "hashsize",
                           str(SET_SIZE), "maxelem", str(SET_SIZE),
                           "timeout", "3600")

    def make_chains(self):
        """The operator's part of dnsfw's firewall with iptables."""
        for command in ("iptables-nft", "ip6tables-nft"):
            self.namespace.run(command, "-N", "DNSFW")

    def make_nftables(self):
        self.namespace.run("nft", "-f", "-", text=NFTABLES)

    def count_elements(self):
        """How many elements all sets of the namespace have."""
        sets = self.namespace.run("ipset", "list", "-t")
        count = sum(int(number) for number in re.findall(
            r"Number of entries: (\d+)", sets))
        ruleset = self.namespace.run("nft", "list", "ruleset")
        for block in re.findall(r"elements = \{([^}]*)\}", ruleset):
            count += block.count(",") + 1
        return count

    # The server.

    def start(self, argv):
        """Start the server, and return the seconds until it answers."""
        began = time.monotonic()
        with open(self.tmp / "server.log", "w", encoding="utf-8") as log:
            self.server = self.spawn(argv, self.server_cpu, stderr=log)
        self._wait_until_answered(SERVER, self.server)
        return time.monotonic() - began

    def spread(self, pids):
        """Give each process one of the CPUs, in turn."""
        cpus = (self.server_cpu, self.load_cpu)
        for i, pid in enumerate(pids):
            os.sched_setaffinity(pid, {cpus[i % len(cpus)]})

    def server_ignores(self, number):
        with open(f"/proc/{self.server.pid}/status", encoding="ascii",
                  errors="replace") as file:
            mask = re.search(r"SigIgn:\s*([0-9a-f]+)", file.read()).group(1)
        return bool(int(mask, 16) >> (number - 1) & 1)

    def server_log(self):
        path = self.tmp / "server.log"
        if not path.exists():
            return ""
        return path.read_text(encoding="utf-8", errors="replace")

    def _wait_until_answered(self, address, process):
        """Any answer will do: loadgen looks at the answers."""
        query = (b"\0\1\1\0\0\1\0\0\0\0\0\0\tnffffffff\5bench\4test\0"
                 b"\0\1\0\1")
        end = time.monotonic() + START_DEADLINE
        with self.namespace.socket(socket.AF_INET,
                                   socket.SOCK_DGRAM) as sock:
            sock.bind((FIRST_CLIENT, 0))
            sock.connect((address, 53))
            sock.settimeout(0.02)
            while time.monotonic() < end:
                if process.poll() is not None:
                    raise Failed(f"ended with status {process.returncode}: "
                                 f"{self._last_lines()}")
                try:
                    sock.send(query)
                    if sock.recv(512):
                        return
                except ConnectionRefusedError:
                    time.sleep(0.002)
                except TimeoutError:
                    pass
        raise Failed(f"no answer within {START_DEADLINE} s")

    def _last_lines(self):
        """The last one says that it ends, those before why."""
        lines = self.server_log().splitlines()
        return " | ".join(lines[-3:]) or "it logged nothing"

    def cost(self):
        if self.server.poll() is not None:
            raise Failed(f"ended with status {self.server.returncode}: "
                         f"{self._last_lines()}")
        return cost(self.server.pid)

    # The load.

    def start_load(self, **options):
        """A loadgen; end_load takes its figures."""
        argv = [self.tools / "loadgen", "--server", SERVER]
        for name, value in options.items():
            argv += [f"--{name.replace('_', '-')}", str(value)]
        return self.spawn(argv, self.load_cpu, stdout=subprocess.PIPE)

    @staticmethod
    def end_load(process):
        try:
            out, _ = process.communicate(timeout=LOAD_DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed("the load did not end") from None
        if process.returncode != 0:
            raise Failed(f"loadgen: exit status {process.returncode}")
        return json.loads(out)

    def load(self, **options):
        return self.end_load(self.start_load(**options))


class HostileGround(Ground):
    """One with an upstream of bad will, and clients."""

    def start_upstream(self, capture):
        return self.spawn([self.tools / "hostile", UPSTREAM], self.load_cpu,
                          stdout=subprocess.PIPE)

    def attack(self, kind, number, count=None, milliseconds=None):
        """What came of it, after so many answers or so much time."""
        process = self.spawn(
            [self.tools / "attack", kind, SERVER, FIRST_CLIENT, str(number),
             *([str(count)] if count else [])], self.load_cpu,
            stdout=subprocess.PIPE)
        if milliseconds:
            time.sleep(milliseconds / 1000)
            process.terminate()
        return self.end_load(process)
