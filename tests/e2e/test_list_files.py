"""Lists of several files, times and comments of rules, in the daemon (U11)."""

import json
import os
import re
import signal

import dns.edns
import dns.rcode
import pytest

from lab import ALLOW, CLIENT4, OTHER4, PORT, READY, ttls_of
from process import until
from test_control import ctl, why
from test_reload import acl_of, reload

pytestmark = pytest.mark.inputs

LIST = f"include conf.d\n{CLIENT4} -> a.example.com:TCP:{PORT}\n"


def write(lab, name, text):
    path = lab.tmp / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def names(lab):
    return [lab.site(name=f"{letter}.example.com") for letter in "abc"]


def test_U11_rules_of_included_files_are_the_list_s(lab, fw, names):
    a, b, c = names
    write(lab, "conf.d/10.acl", f"@c = {CLIENT4}\n\n"
          f"@c -> b.example.com:TCP:{PORT}\ninclude sub/c.acl\n")
    write(lab, "conf.d/20.acl", "@c -| d.example.com\n")
    (lab.tmp / "conf.d/sub").mkdir()
    write(lab, "conf.d/sub/c.acl", f"@c -> c.example.com:TCP:{PORT}\n")
    server = lab.dnsfw(LIST, fw=fw)
    server.err.wait_for("the ACL has 4 rules")
    for site in (a, b, c):
        lab.resolve(site)
        assert lab.reaches(site.v4)
    assert lab.ask("d.example.com").rcode() == dns.rcode.REFUSED


def test_U11_each_place_is_told_by_file_and_line(lab, names):
    write(lab, "conf.d/10.acl", f"# one\n{CLIENT4} -| b.example.com\n"
          f"\n{CLIENT4} -> c.example.com:TCP:{PORT}\n")
    server = lab.start(lab.dnsfw_argv(LIST, "--log-format", "json"))
    server.err.wait_for(READY)
    own, included = acl_of(server), lab.tmp / "conf.d/10.acl"
    # By the log,
    lab.ask("a.example.com")
    answer = lab.ask("b.example.com", use_edns=True)
    lab.ask("c.example.com")
    for name, file, line in (("a", own, 2), ("b", included, 2),
                             ("c", included, 4)):
        found = server.out.wait_for(f'"name":"{name}\\.example\\.com\\."')
        assert json.loads(found.string)["rule"] == {
            "file": str(file), "line": line}
    # in the answer,
    (error,) = [option for option in answer.options
                if isinstance(option, dns.edns.EDEOption)]
    assert error.text == "blocked by ACL line 2 of conf.d/10.acl"
    # by why,
    (one,) = why(server, CLIENT4)
    assert (one["rule"], one["reason"]) == (
        2, "blocked by ACL line 2 of conf.d/10.acl")
    # and by rules.
    found = []

    def all_counted():
        status, found[:], _ = ctl(server, "rules", "--acl", str(own))
        return status == 0 and all(rule["hits"] == 1 for rule in found)
    until(all_counted)
    assert [(rule["file"], rule["line"]) for rule in found] == [
        (str(included), 2), (str(included), 4), (str(own), 2)]
    # Another text of an included file is another list.
    included.write_text(included.read_text(encoding="utf-8") + "#\n",
                        encoding="utf-8")
    status, _, told = ctl(server, "rules", "--acl", str(own))
    assert status == 1 and "is not the list in force" in told


def test_U11_a_reload_reads_all_files_anew(lab, names):
    path = write(lab, "conf.d/10.acl", f"{CLIENT4} ~> b.example.com\n")
    server = lab.dnsfw(LIST)
    assert lab.ask("c.example.com").rcode() == dns.rcode.REFUSED
    path.write_text("", encoding="utf-8")
    write(lab, "conf.d/05.acl", f"{CLIENT4} ~> c.example.com\n")
    write(lab, "conf.d/30.acl", "# nothing\n")
    reload(server, LIST, "the ACL was reloaded: 2 rules")
    until(lambda: lab.ask("c.example.com").rcode() == dns.rcode.NOERROR)
    assert lab.ask("b.example.com").rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("text, line, told", [
    ("nonsense\n", 1, r"expected a client"),
    (f"{CLIENT4} -| a.example.com\n", None, None),
    ("\ninclude no.acl\n", 2,
     r'cannot include "conf\.d/no\.acl": there is no such file'),
    ("include ../acl.acl\n", 1, "expected a path below"),
    ("include 10.acl\n", 1,
     r"a file that includes itself: conf\.d/10\.acl:1"),
])
def test_U11_an_error_in_an_included_file_keeps_the_old_list(
        lab, names, text, line, told):
    path = write(lab, "conf.d/10.acl", f"{CLIENT4} ~> b.example.com\n")
    server = lab.dnsfw(LIST)
    path.write_text(text, encoding="utf-8")
    reload(server, LIST, "has errors: the old one stays")
    if line is None:        # the later one of the two is told
        path, line = acl_of(server), 2
        told = r"conflicts with line 1 of conf\.d/10\.acl"
    server.err.wait_for(f"{re.escape(str(path))}:{line}:\\d+: {told}")
    assert lab.ask("b.example.com").rcode() == dns.rcode.NOERROR
    path = lab.tmp / "conf.d/10.acl"
    path.write_text(f"{CLIENT4} ~> c.example.com\n", encoding="utf-8")
    server.signal(signal.SIGHUP)
    server.err.wait_for("the ACL was reloaded: 2 rules")


def make_unreadable(lab):
    write(lab, "conf.d/x.acl", "").chmod(0o600)


def make_link_out(lab):
    write(lab, "outside.acl", "").rename("/tmp/dnsfw-outside.acl")
    (lab.tmp / "conf.d").mkdir()
    (lab.tmp / "conf.d/x.acl").symlink_to("/tmp/dnsfw-outside.acl")


def make_fifo(lab):
    (lab.tmp / "conf.d").mkdir()
    os.mkfifo(lab.tmp / "conf.d/x.acl")


def make_closed(lab):
    (lab.tmp / "conf.d").mkdir()
    (lab.tmp / "conf.d").chmod(0o711)


@pytest.mark.parametrize("make, why_not", [
    (lambda lab: None, "there is no such file or directory"),
    (lambda lab: (lab.tmp / "conf.d").mkdir(),
     r'no file there has a name with "\.acl" at its end'),
    (make_unreadable, "permission denied"),
    (make_link_out, "no such file|permission denied"),
    (make_fifo, "not a regular file"),
    (make_closed, "permission denied"),
])
def test_U11_what_cannot_be_included_is_an_error_of_its_line(
        lab, make, why_not):
    make(lab)
    status, err = lab.dnsfw_fails("# one\n  include conf.d\n")
    assert status == 2
    assert re.search(r'/acl-\d+:2:11: cannot include "conf\.d(/x\.acl)?": '
                     f"({why_not})", err), err


def test_U11_links_inside_of_the_directory_are_followed(lab, names):
    (lab.tmp / "conf.d").mkdir()
    write(lab, "real.txt", f"{CLIENT4} ~> b.example.com\n")
    (lab.tmp / "conf.d/x.acl").symlink_to("../real.txt")
    lab.dnsfw(LIST)
    assert lab.ask("b.example.com").rcode() == dns.rcode.NOERROR


def test_U11_check_reads_what_is_included(lab):
    write(lab, "conf.d/x.acl", f"{OTHER4} -> a.example.com\n")
    status, err = lab.dnsfw_fails(ALLOW + "include conf.d\n", "--check")
    assert status == 2
    assert re.search(r"conf\.d/x\.acl:1:\d+: expected \":PROTOCOL:PORT\"", err)


@pytest.mark.parametrize("ttl, lifetime", [(5, 60), (100, 100), (5000, 3600)])
def test_U11_times_of_a_rule_bound_its_grants(lab, fw, ttl, lifetime):
    server = lab.dnsfw(
        f"{CLIENT4} -> *.example.com:TCP:{PORT} ttl 60..3600\n"
        f"{CLIENT4} -> *.example.com:UDP:{PORT}\n", fw=fw)
    site = lab.site(ttl=ttl)
    (seen,) = ttls_of(lab.resolve(site))
    # No longer than the shortest of the grants has left, with its grace.
    assert seen == ttl or lifetime + 13 <= seen <= lifetime + 15
    ends = {entry[1]: entry.timeout for entry in fw.entries()}
    assert lifetime + 13 <= ends["tcp"] <= lifetime + 15
    assert ttl + 13 <= ends["udp"] <= ttl + 15
    server.out.wait_for(rf":TCP:{PORT} TTL:{lifetime}$")
    server.out.wait_for(rf":UDP:{PORT} TTL:{ttl}$")


def test_U11_times_of_a_rule_do_not_pass_those_of_the_options(lab, fw):
    lab.dnsfw(f"{CLIENT4} -> *.example.com:TCP:{PORT} ttl 60..3600\n"
              f"{CLIENT4} -> *.example.com:UDP:{PORT} ttl 1..2\n",
              "--min-rule-time", "10", "--max-rule-time", "20", fw=fw)
    lab.resolve(lab.site(ttl=300))
    ends = {entry[1]: entry.timeout for entry in fw.entries()}
    assert 18 <= ends["tcp"] <= 20
    assert 8 <= ends["udp"] <= 20


def test_U11_the_comment_of_a_rule_is_told(lab, names):
    server = lab.start(lab.dnsfw_argv(
        f'{CLIENT4} -> a.example.com:TCP:{PORT} "for the updates" # no\n'
        f'{CLIENT4} -| b.example.com "games, after school"\n'
        f"{CLIENT4} -> c.example.com:TCP:{PORT} # none\n",
        "--log-format", "json"))
    server.err.wait_for(READY)
    for name in "abc":
        lab.ask(f"{name}.example.com")
    for name, comment in (("a", "for the updates"),
                          ("b", "games, after school"), ("c", None)):
        found = server.out.wait_for(f'"name":"{name}\\.example\\.com\\."')
        assert json.loads(found.string)["rule"].get("comment") == comment
    (one,) = why(server, CLIENT4)
    assert one["reason"] == "blocked by ACL line 2: games, after school"
    status, found, _ = ctl(server, "rules", "--acl", str(acl_of(server)))
    assert status == 0
    assert [rule.get("comment") for rule in found] == [
        "for the updates", "games, after school", None]


def test_A9_a_pipe_is_no_list(lab, fw):
    """It would be one without rules, as nobody has written to it."""
    server = lab.dnsfw(f"{CLIENT4} -> *.example.com:TCP:{PORT}\n", fw=fw)
    site = lab.site()
    lab.resolve(site)
    path = acl_of(server)
    path.unlink()
    os.mkfifo(path, 0o644)
    server.signal(signal.SIGHUP)
    server.err.wait_for("cannot open the ACL .* not a regular file; the old "
                        "one stays")
    lab.resolve(site)
    assert lab.reaches(site.v4)


def test_U11_a_directory_of_long_and_short_names(lab, names):
    """Whatever name is asked for behind another one."""
    for number, name in enumerate(("a", "b" * 60, "c", "d" * 30, "e")):
        write(lab, f"conf.d/{name}.acl",
              f"{CLIENT4} ~> n{number}.example.com\n")
    server = lab.dnsfw("include conf.d\n")
    server.err.wait_for("the ACL has 5 rules")
    assert reload(server, "include conf.d\n", "the ACL was reloaded: 5 rules")
    assert lab.ask(names[0].name).rcode() == dns.rcode.REFUSED
