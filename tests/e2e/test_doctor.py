"""dnsfwctl doctor: each fault is found, and a right set-up has none (U10)."""

import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import socket
import subprocess

import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, DNS4, GATEWAY4, GATEWAY6, OTHER4,
                 PORT, build_dir, copy_programs)
from process import DEADLINE, until
from test_examples import DROP_INS, Example, uncommented

CTL = str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl")
ACL = ALLOW + f"127.0.0.1 -> *.example.com:TCP:{PORT}\n"


def copy_programs_anew(folder):
    """As an installation does: beside the old ones, which then go."""
    for path in folder.rglob("dnsfw*"):
        if path.is_file():
            copy = path.with_suffix(".new")
            shutil.copy(path, copy)
            copy.rename(path)


class Doctor:
    """The gateway of a lab, and what doctor says of it."""

    def __init__(self, lab, fw):
        self.lab = lab
        self.fw = fw
        self.server = None
        self.acl = lab.write_acl(ACL)
        self.places = {}        # paths, and what is there for doctor
        self.settings = {
            "ACL_FILE": self.acl, "CONTROL": lab.tmp / "control0",
            "BIND": f"{GATEWAY4},{GATEWAY6},127.0.0.1,::1",
            "BIND_PORT": "53", "UPSTREAM": DNS4,
            **dict(zip(("FIREWALL", "CHAIN", "TABLE"), ("none", "", "")))}
        options = dict(zip(fw.options[::2], fw.options[1::2])) if fw else {}
        for name, value in options.items():
            self.settings[name.removeprefix("--").upper()] = value
        # A machine without the group is not what is looked at.
        groups = pathlib.Path("/etc/group").read_text("utf-8")
        if not re.search("^dnsfw:", groups, re.M):
            self.put("/etc/group", groups + "dnsfw:x:999:\n")

    def put(self, path, text, mode=0o644):
        """For doctor, that is there."""
        file = self.lab.tmp / f"place{len(self.places)}"
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        self.places[path] = file

    def start(self):
        self.server = self.lab.dnsfw(ACL, "--acl-file", str(self.acl),
                                     fw=self.fw)

    def config(self):
        path = self.lab.tmp / "config.env"
        path.write_text("".join(f'{key}="{value}"\n' for key, value in
                                self.settings.items()), encoding="utf-8")
        path.chmod(0o644)
        return path

    def run(self, *options, user=None):
        """Exit status, what is on stdout, and on stderr."""
        mounts = "".join(f"mount --bind {file} {path} && " for path, file in
                         self.places.items())
        become = f"setpriv --reuid={user} --clear-groups " if user else ""
        with self.lab.gateway.starting((
                "unshare", "--mount", "sh", "-c",
                f'{mounts} exec {become} "$0" doctor "$@"', CTL,
                *options)) as command:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=4 * DEADLINE,
                check=False, env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
        return done.returncode, done.stdout, done.stderr

    def found(self, *options, user=None, notes=False):
        """The findings."""
        status, out, err = self.run("--json", "--config", str(self.config()),
                                    *options, user=user)
        assert err == ""
        all_ = [json.loads(line) for line in out.splitlines()]
        grave = [one for one in all_ if one["severity"] != "note"]
        assert status == (1 if grave else 0), all_
        return all_ if notes else grave

    def whats(self, **kwargs):
        return sorted({one["what"] for one in self.found(**kwargs)})

    def mended(self, what, notes=False):
        """By the commands that are told; then it is not found any more."""
        for one in self.found(notes=notes):
            if one["what"] == what:
                # No service manager is asked here.
                self.lab.gateway.run("sh", "-c", one["mend"].replace(
                    "systemctl reload dnsfw", "true"))
        assert what not in self.whats(notes=notes)

    def rules(self, nft=None, iptables=()):
        """Change the firewall; iptables has a line for both families."""
        if self.fw.name == "nftables":
            self.lab.gateway.run("nft", nft)
            return
        for program in ("iptables-nft", "ip6tables-nft"):
            for line in ([iptables] if isinstance(iptables, str) else
                         iptables):
                self.lab.gateway.run(program, *line.split())


@pytest.fixture(name="doctor")
def _doctor(lab, fw):
    made = Doctor(lab, fw)
    made.start()
    return made


@pytest.fixture(name="alone")
def _alone(lab):
    """Without a dnsfw that runs, and with nftables."""
    return Doctor(lab, lab.set_up_firewall("nftables"))


# --- what is right ---

def test_U10_nothing_is_found_where_all_is_right(doctor):
    assert doctor.found(notes=True) == []
    status, out, err = doctor.run("--config", str(doctor.config()))
    assert (status, out, err) == (0, "nothing found\n", "")


@pytest.mark.parametrize("change", [lambda text: text, uncommented],
                         ids=["as they are", "uncommented"])
@pytest.mark.parametrize("name", DROP_INS)
def test_U10_nothing_is_found_in_the_example_firewalls(lab, name, change):
    example = Example(lab, name, change)
    example.load()
    doctor = Doctor(lab, example.fw)
    doctor.start()
    assert doctor.found(notes=True) == []


def test_U10_options_go_before_the_file(doctor):
    options = ["--control", str(doctor.settings["CONTROL"]), "--acl",
               str(doctor.acl), *doctor.fw.options]
    doctor.settings |= {"CONTROL": "/nowhere", "ACL_FILE": "/nowhere",
                        "FIREWALL": "none", "CHAIN": "x", "TABLE": ""}
    assert doctor.found(*options) == []


# --- around the chain ---

def open_policy(doctor):
    """The chain of the lab, without what it rejects behind the jump."""
    if doctor.fw.name == "nftables":
        chain = doctor.lab.gateway.run("nft", "-a", "list", "chain", "inet",
                                       "filter", "forward")
        for handle in re.findall(r"reject.* # handle (\d+)", chain):
            doctor.rules(f"delete rule inet filter forward handle {handle}")
    else:
        for program, code in (("iptables-nft", "icmp-admin-prohibited"),
                              ("ip6tables-nft", "icmp6-adm-prohibited")):
            doctor.lab.gateway.run(program, "-D", "FORWARD", "-p", "tcp", "-j",
                                   "REJECT", "--reject-with", "tcp-reset")
            doctor.lab.gateway.run(program, "-D", "FORWARD", "-j", "REJECT",
                                   "--reject-with", code)


def test_U10_a_policy_that_accepts(doctor):
    open_policy(doctor)
    assert doctor.whats() == ["not-closed"]
    doctor.mended("not-closed")


def take_jump(doctor, programs=("iptables-nft", "ip6tables-nft")):
    if doctor.fw.name == "nftables":
        chain = doctor.lab.gateway.run("nft", "-a", "list", "chain", "inet",
                                       "filter", "forward")
        handle = re.search(r"jump dnsfw # handle (\d+)", chain)[1]
        doctor.rules(f"delete rule inet filter forward handle {handle}")
    else:
        for program in programs:
            doctor.lab.gateway.run(program, "-D", "FORWARD", "-j", "DNSFW")


def test_U10_no_jump_and_nothing_is_open(doctor):
    take_jump(doctor)
    found = doctor.found()
    assert {one["what"] for one in found} == {"no-jump"}
    assert all(one["text"].endswith("grants open nothing") for one in found)
    doctor.mended("no-jump")
    assert doctor.found() == []


def test_U10_no_jump_and_all_is_open(doctor):
    take_jump(doctor)
    open_policy(doctor)
    found = doctor.found()
    assert {one["what"] for one in found} == {"no-jump"}
    assert all(one["text"].endswith("clients reach everything")
               for one in found)


def test_U10_no_firewall_at_all(doctor):
    doctor.lab.gateway.run("nft", "flush", "ruleset")
    assert "no-jump" in doctor.whats()


def test_U10_a_jump_behind_what_rejects(doctor):
    doctor.rules("insert rule inet filter forward iifname lan reject",
                 "-I FORWARD -i lan -j REJECT")
    assert doctor.whats() == ["jump-behind"]


REPLIES = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"


def take_replies(doctor):
    """The rule of the lab that accepts what comes back."""
    if doctor.fw.name == "nftables":
        chain = doctor.lab.gateway.run("nft", "-a", "list", "chain", "inet",
                                       "filter", "forward")
        handle = re.search(r"ct state established.* # handle (\d+)", chain)[1]
        doctor.rules(f"delete rule inet filter forward handle {handle}")
    else:
        doctor.rules(iptables=f"-D FORWARD {REPLIES}")


def test_U10_nothing_comes_back(doctor):
    take_replies(doctor)
    assert doctor.whats() == ["no-replies"]
    doctor.mended("no-replies")
    assert doctor.found() == []


def test_U10_answers_are_accepted_with_what_is_new(doctor):
    """One rule does both; what mends it leaves the one."""
    take_replies(doctor)
    doctor.rules("insert rule inet filter forward ct state "
                 "{ new, established, related } accept",
                 "-I FORWARD -m conntrack --ctstate NEW,RELATED,ESTABLISHED "
                 "-j ACCEPT")
    assert doctor.whats() == ["accept-before"]
    doctor.mended("accept-before")
    assert doctor.found() == []


def test_U10_answers_are_accepted_by_the_policy_alone(doctor):
    take_replies(doctor)
    open_policy(doctor)
    assert doctor.whats() == ["not-closed"]
    doctor.mended("not-closed")
    assert doctor.found() == []


@pytest.mark.parametrize("left", ["nothing", "an empty table", "its chain",
                                  "a chain with the hook"])
def test_U10_what_is_missing_is_made_in_one_go(lab, left):
    """With half of it, nothing would be forwarded."""
    doctor = Doctor(lab, lab.set_up_firewall("nftables"))
    doctor.start()
    lab.gateway.run("nft", "flush", "ruleset")
    if left != "nothing":
        lab.gateway.run("nft", "add table inet filter")
    if left == "its chain":
        lab.gateway.run("nft", "add chain inet filter dnsfw")
    if left == "a chain with the hook":
        lab.gateway.run("nft", "add chain inet filter in { type filter hook "
                        "forward priority 0; policy drop; }")
    (one, *_) = [one for one in doctor.found() if one["what"] == "no-jump"]
    lab.gateway.run("sh", "-c", one["mend"])
    assert {"no-jump", "no-replies", "not-closed"}.isdisjoint(doctor.whats())


def test_U10_what_is_missing_is_made_of_iptables(lab):
    doctor = Doctor(lab, lab.set_up_firewall("iptables"))
    doctor.start()
    lab.gateway.run("nft", "flush", "ruleset")
    doctor.mended("no-jump")
    assert {"no-jump", "no-replies", "not-closed"}.isdisjoint(doctor.whats())


def test_U10_Docker_is_beside_it(lab):
    """Its chain drops what dnsfw's accepts; another jump would not help."""
    doctor = Doctor(lab, lab.set_up_firewall("nftables"))
    doctor.start()
    for program in ("iptables-nft", "ip6tables-nft"):
        for words in (["-N", "DOCKER-USER"], ["-A", "DOCKER-USER", "-j",
                      "RETURN"], ["-P", "FORWARD", "DROP"],
                      ["-A", "FORWARD", "-j", "DOCKER-USER"]):
            lab.gateway.run(program, *words)
    found = doctor.found()
    assert {one["what"] for one in found} == {"grants-closed", "no-replies"}
    assert all("tables filter FORWARD" in one["text"] for one in found)
    assert all(" -I DOCKER-USER " in one["mend"] for one in found)
    doctor.mended("grants-closed")
    doctor.mended("no-replies")
    assert doctor.found() == []


def test_U10_another_chain_rejects_what_was_granted(doctor):
    """As firewalld's, which come behind dnsfw's."""
    doctor.lab.gateway.run("nft", "-f", "-", text="""table inet firewalld {
        chain FORWARD { type filter hook forward priority filter + 10;
            ct state established,related accept
            jump zones
            reject
        }
        chain zones { iifname "lan" oifname "dmz" accept; }
    }""")
    found = doctor.found()
    assert {one["what"] for one in found} == {"grants-closed"}
    assert all("inet firewalld FORWARD" in one["text"] for one in found)
    doctor.mended("grants-closed")
    assert doctor.found() == []


def test_U10_one_of_two_ways_out_is_closed(doctor):
    """Nobody says that it is for clients."""
    gateway = doctor.lab.gateway
    gateway.run("ip", "link", "add", "wan2", "type", "veth", "peer", "name",
                "wan3")
    gateway.run("ip", "link", "set", "wan2", "up")
    gateway.run("ip", "address", "add", "10.77.8.1/24", "dev", "wan2")
    for way in ("wan", "wan2"):
        gateway.run("ip", "route", "add", "default", "dev", way, "metric",
                    str(len(way)))
    gateway.run("nft", "-f", "-", text="""table inet other {
        chain forward { type filter hook forward priority 5;
            oifname "wan2" drop; iifname "wan2" drop; }
    }""")
    assert "grants-closed" not in doctor.whats()
    assert "no-replies" not in doctor.whats()


def test_U10_IPv6_goes_around(doctor):
    if doctor.fw.name == "nftables":
        doctor.rules("flush chain inet filter forward")
        doctor.rules("add rule inet filter forward meta nfproto ipv6 accept")
        doctor.rules("add rule inet filter forward jump dnsfw")
        doctor.rules("add rule inet filter forward reject")
        assert doctor.whats() == ["accept-before", "no-replies"]
        return
    take_jump(doctor, ["ip6tables-nft"])
    for _ in range(2):
        doctor.lab.gateway.run("ip6tables-nft", "-D", "FORWARD", "2")
    assert doctor.whats() == ["family-around"]
    doctor.lab.gateway.sysctl(ipv6__conf__all__forwarding=0)
    assert doctor.whats() == ["no-forwarding"]


def test_U10_IPv6_goes_around_a_table_for_IPv4(lab):
    doctor = Doctor(lab, lab.set_up_firewall("nftables"))
    lab.gateway.run("nft", "flush", "ruleset")
    lab.gateway.run("nft", "-f", "-", text="""table ip filter {
        chain dnsfw { }
        chain forward { type filter hook forward priority 0; policy drop;
            ct state established,related accept
            jump dnsfw
        }
    }""")
    doctor.settings["TABLE"] = "ip filter"
    doctor.acl.write_text(f"{CLIENT4} -> a.example.com:TCP:80\n",
                          encoding="ascii")
    found = [one for one in doctor.found() if one["what"] != "not-running"]
    assert [one["what"] for one in found] == ["family-around"]
    assert found[0]["mend"] == "sysctl -w net.ipv6.conf.all.forwarding=0"


BEFORE = [
    ("iifname lan accept", "-i lan -j ACCEPT", "accept-before"),
    ("iifname lan tcp dport 22 accept", "-i lan -p tcp --dport 22 -j ACCEPT",
     "accept-before"),
    ("tcp dport { 80, 8080-8090 } accept",
     "-p tcp -m multiport --dports 80,8080:8090 -j ACCEPT", "accept-before"),
    ("ct state new limit rate 5/second accept",
     "-m conntrack --ctstate NEW -m limit --limit 5/s -j ACCEPT",
     "accept-before"),
    ("meta l4proto esp accept", "-p esp -j ACCEPT", "accept-before"),
    ("udp sport 53 accept", "-p udp --sport 53 -j ACCEPT", "dns-elsewhere"),
    ("meta l4proto { tcp, udp } th dport 53 accept",
     ["-p udp --dport 53 -j ACCEPT", "-p tcp --dport 53 -j ACCEPT"],
     "dns-elsewhere"),
    ("tcp dport 53 accept", "-p tcp --dport 53 -j ACCEPT", "dns-elsewhere"),
    ("tcp dport 853 accept", "-p tcp --dport 853 -j ACCEPT", "dot"),
    ("udp dport 853 accept", "-p udp --dport 853 -j ACCEPT", "doq"),
    ("udp dport 443 accept", "-p udp --dport 443 -j ACCEPT", "quic"),
]


@pytest.mark.parametrize("nft, iptables, what", BEFORE,
                         ids=[one[0] for one in BEFORE])
def test_U10_what_is_accepted_before_the_jump(doctor, nft, iptables, what):
    lines = [iptables] if isinstance(iptables, str) else iptables
    doctor.rules(f"insert rule inet filter forward {nft}",
                 [f"-I FORWARD {line}" for line in lines])
    assert what in doctor.whats()
    for name in doctor.whats():
        doctor.mended(name)
    assert doctor.found() == []


COMMENTS = ["a $(touch {0}) b", "`touch {0}`", "it's; touch {0}",
            'say "so"; touch {0} #', "\\\\$(touch {0})", "' $(touch {0}) '"]


def test_U10_what_is_mended_is_shown_to_the_shell_in_quotes(doctor):
    """Whoever writes comments of rules runs nothing by them."""
    pwned = doctor.lab.tmp / "pwned"
    for number, text in enumerate(COMMENTS):
        comment = text.format(pwned)
        if doctor.fw.name == "iptables":
            doctor.lab.gateway.run(
                "iptables-nft", "-I", "FORWARD", "-p", "tcp", "--dport",
                str(2000 + number), "-m", "comment", "--comment", comment,
                "-j", "ACCEPT")
        elif '"' not in comment:
            doctor.rules(f"insert rule inet filter forward tcp dport "
                         f"{2000 + number} accept comment \"{comment}\"")
    assert len(doctor.found()) >= 5
    doctor.mended("accept-before")
    assert doctor.found() == []
    assert not pwned.exists()


def test_U10_names_are_shown_to_the_shell_in_quotes(lab):
    """Of chains, interfaces and files."""
    doctor = Doctor(lab, lab.set_up_firewall("iptables"))
    folder = lab.tmp / "it's a `touch x` $(touch x)"
    folder.mkdir()
    doctor.acl = doctor.acl.rename(folder / "the \"list\"")
    doctor.settings["ACL_FILE"] = str(doctor.acl)
    doctor.acl.chmod(0o666)
    chain = "`touch$IFS'x'`"
    for words in (["-N", chain], ["-A", chain, "-i", "lan", "-j", "ACCEPT"],
                  ["-I", "FORWARD", "-j", chain]):
        lab.gateway.run("iptables-nft", *words)
    options = ["--acl", str(doctor.acl)]
    doctor.settings["ACL_FILE"] = "/nowhere"
    before = set(os.listdir())
    for what in ("writable", "accept-before"):
        for one in doctor.found(*options):
            if one["what"] == what:
                lab.gateway.run("sh", "-c", one["mend"])
        assert what not in {one["what"] for one in doctor.found(*options)}
    assert set(os.listdir()) == before


def test_U10_one_client_and_one_server(doctor):
    """Rules for few are found, too."""
    client = OTHER4.rpartition(".")[0] + ".77"
    doctor.rules(f"insert rule inet filter forward ip saddr {client} accept")\
        if doctor.fw.name == "nftables" else doctor.lab.gateway.run(
            "iptables-nft", "-I", "FORWARD", "-s", client, "-j", "ACCEPT")
    (one,) = doctor.found()
    assert one["what"] == "accept-before" and f"({client} to" in one["text"]
    doctor.mended("accept-before")
    server = "9.9.9.9"
    doctor.rules(f"insert rule inet filter forward ip daddr {server} "
                 "udp dport 53 accept") if doctor.fw.name == "nftables" else \
        doctor.lab.gateway.run("iptables-nft", "-I", "FORWARD", "-d", server,
                               "-p", "udp", "--dport", "53", "-j", "ACCEPT")
    (one,) = doctor.found()
    assert f"to {server}, UDP port 53)" in one["text"]


def test_U10_what_is_not_for_clients_is_no_fault(doctor):
    """Ways in, an inner network, what is established."""
    doctor.rules("insert rule inet filter forward iifname wan oifname lan "
                 "tcp dport 443 accept", "-I FORWARD -i wan -o lan -p tcp "
                 "--dport 443 -j ACCEPT")
    doctor.rules("insert rule inet filter forward meta l4proto "
                 "{ icmp, ipv6-icmp } accept", "-I FORWARD -p icmp -j ACCEPT")
    doctor.rules("insert rule inet filter forward oifname dmz accept",
                 "-I FORWARD -o dmz -j ACCEPT")
    assert doctor.found(notes=True) == []


def test_U10_an_exception_for_inner_addresses_is_a_note(doctor):
    if doctor.fw.name == "nftables":
        doctor.rules("insert rule inet filter forward ip daddr 10.0.0.0/8 "
                     "accept")
    else:
        doctor.lab.gateway.run("iptables-nft", "-I", "FORWARD", "-d",
                               "10.0.0.0/8", "-j", "ACCEPT")
    assert [one["what"] for one in doctor.found(notes=True)] == ["exception"]
    doctor.mended("exception", notes=True)


def test_U10_many_exceptions_hide_nothing(alone):
    alone.start()
    rules = ["ip daddr 9.9.9.9"] + [f"ip daddr 10.1.{i}.0/24 tcp dport 80"
                                    for i in range(60)]
    alone.lab.gateway.run("nft", "-f", "-", text="".join(
        f"insert rule inet filter forward {rule} accept\n" for rule in rules))
    (one,) = alone.found()
    assert one["what"] == "accept-before" and " 9.9.9.9" in one["text"]
    (more,) = [one for one in alone.found(notes=True) if one["what"] == "more"]
    assert more["mend"] == ("dnsfwctl doctor --json --config "
                            f"{alone.lab.tmp}/config.env")
    assert "look again when these are mended" in more["text"]


def test_U10_an_inner_server_beside_dnsfw(doctor):
    """It may resolve what dnsfw refuses."""
    if doctor.fw.name == "nftables":
        doctor.rules("insert rule inet filter forward ip daddr 10.0.0.53 "
                     "udp dport 53 accept")
    else:
        doctor.lab.gateway.run("iptables-nft", "-I", "FORWARD", "-d",
                               "10.0.0.53", "-p", "udp", "--dport", "53",
                               "-j", "ACCEPT")
    (one,) = doctor.found()
    assert (one["what"], one["severity"]) == ("dns-elsewhere", "warning")
    doctor.mended("dns-elsewhere")
    assert doctor.found() == []


def test_U10_a_rule_behind_the_jump(doctor):
    open_policy(doctor)
    doctor.rules("chain inet filter forward { policy drop; }",
                 "-P FORWARD DROP")
    assert doctor.found() == []
    doctor.rules("add rule inet filter forward tcp dport 8443 accept",
                 "-A FORWARD -p tcp --dport 8443 -j ACCEPT")
    (one, *rest) = doctor.found()
    assert one["what"] == "not-closed" and "8443" in one["text"]
    assert len(rest) == (doctor.fw.name == "iptables")
    doctor.mended("not-closed")


def test_U10_a_redirection_closes_port_53(doctor):
    line = "-p udp --dport 53 -j {}"
    doctor.rules("insert rule inet filter forward udp dport 53 accept",
                 f"-I FORWARD {line.format('ACCEPT')}")
    assert doctor.whats() == ["dns-elsewhere"]
    doctor.rules("add chain inet filter pre { type nat hook prerouting "
                 "priority -100; }", ())
    doctor.rules("add rule inet filter pre iifname lan udp dport 53 redirect",
                 f"-t nat -I PREROUTING {line.format('REDIRECT')}")
    assert doctor.found() == []


def test_U10_DNS_that_is_sent_elsewhere(doctor):
    if doctor.fw.name == "nftables":
        doctor.rules("table inet filter { chain pre { type nat hook prerouting"
                     " priority -100; udp dport 53 dnat ip to 93.184.1.1; }; }")
        assert doctor.found() == []
        doctor.rules("insert rule inet filter forward ct status dnat accept")
    else:
        for line in ("-t nat -A PREROUTING -p udp --dport 53 -j DNAT --to "
                     "93.184.1.1", "-I FORWARD -m conntrack --ctstate DNAT "
                     "-j ACCEPT"):
            doctor.lab.gateway.run("iptables-nft", *line.split())
    assert doctor.whats() == ["dns-elsewhere"]
    doctor.mended("dns-elsewhere")


def test_U10_what_is_of_no_connection(doctor):
    doctor.rules("insert rule inet filter forward ct state untracked accept",
                 "-I FORWARD -m conntrack --ctstate UNTRACKED -j ACCEPT")
    assert doctor.found() == []
    doctor.rules("table inet raw { chain pre { type filter hook prerouting "
                 "priority -300; udp dport 53 notrack; }; }",
                 "-t raw -A PREROUTING -p udp --dport 53 -j CT --notrack")
    assert doctor.whats() == ["dns-elsewhere"]


def test_U10_a_redirection_to_a_program_of_this_host(doctor):
    """What it does with them, nobody knows."""
    doctor.rules("table inet filter { chain pre { type nat hook prerouting "
                 "priority -100; tcp dport 80 redirect to :3128; }; }",
                 "-t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT "
                 "--to-ports 3128")
    found = doctor.found(notes=True)
    assert {one["what"] for one in found} == {"taken"}
    assert all("port 3128 " in one["text"] for one in found)
    assert {one["mend"] for one in found} == {"ss -lnpt 'sport = :3128'"}


@contextlib.contextmanager
def another_server(doctor, family, address, kind, name):
    """Of DNS, on this host; name ends with its port."""
    doctor.lab.gateway.run("ip", "address", "add", "10.88.0.1/32", "dev", "lo")
    with doctor.lab.gateway.socket(family, kind) as sock:
        sock.bind((address, int(name.split()[-1])))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        yield


SERVERS = pytest.mark.parametrize("family, address, kind, name", [
    (socket.AF_INET, "0.0.0.0", socket.SOCK_STREAM, "TCP port 853"),
    (socket.AF_INET, "10.88.0.1", socket.SOCK_DGRAM, "UDP port 53"),
    (socket.AF_INET6, "::ffff:10.88.0.1", socket.SOCK_STREAM, "TCP port 53"),
    (socket.AF_INET6, "::", socket.SOCK_STREAM, "TCP port 853")])
CLOSE = ("add rule inet filter input iifname lan drop", "-A INPUT -i lan -j DROP")


def forget_input(doctor):
    """All of it goes."""
    if doctor.fw.name == "nftables":
        doctor.rules("flush chain inet filter input; "
                     "delete chain inet filter input")
    else:
        doctor.rules(None, "-F INPUT")


def add_input(doctor):
    """A chain for what comes to this host, as iptables has it."""
    if doctor.fw.name == "nftables":
        doctor.rules("add chain inet filter input "
                     "{ type filter hook input priority 0; }")


@SERVERS
def test_U10_another_server_of_this_host(doctor, family, address, kind, name):
    """It answers clients what dnsfw refuses, unless they are kept out."""
    with another_server(doctor, family, address, kind, name):
        (one,) = doctor.found()
        assert (one["what"], one["severity"]) == ("resolver", "warning")
        address = address.removeprefix("::ffff:")
        assert f" {address} {name}; clients reach it" in one["text"]
        doctor.mended("resolver")
        doctor.lab.ask("never.example.com")     # dnsfw is not shut out
        forget_input(doctor)
        assert doctor.whats() == ["resolver"]
        add_input(doctor)
        doctor.mended("resolver")
        forget_input(doctor)
        add_input(doctor)
        doctor.rules(*CLOSE)
        assert doctor.found(notes=True) == []
        # Behind what nobody understands it is not known.
        doctor.rules("insert rule inet filter input meta mark 7 accept",
                     "-I INPUT -m mark --mark 7 -j ACCEPT")
        (one,) = doctor.found(notes=True)
        assert (one["what"], one["severity"]) == ("resolver", "note")
        assert "not known whether clients reach it" in one["text"]
        port = name.split()[-1]
        assert one["mend"] == (f"ss -lnp{name[0].lower()} 'sport = :{port}'")
        # One address that is open is enough.
        doctor.rules("insert rule inet filter input ip daddr "
                     f"{{ {GATEWAY4}, 10.88.0.1 }} accept",
                     ())
        if doctor.fw.name == "iptables":
            for to in (GATEWAY4, "10.88.0.1"):
                doctor.lab.gateway.run("iptables-nft", "-I", "INPUT", "-d",
                                       to, "-j", "ACCEPT")
        assert doctor.whats() == ["resolver"]
        doctor.mended("resolver")


def test_U10_another_server_whose_port_leads_to_dnsfw(doctor):
    doctor.rules("table inet filter { chain pre { type nat hook prerouting "
                 f"priority -100; ip daddr 10.88.0.1 udp dport 53 dnat ip to "
                 f"{GATEWAY4}:53; }}; }}", ())
    if doctor.fw.name == "iptables":
        doctor.lab.gateway.run(
            "iptables-nft", "-t", "nat", "-A", "PREROUTING", "-d", "10.88.0.1",
            "-p", "udp", "--dport", "53", "-j", "DNAT", "--to-destination",
            f"{GATEWAY4}:53")
    with another_server(doctor, socket.AF_INET, "10.88.0.1",
                        socket.SOCK_DGRAM, "UDP port 53"):
        assert "resolver" not in {one["what"] for one in
                                  doctor.found(notes=True)}


def test_U10_another_server_behind_a_firewall_that_is_not_seen(doctor):
    with another_server(doctor, socket.AF_INET, "10.88.0.1",
                        socket.SOCK_DGRAM, "UDP port 53"):
        doctor.settings |= {"FIREWALL": "none", "CHAIN": "", "TABLE": ""}
        (one,) = [one for one in doctor.found(notes=True)
                  if one["what"] == "resolver"]
        assert one["severity"] == "note"
        assert "not known whether clients reach it" in one["text"]


def test_U10_another_way_out(doctor):
    """Which only a table of its own leads to."""
    gateway = doctor.lab.gateway
    gateway.run("ip", "link", "add", "vx", "type", "veth", "peer", "name",
                "vy")
    gateway.run("ip", "link", "set", "vx", "up")
    gateway.run("ip", "link", "set", "vy", "up")
    gateway.run("ip", "route", "add", "default", "dev", "wan")
    assert doctor.found(notes=True) == []
    doctor.rules("insert rule inet filter forward iifname lan oifname vx "
                 "accept", "-I FORWARD -i lan -o vx -j ACCEPT")
    found = doctor.found(notes=True)
    assert {one["what"] for one in found} == {"exception"}
    assert all("goes out by vx " in one["text"] and re.match(
        "(nft delete rule|ip6?tables -D) ", one["mend"]) for one in found)
    gateway.run("ip", "route", "add", "default", "dev", "vx", "table", "100")
    assert doctor.whats() == ["accept-before"]
    doctor.mended("accept-before")


def add_interface(doctor, name, address):
    gateway = doctor.lab.gateway
    gateway.run("ip", "link", "add", name, "type", "veth", "peer", "name",
                f"{name}-peer")
    gateway.run("ip", "link", "set", f"{name}-peer", "up")
    gateway.run("ip", "link", "set", name, "up")
    gateway.run("ip", "address", "add", address, "dev", name)


def test_U10_a_route_of_several_ways(alone):
    """Each of them leads out."""
    alone.start()
    add_interface(alone, "vx", "10.88.0.1/24")
    alone.lab.gateway.run("ip", "route", "add", "default", "nexthop", "dev",
                          "wan", "nexthop", "dev", "vx")
    alone.rules("insert rule inet filter forward oifname vx udp dport 53 "
                "accept")
    assert alone.whats() == ["dns-elsewhere"]


@pytest.mark.parametrize("client", ["10.88.0.7", "10.89.0.7"])
def test_U10_clients_where_dnsfw_has_no_address(alone, client):
    """The list says that there are some; the other one is routed."""
    add_interface(alone, "vpn", "10.88.0.1/24")
    alone.lab.gateway.run("ip", "route", "add", "default", "dev", "wan")
    alone.lab.gateway.run("ip", "route", "add", "10.89.0.0/24", "via",
                          "10.88.0.9", "dev", "vpn")
    alone.rules("insert rule inet filter forward iifname vpn accept")
    assert "accept-before" not in alone.whats()
    alone.acl.write_text(ACL + f"{client} -> example.net:TCP:80\n", "ascii")
    (one, *_) = [one for one in alone.found() if one["what"] ==
                 "accept-before"]
    assert "iifname \"vpn\" accept" in one["text"]


def test_U10_a_table_that_iptables_does_not_tell(alone):
    """Another one of it is told."""
    alone.start()
    alone.lab.gateway.run("iptables-nft", "-t", "nat", "-N", "OTHER")
    alone.rules("table ip filter { chain FORWARD { type filter hook forward "
                "priority 0; policy drop; ct state established accept; }; }")
    assert alone.whats() == ["grants-closed"]
    # By a set, it is told, but not as it is.
    alone.rules("flush chain ip filter FORWARD")
    assert "not-understood" not in alone.whats()
    alone.rules("add rule ip filter FORWARD tcp dport { 80, 443 } accept")
    assert "not-understood" in alone.whats()


def test_U10_what_is_not_understood_is_said(doctor):
    """It may be a fault, and is never passed over."""
    doctor.rules("insert rule inet filter forward meta mark 7 accept",
                 "-I FORWARD -m mark --mark 7 -j ACCEPT")
    found = doctor.found(notes=True)
    assert {one["what"] for one in found} == {"not-understood"}
    assert all("mark" in one["text"] for one in found)
    # What does not close for sure, closes nothing.
    open_policy(doctor)
    doctor.rules("add rule inet filter forward meta mark 8 drop",
                 "-A FORWARD -m mark --mark 8 -j DROP")
    assert doctor.whats() == ["not-closed", "not-understood"]


def test_U10_a_chain_without_a_name_is_not_understood(alone):
    alone.start()
    alone.rules("insert rule inet filter forward jump { tcp dport 80 accept; }")
    assert alone.whats() == ["not-understood"]


def test_U10_a_dormant_table(alone):
    """It closes nothing."""
    alone.start()
    alone.rules("flush chain inet filter forward")
    alone.rules("add rule inet filter forward jump dnsfw")
    alone.rules("table inet filter2 { chain forward { type filter hook "
                "forward priority 10; policy drop; }; }")
    assert alone.whats() == ["grants-closed", "no-replies"]
    alone.rules("add table inet filter2 { flags dormant; }")
    assert alone.whats() == ["not-closed"]


def test_U10_more_than_can_be_looked_at(alone):
    """Nothing is said of half a firewall, but that it is one."""
    elements = ", ".join(f"10.9.{i >> 8}.{i & 255} . {i + 1}"
                         for i in range(3000))
    alone.start()
    alone.rules("insert rule inet filter forward ip saddr . tcp dport "
                f"{{ {elements} }} ip daddr . tcp dport {{ {elements} }} drop")
    assert alone.whats() == ["not-all"]


def test_U10_the_older_iptables(doctor):
    """Its tables are in the same kernel; one that drops closes, too."""
    open_policy(doctor)
    assert doctor.whats() == ["not-closed"]
    for program in ("iptables-legacy", "ip6tables-legacy"):
        doctor.lab.gateway.run(program, "-P", "FORWARD", "DROP")
    assert doctor.whats() == ["grants-closed", "no-replies"]


AROUND = [
    ("a return", "accept", ["tcp dport 443 return", "reject"],
     ["-p tcp --dport 443 -j RETURN", "-j REJECT"]),
    ("what is left over", "accept",
     ["tcp dport != 443 reject", "meta l4proto != tcp drop"],
     ["-p tcp ! --dport 443 -j REJECT", "! -p tcp -j DROP"]),
    ("a part of a net", "drop", ["ip saddr != 10.77.1.0/25 accept"],
     ["-p tcp -m iprange ! --src-range 10.77.1.0-10.77.1.127 -j ACCEPT"]),
    ("the second port", "drop", ["tcp dport 80 reject",
                                 "tcp dport { 80, 443 } accept"],
     ["-p tcp --dport 80 -j REJECT",
      "-p tcp -m multiport --dports 80,443 -j ACCEPT"]),
    ("other protocols", "accept", ["meta l4proto { tcp, udp } reject"],
     ["-p tcp -j REJECT", "-p udp -j REJECT"]),
    ("other ports", "accept", ["meta l4proto != udp reject",
                               "udp dport { 53, 443, 853 } reject"],
     ["! -p udp -j REJECT",
      "-p udp -m multiport --dports 53,443,853 -j REJECT"]),
]


@pytest.mark.parametrize("policy, nft, iptables", [one[1:] for one in AROUND],
                         ids=[one[0] for one in AROUND])
def test_U10_what_goes_around_behind_the_jump(doctor, policy, nft, iptables):
    """By what is left over, and not by a rule for all."""
    open_policy(doctor)
    doctor.rules(f"chain inet filter forward {{ policy {policy}; }}",
                 f"-P FORWARD {policy.upper()}")
    if doctor.fw.name == "nftables":
        for rule in nft:
            doctor.rules(f"add rule inet filter forward {rule}")
    else:
        for rule in iptables:
            doctor.lab.gateway.run("iptables-nft", "-A", "FORWARD",
                                   *rule.split())
        doctor.lab.gateway.run("ip6tables-nft", "-P", "FORWARD", "DROP")
    found = doctor.found()
    assert [one["what"] for one in found] == ["not-closed"], found
    doctor.mended("not-closed")


def test_U10_named_sets_and_maps(alone):
    alone.lab.gateway.run("nft", "-f", "-", text="""table inet filter {
        set trusted { type ipv4_addr; flags interval
            elements = { 10.77.1.128/25 } }
        map ways { type ifname : verdict
            elements = { "lan" : jump inner, "wan" : drop } }
        chain inner { tcp dport 2222 accept; }
    }""")
    alone.start()
    alone.rules("insert rule inet filter forward ip saddr @trusted accept")
    alone.rules("insert rule inet filter forward iifname vmap @ways")
    texts = [one["text"] for one in alone.found() if one["what"] ==
             "accept-before"]
    assert "no-replies" in alone.whats()
    assert len(texts) == 2
    assert any("@trusted" in text for text in texts)
    assert any("2222" in text for text in texts)


def second_side(doctor):
    """Clients behind another interface, too."""
    gateway = doctor.lab.gateway
    gateway.run("ip", "link", "add", "lan2", "type", "veth", "peer", "name",
                "lan3")
    gateway.run("ip", "link", "set", "lan2", "up")
    gateway.run("ip", "address", "add", "10.77.9.1/24", "dev", "lan2")
    gateway.sysctl(ipv4__conf__all__rp_filter=1)
    doctor.settings["BIND"] += ",10.77.9.1"


def test_U10_one_side_is_open(doctor):
    """The policy closes for the clients of one interface only."""
    second_side(doctor)
    assert doctor.found() == []
    open_policy(doctor)
    doctor.rules("add rule inet filter forward iifname lan reject",
                 "-A FORWARD -i lan -j REJECT")
    assert doctor.whats() == ["not-closed"]
    doctor.rules("add rule inet filter forward iifname lan2 tcp dport 1-65535 "
                 "reject", "-A FORWARD -i lan2 -p tcp -j REJECT")
    assert set(doctor.whats()) == {"dns-elsewhere", "doq", "quic"}
    doctor.rules("add rule inet filter forward iifname lan2 reject",
                 "-A FORWARD -i lan2 -j REJECT")
    assert doctor.found() == []


# --- what clients may ask for ---

@pytest.mark.parametrize("rule, found", [
    ("*:TCP:443", True), ("dns.google:TCP:443", True),
    ("*.quad9.net:TCP:443", True), ("*:UDP:443", True),
    ("*:TCP:80", False), ("*.example.com:TCP:443", False),
])
def test_U10_DNS_over_HTTPS_in_the_list(alone, rule, found):
    alone.start()
    alone.acl.write_text(f"{CLIENT4} -> {rule}\n", encoding="ascii")
    assert ("doh" in alone.whats()) == found


def test_U10_DNS_over_HTTPS_is_blocked_by_what_mends_it(alone):
    """All of it at once, also behind a last line that has no end."""
    alone.start()
    alone.acl.write_text(f"{CLIENT4} -> *:TCP:443\n{OTHER4} -> *:TCP:443",
                         encoding="ascii")
    found = [one for one in alone.found() if one["what"] == "doh"]
    assert len(found) == 2
    for one in found:
        alone.lab.gateway.run("sh", "-c", one["mend"].replace(
            "systemctl reload dnsfw", "true"))
    assert alone.whats() == ["other-list"]
    text = alone.acl.read_text("ascii")
    assert text.count("@doh =") == 1
    assert text.endswith(f"\n{OTHER4} -| @doh\n")


def test_U10_DNS_over_HTTPS_that_is_blocked(alone):
    alone.start()
    alone.acl.write_text(f"{CLIENT4} -> *.quad9.net:TCP:443\n"
                         f"{CLIENT4} -| *.quad9.net\n", encoding="ascii")
    assert "doh" not in alone.whats()


@pytest.mark.parametrize("rules, found", [
    ("{} -> a.b.example.org:TCP:443\n{} -> *.example.org:UDP:443\n", True),
    ("{} -> a.b.example.org:TCP:443\n{} -> a.b.example.org:UDP:443\n", False),
    ("{} -> a.b.example.org:TCP:443\n{} -> *.example.org:UDP:123\n", False),
])
def test_U10_QUIC_where_TCP_is_meant(alone, rules, found):
    alone.start()
    alone.acl.write_text(rules.format(CLIENT4, CLIENT4), encoding="ascii")
    assert ("quic" in alone.whats()) == found
    alone.mended("quic")


def test_U10_QUIC_by_a_rule_of_an_included_file(alone):
    """That is where the command changes it; more than QUIC is not taken out."""
    alone.start()
    more = alone.acl.parent / "more.acl"
    more.write_text(f"# wider\n{CLIENT4} -> *.example.org:UDP:443\n",
                    encoding="ascii")
    alone.acl.write_text(f"{CLIENT4} -> a.example.org:TCP:443\n"
                         "include more.acl\n", encoding="ascii")
    (one,) = [one for one in alone.found() if one["what"] == "quic"]
    assert "line 1 of the list" in one["text"]
    assert f"line 2 of more.acl ({CLIENT4} -> *.example.org:UDP:443)" in \
        one["text"]
    alone.mended("quic")
    assert more.read_text("ascii") == (
        f"# wider\n#{CLIENT4} -> *.example.org:UDP:443\n")
    more.write_text(f"{CLIENT4} -> *.example.org:UDP:443,8443\n",
                    encoding="ascii")
    (one,) = [one for one in alone.found() if one["what"] == "quic"]
    assert one["mend"] == (f"dnsfwctl explain --acl {alone.acl} {CLIENT4} "
                           "a.example.org.")


def test_U10_clients_that_are_a_group(alone):
    """They are those of its addresses."""
    alone.lab.gateway.sysctl(ipv6__conf__all__forwarding=0)
    alone.start()
    alone.acl.write_text(f"@lan = {CLIENT4}\n@lan -> *:TCP:443\n",
                         encoding="ascii")
    assert set(alone.whats()) == {"doh", "other-list"}
    alone.acl.write_text(f"@lan = {CLIENT4}, {CLIENT6}\n"
                         "@lan -> *:TCP:80\n", encoding="ascii")
    assert set(alone.whats()) == {"no-forwarding", "other-list"}


# --- the host ---

def test_U10_forwarding_is_off(doctor):
    doctor.lab.gateway.sysctl(ipv4__ip_forward=0)
    (one,) = doctor.found()
    assert one["mend"] == "sysctl -w net.ipv4.ip_forward=1"
    doctor.mended("no-forwarding")
    doctor.lab.gateway.sysctl(ipv6__conf__all__forwarding=0)
    doctor.mended("no-forwarding")


def test_U10_forwarding_of_some_interfaces(alone):
    """What goes around dnsfw then is found, too."""
    alone.start()
    gateway = alone.lab.gateway
    gateway.sysctl(ipv4__ip_forward=0)
    gateway.sysctl(ipv4__conf__lan__forwarding=1,
                   ipv4__conf__wan__forwarding=1)
    assert alone.found() == []
    alone.rules("insert rule inet filter forward ip daddr 0.0.0.0/0 accept")
    assert "accept-before" in alone.whats()


def test_U10_sources_are_not_looked_at(alone):
    """It matters where clients come from two sides."""
    gateway = alone.lab.gateway
    gateway.sysctl(ipv4__conf__all__rp_filter=0, ipv4__conf__lan__rp_filter=0)
    alone.start()
    assert alone.found() == []
    second_side(alone)
    gateway.sysctl(ipv4__conf__all__rp_filter=0, ipv4__conf__lan2__rp_filter=1)
    (one,) = alone.found()
    assert one["mend"] == "sysctl -w net/ipv4/conf/lan/rp_filter=1"
    alone.mended("no-rp-filter")


def hide(doctor, *folders):
    """Nothing is in them for doctor."""
    empty = doctor.lab.tmp / "empty"
    empty.mkdir(exist_ok=True)
    doctor.places |= {folder: empty for folder in folders}


def test_U10_the_kernel_has_no_modules(doctor):
    """What is loaded cannot be unloaded here; so it is hidden."""
    hide(doctor, "/sys/module", "/proc/sys/net/netfilter")
    for program in ("nft", "ipset"):
        path = pathlib.Path(shutil.which(program)).resolve()
        doctor.put(path, "#!/bin/sh\nexit 1\n", 0o755)
    whats = set(doctor.whats())
    assert {"no-conntrack", "no-nf-tables"} <= whats
    assert ("no-ip-set" in whats) == (doctor.fw.name == "iptables")


# --- users and files ---

def passwd(change):
    text = pathlib.Path("/etc/passwd").read_text("utf-8")
    return "".join(change(line) for line in text.splitlines(True))


@pytest.mark.parametrize("change, what", [
    (lambda line: "" if line.startswith("dnsfw-priv:") else line, "no-user"),
    (lambda line: re.sub(r"^(dnsfw-keeper:.*:)[^:]*$", r"\1/bin/sh\n", line),
     "user-logs-in"),
    (lambda line: re.sub(r"^(dnsfw-proxy:x:)\d+:", rf"\g<1>"
                         rf"{pwd.getpwnam('dnsfw-priv').pw_uid}:", line),
     "same-user"),
    (lambda line: re.sub(r"^(dnsfw-proxy:x:)\d+:", r"\g<1>0:", line),
     "user-is-root"),
])
def test_U10_users(alone, change, what):
    alone.start()
    alone.put("/etc/passwd", passwd(change))
    assert alone.whats() == [what]


def test_U10_no_group(alone):
    alone.start()
    alone.put("/etc/group", "root:x:0:\n")
    assert alone.whats() == ["no-group"]


def test_U10_files_that_others_can_write(alone):
    alone.start()
    alone.acl.chmod(0o666)
    assert alone.whats() == ["writable"]
    alone.mended("writable")
    os.chown(alone.acl, pwd.getpwnam("nobody").pw_uid, 0)
    assert alone.whats() == ["owner"]
    alone.mended("owner")
    alone.lab.tmp.chmod(0o777)
    assert alone.whats() == ["writable"]
    alone.mended("writable")


def test_U10_a_list_that_the_keeper_cannot_read(alone):
    alone.start()
    alone.acl.chmod(0o600)
    assert alone.whats() == ["unreadable"]
    alone.mended("unreadable")


def test_U10_a_list_that_is_missing_or_wrong(alone):
    alone.start()
    text = alone.acl.read_text("ascii")
    alone.acl.write_text(text + "x\n", encoding="ascii")
    (one,) = alone.found()
    assert one["what"] == "list-wrong" and f"{alone.acl}:" in one["text"]
    alone.acl.unlink()
    assert alone.whats() == ["no-list"]
    alone.mended("no-list")
    assert alone.acl.read_bytes() == b""
    assert alone.whats() == ["other-list"]


def test_U10_settings_that_are_wrong(alone):
    alone.start()
    alone.settings["MIN_RULE_TIME"] = 'x" y'
    (one,) = alone.found()
    assert one["what"] == "config-wrong"
    assert "expected the end of the line" in one["text"]
    assert one["mend"] == f"dnsfw --check --config {alone.lab.tmp}/config.env"


# --- the dnsfw that runs ---

def test_U10_it_does_not_run(alone):
    assert alone.whats() == ["not-running"]
    alone.start()
    assert alone.found() == []


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_U10_its_port_is_another_programs(alone, kind):
    with alone.lab.gateway.socket(socket.AF_INET, kind) as sock:
        sock.bind((GATEWAY4, 53))
        if kind == socket.SOCK_STREAM:
            sock.listen()
        assert alone.whats() == ["not-running", "port-taken"]


def test_U10_another_list_is_in_force(alone):
    alone.start()
    text = alone.acl.read_text("ascii")
    # As many rules as before.
    alone.acl.write_text(text.replace("example.com", "example.net", 1),
                         encoding="ascii")
    (one,) = alone.found()
    assert (one["what"], one["mend"]) == ("other-list",
                                          "systemctl reload dnsfw")
    subprocess.run([CTL, "reload", "--control", alone.settings["CONTROL"]],
                   check=True, stdout=subprocess.DEVNULL)
    assert alone.found() == []


def test_U10_an_upstream_that_is_silent(alone):
    alone.server = alone.lab.dnsfw(ACL, "--acl-file", str(alone.acl),
                                   "--timeout", "1", fw=alone.fw,
                                   upstream="10.77.2.99")
    for number in range(4):
        alone.lab.ask(f"a{number}.example.com")
    until(lambda: "upstream-silent" in alone.whats())


def test_U10_the_chain_is_gone(alone):
    alone.start()
    alone.lab.gateway.run("nft", "flush", "ruleset")
    until(lambda: "not-granting" in alone.whats())


def test_U10_a_socket_of_another_user(alone):
    alone.start()
    os.chown(alone.settings["CONTROL"], pwd.getpwnam("nobody").pw_uid, -1)
    assert alone.whats() == ["control-owner"]
    os.chown(alone.settings["CONTROL"], 0, -1)
    os.chmod(alone.settings["CONTROL"], 0o666)
    assert alone.whats() == ["control-open"]


def test_U10_a_program_that_was_replaced(alone, tmp_path):
    """Since it was started."""
    tmp_path.chmod(0o755)
    program = copy_programs(tmp_path)
    alone.server = alone.lab.dnsfw(ACL, "--acl-file", str(alone.acl),
                                   fw=alone.fw, program=program)
    assert alone.found() == []
    copy_programs_anew(tmp_path)
    assert alone.whats() == ["old-program"]


def test_U10_a_socket_that_nobody_serves(alone):
    alone.start()
    alone.server.stop()
    assert alone.settings["CONTROL"].is_socket()
    (one,) = alone.found()
    assert one["what"] == "not-running" and "answers at" in one["text"]


def test_U10_settings_that_are_not_in_force(alone):
    alone.start()
    alone.settings["FIREWALL"] = "none"
    assert alone.whats() == ["other-options"]


# --- who asks, and how ---

def test_U10_another_user_is_told_what_is_not_seen(doctor):
    found = doctor.found(user="nobody", notes=True)
    assert [one["what"] for one in found] == ["not-seen", "not-seen"]
    assert "only root may read" in found[0]["text"]
    assert [one["mend"] for one in found] == [
        "su -c 'dnsfwctl doctor --json --config "
        f"{doctor.lab.tmp}/config.env'", "usermod -aG dnsfw nobody"]
    doctor.lab.gateway.sysctl(ipv4__ip_forward=0)
    assert doctor.whats(user="nobody") == ["no-forwarding"]


def test_U10_as_text(doctor):
    doctor.rules("insert rule inet filter forward tcp dport 853 accept",
                 "-I FORWARD -p tcp --dport 853 -j ACCEPT")
    status, out, err = doctor.run("--config", str(doctor.config()))
    assert (status, err) == (1, "")
    lines = out.splitlines()
    assert re.fullmatch(
        r"error: clients can use DNS over TLS elsewhere \(TCP port 853\), by "
        r"\".*\" \(.*\) \(dot\)", lines[0]), lines[0]
    assert re.fullmatch(r"    mend: (nft delete rule|iptables -D) .*",
                        lines[1])
    assert lines[-1] == ("1 finding" if doctor.fw.name == "nftables" else
                         "2 findings")


@pytest.mark.parametrize("options, text", [
    (["x"], "usage: dnsfwctl doctor"),
    (["--config", "/nonexistent"], "cannot read"),
    (["--config", "/dev/null"], "not a regular file"),
    (["--firewall", "pf", "--chain", "x"], "expected none, iptables or"),
    (["--firewall", "nftables", "--chain", "x"], "--table: expected"),
    (["--firewall", "iptables"], "which firewall is it?"),
])
def test_U10_wrong_usage(options, text):
    done = subprocess.run([CTL, "doctor", *options], capture_output=True,
                          text=True, check=False, timeout=DEADLINE)
    assert done.returncode == 2 and done.stdout == ""
    assert text in done.stderr


# --- firewalls of bad will ---

def test_U10_many_rules(alone):
    """All are looked at, and the one among them is found."""
    alone.start()
    rules = "".join(f"add rule inet filter forward ip daddr 10.{i >> 8}."
                    f"{i & 255}.1 tcp dport {i + 1} drop\n"
                    for i in range(2000))
    alone.lab.gateway.run("nft", "-f", "-", text=rules.replace(
        "add rule", "insert rule"))
    assert alone.found() == []
    alone.rules("insert rule inet filter forward tcp dport 65000 accept")
    assert len(alone.found()) == 1


def test_U10_strange_strings(alone):
    alone.start()
    path = pathlib.Path("/usr/sbin/nft").resolve()
    comment = r"\u001b]0;x\u0007 \ud83d\ude00"
    listing = {"nftables": [
        {"chain": {"family": "inet", "table": "filter", "name": "for\x1bward",
                   "hook": "forward", "prio": 0, "policy": "accept",
                   "type": "filter"}},
        {"rule": {"family": "inet", "table": "filter", "handle": 1,
                  "chain": "for\x1bward", "comment": comment,
                  "expr": [{"accept": None}]}}]}
    alone.put(path, f"#!/bin/sh\ncat <<'E'\n{json.dumps(listing)}\nE\n", 0o755)
    status, out, _ = alone.run("--config", str(alone.config()))
    assert status == 1 and "no-jump" in out and "\x1b" not in out


@pytest.mark.parametrize("output", [
    "", "x", "{", "[]", "{}", '{"nftables": 1}', '{"nftables": [1, [], {}]}',
    '{"nftables": [{"rule": 1}, {"chain": []}]}',
    '{"nftables": [{"rule": {"family": "inet", "table": "t", "chain": "c",'
    ' "expr": [{"match": {}}, 3, {"jump": {}}, {"vmap": {}}]}}]}',
    "[" * 100000,
])
def test_U10_no_listing(alone, output):
    alone.start()
    path = pathlib.Path("/usr/sbin/nft").resolve()
    alone.put(path, f"#!/bin/sh\ncat <<'E'\n{output}\nE\n", 0o755)
    assert alone.found(notes=True)


@pytest.mark.parametrize("program, text", [
    ("nft", "what nft tells of the firewall: it failed"),
    ("iptables-nft-save", "what iptables-nft-save tells of the firewall: it "
     "failed"),
])
def test_U10_a_program_that_fails(alone, program, text):
    alone.start()
    path = pathlib.Path(shutil.which(program)).resolve()
    alone.put(path, "#!/bin/sh\nexit 3\n", 0o755)
    found = alone.found()
    assert any(text in one["text"] and one["mend"].split()[0] == program
               for one in found)
    # Of what was not seen, nothing is said.
    assert {one["what"] for one in found} <= {"not-seen", "no-nf-tables"}


def test_U10_a_program_that_is_not_there(alone):
    alone.start()
    alone.put(pathlib.Path("/usr/sbin/nft").resolve(), "", 0o644)
    (one,) = [one for one in alone.found() if one["what"] == "not-seen"]
    assert one["text"].endswith("what nft tells of the firewall: it is not "
                                "installed")
    assert one["mend"] == "apt-get install nftables"


def test_U10_a_program_that_does_not_end_its_listing(alone):
    """It is ended when it has written too much."""
    alone.start()
    path = pathlib.Path("/usr/sbin/nft").resolve()
    alone.put(path, "#!/bin/sh\nexec yes\n", 0o755)
    texts = [one["text"] for one in alone.found(notes=True)]
    assert any("it wrote more than 64 MiB" in text for text in texts)
