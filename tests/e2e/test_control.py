"""The control socket, and what dnsfwctl asks there (U1, U2, U6)."""

import contextlib
import grp
import json
import os
import pathlib
import pwd
import random
import re
import signal
import socket
import stat
import struct
import subprocess

import dns.message
import dns.rcode
import pytest

from lab import (ALLOW, CLIENT4, CLIENT6, DNS4, DNS6, GATEWAY4, OTHER4, PORT,
                 build_dir)
from process import DEADLINE, until
from test_hostile import FORMERR

pytestmark = pytest.mark.inputs

VERSION = 4
STATS, GRANTS, WHY, RULES, RELOAD, REVOKE = range(1, 7)
END = struct.Struct("=BBxxI8x")
STATUS_SIZE = 72 + 8 * 6 + 8 * 14 + 3 * 8 * 16 + 8 * 64 + 1800
SINCE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(\d+ s ago\)"
OK, BAD, DENIED, REJECTED = range(4)
RESOLVE_ALL = f"{CLIENT4} ~> *\n"
NO_AUDIT = 7
NOBODY = pwd.getpwnam("nobody").pw_uid
BOTH = ALLOW + f"{OTHER4} -> *.example.com:TCP:{PORT}\n"


def rules_of(text):
    return sum("->" in line for line in text.splitlines())


def path_of(server):
    argv = server.popen.args
    return argv[argv.index("--control") + 1]


def acl_of(server):
    argv = server.popen.args
    return pathlib.Path(argv[argv.index("--acl-file") + 1])


def ctl(server, command, *args, user=None):
    """Exit status, objects, and what is on stderr."""
    done = subprocess.run(
        [str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl"), command, "--json",
         "--control", path_of(server), *args], text=True,
        capture_output=True, timeout=DEADLINE, check=False,
        env={"LC_ALL": "C"}, user=user, group=user, extra_groups=[])
    return (done.returncode,
            [json.loads(line) for line in done.stdout.splitlines()],
            done.stderr)


def stats_text(server):
    return subprocess.run(
        [str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl"), "stats", "--control",
         path_of(server)], text=True, capture_output=True, timeout=DEADLINE,
        check=True).stdout


def fine(server, command, *args):
    status, found, errors = ctl(server, command, *args)
    assert (status, errors) == (0, "")
    return found


def connect(server):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(path_of(server))       # waits for a place in the queue
    sock.settimeout(DEADLINE)
    return sock


def question(what, family=0, client=b"", version=VERSION, pad=b"\0\0"):
    return struct.pack("=IBB2s16s", version, what, family, pad, client)


def test_U6_grants_are_those_of_the_kernel(lab, fw):
    server = lab.dnsfw(BOTH + f"127.0.0.1 -> *.example.com:UDP:{PORT}\n",
                       fw=fw)
    site = lab.site(ttl=1000)
    for client in (CLIENT4, CLIENT6, OTHER4):
        lab.resolve(site, client)
    lab.ask(site.name, "A", "127.0.0.1")
    found = fine(server, "grants")
    assert len(found) == len(fw.entries()) == 4
    assert {(one["client"], one["protocol"], one["port"], one["address"])
            for one in found} == {
        (CLIENT4, "tcp", PORT, site.v4), (CLIENT6, "tcp", PORT, site.v6),
        (OTHER4, "tcp", PORT, site.v4), (None, "udp", PORT, site.v4)}
    assert {one["name"] for one in found} == {site.name}
    assert all(900 < one["left"] <= 1015 for one in found)
    assert [one["client"] for one in fine(server, "grants", OTHER4)] == [
        OTHER4]
    assert [one["client"] for one in fine(server, "grants", "127.0.0.1")] \
        == [None]
    assert fine(server, "grants", "192.0.2.77") == []
    done = subprocess.run(
        [str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl"), "grants", "--control",
         path_of(server), "192.0.2.77"], text=True, capture_output=True,
        timeout=DEADLINE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "", "dnsfwctl: nothing is open for 192.0.2.77\n")


def test_U6_grants_of_a_firewall_that_is_incomplete(lab):
    """What dnsfw holds open, the firewall may not have."""
    fw = lab.set_up_firewall("nftables")
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.resolve(lab.site(ttl=1000))
    (one,) = fine(server, "grants")
    assert one["firewall_works"]
    lab.gateway.run("nft", "flush", "ruleset")
    until(lambda: not fine(server, "stats")[0]["working"])
    status, (one,), errors = ctl(server, "grants")
    assert (status, one["firewall_works"]) == (0, False)
    assert errors == ("dnsfwctl: the firewall is incomplete: it may not have "
                      "what is open there; the log of dnsfw says why\n")
    # And for who has nothing.
    assert ctl(server, "grants", OTHER4) == (0, [], errors)


def test_U6_stats(lab, fw):
    server = lab.dnsfw(BOTH, fw=fw)
    lab.resolve(lab.site())
    (found,) = fine(server, "stats")
    assert found["working"] and not found["reloading"]
    assert (found["rules"], found["reloads"], found["grants"]) == (
        rules_of(BOTH), 0, 1)
    assert found["grants_max"] == 65536
    assert found["requests"] == {"granted": 1, "forbidden": 0, "outside": 0,
                                 "full": 0, "failed": 0, "stale": 0}
    assert found["serves"].startswith(GATEWAY4)
    assert found["upstreams"] == [{"address": DNS4, "answers": True}]


def test_U6_stats_of_the_workers(lab):
    """They tell what they have counted within a second."""
    server = lab.dnsfw(BOTH, "--workers=2", upstream=f"{DNS4},{DNS6}")
    site = lab.site()
    for client in (CLIENT4, CLIENT6, OTHER4):
        lab.resolve(site, client)
    lab.ask("refused.test")

    def counters():
        return fine(server, "stats")[0]["counters"]

    until(lambda: counters()["queries"] == 4)
    found = counters()
    assert (found["refused"], found["exchanges"] + found["shared"],
            found["timeouts"], found["turned_away"]) == (1, 3, 0, 0)
    text = stats_text(server)
    assert re.search(r"^queries +4; refused 1, bad 0, turned away 0, "
                     r"over the rate 0, not of clients 0, let through 0$", text, re.M)
    assert f"               {DNS6} answers\n" in text


def times_of(server):
    return fine(server, "stats")[0]["times"]


def test_U7_how_long_things_take(lab, fw):
    """As JSON has it, and as a few words."""
    server = lab.dnsfw(BOTH, fw=fw)
    assert [one["count"] for one in times_of(server).values()] == [0, 0, 0]
    assert re.search(r"^times +decision +none yet$", stats_text(server), re.M)
    lab.resolve(lab.site())
    lab.ask("refused.test")
    until(lambda: times_of(server)["upstream"]["count"] == 1)
    found = times_of(server)
    assert list(found) == ["decision", "upstream", "firewall"]
    transactions = fine(server, "stats")[0]["transactions"]
    assert [one["count"] for one in found.values()] == [1, 1, transactions]
    for one, first in zip(found.values(), (125, 500000, 25000)):
        assert [bucket["within_ns"] for bucket in one["buckets"]] == [
            first << i for i in range(14)]
        counts = [bucket["count"] for bucket in one["buckets"]]
        assert counts == sorted(counts) and counts[-1] <= one["count"]
        assert one["sum_ns"] > 0
    assert len(re.findall(r"^(?:times| ) +(?:decision|upstream|firewall) +"
                          r"50 % (?:within|above) [\d.]+ [num]?s, "
                          r"99 % (?:within|above) [\d.]+ [num]?s$",
                          stats_text(server), re.M)) == 3


def test_U7_an_upstream_that_takes_long(lab):
    """The time is that of the answer, or all that it had."""
    server = lab.dnsfw(RESOLVE_ALL, "--timeout=1")
    lab.upstream.behave("www.example.com", lambda request: [])
    assert lab.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    until(lambda: times_of(server)["upstream"]["count"] == 1)
    assert times_of(server)["upstream"]["sum_ns"] >= 1e9
    assert times_of(server)["upstream"]["buckets"][10]["count"] == 0


def test_U6_who_is_no_client_is_counted(lab):
    server = lab.dnsfw(RESOLVE_ALL, "--client-net", CLIENT4)
    query = dns.message.make_query("www.example.com", "A").to_wire()
    with lab.client_socket(OTHER4, 2) as sock:
        sock.sendto(query, (GATEWAY4, 53))
    with pytest.raises((EOFError, ConnectionError)):
        lab.exchange(query, OTHER4, tcp=True)
    until(lambda: fine(server, "stats")[0]["counters"]["outside"] == 2)
    assert fine(server, "stats")[0]["counters"]["queries"] == 0
    assert ", not of clients 2, let through 0\n" in stats_text(server)


def test_U6_an_upstream_that_does_not_answer(lab):
    """What a graph and an alert are made of."""
    server = lab.dnsfw(BOTH, "--timeout=1")

    def answers():
        return fine(server, "stats")[0]["upstreams"][0]["answers"]

    assert answers()
    lab.upstream.behave("www.example.com", lambda request: [])
    for _ in range(3):
        assert lab.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    until(lambda: not answers())
    assert f"               {DNS4} does not answer\n" in stats_text(server)
    lab.resolve(lab.site())
    until(answers)


def test_U6_without_a_firewall(lab):
    server = lab.dnsfw(BOTH)
    assert fine(server, "grants") == []
    assert fine(server, "stats")[0]["grants"] == 0


def test_U6_reload_waits_for_the_verdict(lab, fw):
    server = lab.dnsfw(BOTH, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site, OTHER4)
    lab.resolve(site, CLIENT4)
    acl_of(server).write_text(ALLOW, encoding="utf-8")
    assert fine(server, "reload") == [
        {"done": True, "rules": rules_of(ALLOW)}]
    # Also what it forbids is gone by now.
    assert [one["client"] for one in fine(server, "grants")] == [CLIENT4]
    assert {entry[0] for entry in fw.entries()} == {CLIENT4}
    acl_of(server).write_text("nonsense\n", encoding="utf-8")
    status, found, errors = ctl(server, "reload")
    assert (status, errors) == (
        1, "dnsfwctl: the list has errors: the old one stays; dnsfwctl check "
        "and the log tell them\n")
    assert found == [{"done": False, "rules": rules_of(ALLOW)}]
    acl_of(server).unlink()
    status, found, errors = ctl(server, "reload")
    assert (status, errors) == (
        1, "dnsfwctl: the list cannot be opened: the old one stays; the log "
        "says why\n")
    assert found == [{"done": False, "rules": rules_of(ALLOW)}]
    acl_of(server).write_text(BOTH, encoding="utf-8")
    assert fine(server, "reload")[0]["done"]
    assert fine(server, "stats")[0]["reloads"] == 2


def test_U6_revoke_takes_out_one_clients(lab, fw):
    server = lab.dnsfw(BOTH, fw=fw)
    site = lab.site(ttl=1000)
    for client in (CLIENT4, CLIENT6, OTHER4):
        lab.resolve(site, client)
    assert lab.reaches(site.v4, CLIENT4)
    assert fine(server, "revoke", CLIENT4) == [{"done": True, "grants": 1}]
    assert {entry[0] for entry in fw.entries()} == {CLIENT6, OTHER4}
    assert not lab.reaches(site.v4, CLIENT4)
    assert lab.reaches(site.v4, OTHER4)
    # The worker does not think that it is still there.
    lab.resolve(site, CLIENT4)
    assert lab.reaches(site.v4, CLIENT4)
    assert fine(server, "revoke", "192.0.2.77") == [
        {"done": True, "grants": 0}]


# --- why (U5) ---

REFUSING = f"""{CLIENT4} -> *.example.com:TCP:{PORT}
{CLIENT4} -| *.bad.example.com
{CLIENT4} -| here.example.com = 192.0.2.1
"""
NO_RULE = "no ACL rule allows it"


def why(server, *args, wanted=1):
    """What is known of the client, as soon as it is so much."""
    found = []

    def is_there():
        found[:] = ctl(server, "why", *args)[1]
        return len(found) >= wanted
    until(is_there)
    assert len(found) == wanted
    return found


def test_U5_each_reason_as_the_log_has_it(lab):
    server = lab.dnsfw(REFUSING)
    lab.upstream.behave("broken.example.com", lambda request: [
        request.reply(rcode=dns.rcode.SERVFAIL)])
    lab.ask("www.example.net")
    lab.ask("A.BAD.example.com", "AAAA")
    lab.ask("here.example.com")
    lab.ask("broken.example.com")
    lab.ask("x.example.com", "AXFR")
    lab.exchange(FORMERR["no_question"])
    lab.ask("www.example.net", client=OTHER4)
    found = why(server, CLIENT4, wanted=6)
    keys = ("event", "name", "type", "rule", "reason", "count")
    assert [tuple(one[key] for key in keys) for one in found] == [
        ("refuse", "www.example.net.", "A", None, NO_RULE, 1),
        ("refuse", "a.bad.example.com.", "AAAA", 2, "blocked by ACL line 2",
         1),
        ("refuse", "here.example.com.", "A", 3, "answered by ACL line 3", 1),
        ("bad_answer", "broken.example.com.", "A", 1,
         "upstream error SERVFAIL", 1),
        ("bad_query", "x.example.com.", "AXFR", 1, found[4]["reason"], 1),
        ("bad_query", None, None, None, found[5]["reason"], 1),
    ]
    for one in found[3:]:
        arrow = {"bad_query": "!>", "bad_answer": "<!"}[one["event"]]
        server.out.wait_for(f"^{CLIENT4} {arrow} \\[\\d+\\] "
                            f"{re.escape(one['reason'])}$")
    assert all(one["client"] == CLIENT4 and one["first"] <= one["last"] and
               re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", one["last"])
               for one in found)
    assert [one["name"] for one in why(server, OTHER4)] == [
        "www.example.net."]


def test_U5_a_name_and_what_is_below_it(lab):
    server = lab.dnsfw(ALLOW)
    long = ".".join(3 * ["x" * 60] + ["example.net"])
    for name in ("example.net", "www.example.net", "notexample.net",
                 "other.test", long):
        lab.ask(name)
    assert [one["name"] for one in why(server, CLIENT4, "Example.NET",
                                       wanted=3)] == [
        "example.net.", "www.example.net.", "..." + (long + ".")[-124:]]
    # As far as is known of it.
    assert len(why(server, CLIENT4, long)) == 1
    assert len(why(server, CLIENT4, "x" * 60 + ".example.net")) == 1
    assert ctl(server, "why", CLIENT4, "y" + long[1:-1])[0] == 1
    assert len(why(server, CLIENT4, "www.example.net.")) == 1
    for args, whose in (((CLIENT4, "net.example"),
                         f"{CLIENT4} for net.example."), ((OTHER4,), OTHER4)):
        status, found, errors = ctl(server, "why", *args)
        assert (status, found) == (1, [])
        assert re.fullmatch(rf"dnsfwctl: no refusal or failure of {whose} is "
                            rf"known since {SINCE}\n", errors)


def test_U5_the_same_is_told_once_with_its_number(lab):
    server = lab.dnsfw(ALLOW)
    for _ in range(3):
        for rdtype in ("A", "AAAA"):
            lab.ask("www.example.net", rdtype)
    until(lambda: sum(one["count"] for one in ctl(
        server, "why", CLIENT4)[1]) == 6)
    found = why(server, CLIENT4, wanted=2)
    assert {(one["type"], one["count"]) for one in found} == {
        ("A", 3), ("AAAA", 3)}


def test_U5_text(lab):
    server = lab.dnsfw(REFUSING)
    lab.ask("a.bad.example.com", "HTTPS")
    lab.exchange(FORMERR["no_question"])
    why(server, CLIENT4, wanted=2)
    done = subprocess.run(
        [str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl"), "why", "--control",
         path_of(server), CLIENT4], text=True, capture_output=True,
        timeout=DEADLINE, check=False, env={"TZ": "UTC"})
    assert (done.returncode, done.stderr) == (0, "")
    when = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  +\d+ s ago"
    assert re.fullmatch(
        f"{when}      1x  HTTPS  a\\.bad\\.example\\.com\\.  "
        f"blocked by ACL line 2\n"
        f"{when}      1x  -      -  [ -~]+\n", done.stdout), done.stdout


def test_U5_no_octet_of_a_name_reaches_the_terminal(lab):
    server = lab.dnsfw(ALLOW)
    query = bytearray(dns.message.make_query("abcdefgh.test", "A").to_wire())
    at = query.index(b"abcdefgh")
    query[at:at + 8] = b"\x1b[2J\n\x9b\0\xff"
    lab.exchange(bytes(query))
    (one,) = why(server, CLIENT4)
    assert one["name"] == r"\027[2j\010\155\000\255.test."


def test_U5_each_of_two_workers_tells_of_its_clients(lab):
    server = lab.dnsfw(ALLOW, "--workers", "2")
    clients = (CLIENT4, OTHER4, CLIENT6, "127.0.0.1")
    for client in clients:
        lab.ask("www.example.net", client=client)
    for client in clients:
        assert [one["client"] for one in why(server, client)] == [client]


def test_U5_what_was_known_outlives_a_reload(lab):
    server = lab.dnsfw(REFUSING)
    lab.ask("a.bad.example.com")
    assert why(server, CLIENT4)[0]["rule"] == 2
    acl_of(server).write_text(ALLOW, encoding="utf-8")
    assert fine(server, "reload")[0]["done"]
    assert why(server, CLIENT4)[0]["rule"] == 2


def test_U5_a_flood_of_refusals_is_told_in_part(lab):
    """And nobody waits for it."""
    server = lab.dnsfw(ALLOW)
    with lab.client_socket(OTHER4, socket.SOCK_DGRAM) as sock:
        sock.connect((GATEWAY4, 53))
        for number in range(5000):
            sock.send(dns.message.make_query(f"n{number}.test",
                                             "A").to_wire())
            if number % 1000 == 0:
                lab.ask(lab.site().name)
    lab.ask("www.example.net")
    assert why(server, CLIENT4)[0]["name"] == "www.example.net."
    assert 0 < len(ctl(server, "why", OTHER4)[1]) <= 256


# --- rules (U6) ---

COUNTED = f"""# two of one name
{CLIENT4} -> www.example.com:TCP:{PORT}
{CLIENT4} -> *.example.com:UDP:{PORT}
{CLIENT4} -> www.example.com:TCP:80
{CLIENT4} -| bad.example.com
{OTHER4} ~> *
"""


def rules(server, *args):
    return fine(server, "rules", "--acl", str(acl_of(server)), *args)


def hits(server):
    return [one["hits"] for one in rules(server)]


def test_U6_hits_of_each_rule(lab):
    server = lab.dnsfw(COUNTED)
    assert hits(server) == [0, 0, 0, 0, 0]
    for name in ("www", "www", "other", "bad"):
        lab.ask(f"{name}.example.com")
    lab.ask("nothing.example.net")      # none matches
    # What is for one client and one name is counted together.
    until(lambda: hits(server) == [2, 3, 2, 1, 0])
    found = rules(server)
    assert [one["line"] for one in found] == [2, 3, 4, 5, 6]
    assert {one["file"] for one in found} == {str(acl_of(server))}
    assert found[3]["text"] == f"{CLIENT4} -| bad.example.com"
    assert [one["ago"] is None for one in found] == 4 * [False] + [True]
    assert [one["line"] for one in rules(server, "--unused")] == [6]
    lab.ask("www.example.com", client=OTHER4)
    until(lambda: not rules(server, "--unused"))


def test_U11_hits_of_rules_with_names_and_groups(lab):
    server = lab.dnsfw(f"@lan = {CLIENT4}, {OTHER4}, 10.77.0.0/16\n"
                       "@web = www.example.com, *.example.com\n"
                       f"{CLIENT4} ~> www.example.com\n"
                       f"@lan -> @web,example.org:TCP:{PORT},{PORT + 1}\n"
                       f"{CLIENT4} ~> example.net, www.example.com\n"
                       f"@lan ~> example.info\n")
    assert hits(server) == [0, 0, 0, 0]
    assert len(rules(server, "--unused")) == 4
    # By two of its names, for two of its nets: one rule, and one query.
    lab.ask("www.example.com", client=OTHER4)
    until(lambda: hits(server) == [0, 1, 0, 0])
    lab.ask("www.example.com")      # together with what is for this client
    until(lambda: hits(server) == [1, 2, 1, 0])
    for _ in range(2):
        lab.ask("example.net")
    until(lambda: hits(server) == [1, 2, 2, 0])
    assert [one["line"] for one in rules(server)] == [3, 4, 5, 6]
    assert [one["line"] for one in rules(server, "--unused")] == [6]


def test_U6_hits_of_two_workers_are_added(lab):
    server = lab.dnsfw("10.0.0.0/8 ~> *\nfd77::/16 ~> *\n127.0.0.1 ~> *\n",
                       "--workers", "2")
    for client in (CLIENT4, OTHER4, "127.0.0.1", CLIENT6):
        for _ in range(3):
            lab.ask(lab.site().name, client=client)
    until(lambda: hits(server) == [6, 3, 3])


def test_U6_a_new_list_begins_with_nothing(lab):
    server = lab.dnsfw(COUNTED)
    lab.ask("www.example.com")
    until(lambda: hits(server) == [1, 1, 1, 0, 0])
    acl_of(server).write_text(BOTH, encoding="utf-8")
    # Until it is in force, it is another list.
    status, found, errors = ctl(server, "rules", "--acl",
                                str(acl_of(server)))
    assert (status, found) == (1, [])
    assert errors == (f"dnsfwctl: {acl_of(server)}: it has {rules_of(BOTH)} "
                      "rules, and the list in force has 5: another file, or "
                      "changed since it was loaded\n")
    assert fine(server, "reload")[0]["done"]
    assert hits(server) == 3 * [0]
    lab.ask("www.example.com")
    until(lambda: hits(server) == [1, 0, 0])


def test_U6_a_list_that_is_read_again_goes_on(lab):
    """Its rules are the same."""
    server = lab.dnsfw(COUNTED)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                        rules(server)[0]["since"])
    lab.ask("www.example.com")
    until(lambda: hits(server) == [1, 1, 1, 0, 0])
    # Whether a second is over or not, nothing is lost.
    lab.ask("www.example.com")
    assert fine(server, "reload")[0]["done"]
    until(lambda: hits(server) == [2, 2, 2, 0, 0])
    assert fine(server, "stats")[0]["reloads"] == 1
    # Nor is anything told twice.
    lab.ask("www.example.com")
    until(lambda: hits(server) == [3, 3, 3, 0, 0])


def test_U6_a_list_of_as_many_rules_is_another_one(lab):
    """Its lines would have the hits of others."""
    server = lab.dnsfw(COUNTED)
    lab.ask("www.example.com")
    until(lambda: hits(server) == [1, 1, 1, 0, 0])
    acl_of(server).write_text(f"# on top\n{COUNTED}", encoding="utf-8")
    status, found, errors = ctl(server, "rules", "--unused", "--acl",
                                str(acl_of(server)))
    assert (status, found) == (1, [])
    assert errors == (f"dnsfwctl: {acl_of(server)}: it is not the list in "
                      "force: another file, or changed since it was loaded\n")


def test_U6_nothing_that_dnsfw_says_reaches_the_terminal(tmp_path):
    """It might be captured, and the terminal root's."""
    path = tmp_path / "control"
    status = struct.pack("=BBBBB3x", 3, 0, 3, 3, 1) + bytes(200)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as keeper:
        keeper.bind(str(path))
        keeper.listen()
        with subprocess.Popen(
                [str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl"), "stats",
                 "--control", str(path)], stdout=subprocess.PIPE,
                text=True) as asking, keeper.accept()[0] as sock:
            assert sock.recv(100)
            sock.send(status + (STATUS_SIZE - len(status)) * b"\x1b")
            sock.send(END.pack(1, OK, 1))
            text = asking.communicate(timeout=DEADLINE)[0]
    assert "serves         ????" in text and "? answers\n" in text
    assert "\x1b" not in text


def test_U5_G8_an_address_that_is_never_granted(lab):
    """The answer left, but without what the client wanted."""
    server = lab.dnsfw(BOTH, "--deny-answer=10.78.0.0/16")
    site = lab.site()
    assert lab.ask(site.name).answer == []
    (one,) = why(server, CLIENT4)
    assert (one["event"], one["name"], one["reason"]) == (
        "bad_answer", f"{site.name}.",
        "an address that is never granted was removed")


def test_U6_rules_as_text(lab):
    server = lab.dnsfw(COUNTED)
    lab.ask("bad.example.com")
    until(lambda: hits(server) == [0, 0, 0, 1, 0])
    path = str(acl_of(server))
    done = subprocess.run(
        [str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl"), "rules", "--control",
         path_of(server), "--acl", path], text=True, capture_output=True,
        timeout=DEADLINE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    since, *lines = done.stdout.splitlines()
    assert re.fullmatch(f"counted since {SINCE}", since)
    assert lines[0] == (f"         0       never  {path}:2  {CLIENT4} -> "
                        f"www.example.com:TCP:{PORT}")
    assert re.fullmatch(f"         1 +\\d+ s ago  {re.escape(path)}:5  "
                        f"{CLIENT4} -\\| bad.example.com", lines[3])


def test_U6_lines_far_down_are_not_counted(lab):
    text = "#\n" * 65535 + f"{CLIENT4} ~> a.test\n{CLIENT4} ~> b.test\n"
    server = lab.dnsfw(text)
    for name in ("a.test", "b.test"):
        lab.ask(name)
    until(lambda: hits(server) == [1, None])
    assert rules(server, "--unused") == []


def test_U6_a_list_with_errors_is_told(lab):
    server = lab.dnsfw(COUNTED)
    acl_of(server).write_text("nonsense\n", encoding="utf-8")
    status, found, errors = ctl(server, "rules", "--acl",
                                str(acl_of(server)))
    assert (status, found) == (1, [])
    assert f"{acl_of(server)}:1:" in errors


# --- who may (U2) ---

def test_U2_root_alone_without_a_group(lab):
    server = lab.dnsfw(ALLOW)
    found = os.stat(path_of(server))
    assert stat.S_ISSOCK(found.st_mode)
    try:
        group = grp.getgrnam("dnsfw").gr_gid
    except KeyError:
        group = 0
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (
        0, group, 0o660 if group else 0o600)
    status, found, errors = ctl(server, "stats", user=NOBODY)
    assert (status, found) == (1, [])
    assert "only root and members of the group dnsfw may ask" in errors
    assert str(server.err).count(
        f'there is no group "dnsfw": only root can ask at "{path_of(server)}"'
    ) == (0 if group else 1)


def test_U2_who_may_read_may_not_change(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.resolve(lab.site(ttl=1000))
    os.chmod(path_of(server), 0o666)    # as for a member of the group
    assert ctl(server, "stats", user=NOBODY)[0] == 0
    assert len(ctl(server, "grants", user=NOBODY)[1]) == 1
    assert ctl(server, "why", CLIENT4, user=NOBODY)[0] == 1
    for command in (("reload",), ("revoke", CLIENT4)):
        status, _, errors = ctl(server, *command, user=NOBODY)
        assert (status, errors) == (1, "dnsfwctl: only root may do that\n")
    assert len(fw.entries()) == 1
    assert fine(server, "stats")[0]["reloads"] == 0


# --- hostile askers ---

@pytest.mark.parametrize("bytes_", [
    question(0), question(8), question(STATS, version=2),
    question(STATS, pad=b"\0\1"), question(GRANTS, family=5),
    question(GRANTS, 4, b"\1\2\3\4\5"), question(GRANTS, 0, b"\1"),
    question(REVOKE), question(STATS)[:-1], question(STATS) + b"\0", b"x",
    b"\xff" * 4096,
])
def test_U2_what_is_no_question(lab, bytes_):
    server = lab.dnsfw(ALLOW)
    with connect(server) as sock:
        sock.send(bytes_)
        assert END.unpack(sock.recv(100)) == (1, BAD, 0)
        # And the next one is heard.
        sock.send(question(STATS))
        assert sock.recv(4096)[0] == 3
        assert END.unpack(sock.recv(100)) == (1, OK, 0)
    lab.ask(lab.site().name)


def test_U2_any_bytes(lab):
    """Records of any length and content, and such as are almost right."""
    server = lab.dnsfw(ALLOW)
    rng = random.Random(2)
    heard = 0
    for _ in range(100):
        with connect(server) as sock:
            for _ in range(50):
                bytes_ = bytearray(rng.randbytes(rng.randint(1, 64)) if
                                   rng.randrange(2) else question(
                    rng.randint(1, 4), rng.choice((0, 4, 6)),
                    rng.randbytes(rng.choice((0, 4, 16)))))
                bytes_[rng.randrange(len(bytes_))] ^= 1 << rng.randrange(8)
                sock.send(bytes_)
                while len(record := sock.recv(65536)) != END.size:
                    assert record[0] in (2, 3, 4, 5)
                assert END.unpack(record)[1] in (OK, BAD, REJECTED, NO_AUDIT)
                heard += 1
    assert heard == 5000
    assert fine(server, "stats")[0]["working"]


def test_U2_a_descriptor_goes_nowhere(lab):
    server = lab.dnsfw(ALLOW)
    opened = f"/proc/{server.popen.pid}/fd"
    before = set(os.listdir(opened))
    with connect(server) as sock, open("/dev/null", "rb") as null:
        socket.send_fds(sock, [question(STATS)], [null.fileno()] * 5)
        assert sock.recv(4096)[0] == 3
        assert len(os.listdir(opened)) == len(before) + 1
    until(lambda: set(os.listdir(opened)) == before)


def test_U2_who_does_not_read_is_dropped_and_nobody_waits(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(server)) for _ in range(8)]
        for sock in socks:
            # More questions than the socket holds answers.
            sock.settimeout(0.1)
            with contextlib.suppress(TimeoutError, BrokenPipeError):
                for _ in range(2000):
                    sock.send(question(STATS))
        lab.resolve(lab.site())
        # All places are taken; they end, and the next one is served.
        assert fine(server, "stats")[0]["grants"] == 2


def test_U2_each_question_has_its_answers_and_one_end(lab):
    """Also of who reads late, so that the socket is full meanwhile."""
    server = lab.dnsfw(ALLOW)
    asked = 0
    with connect(server) as sock:
        sock.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while asked < 5000:
                sock.send(question((STATS, 99)[asked % 2]))
                asked += 1
        sock.settimeout(DEADLINE)
        for number in range(asked):
            if number % 2 == 0:
                assert sock.recv(4096)[0] == 3
            assert END.unpack(sock.recv(4096)) == (
                1, BAD if number % 2 else OK, 0)
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.recv(4096)
    assert asked > 20


HOLD = f"""
import socket, sys
socks = []
for _ in range(int(sys.argv[2])):
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(sys.argv[1])
    try:
        sock.send(bytes.fromhex("{question(STATS).hex()}"))
        held = sock.recv(4096) and sock.recv(100)
    except OSError:
        held = b""
    if held:
        socks.append(sock)
print(len(socks), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def held(server, user, wanted):
    """So many places of that user; what it got comes first."""
    holder = subprocess.Popen(
        ["/usr/bin/python3", "-c", HOLD, path_of(server), str(wanted)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, user=user,
        group=user, extra_groups=[])
    try:
        yield int(holder.stdout.readline())
    finally:
        holder.communicate()
    assert holder.returncode == 0


def test_U2_a_user_has_two_places_or_one_and_root_its_own(lab):
    server = lab.dnsfw(ALLOW)
    os.chmod(path_of(server), 0o666)    # as for members of the group
    with contextlib.ExitStack() as stack:
        got = [stack.enter_context(held(server, NOBODY - number, 5))
               for number in range(4)]
        assert got == [2, 2, 2, 1]      # one of the others has one less
        assert fine(server, "stats")[0]["working"]


def test_U2_anothers_socket_is_left_alone(lab):
    path = str(lab.tmp / "others")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(path)
        sock.listen()
        server = lab.dnsfw(ALLOW, "--control", path)
        assert "[WARN ] no control socket" in str(server.err)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.connect(path)


def test_U2_a_server_that_stands_still_is_not_waited_for(lab):
    server = lab.dnsfw(ALLOW)
    server.signal(signal.SIGSTOP)
    try:
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(BlockingIOError):
                for _ in range(100):
                    sock = stack.enter_context(socket.socket(
                        socket.AF_UNIX, socket.SOCK_SEQPACKET))
                    sock.setblocking(False)
                    sock.connect(path_of(server))
            other = lab.dnsfw(ALLOW, "--control", path_of(server),
                              "--bind-port", "5353")
            assert "another process serves there" in str(other.err)
    finally:
        server.signal(signal.SIGCONT)


def test_U2_askers_come_and_go(lab):
    """Ten times more than there are places and descriptors."""
    server = lab.dnsfw(ALLOW)
    for number in range(2560):
        with connect(server) as sock:
            if number % 2:
                sock.send(question(STATS))
    assert fine(server, "stats")[0]["working"]
    lab.ask(lab.site().name)


def test_U2_an_asker_that_leaves_during_a_reload(lab):
    server = lab.dnsfw(ALLOW)
    for _ in range(20):
        with connect(server) as sock:
            sock.send(question(RELOAD))
    assert fine(server, "reload")[0]["done"]


# --- the socket itself ---

def test_U2_a_stale_socket_is_replaced(lab):
    server = lab.dnsfw(ALLOW)
    path = path_of(server)
    server.signal(signal.SIGKILL)
    server.wait_exit()
    assert os.path.exists(path)
    again = lab.dnsfw(ALLOW, "--control", path)
    status, found, _ = ctl(server, "stats")
    assert status == 0 and found[0]["working"], again.err


def test_U2_one_that_is_served_stays_the_others(lab):
    server = lab.dnsfw(ALLOW)
    other = lab.dnsfw(ALLOW, "--control", path_of(server), "--bind-port",
                      "5353")
    assert "another process serves there" in str(other.err)
    assert fine(server, "stats")[0]["serves"].count("port 53;")


def test_U2_what_is_no_socket_is_left_alone(lab):
    path = lab.tmp / "precious"
    path.write_text("data", encoding="utf-8")
    server = lab.dnsfw(ALLOW, "--control", str(path))
    assert "[WARN ] no control socket" in str(server.err)
    assert path.read_text(encoding="utf-8") == "data"


def test_U2_control_none(lab):
    server = lab.dnsfw(ALLOW, "--control", "none")
    assert not os.path.exists(path_of(server))
    status, _, errors = ctl(server, "stats")
    assert status == 1
    assert "no dnsfw answers at" in errors


@pytest.mark.parametrize("path", ["control", "/" + 108 * "x", "none/"])
def test_U2_a_bad_path_is_an_error(lab, path):
    status, errors = lab.dnsfw_fails(ALLOW, "--control", path)
    assert status == 2
    assert "--control" in errors and "expected none, or an absolute path" \
        in errors


def test_U2_a_path_that_cannot_be_is_a_warning(lab):
    server = lab.dnsfw(ALLOW, "--control", "/nowhere/a/b")
    assert '[WARN ] no control socket "/nowhere/a/b" (--control): No such ' \
        "file" in str(server.err)
    lab.ask(lab.site().name)
