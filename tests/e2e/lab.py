"""A client, a gateway and an "internet", with dnsfw on the gateway.

    client ── lan ── gateway ── wan ── internet

All addresses of SITES4 and SITES6 are local in the internet, so each test gets
sites of its own.
"""

import contextlib
import errno
import functools
import ipaddress
import itertools
import os
import pathlib
import shutil
import socket
import struct
import tempfile
import threading
import uuid

import dns.message
import dns.query
import dns.rdatatype

from ending import undisturbed
import firewall
from netns import Namespace
from process import DEADLINE, Process, until
import rtnetlink
from rtnetlink import (LOOPBACK, add_address, default_route, link_up,
                       local_route, route, veth)
from services import Services
from upstream import Upstream

CLIENT4 = "10.77.1.2"
CLIENT6 = "fd77:1::2"
OTHER4 = "10.77.1.3"
OTHER6 = "fd77:1::3"
GATEWAY4 = "10.77.1.1"
GATEWAY6 = "fd77:1::1"
DNS4 = "10.77.2.2"
DNS6 = "fd77:2::2"
SITES4 = ipaddress.ip_network("10.78.0.0/16")
SITES6 = ipaddress.ip_network("fd78::/64")

PORT = 8000         # the services are on both
OTHER_PORT = 8001

READY = r"\[INFO \] .*Server started"

# The policy of most tests.
ALLOW = f"""
{CLIENT4} -> *.example.com:TCP:{PORT}
{CLIENT6} -> *.example.com:TCP:{PORT}
"""

# What a rejected connection looks like: a reset, ICMP's "prohibited", or this
# host's own refusal.  The services listen on every address and both ports, so
# that none of these comes from there.
REJECTED = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM}

LAN, CLIENT_LAN = (rtnetlink.Link("lan", number) for number in (2, 12))
WAN, INTERNET_WAN = (rtnetlink.Link("wan", number) for number in (3, 13))
NETWORK = {
    "client": (
        link_up(LOOPBACK), link_up(CLIENT_LAN),
        add_address(f"{CLIENT4}/24", CLIENT_LAN),
        add_address(f"{OTHER4}/24", CLIENT_LAN),
        add_address(f"{CLIENT6}/64", CLIENT_LAN),
        add_address(f"{OTHER6}/64", CLIENT_LAN),
        default_route(GATEWAY4), default_route(GATEWAY6)),
    "gateway": (
        link_up(LOOPBACK), link_up(LAN), link_up(WAN),
        add_address(f"{GATEWAY4}/24", LAN), add_address(f"{GATEWAY6}/64", LAN),
        add_address("10.77.2.1/24", WAN), add_address("fd77:2::1/64", WAN),
        route(SITES4, DNS4), route(SITES6, DNS6)),
    "internet": (
        link_up(LOOPBACK), link_up(INTERNET_WAN),
        add_address(f"{DNS4}/24", INTERNET_WAN),
        add_address(f"{DNS6}/64", INTERNET_WAN),
        local_route(SITES4), local_route(SITES6),
        default_route("10.77.2.1"), default_route("fd77:2::1")),
}


def build_dir():
    """Where the programs under test are."""
    top = pathlib.Path(__file__).resolve().parents[2]
    return pathlib.Path(os.environ.get("DNSFW_BUILD", top / "build")).resolve()


# The programs below it, and the users.
PROGRAMS = ("dnsfw-priv/start/dnsfw", "dnsfw-priv/helper/dnsfw-priv",
            "dnsfw-proxy/dnsfw-proxy", "dnsfw-proxy/ctl/dnsfwctl",
            "dnsfw-priv/stamp/dnsfw-stamp")
USERS = ("dnsfw-keeper", "dnsfw-priv", "dnsfw-proxy")


def tracer():
    """For tests/strace/run: in front of dnsfw, whose pid and parent stay."""
    folder = os.environ.get("DNSFW_TRACES")
    return folder and ("strace", "-D", "-f", "-qq", "-s", "16", "-e",
                       "signal=none", "-o", f"{folder}/{uuid.uuid4()}") or ()


def dnsfw_program(folder=None):
    """What is started, in the build folder or another one."""
    return (folder or build_dir()) / PROGRAMS[0]


def sanitized():
    """With sanitizers the programs have more than they need."""
    return b"__asan_init" in dnsfw_program().read_bytes()


def copy_programs(folder):
    """For who may not go where the build is; returns what is started."""
    for one in PROGRAMS:
        (folder / one).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(build_dir() / one, folder / one)
    return dnsfw_program(folder)


def clean_environment(**more):
    """The tests' own environment must not set options, but for one: no test
    makes a control socket in /run."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
            "CONTROL": "none", **more}


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Site:
    """A name with an address of each family."""

    def __init__(self, name, v4, v6):
        self.name = name
        self.v4 = v4
        self.v6 = v6

    def address(self, client):
        return self.v6 if ":" in client else self.v4


class Lab:
    """The network; as a context manager it takes everything away again."""

    def __init__(self, gateway=Namespace):
        self.program = dnsfw_program()
        self._stack = contextlib.ExitStack()
        self._numbers = itertools.count(1)
        self.servers = []       # every dnsfw that was started
        try:
            self._make(gateway)
        except BaseException:
            self._stack.close()
            raise

    def _make(self, gateway):
        for name in NETWORK:
            namespace = gateway() if name == "gateway" else Namespace()
            self._stack.callback(namespace.close)
            setattr(self, name, namespace)
            namespace.sysctl(
                ipv6__conf__all__accept_dad=0,
                ipv6__conf__default__accept_dad=0,
                ipv4__icmp_ratelimit=0, ipv6__icmp__ratelimit=0)
        rtnetlink.request(self.client, veth(CLIENT_LAN, LAN, self.gateway))
        rtnetlink.request(self.internet, veth(INTERNET_WAN, WAN, self.gateway))
        for name, messages in NETWORK.items():
            rtnetlink.request(getattr(self, name), *messages)
        self.gateway.sysctl(ipv4__ip_forward=1,
                            ipv6__conf__all__forwarding=1)
        self.tmp = pathlib.Path(tempfile.mkdtemp(prefix="dnsfw-e2e-"))
        self._stack.callback(shutil.rmtree, self.tmp)
        self.tmp.chmod(0o755)
        self.services = Services(self.internet, (PORT, OTHER_PORT))
        self._stack.callback(self.services.close)
        for end in ((self.client, CLIENT_LAN), (self.gateway, LAN),
                    (self.gateway, WAN), (self.internet, INTERNET_WAN)):
            until(lambda one=end: rtnetlink.is_up(*one))

    def __enter__(self):
        return self

    @undisturbed()
    def __exit__(self, *exc):
        self._stack.close()

    @functools.cached_property
    def upstream(self):
        return self.start_upstream(DNS4, DNS6)

    def start_upstream(self, *addresses, port=53, where=None, udp=True):
        server = Upstream(where or self.internet, addresses, port, udp)
        self._stack.callback(server.close)
        return server

    def set_up_firewall(self, name):
        backend = firewall.BACKENDS[name](self.gateway)
        backend.set_up()
        return backend

    @undisturbed()
    def start(self, argv, namespace=None, **kwargs):
        """A process in the gateway, or elsewhere, that ends with the lab."""
        with (namespace or self.gateway).starting(argv) as command:
            process = Process(command,
                              env=kwargs.pop("env", clean_environment()),
                              **kwargs)
        self._stack.callback(process.stop)
        return process

    def write_acl(self, text):
        path = self.tmp / f"acl-{next(self._numbers)}"
        path.write_text(text, encoding="utf-8")
        return path

    def dnsfw_argv(self, acl, *options, fw=None, upstream=DNS4, program=None):
        """The command line, with what most tests want."""
        return [str(program or self.program),
                "--acl-file", str(self.write_acl(acl)),
                "--upstream", upstream, "--bind-port", "53",
                "--bind", f"{GATEWAY4},{GATEWAY6},127.0.0.1,::1",
                "--control", str(self.tmp / f"control{len(self.servers)}"),
                *(fw.options if fw else ("--firewall", "none")), *options]

    def start_dnsfw(self, acl, *options, wrapper=(), env=None, **kwargs):
        """Start dnsfw on the gateway; what comes of it is the test's."""
        process = self.start(
            [*(wrapper or tracer()), *self.dnsfw_argv(acl, *options, **kwargs)],
            env=env or clean_environment())
        self.servers.append(process)
        return process

    def dnsfw(self, acl, *options, **kwargs):
        """Start dnsfw with the upstream, and wait until it serves."""
        self.upstream       # is there before it is asked
        process = self.start_dnsfw(acl, *options, **kwargs)
        process.err.wait_for(READY)
        return process

    def dnsfw_fails(self, acl, *options, **kwargs):
        """Start dnsfw, which must end by itself.

        Returns its exit status and what it wrote on stderr.
        """
        process = self.start_dnsfw(acl, *options, **kwargs)
        status = process.wait_exit()
        process.err.wait_end()
        return status, str(process.err)

    def site(self, ttl=300, name=None, under="example.com"):
        """A new name with new addresses, known to the upstream."""
        number = next(self._numbers)
        name = name or f"site{number}.{under}"
        site = Site(name, str(SITES4[number]), str(SITES6[number]))
        self.upstream.add(name, ttl, "A", site.v4)
        self.upstream.add(name, ttl, "AAAA", site.v6)
        return site

    # The client's side.

    def _home(self, address):
        """The namespace that has the address, and where it asks."""
        if address in (CLIENT4, CLIENT6, OTHER4, OTHER6):
            return self.client, GATEWAY6 if ":" in address else GATEWAY4
        return self.gateway, "::1" if ":" in address else "127.0.0.1"

    def client_socket(self, client, kind):
        sock = self._home(client)[0].socket(family_of(client), kind)
        sock.settimeout(DEADLINE)
        sock.bind((client, 0))
        return sock

    def exchange(self, wire, client=CLIENT4, tcp=False, timeout=DEADLINE,
                 server=None):
        """Send the bytes of a query and return those of the answer."""
        where = (server or self._home(client)[1], 53)
        kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        with self.client_socket(client, kind) as sock:
            sock.settimeout(timeout)
            sock.connect(where)
            if not tcp:
                sock.send(wire)
                return sock.recv(65535)
            send_tcp(sock, wire)
            return receive_tcp(sock)

    def ask(self, name, rdtype="A", client=CLIENT4, tcp=False,
            timeout=DEADLINE, **query):
        """Ask dnsfw; the answer has been checked to belong to the query."""
        question = dns.message.make_query(name, rdtype, **query)
        answer = dns.message.from_wire(
            self.exchange(question.to_wire(), client, tcp, timeout))
        assert question.is_response(answer), f"not the answer: {answer}"
        return answer

    def resolve(self, site, client=CLIENT4, tcp=False):
        """Ask for the site's address of the client's family; it must come."""
        rdtype = "AAAA" if ":" in client else "A"
        answer = self.ask(site.name, rdtype, client, tcp)
        assert addresses_of(answer) == [site.address(client)], answer
        return answer

    def reaches(self, address, client=CLIENT4, port=PORT, proto="tcp"):
        """True if the service says hello, False if the firewall rejects."""
        kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
        source = client
        if client in ("127.0.0.1", "::1"):
            source = "::" if ":" in address else "0.0.0.0"
        home = self._home(client)[0]
        with home.socket(family_of(address), kind) as sock:
            sock.settimeout(DEADLINE)
            sock.bind((source, 0))
            try:
                sock.connect((address, port))
                if proto == "udp":
                    return say_hello(sock)
                return sock.recv(100).startswith(b"hello")
            except OSError as error:
                if error.errno in REJECTED:
                    return False
                raise


def say_hello(sock):
    """Over UDP; the kernel may hold an ICMP error back, so more than once."""
    sock.settimeout(1)
    for _ in range(DEADLINE):
        sock.send(b"x")
        try:
            return sock.recv(100).startswith(b"hello")
        except TimeoutError:
            pass
    raise TimeoutError("neither an answer nor an ICMP error")


def send_tcp(sock, wire):
    sock.sendall(struct.pack("!H", len(wire)) + wire)


def receive_exactly(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError(f"closed after {len(data)} of {count} octets")
        data += more
    return data


def receive_tcp(sock):
    """One message of a DNS connection."""
    return receive_exactly(
        sock, struct.unpack("!H", receive_exactly(sock, 2))[0])


def addresses_of(answer):
    """The addresses of the answer section, in its order."""
    return [record.address for rrset in answer.answer for record in rrset
            if record.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA)]


def ttls_of(answer):
    return [rrset.ttl for rrset in answer.answer]
