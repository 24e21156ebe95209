"""dnsfwctl explain, and what the dnsfw that runs adds to it (U4)."""

import contextlib
import json
import os
import socket
import struct
import subprocess
import threading
import time

import pytest

from lab import ALLOW, CLIENT4, CLIENT6, OTHER4, PORT, build_dir
from process import DEADLINE, stopped, until
from test_control import (END, GRANTS, NOBODY, OK, STATS, STATUS_SIZE,
                          acl_of, fine, path_of)

CTL = str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl")
LIST = f"{CLIENT4} -> *.example.com:TCP:{PORT}\n"
STATUS, GRANT = 3, 2
OTHER_VERSION = "the running dnsfw is of another version"
NOT_ON = "dnsfw does not go on answering"
CHANGED = ("it is not the list in force: another file, or changed since it "
           "was loaded; the decision is that of the file")


def run(*args, text=None, argv=(CTL, "explain"), **kwargs):
    return subprocess.run([*argv, *map(str, args)], input=text, text=True,
                          capture_output=True, timeout=2 * DEADLINE,
                          check=False, env={"LC_ALL": "C"}, **kwargs)


def asked(server, *args, **kwargs):
    """Of its own list, at its socket."""
    return run("--control", path_of(server), "--acl", acl_of(server), *args,
               **kwargs)


def found(server, *question, status=0, **kwargs):
    done = asked(server, "--json", *question, **kwargs)
    assert (done.returncode, done.stderr) == (status, "")
    return json.loads(done.stdout)


def keys(grants):
    return {(one["client"], one["protocol"], one["port"], one["address"])
            for one in grants}


# --- what is open ---

def test_U4_grants_of_the_name(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    site, other = lab.site(ttl=1000), lab.site(ttl=1000)
    before = found(server, CLIENT4, site.name)
    assert before["decision"] == "grant"
    assert [before[key] for key in ("grants", "list_in_force", "not_asked")] \
        == [[], True, None]
    assert asked(server, CLIENT4, site.name).stdout.endswith(
        "    open by this name: nothing\n")
    for one in (site, other):
        lab.resolve(one)
    lab.resolve(site, CLIENT6)
    (told,) = found(server, CLIENT4, site.name)["grants"]
    (listed,) = [one for one in fine(server, "grants", CLIENT4)
                 if one["name"] == site.name]
    assert abs(told.pop("left") - listed.pop("left")) < DEADLINE
    assert told == listed
    assert keys([told]) == {(CLIENT4, "tcp", PORT, site.v4)}
    # Each client's own, and by any way to write it and the name.
    assert keys(found(server, CLIENT6, site.name, "AAAA")["grants"]) == {
        (CLIENT6, "tcp", PORT, site.v6)}
    assert keys(found(server, f"::ffff:{CLIENT4}", site.name.upper() + ".",
                      "HTTPS")["grants"]) == keys([told])
    done = asked(server, CLIENT4, site.name)
    assert (done.returncode, done.stderr) == (0, "")
    *_, rule, last = done.stdout.splitlines()
    assert rule.endswith("  (allows)")
    assert last.startswith(f"    open: tcp:{PORT} to {site.v4} for {CLIENT4}, ")
    assert 900 < int(last.split()[-3]) <= 1015
    assert last.endswith(" s left")


def test_U4_each_grant_is_told(lab, fw):
    """In one order: of each port and address of one name."""
    server = lab.dnsfw(f"{CLIENT4} -> *.example.com:TCP:443,80\n"
                       f"{CLIENT4} -> *.example.com:UDP:443\n", fw=fw)
    for v4 in ("10.78.0.201", "10.78.0.200"):
        lab.upstream.add("www.example.com", 1000, "A", v4)
    lab.ask("www.example.com")
    told = found(server, CLIENT4, "www.example.com")["grants"]
    assert [(one["address"], one["protocol"], one["port"])
            for one in told] == [
        (f"10.78.0.{last}", *port) for last in (200, 201)
        for port in (("tcp", 80), ("tcp", 443), ("udp", 443))]


def test_U4_grants_of_another_name_below_or_above_are_not_told(lab, fw):
    server = lab.dnsfw(LIST, fw=fw)
    site = lab.site(name="b.example.com")
    lab.resolve(site)
    for name in ("a.b.example.com", "bb.example.com", "x.example.com"):
        assert found(server, CLIENT4, name)["grants"] == []
    assert found(server, CLIENT4, "example.com", status=1)["grants"] == []
    assert len(found(server, CLIENT4, "b.example.com")["grants"]) == 1


def test_U4_a_client_that_is_one_address_of_a_host(lab, fw):
    server = lab.dnsfw(f"@laptop = host {CLIENT4}, {CLIENT6}\n"
                       f"@laptop -> *.example.com:TCP:{PORT}\n"
                       f"{OTHER4} -> *.example.com:TCP:{PORT}\n", fw=fw)
    site = lab.site(ttl=1000)
    lab.ask(site.name, "A", CLIENT4)
    lab.ask(site.name, "AAAA", CLIENT4)
    lab.ask(site.name, "A", OTHER4)
    both = {(CLIENT4, "tcp", PORT, site.v4), (CLIENT6, "tcp", PORT, site.v6)}
    for client in (CLIENT4, CLIENT6):
        assert keys(found(server, client, site.name)["grants"]) == both
    assert f"    open: tcp:{PORT} to {site.v6} for {CLIENT6}, " in asked(
        server, CLIENT4, site.name).stdout
    # Of many questions, too, for which dnsfw is not asked by client.
    lines = lines_of(server, [(client, site.name)
                              for client in (CLIENT4, CLIENT6, OTHER4)])
    assert [keys(one["grants"]) for one in lines] == [
        both, both, {(OTHER4, "tcp", PORT, site.v4)}]


def test_U4_this_host_is_a_client(lab, fw):
    server = lab.dnsfw(f"127.0.0.0/8 -> *.example.com:TCP:{PORT}\n", fw=fw)
    site = lab.site(ttl=1000)
    lab.ask(site.name, client="127.0.0.1")
    one = {(None, "tcp", PORT, site.v4)}
    assert keys(found(server, "127.0.0.1", site.name)["grants"]) == one
    assert f" to {site.v4} for this host, " in asked(
        server, "127.0.0.1", site.name).stdout
    mine, others = lines_of(server, [("127.0.0.1", site.name),
                                     (CLIENT4, site.name)])
    assert (keys(mine["grants"]), others["grants"]) == (one, [])


def test_U4_a_name_that_is_longer_than_a_label(lab, fw):
    """Of names with one end, which of them it is is not known."""
    server = lab.dnsfw(LIST, fw=fw)
    end = ".".join(2 * ["x" * 60] + ["example.com"])
    site = lab.site(name=f"a.{end}", ttl=1000)
    lab.resolve(site)
    for name in (f"a.{end}", f"b.{end}"):
        (one,) = found(server, CLIENT4, name)["grants"]
        assert one["name"][0] == "*" and site.name.endswith(one["name"][1:])
        assert asked(server, CLIENT4, name).stdout.endswith(
            " s left, by a name of that end\n")


def test_U4_what_an_alias_is_granted_has_the_name_that_led_there(lab, fw):
    """No more is known of targets: the page says so."""
    server = lab.dnsfw(f"{CLIENT4} -> www.shop.example:TCP:{PORT}\n", fw=fw)
    site = lab.site(name="t.cdn.example", ttl=1000)
    lab.upstream.add("www.shop.example", 1000, "CNAME", f"{site.name}.")
    assert lab.ask("www.shop.example").rcode() == 0
    assert lab.ask(site.name).rcode() == 0
    assert keys(found(server, CLIENT4, "www.shop.example")["grants"]) == {
        (CLIENT4, "tcp", PORT, site.v4)}
    target = found(server, CLIENT4, site.name, status=1)
    assert (target["decision"], target["grants"]) == ("refuse", [])


def test_U4_what_two_names_give_is_told_with_that_which_gives_it_longest(
        lab, fw):
    """As the page says: a grant has one name at the socket."""
    server = lab.dnsfw(LIST, fw=fw)
    for name, ttl in (("a.example.com", 1000), ("b.example.com", 300)):
        lab.upstream.add(name, ttl, "A", "10.78.0.200")
        lab.ask(name)
    assert [len(found(server, CLIENT4, f"{name}.example.com")["grants"])
            for name in "ab"] == [1, 0]


def test_U4_a_firewall_that_is_incomplete(lab):
    fw = lab.set_up_firewall("nftables")
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    lab.gateway.run("nft", "flush", "ruleset")
    until(lambda: not fine(server, "stats")[0]["working"])
    (one,) = found(server, CLIENT4, site.name)["grants"]
    assert not one["firewall_works"]
    assert asked(server, CLIENT4, site.name).stdout.endswith(
        " s left; but the firewall is incomplete\n")


def test_U4_without_a_firewall_nothing_is_open(lab):
    server = lab.dnsfw(ALLOW)
    site = lab.site()
    lab.resolve(site)
    assert found(server, CLIENT4, site.name)["grants"] == []


# --- the list in force ---

def test_U4_another_list_in_force(lab, fw):
    """The decision is that of the file, what is open that of dnsfw."""
    server = lab.dnsfw(LIST, fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    # As many rules; other lines are another list, too.
    path = acl_of(server)
    path.write_text(f"{CLIENT4} -| *.example.com\n", encoding="utf-8")
    now = found(server, CLIENT4, site.name, status=1)
    assert (now["decision"], now["list_in_force"], len(now["grants"])) == (
        "refuse", False, 1)
    done = asked(server, CLIENT4, site.name)
    assert (done.returncode, done.stderr) == (
        1, f"dnsfwctl: {path}: {CHANGED}\n")
    assert f"    open: tcp:{PORT} to {site.v4} " in done.stdout
    assert [one["list_in_force"] for one in lines_of(
        server, [(CLIENT4, site.name)])] == [False]
    assert fine(server, "reload")[0]["done"]
    now = found(server, CLIENT4, site.name, status=1)
    assert (now["list_in_force"], now["grants"]) == (True, [])


# --- who is asked, and who is not ---

def lines_of(server, questions, **kwargs):
    done = asked(server, "-", text="\n".join(map(" ".join, questions)),
                 **kwargs)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def plain(*args, at):
    """In a place of its own for /etc and /run."""
    return run(*args, argv=(
        "unshare", "--mount", "sh", "-c",
        'mount --bind "$0/etc" /etc && mount --bind "$0/run" /run && '
        'exec "$@"', str(at), CTL, "explain"))


def test_U4_the_default_is_to_ask_and_acl_is_the_files_alone(lab, fw):
    for folder in ("etc/dnsfw", "run/dnsfw"):
        (lab.tmp / folder).mkdir(parents=True)
    (lab.tmp / "etc/dnsfw/acl").write_text(LIST, encoding="utf-8")
    at = lab.tmp / "run/dnsfw/control"
    lab.dnsfw(LIST, "--control", str(at), fw=fw)
    site = lab.site(ttl=1000)
    lab.resolve(site)
    question = ("--json", CLIENT4, site.name)
    default = json.loads(plain(*question, at=lab.tmp).stdout)
    assert keys(default["grants"]) == {(CLIENT4, "tcp", PORT, site.v4)}
    alone = json.loads(plain("--acl", "/etc/dnsfw/acl", *question,
                             at=lab.tmp).stdout)
    assert alone == default | {"grants": None, "list_in_force": None}
    done = plain("--acl", "/etc/dnsfw/acl", CLIENT4, site.name, at=lab.tmp)
    assert (done.returncode, done.stderr) == (0, "")
    assert "open" not in done.stdout


def nobody_answers(text, *control, at=CLIENT4, status=0, **kwargs):
    """As JSON and as text: the files' answer, and why; returns why."""
    question = (*control, "--acl", "-", at, "www.example.com")
    done = run("--json", *question, text=text, **kwargs)
    assert (done.returncode, done.stderr) == (status, "")
    one = json.loads(done.stdout)
    assert (one["grants"], one["list_in_force"]) == (None, None)
    why = one["not_asked"]
    done = run(*question, text=text, **kwargs)
    assert (done.returncode, done.stderr) == (
        status, f"dnsfwctl: by the file alone: {why}\n")
    alone = run("--acl", "-", at, "www.example.com", text=text)
    assert (done.stdout, alone.returncode) == (alone.stdout, status)
    return why


@pytest.mark.parametrize("text, status", [
    (LIST, 0), (f"{CLIENT4} ~> *\n", 0), (f"{CLIENT4} -| *\n", 1),
    (f"{CLIENT4} -| www.example.com = 10.0.0.1\n", 0), ("", 1)])
def test_U4_no_dnsfw(tmp_path, text, status):
    """The exit status is that of the decision."""
    path = tmp_path / "control"
    assert nobody_answers(text, "--control", path, status=status) == (
        f'no dnsfw answers at "{path}": No such file or directory')


def test_U4_a_socket_that_cannot_be_one(tmp_path):
    assert nobody_answers(LIST, "--control", "x" * 108) == (
        f'--control "{"x" * 108}": longer than 107 octets')
    (tmp_path / "file").write_text("data", encoding="utf-8")
    assert nobody_answers(LIST, "--control", tmp_path / "file").endswith(
        ": Connection refused")


def test_U4_who_may_not_ask(lab):
    server = lab.dnsfw(LIST)
    nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    assert nobody_answers(LIST, "--control", path_of(server), **nobody) == (
        "only root and members of the group dnsfw may ask at "
        f'"{path_of(server)}"')
    # As a member of the group may.
    os.chmod(path_of(server), 0o666)
    done = run("--json", "--control", path_of(server), "--acl", "-", CLIENT4,
               "www.example.com", text=LIST, **nobody)
    assert json.loads(done.stdout)["grants"] == []


def test_U4_a_dnsfw_that_stands_still(lab):
    """It is waited for some seconds, not a minute as by those who need it."""
    server = lab.dnsfw(LIST)
    began = time.monotonic()
    with stopped(server.pid):
        one = found(server, CLIENT4, "www.example.com")
    assert time.monotonic() - began < DEADLINE
    assert (one["decision"], one["grants"], one["not_asked"]) == (
        "grant", None, NOT_ON)


# --- answers of any kind ---

def status_of(size=STATUS_SIZE, live=0, most=65536):
    return struct.pack("=B15xII", STATUS, live, most).ljust(size, b"\0")


def grant(label=b"www.example.com"):
    return struct.pack("=BBBBIHB5x16s16s128s", GRANT, 4, 6, 0, 100, PORT, 0,
                       socket.inet_aton(CLIENT4), socket.inet_aton("192.0.2.1"),
                       label)


@contextlib.contextmanager
def keeper(path, answers):
    """One that says this, a list of records for each question in turn; and
    the questions, as they come."""
    questions = []

    def serve(sock):
        with contextlib.suppress(OSError):
            for records in answers:
                with sock.accept()[0] as asking:
                    asking.settimeout(DEADLINE)
                    questions.append(asking.recv(100)[4])
                    # Who has heard enough hangs up.
                    with contextlib.suppress(BrokenPipeError):
                        for record in records:
                            asking.send(record)
            while True:
                with sock.accept()[0]:
                    questions.append(None)

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.bind(str(path))
        sock.listen()
        thread = threading.Thread(target=serve, args=(sock,))
        thread.start()
        try:
            yield questions
        finally:
            sock.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE)
            assert not thread.is_alive()


def slowly(record):
    """Without end, but never so late that nothing seems to come."""
    while not threading.Event().wait(0.2):
        yield record


DONE = END.pack(1, OK, 0)
STATED = [status_of(), DONE]


@pytest.mark.inputs
@pytest.mark.parametrize("answers, why", [
    ([[]], NOT_ON), ([[status_of()]], NOT_ON),
    ([[DONE]], OTHER_VERSION), ([[END.pack(1, 1, 0)]], OTHER_VERSION),
    ([[status_of(STATUS_SIZE - 8), DONE]], OTHER_VERSION),
    ([[grant(), DONE]], OTHER_VERSION),
    ([STATED, []], NOT_ON), ([STATED, [grant()]], NOT_ON),
    ([STATED, [grant() * 64, grant()]], NOT_ON),
    ([STATED, [grant()[:-1], DONE]], OTHER_VERSION),
    ([STATED, [grant(), b"\xff" * 100]], OTHER_VERSION),
    ([STATED, [grant(), END.pack(1, 2, 0)]], "only root may do that"),
    ([STATED, [status_of(), DONE]], OTHER_VERSION),
    ([[status_of(most=2), DONE], [grant() * 2, grant(), DONE]], OTHER_VERSION),
], ids=lambda one: "" if isinstance(one, str) else None)
def test_U4_a_dnsfw_that_ends_half_way(tmp_path, answers, why):
    """What it has said by then is not told: it may be a part."""
    path = tmp_path / "control"
    with keeper(path, answers * 2):
        assert nobody_answers(LIST, "--control", path) == why


def test_U4_more_grants_than_the_limit_after_a_restart_with_a_lower_one(
        tmp_path):
    path = tmp_path / "control"
    stated = [status_of(live=3, most=2), DONE]
    with keeper(path, [stated, [grant() * 3, DONE]]):
        done = run("--json", "--control", path, "--acl", "-", CLIENT4,
                   "www.example.com", text=LIST)
    assert len(json.loads(done.stdout)["grants"]) == 3


def test_U4_a_dnsfw_that_never_ends_its_answer(tmp_path):
    path = tmp_path / "control"
    began = time.monotonic()
    with keeper(path, [STATED, slowly(grant())]):
        done = run("--json", "--control", path, "--acl", "-", CLIENT4,
                   "www.example.com", text=LIST)
    assert time.monotonic() - began < DEADLINE
    assert done.returncode == 0
    assert json.loads(done.stdout)["not_asked"] == NOT_ON


def test_U4_what_it_says_is_looked_at(tmp_path):
    """Labels and numbers of any kind; only what is of that name is told."""
    path = tmp_path / "control"
    labels = (b"www.example.com", b"\x1b[2J", b"\xff" * 128, b"www.example.co",
              b"www.example.com" + 112 * b"\0" + b"x", b"")
    grants = [b"".join(map(grant, labels)), DONE]
    with keeper(path, [STATED, grants]) as questions:
        done = run("--control", path, "--acl", "-", CLIENT4,
                   "www.example.com", text=LIST)
    assert questions == [STATS, GRANTS]
    assert done.stdout.splitlines()[2:] == [
        f"    open: tcp:{PORT} to 192.0.2.1 for {CLIENT4}, 100 s left"]


# --- many questions ---

def test_U4_dnsfw_is_asked_once_for_all_lines(tmp_path):
    path, acl = tmp_path / "control", tmp_path / "acl"
    acl.write_text(LIST, encoding="utf-8")
    records = [grant(f"n{i}.example.com".encode()) for i in range(500)]
    grants = [b"".join(records[at:at + 50]) for at in range(0, 500, 50)]
    lines = [f"{CLIENT4} n{i}.example.com" for i in range(1000)]
    with keeper(path, [STATED, [*grants, DONE]]) as questions:
        done = run("--control", path, "--acl", acl, "-",
                   text="\n".join(lines))
    assert (done.returncode, done.stderr) == (0, "")
    assert questions == [STATS, GRANTS]
    assert [len(json.loads(line)["grants"])
            for line in done.stdout.splitlines()] == 500 * [1] + 500 * [0]


def test_U4_lines_and_no_dnsfw(tmp_path):
    """Each says why, and a bad one what it says without it, too."""
    acl = tmp_path / "acl"
    acl.write_text(LIST, encoding="utf-8")
    done = run("--control", tmp_path / "none", "--acl", acl, "-",
               text=f"{CLIENT4} a.example.com\nlan a\n{CLIENT4} b.example\n")
    assert (done.returncode, done.stderr) == (1, "")
    first, bad, last = map(json.loads, done.stdout.splitlines())
    assert bad == {"line": 2, "error": "expected a client: an IPv4 or IPv6 "
                   "address"}
    why = f'no dnsfw answers at "{tmp_path}/none": No such file or directory'
    assert [(one["decision"], one["grants"], one["not_asked"])
            for one in (first, last)] == [("grant", None, why),
                                          ("refuse", None, why)]


def test_U4_a_question_that_is_none_is_not_asked(tmp_path):
    path = tmp_path / "control"
    with keeper(path, [STATED]) as questions:
        for question in (("lan", "a.example"), (CLIENT4, "a..example"),
                         (CLIENT4, "a.example", "TYPE65536")):
            done = run("--control", path, "--acl", "-", *question, text=LIST)
            assert (done.returncode, done.stdout) == (2, "")
            assert "usage: dnsfwctl explain " in done.stderr
        done = run("--control", path, "--acl", "-", CLIENT4, "a.example",
                   text="x\n")
        assert (done.returncode, done.stdout) == (1, "")
        assert ":1:1: expected a client" in done.stderr
    assert questions == []
