"""The programs that are measured, and how each is started."""

import json
import pathlib
import shutil

import ground
from policy import Policy

RCODE_NXDOMAIN = 3
RCODE_REFUSED = 5


class Server:
    """A program with a configuration for each policy that it can have."""

    name = ""           # in the output
    package = ""        # Debian's, or how to get it
    program = ""
    firewall = None     # "ipset" or "nftables": it grants what it answers
    policies = {Policy.PLAIN}
    tcp = True
    refusal = RCODE_REFUSED
    bare_refusal = False    # without QR and question, so that clients wait
    reloaded = None     # what it logs at the end of a reload by SIGHUP
    workers = False     # it has --workers
    only = None         # workloads, if not all that it can do

    def __init__(self, program=None):
        self.path = program or shutil.which(self.program)

    @property
    def kind(self):
        """The name without the firewall."""
        return self.name.partition(",")[0]

    def missing(self):
        """Why it cannot be run here, or None."""
        if self.path and pathlib.Path(self.path).exists():
            return None
        return f"not found: {self.program} (Debian package: {self.package})"

    def prepare(self, where):
        """Make what the program needs in the namespace."""

    def argv(self, where, policy):
        raise NotImplementedError

    @staticmethod
    def write(where, name, lines):
        path = where.tmp / name
        with open(path, "w", encoding="ascii") as file:
            file.writelines(line + "\n" for line in lines)
        return path


class Forwarder(Server):
    """The bare forwarder in C."""

    tcp = False

    def __init__(self, tools, firewall=None):
        super().__init__(tools / "forwarder")
        self.firewall = firewall
        self.name = f"forwarder, {firewall}" if firewall else "forwarder"
        if firewall:
            self.policies = {Policy.GRANT}

    def prepare(self, where):
        if self.firewall == "ipset":
            where.make_ipset("bench", "hash:ip,port,ip")
        elif self.firewall:
            where.make_nftables()

    def argv(self, where, policy):
        return [self.path, ground.SERVER, ground.UPSTREAM,
                *([self.firewall] if self.firewall else [])]


class DnsFirewall(Server):
    """dnsfw, and the reference, whose options and language it has."""

    policies = set(Policy)

    def __init__(self, program, firewall=None):
        super().__init__(program)
        self.program = program
        self.firewall = firewall
        self.name += f", {firewall}" if firewall else ""
        if firewall:
            self.policies = {Policy.GRANT, Policy.CLIENTS}
        else:
            self.policies = set(Policy) - {Policy.GRANT, Policy.CLIENTS}

    def missing(self):
        if pathlib.Path(self.path).exists():
            return None
        return f"{self.path}: not found ({self.package})"

    def prepare(self, where):
        if self.firewall == "ipset":
            where.make_chains()
        elif self.firewall:
            where.make_nftables()

    def argv(self, where, policy):
        options = {None: ["none"], "ipset": ["iptables", "--chain", "DNSFW"],
                   "nftables": ["nftables", "--table", "inet filter",
                                "--chain", "dnsfw"]}
        return [self.path, "--acl-file", policy.acl(where.tmp),
                "--upstream", ground.UPSTREAM, "--bind", ground.SERVER,
                "--bind-port", "53", "--firewall", *options[self.firewall]]


class Dnsfw(DnsFirewall):
    name = "dnsfw"
    package = ("build it: meson setup build --buildtype=release && "
               "ninja -C build; or say where with --build")
    reloaded = r"\[INFO \] .*[Rr]eloaded"
    workers = True

    def __init__(self, program, firewall=None, upstream_tcp=False):
        super().__init__(program, firewall)
        self.upstream_tcp = upstream_tcp
        if upstream_tcp:
            self.name += ", over TCP"
            # What the way to the upstream makes a difference for.
            self.only = ("W1", "W2", "W3", "W4")

    @staticmethod
    def worker_pids(where):
        """The processes "dnsfw-proxy worker UID GID NAME"."""
        return [pid for pid in ground.tree(where.server.pid)
                if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(
                    b"\0")[1] == b"worker"]

    def argv(self, where, policy):
        argv = super().argv(where, policy)
        if self.firewall:
            argv += ["--max-grants", str(ground.SET_SIZE)]
        if self.upstream_tcp:
            argv += ["--upstream-transport", "tcp"]
        return argv


class Reference(DnsFirewall):
    name = "dns-firewall"
    bare_refusal = True
    package = "the reference: build it, and name it with --reference"


class Dnsmasq(Server):
    program = "dnsmasq"
    package = "dnsmasq-base"
    refusal = RCODE_NXDOMAIN

    def __init__(self, firewall=None):
        super().__init__()
        self.firewall = firewall
        self.name = f"dnsmasq, {firewall}" if firewall else "dnsmasq"
        self.policies = ({Policy.GRANT} if firewall else
                         {Policy.PLAIN, Policy.BLOCK})

    def prepare(self, where):
        if self.firewall == "ipset":
            where.make_ipset("address", "hash:ip")
        elif self.firewall:
            where.make_nftables()

    def argv(self, where, policy):
        config = self.write(where, "dnsmasq.conf", (
            f"local=/{name}/" for name in policy.blocked()))
        sets = {None: [], "ipset": ["--ipset=/bench.test/address"],
                "nftables":
                ["--nftset=/bench.test/4#inet#filter#address"]}
        return [self.path, "--keep-in-foreground", f"--conf-file={config}",
                "--user=root", "--pid-file=", "--log-facility=-",
                "--no-resolv", "--no-hosts", "--cache-size=0",
                f"--server={ground.UPSTREAM}", "--bind-interfaces",
                f"--listen-address={ground.SERVER}",
                "--dns-forward-max=10000", "--max-tcp-connections=200",
                *sets[self.firewall]]


class Unbound(Server):
    name = program = package = "unbound"
    policies = {Policy.PLAIN, Policy.BLOCK, Policy.RELOAD}
    reloaded = "start of service"

    CONFIG = f"""server:
    interface: {ground.SERVER}
    access-control: 0.0.0.0/0 allow
    do-daemonize: no
    local-zone: "test." nodefault
    do-ip6: no
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    verbosity: 1
    num-threads: 1
    module-config: "iterator"
    msg-cache-size: 0
    rrset-cache-size: 0
    qname-minimisation: no
    incoming-num-tcp: 200
    outgoing-range: 8192
    num-queries-per-thread: 4096
forward-zone:
    name: "."
    forward-addr: {ground.UPSTREAM}
remote-control:
    control-enable: no
server:"""

    def argv(self, where, policy):
        config = self.write(where, "unbound.conf", (
            self.CONFIG, *(f'    local-zone: "{name}" always_refuse'
                           for name in policy.blocked())))
        return [self.path, "-d", "-c", config]


class Dnsdist(Server):
    name = program = package = "dnsdist"
    policies = {Policy.PLAIN, Policy.BLOCK}

    CONFIG = f"""setLocal("{ground.SERVER}")
setACL("0.0.0.0/0")
setSecurityPollSuffix("")
newServer("{ground.UPSTREAM}")
blocked = newSuffixMatchNode()
for line in io.lines("%s") do
    blocked:add(newDNSName(line))
end
addAction(SuffixMatchNodeRule(blocked, true), RCodeAction(DNSRCode.REFUSED))
"""

    def argv(self, where, policy):
        names = self.write(where, "dnsdist.names", policy.blocked())
        config = self.write(where, "dnsdist.conf", [self.CONFIG % names])
        return [self.path, "--supervised", "--disable-syslog", "-C", config]


def all_servers(tools, build, reference):
    """Every program with every firewall it can program, in their order."""
    ours = build / "dnsfw-priv" / "start" / "dnsfw"
    servers = [*(Dnsfw(ours, firewall, upstream_tcp)
                 for upstream_tcp in (False, True)
                 for firewall in (None, "ipset", "nftables")),
               Forwarder(tools), Forwarder(tools, "ipset"),
               Forwarder(tools, "nftables"), Dnsmasq(), Dnsmasq("ipset"),
               Dnsmasq("nftables"), Unbound(), Dnsdist()]
    if reference:
        servers += [Reference(reference), Reference(reference, "ipset")]
    return servers


def build_options(build):
    """How dnsfw was built, in a word or two; None if it was not."""
    path = build / "meson-info" / "intro-buildoptions.json"
    if not path.exists():
        return None
    options = {option["name"]: option["value"] for option in
               json.loads(path.read_text(encoding="utf-8"))}
    sanitized = ", with sanitizers: no measure" if options.get("sanitize") \
        else ""
    return f"buildtype {options['buildtype']}{sanitized}"
