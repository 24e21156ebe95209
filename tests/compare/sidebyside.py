"""dnsfw and its reference in one namespace, with the same upstream.

Each has its address to listen on and its chain, whose names have the same
length; what the kernel holds is told apart by them.
"""

import contextlib
import pathlib
import re
import shutil
import socket
import tempfile

import dns.message
import dns.rcode

from ending import undisturbed
from lab import (clean_environment, family_of, dnsfw_program, receive_tcp,
                 send_tcp)
from netns import Namespace
from process import Process
from upstream import Upstream
from world import KERNEL_LONGEST

UPSTREAM = "10.7.0.1"
PATIENCE = 5        # seconds for an answer
ADDRESSES = f"""link set lo up
address add {UPSTREAM}/32 dev lo
address add 10.8.0.1/32 dev lo
address add 10.8.0.2/32 dev lo
address add fd00:8::1/128 dev lo
address add fd00:8::2/128 dev lo
route add local 10.9.0.0/16 dev lo
route add local fd00:9::/64 dev lo
"""
STARTED = r"\[INFO .*Server started"     # the reference names its module, too


class Answer:
    """What came back: the code, and the answer section."""

    def __init__(self, wire):
        message = dns.message.from_wire(wire, one_rr_per_rrset=True)
        self.rcode = dns.rcode.to_text(message.rcode())
        self.ttls = [rrset.ttl for rrset in message.answer]
        self.records = [(rrset.name.to_text(), rrset.rdclass, rrset.rdtype,
                         rrset[0].to_text()) for rrset in message.answer]


class Program:
    """One of the two, running."""

    def __init__(self, side, name, number, path, **options):
        self.side = side
        self.name = name
        self.path = path
        self.chain = f"FW{name[:3].upper()}"
        self.server = {4: f"10.8.0.{number}", 6: f"fd00:8::{number}"}
        self.options = {name.replace("_", "-"): value
                        for name, value in options.items()}
        self.process = None

    def start(self, acl, family, options, firewall=True):
        """True if it serves; options: name to value, with the default way."""
        words = {"acl-file": str(acl), "upstream": UPSTREAM,
                 "bind": self.server[family], "bind-port": "53",
                 "firewall": "iptables" if firewall else "none",
                 **({"chain": self.chain} if firewall else {}),
                 **self.options, **options}
        # Every other one in the environment.
        env = {name.upper().replace("-", "_"): value for name, value in
               list(words.items())[::2]}
        argv = [word for name, value in list(words.items())[1::2]
                for word in (f"--{name}", value)]
        return self.run(argv, env)

    def run(self, argv, env):
        """True if it serves; False if it has ended."""
        self.process = Process(
            self.side.namespace.command(self.path, *argv),
            env=clean_environment(**env))
        with contextlib.suppress(AssertionError):
            self.process.err.wait_for(STARTED)
            return True
        self.process.wait_exit()
        return False

    def ask(self, family, client, wire, tcp):
        """The octets of the answer, or None."""
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with self.side.namespace.socket(family_of(client), kind) as sock:
            sock.settimeout(PATIENCE)
            sock.bind((client, 0))
            sock.connect((self.server[family], 53))
            try:
                if not tcp:
                    sock.send(wire)
                    return sock.recv(65535)
                send_tcp(sock, wire)
                return receive_tcp(sock)
            except (TimeoutError, EOFError):
                return None

    def stop(self):
        """The access log: ID to its lines, without client and ID."""
        self.process.stop()
        self.process.out.wait_end()
        lines = {}
        for line in self.process.out.lines:
            match = re.fullmatch(r"(\S+ \S+) \[(\d+)\](.*)", line)
            number = int(match[2]) if match else None
            lines.setdefault(number, []).append(
                (match[1], match[3]) if match else line)
        return lines

    # The kernel's side.

    def rules(self):
        """What iptables and ip6tables say, the chain's name left out."""
        return [self.side.namespace.run(command, "-S", self.chain).replace(
            self.chain, "CHAIN") for command in ("iptables", "ip6tables")]

    def sets(self):
        """Name to (description, {entry: (timeout, comment)})."""
        found = {}
        for block in self.side.namespace.run("ipset", "list").split("\n\n"):
            head, _, members = block.partition("Members:\n")
            if not head.startswith(f"Name: {self.chain}-"):
                continue
            name = re.match(r"Name: (\S+)", head)[1]
            kind = re.search(r"Type: (\S+)", head)[1]
            header = re.sub(r"hashsize \d+|bucketsize \d+|initval \S+", "",
                            re.search(r"Header: (.*)", head)[1])
            entries = {}
            for line in members.splitlines():
                match = re.fullmatch(
                    r'(\S+) timeout (\d+)(?: comment "([^"]*)")?', line)
                assert match, f"ipset: {line}"
                entries[match[1]] = (int(match[2]), match[3])
            found[name.replace(self.chain, "CHAIN")] = (
                f"{kind} {' '.join(header.split())}", entries)
        return found


class SideBySide:
    """A context manager; nothing stays."""

    def __init__(self, reference, prepare):
        """prepare(upstream) puts its records there."""
        self._stack = contextlib.ExitStack()
        try:
            self.namespace = Namespace()
            self._stack.callback(self.namespace.close)
            self.namespace.sysctl(ipv6__ip_nonlocal_bind=1)
            self.namespace.run("ip", "-batch", "-", text=ADDRESSES)
            self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="dnsfw-diff-"))
            self._stack.callback(shutil.rmtree, self.tmp)
            self.tmp.chmod(0o755)
            self.upstream = Upstream(self.namespace, [UPSTREAM])
            self._stack.callback(self.upstream.close)
            prepare(self.upstream)
            self.theirs = Program(self, "reference", 1, str(reference))
            # The reference has no longest time of its own.
            self.ours = Program(self, "dnsfw", 2, str(dnsfw_program()),
                                max_rule_time=str(KERNEL_LONGEST))
            self.both = (self.ours, self.theirs)
            for program in self.both:
                self._stack.callback(self._end, program)
                for command in ("iptables", "ip6tables"):
                    self.namespace.run(command, "-N", program.chain)
        except BaseException:
            self._stack.close()
            raise

    @staticmethod
    def _end(program):
        if program.process:
            program.process.stop()

    def __enter__(self):
        return self

    @undisturbed()
    def __exit__(self, *exc):
        self._stack.close()

    def write_acl(self, lines):
        path = self.tmp / "acl"
        path.write_text("".join(f"{line}\n" for line in lines),
                        encoding="utf-8")
        return path
