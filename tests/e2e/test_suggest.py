"""From nothing to an enforced list: --audit, and dnsfwctl suggest (U8, U9)."""

import collections
import itertools
import json
import re
import subprocess

import dns.rcode
import pytest

from lab import (CLIENT4, CLIENT6, OTHER4, OTHER_PORT, PORT, READY,
                 addresses_of, build_dir)
from process import DEADLINE, until
from services import Services
from test_control import path_of

CTL = str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl")
PORTS = (25, 80, 123, 443, 587, 993)
HOST4 = "127.0.0.1"

Use = collections.namedtuple("Use", "client name proto port")

# A day in a small network.  Names of one line of ALIASES are the same site.
TRAFFIC = [Use(*use) for use in (
    *itertools.product((CLIENT4, OTHER4, CLIENT6),
                       ("www.shop.test", "img.shop.test"), ("tcp",), (443,)),
    *itertools.product((CLIENT4, OTHER4), ("deb.mirror.test",
                                           "security.mirror.test"),
                       ("tcp",), (80,)),
    (HOST4, "deb.mirror.test", "tcp", 80),
    *itertools.product((CLIENT4, OTHER4, CLIENT6), ("pool.ntp.test",),
                       ("udp",), (123,)),
    *itertools.product((OTHER4,), ("mail.post.test",), ("tcp",),
                       (25, 587, 993)),
    *itertools.product((CLIENT4,), ("www.video.test", "r1.cdn.video.test",
                                    "r2.cdn.video.test", "r3.cdn.video.test"),
                       ("tcp", "udp"), (443,)),
)]
ALIASES = {"www.shop.test": "e1.cdn.test", "e1.cdn.test": "e1.edge.cdn.test"}


def run(command, *args, text=None):
    done = subprocess.run([CTL, command, *map(str, args)], input=text,
                          text=True, capture_output=True, timeout=DEADLINE,
                          check=False, env={"LC_ALL": "C", "TZ": "UTC"})
    return done.returncode, done.stdout, done.stderr


def suggested(server, *args):
    status, out, err = run("suggest", "--control", path_of(server), *args)
    assert (status, err) == (0, "")
    return out


def allowed(server):
    """What is suggested by now, as pairs of a client and a name with ports."""
    found = {}
    _, out, err = run("suggest", "--json", "--control", path_of(server))
    assert err in ("", "dnsfwctl: nothing was observed yet\n")
    for line in out.splitlines():
        rule = json.loads(line)
        for client, name in itertools.product(rule["clients"], rule["names"]):
            found[client, name["name"]] = set(rule["allow"])
    return found


def wanted():
    found = collections.defaultdict(set)
    for use in TRAFFIC:
        client = "fd77:1::/64" if ":" in use.client else use.client
        found[client, use.name].add(f"{use.proto}:{use.port}")
    return dict(found)


def checked(text):
    """A list without error and warning."""
    status, out, err = run("check", "-", text=text)
    assert (status, err) == (0, "") and "0 errors, 0 warnings" in out, \
        f"{out}\n{text}"
    return text


def open_firewall(lab, fw):
    """Let everything out; returns what shuts it again."""
    if fw.name == "iptables":
        each = [(command, chain) for command in ("iptables-nft",
                                                 "ip6tables-nft")
                for chain in ("FORWARD", "OUTPUT")]
        for command, chain in each:
            lab.gateway.run(command, "-I", chain, "-j", "ACCEPT")
        return lambda: [lab.gateway.run(command, "-D", chain, "-j", "ACCEPT")
                        for command, chain in each]
    handles = [(chain, re.search(r"# handle (\d+)", lab.gateway.run(
        "nft", "-ae", "insert", "rule", "inet", "filter", chain,
        "accept"))[1]) for chain in ("forward", "output")]
    return lambda: [lab.gateway.run("nft", "delete", "rule", "inet", "filter",
                                    chain, "handle", handle)
                    for chain, handle in handles]


@pytest.fixture(name="names")
def _names(lab):
    """All names of the traffic, and some that nobody uses."""
    services = Services(lab.internet, PORTS)
    for name in {use.name for use in TRAFFIC} | {
            "r4.cdn.video.test", "other.test"}:
        target = name
        while target in ALIASES:
            lab.upstream.add(target, 300, "CNAME", ALIASES[target] + ".")
            target = ALIASES[target]
        site = lab.site(name=target)
        for alias in [name] if target == name else [name, "e1.cdn.test"]:
            # As a resolver answers: with the whole chain.
            if alias != target:
                lab.upstream.add(alias, 300, "A", site.v4)
    yield
    services.close()


def address(lab, use):
    """What the client is told, or None."""
    answer = lab.ask(use.name, "AAAA" if ":" in use.client else "A",
                     use.client)
    found = addresses_of(answer)
    return found[0] if found else None


def passes(lab, use):
    where = address(lab, use)
    return where is not None and lab.reaches(where, use.client, use.port,
                                             use.proto)


def test_U9_from_nothing_to_an_enforced_list(lab, fw, names):
    """What was observed passes under the list that comes of it, and no more."""
    assert names is None
    shut = open_firewall(lab, fw)
    server = lab.dnsfw("", "--audit", fw=fw)
    for use in TRAFFIC:
        assert passes(lab, use), use
    until(lambda: allowed(server) == wanted(), 2 * DEADLINE,
          f"{wanted()} to be learned")
    text = checked(suggested(server))
    assert "# 1 time" in text or " times, 20" in text
    server.stop()
    shut()
    lab.dnsfw(text, fw=fw)
    for use in TRAFFIC:
        assert passes(lab, use), use
    # Nothing else: names, ports, clients.
    assert lab.ask("other.test").rcode() == dns.rcode.REFUSED
    assert lab.ask("r4.cdn.video.test").rcode() == dns.rcode.REFUSED
    assert lab.ask("mail.post.test").rcode() == dns.rcode.REFUSED
    shop = address(lab, Use(CLIENT4, "www.shop.test", "tcp", 443))
    assert not lab.reaches(shop, CLIENT4, 80)
    assert not lab.reaches(shop, CLIENT4, 443, "udp")
    assert not lab.reaches(address(lab, Use(
        OTHER4, "mail.post.test", "tcp", 25)), CLIENT4, 25)


def test_U9_what_a_list_lacks_for_names_that_it_allows(lab, fw):
    """All workers observe, what the list allows as well."""
    acl = "".join(f"{client} -> *.example.com:TCP:{PORT}\n"
                  for client in (CLIENT4, OTHER4, CLIENT6))
    open_firewall(lab, fw)
    server = lab.dnsfw(acl, "--audit", "--workers", "3", "--hold-live",
                       "--kill-connections", fw=fw)
    sites = [lab.site() for _ in range(3)]
    for client, site in zip((CLIENT4, OTHER4, CLIENT6), sites):
        lab.resolve(site, client)
        assert lab.reaches(site.address(client), client)
        assert lab.reaches(site.address(client), client, OTHER_PORT, "udp")
    until(lambda: list(allowed(server).values()) ==
          3 * [{f"tcp:{PORT}", f"udp:{OTHER_PORT}"}], 2 * DEADLINE)
    path = lab.write_acl(acl)
    lacking = [json.loads(line) for line in suggested(
        server, "--json", "--merge", path).splitlines()]
    assert {rule["names"][0]["name"] for rule in lacking} == {
        site.name for site in sites}
    assert all(rule["allow"] == [f"udp:{OTHER_PORT}"] for rule in lacking)
    # With that nothing is lacking any more.
    whole = acl + suggested(server, "--merge", path)
    assert suggested(server, "--json", "--merge",
                     lab.write_acl(checked(whole))) == ""


def test_U9_wildcards_only_where_asked(lab, names):
    assert names is None
    server = lab.dnsfw("", "--audit")
    for use in TRAFFIC:
        address(lab, use)
    until(lambda: len(allowed(server)) == len(wanted()))
    assert "*" not in suggested(server)
    text = checked(suggested(server, "--wildcards", "3", "--ports",
                             "tcp:443,udp:443"))
    assert "*.cdn.video.test" in text and "www.video.test" in text
    assert "r1.cdn" not in text and "*.video.test" not in text
    assert "*.cdn.video.test" not in suggested(server, "--wildcards", "4")
    # A public suffix is never below the asterisk.
    log = "".join(f"{CLIENT4} ?> [1] s{i}.co.uk.\n{CLIENT4} <~ [1]\n"
                  for i in range(9))
    status, out, _ = run("suggest", "--wildcards", "2", "-", text=log)
    assert status == 0 and "*" not in out


def test_U9_a_wildcard_is_for_whose_own_names_are_enough():
    """What one client asks for opens nothing for another one."""
    log = "".join(f"{client} ?> [1] {name}.cdn.test.\n{client} <~ [1]\n"
                  for client, names in (("10.0.0.1", "abc"), ("10.0.0.2", "a"),
                                        ("10.0.0.3", "cde"), ("10.0.0.4", "bd"))
                  for name in names)
    status, out, _ = run("suggest", "--json", "--wildcards", "3", "-", text=log)
    assert status == 0
    assert {(client, name["name"], name["count"])
            for rule in map(json.loads, out.splitlines())
            for client in rule["clients"] for name in rule["names"]} == {
        ("10.0.0.1", "*.cdn.test", 6), ("10.0.0.3", "*.cdn.test", 6),
        ("10.0.0.2", "a.cdn.test", 1), ("10.0.0.4", "b.cdn.test", 1),
        ("10.0.0.4", "d.cdn.test", 1)}
    status, out, _ = run("suggest", "--wildcards", "3", "-", text=log)
    assert "@clients1 = 10.0.0.1, 10.0.0.3\n@clients1 ~> *.cdn.test\t" in out
    checked(out)


def test_U9_without_a_firewall_no_port_is_known(lab):
    server = lab.dnsfw("", "--audit")
    site = lab.site()
    lab.resolve(site)
    until(lambda: site.name in run("suggest", "--control",
                                   path_of(server))[1])
    text = checked(suggested(server))
    assert f"{CLIENT4} ~> {site.name}\t# 1 time, " in text
    assert "no port is known" in text
    text = checked(suggested(server, "--ports", "tcp:443,UDP:443,tcp:80"))
    assert (f"{CLIENT4} -> {site.name}:TCP:80,443\t# 1 time, " in text and
            f"{CLIENT4} -> {site.name}:UDP:443\n" in text)


def test_U9_other_types_are_resolved_beside(lab):
    server = lab.dnsfw("", "--audit")
    site = lab.site()
    lab.upstream.add(site.name, 60, "MX", f"10 {site.name}.")
    lab.resolve(site)
    lab.ask(site.name, "MX")
    lab.ask("no.such.name.test")
    lab.ask(site.name, "TXT")       # there is none
    until(lambda: "2 times" in run("suggest", "--control",
                                   path_of(server))[1])
    text = checked(suggested(server, "--ports", "tcp:25"))
    assert f"{CLIENT4} -> {site.name}:TCP:25" in text
    assert f"{CLIENT4} ~> {site.name}\n" in text
    assert "no.such" not in text


def test_U9_the_difference_to_a_list(lab):
    acl = (f"@clients7 = {CLIENT4}\n@clients7 -> one.test,two.test:TCP:443\n"
           f"{CLIENT4} -| bad.test\n")
    log = "".join(f"{CLIENT4} ?> [1] {name}.\n{CLIENT4} <~ [1]\n"
                  for name in ("one.test", "two.test", "bad.test", "new.test",
                               "newer.test"))
    log += (f"{CLIENT4} -> [1] two.test.\n{CLIENT4} <- [1] two.test. "
            "[192.0.2.1]:TCP:443 TTL:60\n" f"{CLIENT4} <- [1] two.test. "
            "[192.0.2.1]:UDP:443 TTL:60\n")
    path = lab.write_acl(acl)
    status, out, err = run("suggest", "--merge", path, "-", text=log)
    assert (status, err) == (0, "")
    assert f"/{path.name}:3: bad.test for {CLIENT4}\n" in out
    assert f"{CLIENT4} -> two.test:UDP:443\t# 2 times\n" in out
    assert "one.test" not in out and "new.test" in out
    # The two together are a list, too.
    assert "@names8 = new.test" in out
    checked(out)
    assert "0 errors" in run("check", "-", text=acl + out)[1]


def test_U9_a_log_of_a_real_day(lab):
    """The JSON form says when, and of what type."""
    server = lab.start(lab.dnsfw_argv(
        f"{CLIENT4} -> *.example.com:TCP:{PORT}\n", "--audit",
        "--log-format", "json"))
    server.err.wait_for(READY)
    site, other = lab.site(), lab.site(under="other.test")
    lab.upstream.add(other.name, 60, "TXT", '"text"')
    lab.resolve(site)
    lab.ask(other.name, "TXT")
    lab.ask("nothing.other.test")
    until(lambda: len(server.out.lines) == 6)
    log = "\n".join(server.out.lines) + "\n"
    path = lab.tmp / "log"
    path.write_text(log, encoding="ascii")
    status, out, err = run("suggest", "--json", path)
    assert (status, err) == (0, "")
    rules = {rule["names"][0]["name"]: rule
             for rule in map(json.loads, out.splitlines())}
    assert set(rules) == {site.name, other.name}
    assert not rules[site.name]["ports_known"]
    assert rules[other.name]["resolve"] and rules[other.name]["ports_known"]
    first = rules[other.name]["names"][0]["first"]
    assert first == json.loads(server.out.lines[2])["time"][:19] + "Z"


def test_U9_nothing_from_the_wire_means_anything_in_a_list():
    """Names that no list can have are counted; lines of others are not read."""
    log = (f"{CLIENT4} ?> [1] a\\032b.test.\n{CLIENT4} <~ [1]\n"
           f"{CLIENT4} ?> [2] a,b.test.\n{CLIENT4} <~ [2]\n"
           f"{CLIENT4} ?> [3] *.test.\n{CLIENT4} <~ [3]\n"
           f"{CLIENT4} ?> [4] @all.test.\n{CLIENT4} <~ [4]\n"
           f"{CLIENT4} ?> [5] 1.2.3.4.\n{CLIENT4} <~ [5]\n"
           f"{CLIENT4} ?> [6] fine.test.\n{CLIENT4} <~ [6]\n"
           "\x1b[2J -> * \n")
    status, out, err = run("suggest", "-", text=log)
    assert status == 0
    assert err == "dnsfwctl: 5 names that no list can have are missing\n"
    assert [line for line in out.splitlines() if line[:1] not in "#"] == [
        f"{CLIENT4} ~> fine.test\t# 1 time; no port is known, so the name "
        "alone"]
    checked(out)


def test_U9_more_groups_than_a_list_may_have():
    """Then rules have the clients and names themselves."""
    log = ""
    for i in range(1100):
        for client, name in itertools.product(
                (f"10.1.{i // 200}.{i % 200}", "10.2.0.1"),
                (f"a{i}.test", f"b{i}.test")):
            log += f"{client} ?> [1] {name}.\n{client} <~ [1]\n"
    status, out, _ = run("suggest", "-", text=log)
    assert status == 0
    checked(out)
    assert "@clients" in out and "10.2.0.1 ~> " in out


@pytest.mark.parametrize("args, error", [
    (("--wildcards", "1"), "expected a number from 2 on"),
    (("--wildcards", "x"), "expected a number from 2 on"),
    (("--ports", "443"), "expected a protocol and a port"),
    (("--ports", "tcp:443,"), "expected a protocol and a port"),
    (("--ports", "tcp:65536"), "expected a protocol and a port"),
    (("--nothing",), ""),
])
def test_U9_wrong_usage(args, error):
    status, out, err = run("suggest", *args)
    assert (status, out) == (2, "") and error in err
    assert "usage: dnsfwctl suggest" in err


def test_U9_nothing_to_suggest_from(lab):
    server = lab.dnsfw("")
    assert run("suggest", "--control", path_of(server)) == (
        1, "", "dnsfwctl: the running dnsfw observes nothing: it has to be "
        "started with --audit\n")
    server.stop()
    server = lab.dnsfw("", "--audit")
    assert run("suggest", "--control", path_of(server)) == (
        1, "", "dnsfwctl: nothing was observed yet\n")
    missing = lab.tmp / "none"
    assert run("suggest", missing) == (
        1, "", f'dnsfwctl: cannot read the log "{missing}": No such file or '
        "directory\n")
    bad = lab.write_acl("bad\n")
    status, _, err = run("suggest", "--merge", bad, "-",
                         text=f"{CLIENT4} ?> [1] a.test.\n{CLIENT4} <~ [1]\n")
    assert status == 1 and f"{bad}:1:" in err


def test_U9_wildcards_do_not_go_with_a_list(lab):
    """One could be walked before a block of the list."""
    path = lab.write_acl(f"{CLIENT4} -| ads.example.com\n")
    status, out, err = run("suggest", "--wildcards", "2", "--merge", path, "-",
                           text="")
    assert (status, out) == (2, "")
    assert "--merge goes with single names" in err
