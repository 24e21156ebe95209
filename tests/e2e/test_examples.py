"""The example firewalls (O4): whole, and closed whatever happens."""

import configparser
import contextlib
import pathlib
import re
import shlex
import signal
import socket
import subprocess

import dns.message
import dns.query
import dns.rcode
import pytest

import firewall
from host import Host
from lab import (CLIENT4, CLIENT6, DNS4, DNS6, GATEWAY4, GATEWAY6, OTHER4,
                 PORT, clean_environment, family_of)
from process import until

CONTRIB = pathlib.Path(__file__).resolve().parents[2] / "contrib"
WAN4 = "10.77.2.1"
ACL = "".join(f"{client} -> *.example.com:TCP:{PORT}\n"
              for client in (CLIENT4, CLIENT6, "127.0.0.1"))
FORWARDING = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding")
DROP_INS = {"nftables": "forward-nftables.conf",
            "iptables": "forward-iptables.conf"}


class Example:
    """The files of one backend, for the lab's interfaces."""

    def __init__(self, lab, name, change=lambda text: text):
        self._gateway = lab.gateway
        self._restored = lab.tmp / "sysctl.conf"
        self._restored.write_text(
            self._text("sysctl.conf").replace("eth0", "wan"), encoding="ascii")
        files = {"nftables": ["firewall.nft"],
                 "iptables": ["rules.v4", "rules.v6"]}[name]
        self.texts = [change(re.sub("eth0", "wan", re.sub(
            "eth1", "lan", self._text(file)))) for file in files]
        self.fw = firewall.BACKENDS[name](lab.gateway)
        self._drop_in = DROP_INS[name]

    @staticmethod
    def _text(name):
        return (CONTRIB / "examples" / name).read_text(encoding="ascii")

    def load(self):
        """As nftables.service or netfilter-persistent do at the start."""
        if self.fw.name == "nftables":
            self._gateway.run("nft", "-f", "-", text=self.texts[0])
        else:
            for command, text in zip(("iptables", "ip6tables"), self.texts):
                self._gateway.run(f"{command}-nft-restore", text=text)

    def commands(self, key):
        """What the drop-in adds to the service, here in the gateway."""
        # The same key comes more than once, which no INI file has.
        text = (CONTRIB / "systemd" / self._drop_in).read_text("ascii")
        for line in re.findall(rf"^{key}=(.+)$", text, re.M):
            line = line.replace("/etc/dnsfw/sysctl.conf", str(self._restored))
            yield shlex.split(line.replace("/iptables ", "/iptables-nft ")
                              .replace("/ip6tables ", "/ip6tables-nft "))

    def run(self, key):
        """Run them up to the first that fails; returns whether none did."""
        for argv in self.commands(key):
            ignored = argv[0].startswith("-")
            argv[0] = argv[0].removeprefix("-")
            done = subprocess.run(self._gateway.command(*argv),
                                  capture_output=True, check=False)
            if done.returncode != 0 and not ignored:
                return False
        return True

    def flush_grants(self):
        if self.fw.name == "iptables":
            self._gateway.run("ipset", "flush")
        else:
            for one in self.fw.objects("set"):
                self._gateway.run("nft", "flush", "set", "inet", "filter",
                                  one["name"])


@pytest.fixture(name="example", params=DROP_INS)
def _example(request, lab):
    """The gateway after a boot: it does not forward yet."""
    lab.gateway.sysctl(ipv4__ip_forward=0, ipv6__conf__all__forwarding=0)
    return Example(lab, request.param)


def forwards(lab):
    return [lab.gateway.run("cat", f"/proc/sys/{path}").strip()
            for path in FORWARDING]


def is_closed(lab, site):
    return not (lab.reaches(site.v4) or lab.reaches(site.v6, CLIENT6))


def is_open(lab, site):
    return lab.reaches(site.v4) and lab.reaches(site.v6, CLIENT6)


def granted(lab, site):
    """By both families, over both protocols."""
    for client in (CLIENT4, CLIENT6):
        for tcp in (False, True):
            lab.resolve(site, client, tcp=tcp)
    assert is_open(lab, site)


def silent(namespace, address, port):
    """A packet there is dropped."""
    with namespace.socket(family_of(address), socket.SOCK_STREAM) as sock:
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.connect((address, port))


def start(lab, example):
    example.load()
    assert example.run("ExecStartPost")
    assert forwards(lab) == ["1", "1"]
    return lab.dnsfw(ACL, fw=example.fw)


def test_O4_allowed_refused_and_closed_without_dnsfw(lab, example):
    site, other, foreign = lab.site(), lab.site(), lab.site(under="example.net")
    example.load()
    assert example.run("ExecStartPost")
    assert is_closed(lab, site)
    server = lab.dnsfw(ACL, fw=example.fw)
    assert is_closed(lab, site)
    granted(lab, site)
    # IPv4 is translated, IPv6 is not.
    assert {visit.client for visit in lab.services.visits} == {WAN4, CLIENT6}
    assert lab.ask(foreign.name).rcode() == dns.rcode.REFUSED
    assert is_closed(lab, foreign)
    assert not lab.reaches(site.v4, client=OTHER4)

    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0
    assert is_open(lab, site)       # until it times out
    assert is_closed(lab, other)
    example.flush_grants()
    assert is_closed(lab, site)


def test_O4_G10_the_file_is_loaded_again(lab, example):
    server = start(lab, example)
    site = lab.site()
    granted(lab, site)
    for _ in range(2):
        begin = len(server.err.lines)
        example.load()
        assert forwards(lab) == ["1", "1"]
        server.err.wait_for("are put back", start=begin)
        until(lambda: is_open(lab, site))
    granted(lab, lab.site())
    assert is_closed(lab, lab.site())


def test_O4_what_is_not_for_clients(lab, example):
    start(lab, example)
    # Other servers.
    for client, server in ((CLIENT4, DNS4), (CLIENT6, DNS6)):
        with pytest.raises(ConnectionRefusedError):
            lab.exchange(dns.message.make_query("a.example.com", "A")
                         .to_wire(), client, server=server)
    # Other services of the gateway, and SSH, which it has not.
    for port in (80, 22):
        assert not lab.reaches(GATEWAY4, port=port)
    assert not lab.reaches(GATEWAY6, CLIENT6, port=80)
    # From outside: neither the gateway nor the clients.
    for address, port in ((WAN4, 53), ("fd77:2::1", 53), (WAN4, 22),
                          (CLIENT4, PORT), (CLIENT6, PORT)):
        silent(lab.internet, address, port)


def uncommented(text):
    """All hints of the file: OUTPUT, and the redirection of port 53."""
    text = re.sub(r"^(\t+)#(?! )|^#(?=-A (?:OUTPUT|PREROUTING))", r"\1", text,
                  flags=re.M)
    text = text.replace("9.9.9.9", DNS4).replace("2620:fe::fe", DNS6)
    text = text.replace(":OUTPUT ACCEPT [0:0]\n# dnsfw", ":OUTPUT DROP [0:0]\n"
                        "# dnsfw")
    return text.replace("hook output priority filter; policy accept",
                        "hook output priority filter; policy drop")


@pytest.mark.parametrize("name", DROP_INS)
def test_O4_hints_of_the_file(lab, name):
    example = Example(lab, name, uncommented)
    start(lab, example)
    site, other = lab.site(), lab.site(under="example.net")
    granted(lab, site)
    # A client that asks elsewhere gets dnsfw's answer.
    with lab.client_socket(CLIENT4, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.53", 53))
        sock.send(dns.message.make_query(other.name, "A").to_wire())
        assert dns.message.from_wire(
            sock.recv(65535)).rcode() == dns.rcode.REFUSED
    # The gateway is held to the list.
    assert not lab.reaches(site.v4, "127.0.0.1")
    lab.ask(site.name, "A", "127.0.0.1")
    assert lab.reaches(site.v4, "127.0.0.1")
    assert not lab.reaches(other.v4, "127.0.0.1")


def test_O4_no_firewall_no_forwarding(lab, example):
    """Where nothing, or somebody else's file, was loaded."""
    site = lab.site()
    for text in ("flush ruleset", "flush ruleset\ntable inet filter {\n"
                 "chain forward { type filter hook forward priority 0; }\n}"):
        lab.gateway.run("nft", "-f", "-", text=text)
        assert not example.run("ExecStartPost")
        assert forwards(lab) == ["0", "0"]
    # Of one family only.
    if example.fw.name == "iptables":
        lab.gateway.run("iptables-nft-restore", text=example.texts[0])
        assert not example.run("ExecStartPost")
        assert forwards(lab) == ["0", "0"]
    with lab.client_socket(CLIENT4, socket.SOCK_STREAM) as sock:
        sock.settimeout(0.3)
        with pytest.raises(OSError):
            sock.connect((site.v4, PORT))
    start(lab, example)


def test_O4_a_stop_of_nftables_stops_forwarding(lab):
    example = Example(lab, "nftables")
    start(lab, example)
    commands = list(example.commands("ExecStop"))
    # Before the rules go.
    assert [argv[-1] for argv in commands] == [
        "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0", "ruleset"]
    assert example.run("ExecStop")
    assert forwards(lab) == ["0", "0"]
    assert lab.gateway.run("nft", "list", "ruleset") == ""


@pytest.mark.parametrize("name", DROP_INS.values())
def test_O1_drop_in_is_right(tmp_path, name):
    unit = tmp_path / "nftables.service"
    unit.write_text("[Service]\nType=oneshot\nExecStart=/bin/true\n"
                    "ExecStop=/bin/false\n", encoding="ascii")
    (tmp_path / "nftables.service.d").mkdir()
    text = (CONTRIB / "systemd" / name).read_text(encoding="ascii")
    (tmp_path / "nftables.service.d" / "dnsfw.conf").write_text(
        text, encoding="ascii")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit],
                          env=clean_environment(SYSTEMD_UNIT_PATH=f"{tmp_path}:"),
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def save(lab, example):
    """What the operator saves while dnsfw runs, with its sets."""
    if example.fw.name == "nftables":
        return ["flush ruleset\n" + lab.gateway.run("nft", "list", "ruleset")]
    return [lab.gateway.run(f"{command}-nft-save")
            for command in ("iptables", "ip6tables")] + [
                lab.gateway.run("ipset", "save")]


def boot(lab):
    lab.gateway.run("nft", "flush", "ruleset")
    lab.gateway.run("ipset", "destroy")
    lab.gateway.sysctl(ipv4__ip_forward=0, ipv6__conf__all__forwarding=0)


@pytest.fixture(name="saved")
def _saved(lab, example):
    """A site with grants, one without, the firewall saved, and a boot."""
    server = start(lab, example)
    site, other = lab.site(ttl=600), lab.site()
    granted(lab, site)
    texts = save(lab, example)
    server.stop()
    boot(lab)
    return site, other, texts


def grants_end(fw):
    entries = fw.entries()
    return entries and all(0 < entry.timeout <= 615 for entry in entries)


@pytest.mark.parametrize("example", ["nftables"], indirect=True)
def test_O4_a_saved_ruleset_of_nftables(lab, example, saved):
    site, other, texts = saved
    lab.gateway.run("nft", "-f", "-", text=texts[0])
    assert example.run("ExecStartPost")
    assert is_closed(lab, other)
    assert is_open(lab, site) and grants_end(example.fw)
    server = lab.dnsfw(ACL, fw=example.fw)
    server.err.wait_for("2 existing grants kept")
    granted(lab, other)


@pytest.mark.parametrize("example", ["iptables"], indirect=True)
def test_O4_saved_rules_of_iptables_without_their_sets(lab, example, saved):
    """They cannot be loaded: nothing is forwarded, and nothing is open."""
    with contextlib.suppress(AssertionError):
        lab.gateway.run("iptables-nft-restore", text=saved[2][0])
        pytest.fail("rules with sets that do not exist were loaded")
    assert not example.run("ExecStartPost")
    assert forwards(lab) == ["0", "0"]


@pytest.mark.parametrize("example", ["iptables"], indirect=True)
def test_O4_saved_rules_of_iptables_with_their_sets(lab, example, saved):
    site, other, (rules4, rules6, sets) = saved
    lab.gateway.run("ipset", "restore", text=sets)
    lab.gateway.run("iptables-nft-restore", text=rules4)
    lab.gateway.run("ip6tables-nft-restore", text=rules6)
    assert example.run("ExecStartPost")
    assert is_closed(lab, other)
    assert is_open(lab, site) and grants_end(example.fw)
    lab.dnsfw(ACL, fw=example.fw).err.wait_for("2 existing grants kept")
    granted(lab, other)


def test_example_of_options_and_list(lab):
    """They are right, and hardened for clients as they are."""
    config = CONTRIB / "systemd" / "config.env"
    parser = configparser.ConfigParser()
    parser.read_string("[all]\n" + config.read_text(encoding="ascii"))
    assert parser["all"]["REFUSE_WITH"] == "nxdomain"
    assert parser["all"]["MIN_RULE_TIME"] == "60"
    done = subprocess.run(
        [str(lab.program), "--config", str(config), "--acl-file",
         str(CONTRIB / "examples" / "acl"), "--check"], text=True,
        capture_output=True, check=False, env=clean_environment())
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("how, goes_on", [
    ("refused", False), ("nodata", False), ("nxdomain", True)])
def test_D3_why_nxdomain_with_a_search_list(lab, lookup, how, goes_on):
    """glibc goes on whatever it gets, musl after "no such name" alone."""
    lab.dnsfw(ACL, "--refuse-with", how)
    site = lab.site()
    host = Host(lab, resolver="search lan\noptions ndots:5 timeout:1 attempts:1\n")
    assert host.run("getent", "ahostsv4", site.name)[0] == 0
    assert (host.run(lookup, site.name)[0] == 0) == goes_on
