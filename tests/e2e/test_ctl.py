"""dnsfwctl without a daemon: check and explain (U1, U3, U4)."""

import ipaddress
import json
import random
import re
import subprocess

import pytest

from lab import build_dir
from scatter import Scatter

LIST = """\
# the lab's
192.168.1.0/24 -> deb.debian.org:TCP:80
192.168.1.0/24 -> deb.debian.org : TCP : 443   # for https
192.168.1.0/24 -> *.debian.org:UDP:123
192.168.1.5 -| *.debian.org
192.168.1.5 -| ads.example = 10.0.0.1
192.168.0.0/16 ~> *.debian.org
"""


def ctl(*args, text=None):
    return subprocess.run([str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl"),
                           *map(str, args)], input=text, text=True,
                          capture_output=True, timeout=60, check=False,
                          env={"LC_ALL": "C"})


@pytest.fixture
def acl(tmp_path):
    def write(text, name="acl"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path
    return write


def explained(path, *question):
    done = ctl("explain", "--json", "--acl", path, *question)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


# --- check (U3) ---

def test_U3_check_of_a_good_list(acl):
    path = acl(LIST)
    done = ctl("check", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: 6 rules, 0 errors, 0 warnings\n"


def test_U3_check_tells_all_errors_with_line_and_caret(acl):
    path = acl("1.2.3.4 -> a.example:TCP:0\n"
               "\n"
               "\t1.2.3.4 => a.example\n"
               "1.2.3.4 ~> b\u00fccher.example\n"
               "1.2.3.4 ~> c.example\n"
               "1.2.3.4 -| c.example\n")
    done = ctl("check", path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == f"""\
{path}:1:26: error: port must be 1-65535
    1.2.3.4 -> a.example:TCP:0
                             ^
{path}:3:10: error: expected "->", "~>" or "-|"
     1.2.3.4 => a.example
             ^
{path}:4:13: error: a name outside ASCII must be written as \
"xn--bcher-kva.example"
    1.2.3.4 ~> b\u00fccher.example
                ^
{path}:6:12: error: conflicts with line 5: the same client and name are \
allowed there
    1.2.3.4 -| c.example
               ^
{path}: 0 rules, 4 errors, 0 warnings
"""


ODD = [
    # a rule twice
    ("10.0.0.1 -> a.example:TCP:80\n10.0.0.1 -> A.example.:tcp:80", 2, 1,
     "line 1 says the same"),
    ("10.0.0.1 ~> a.example\n10.0.0.1 ~> a.example", 2, 1,
     "line 1 says the same"),
    ("10.0.0.0/8 ~> a.example\n10.0.0.1 -| a.example\n"
     "10.0.0.1 -| a.example", 3, 1, "line 2 says the same"),
    # one that another one hides
    ("10.0.0.1 -> a.b.example:TCP:80\n10.0.0.1 -> *.example:TCP:80", 1, 13,
     "nothing changes without it: line 2 allows all that it does"),
    ("10.0.0.1 -> *.b.example:TCP:80\n10.0.0.1 -> *.example:TCP:80", 1, 13,
     "nothing changes without it: line 2 allows all that it does"),
    ("10.0.0.1 -> a.example:TCP:80\n10.0.0.0/8 ~> a.example\n"
     "10.0.0.0/8 -> a.example:TCP:80", 1, 13,
     "nothing changes without it: line 3 allows all that it does"),
    ("10.0.0.0/8 ~> *.example\n10.0.0.1 -| a.example\n"
     "10.0.0.1 -| *.example", 2, 13,
     "nothing changes without it: line 3 blocks all that it does"),
    # a block that hides nothing
    ("10.0.0.1 ~> a.example\n10.0.0.1 -| b.example", 2, 13,
     "it blocks what no rule allows"),
    ("10.0.0.0/8 ~> b.c.example\n10.0.0.1 -| *.d.example", 2, 13,
     "it blocks what no rule allows"),
    # a wildcard above a public suffix
    ("10.0.0.1 -> *.co.uk:TCP:443", 1, 13,
     "a public suffix: anybody can register a name that it allows"),
    ("10.0.0.1 ~> *.com", 1, 13,
     "a public suffix: anybody can register a name that it allows"),
    # one that passes over a block for more clients
    ("10.0.0.0/24 -> *:TCP:443\n0.0.0.0/0 -| ads.example\n"
     "0.0.0.0/0 ~> *.example", 1, 16,
     "it opens what line 2 blocks for more clients: the smaller network "
     "comes first"),
    ("10.0.0.1 -> *.example:TCP:80\n10.0.0.0/16 -| a.example\n"
     "10.0.0.0/8 -> *.example:TCP:80", 1, 13,
     "it opens what line 2 blocks for more clients: the smaller network "
     "comes first"),
    ("10.0.0.0/8 ~> *.example\n10.0.0.0/8 -| *.b.A.example\n"
     "10.0.0.0/24 ~> *.a.example\n10.0.0.0/24 -> *.example:TCP:1", 3, 16,
     "it opens what line 2 blocks for more clients: the smaller network "
     "comes first"),
    ("fd00::/8 ~> *.a.example\nfd00::/8 -| www.b.a.example = ::1\n"
     "fd00::/128 ~> *.b.a.example", 3, 15,
     "it opens what line 2 blocks for more clients: the smaller network "
     "comes first"),
    # no client
    ("169.254.1.0/24 -> a.example:TCP:1\n169.254.1.1 ~> a.example", 1, 1,
     "nothing is ever granted to a link-local client: it cannot connect "
     "from there"),
    ("fe80::1 -> a.example:TCP:1", 1, 1,
     "nothing is ever granted to a link-local client: it cannot connect "
     "from there"),
    ("0.0.0.0 ~> a.example", 1, 1,
     "no client has such an address: it is of this network"),
    ("224.0.0.0/4 ~> a.example", 1, 1,
     "no client has such an address: it is multicast"),
    ("255.255.255.255 ~> a.example", 1, 1,
     "no client has such an address: it is reserved"),
    ("ff02::/16 ~> a.example", 1, 1,
     "no client has such an address: it is multicast"),
    (":: ~> a.example", 1, 1,
     "no client has such an address: it is unspecified"),
]

FINE = [
    "10.0.0.1 -> a.example:TCP:80\n10.0.0.1 -> a.example:UDP:80",
    "10.0.0.1 -> a.example:TCP:80\n10.0.0.1 -> *.example:TCP:443",
    # between the two one blocks
    "10.0.0.1 -> a.b.example:TCP:80\n10.0.0.1 -| *.b.example\n"
    "10.0.0.1 -> *.example:TCP:80",
    # "*" does not mean a name (D14, D16)
    "10.0.0.1 ~> a.example\n10.0.0.1 ~> *",
    # a block that hides
    "10.0.0.0/8 ~> a.b.example\n10.0.0.1 -| *.b.example",
    "10.0.0.0/8 ~> *.example\n10.0.0.1 -| a.example",
    "10.0.0.1 -| a.example = 10.0.0.2",
    # a block for more clients that is not passed over: the same name, a name
    # of its own, repeated, of others, below another name, or without a subnet
    "10.0.0.0/24 ~> ads.example\n10.0.0.0/8 -| ads.example\n"
    "0.0.0.0/0 ~> *.example",
    "10.0.0.0/24 ~> *.example\n10.0.0.0/8 -| *.example\n"
    "0.0.0.0/0 ~> *.example",
    "10.0.0.0/24 -> *.example:TCP:1\n10.0.0.0/24 ~> ads.example\n"
    "10.0.0.0/8 -| ads.example\n0.0.0.0/0 -> *.example:TCP:2",
    "10.0.0.0/24 -> *.example:TCP:1\n10.0.0.0/24 -| ads.example\n"
    "10.0.0.0/8 -| ads.example\n0.0.0.0/0 -> *.example:TCP:2",
    "10.0.0.0/24 ~> *.example\n10.0.0.0/24 -| ads.example\n"
    "11.0.0.0/8 -| ads.example\n0.0.0.0/0 -> *.example:TCP:2",
    "10.0.0.0/24 ~> *.example\n10.0.0.0/8 -| example\n"
    "10.0.0.0/8 -| ads.examples\n0.0.0.0/0 -> *:TCP:2",
    "10.0.0.0/8 ~> *.example\n10.0.0.0/8 -| ads.example",
    "10.0.0.0/8 ~> *.example\n10.0.0.0/24 -| ads.example",
    # loopback is this host; a wider subnet has other clients, too
    "127.0.0.1 -> a.example:TCP:1", "::1 -> a.example:TCP:1",
    "0.0.0.0/0 ~> a.example", "::/0 ~> a.example", "fe80::1 ~> a.example",
    "128.0.0.0/1 -> a.example:TCP:1",
    # no public suffixes, or no wildcard
    "10.0.0.1 ~> *.example.com", "10.0.0.1 ~> com", "10.0.0.1 ~> *",
    "10.0.0.1 ~> *.lan",
]


@pytest.mark.parametrize("text, line, column, odd", ODD)
def test_U3_check_warns(acl, text, line, column, odd):
    path = acl(text)
    done = ctl("check", "--json", path)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found == {
        "file": str(path), "rules": len(text.splitlines()), "errors": [],
        "warnings": [{"file": str(path), "line": line, "column": column,
                      "text": odd, "source": text.splitlines()[line - 1]}]}


@pytest.mark.parametrize("text", FINE)
def test_U3_check_does_not_warn(acl, text):
    done = ctl("check", "--json", acl(text))
    assert json.loads(done.stdout)["warnings"] == []


def test_U3_check_of_clients_outside(acl):
    path = acl("10.0.0.0/8 ~> a.example\n192.168.0.1 ~> a.example\n"
               "::/0 ~> a.example\n10.1.0.0/16 ~> b.example\n")
    for nets in (("10.1.0.0/16", "--client-net", "fd00::/8"),
                 ("10.1.0.0/16,fd00::/8",)):
        done = ctl("check", "--json", "--client-net", *nets, path)
        assert [(found["line"], found["text"])
                for found in json.loads(done.stdout)["warnings"]] == [
            (2, "no such client gets an answer: it is outside of "
             "--client-net")]


def test_U3_check_of_many_files(acl):
    good, bad = acl(LIST, "good"), acl("x", "bad")
    done = ctl("check", good, bad, "/nowhere")
    assert done.returncode == 1
    assert done.stdout.endswith(f"{bad}: 0 rules, 1 error, 0 warnings\n")
    assert done.stderr == ('dnsfwctl: cannot open the list "/nowhere": '
                           "No such file or directory\n")
    assert ctl("check", good, "/nowhere").returncode == 1


def test_U3_nothing_of_a_list_reaches_the_terminal(acl):
    done = ctl("check", acl("1.2.3.4 -> \033[31mred\007\n" + "x" * 3000 +
                            "\n\x9b31mred\x80\u00e9\n"))
    assert done.returncode == 1
    assert not set(done.stdout) & {"\033", "\007", "\x9b", "\x80"}
    assert "    ?31mred?\u00e9\n" in done.stdout
    assert all(len(line) < 200 for line in done.stdout.splitlines())


# --- explain (U4) ---

def test_U4_explain_a_grant(acl):
    path = acl(LIST)
    done = ctl("explain", "--acl", path, "192.168.1.9", "Deb.debian.org")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"""\
192.168.1.9 deb.debian.org. A: resolved, and granted: tcp:80, tcp:443, udp:123
    {path}:2: 192.168.1.0/24 -> deb.debian.org:TCP:80  (allows)
    {path}:3: 192.168.1.0/24 -> deb.debian.org : TCP : 443  (allows)
    {path}:4: 192.168.1.0/24 -> *.debian.org:UDP:123  (allows)
    {path}:7: 192.168.0.0/16 ~> *.debian.org  (allows)
"""


def test_U4_explain_a_block_and_what_it_hides(acl):
    path = acl(LIST)
    code, found = explained(path, "192.168.1.5", "x.debian.org")
    assert code == 1
    assert found == {
        "client": "192.168.1.5", "name": "x.debian.org.", "type": "A",
        "decision": "refuse", "allow": [], "address": None,
        "reason": "a rule blocks it",
        "rules": [{"file": str(path), "line": 5,
                   "text": "192.168.1.5 -| *.debian.org"}],
        "hidden": [{"file": str(path), "line": 4,
                    "text": "192.168.1.0/24 -> *.debian.org:UDP:123"},
                   {"file": str(path), "line": 7,
                    "text": "192.168.0.0/16 ~> *.debian.org"}],
        "host": [], "grants": None, "list_in_force": None, "not_asked": None}


@pytest.mark.parametrize("question, decision, reason", [
    (("192.168.1.9", "deb.debian.org", "MX"), "resolve", None),
    (("192.168.1.9", "deb.debian.org", "TYPE64"), "grant", None),
    (("192.168.1.9", "deb.debian.org", "AXFR"), "refuse",
     "zone transfers are not supported"),
    (("192.168.1.5", "ads.example", "A"), "static", None),
    (("192.168.1.5", "ads.example", "AAAA"), "static",
     "the address of the rule is of another type"),
    (("192.168.1.5", "ads.example", "MX"), "static",
     "the address of the rule is of another type"),
    (("192.168.1.5", "other.example"), "refuse", "no rule"),
    (("::ffff:192.168.1.9", "deb.debian.org"), "grant", None),
    (("192.168.2.1", "deb.debian.org"), "resolve", None),
    # D17: above an allowed name
    (("192.168.1.9", "org", "DS"), "resolve",
     "what a validator needs for names below"),
    (("192.168.1.9", "org", "A"), "refuse", "no rule"),
    # D16
    (("192.168.1.9", "use-application-dns.net"), "refuse",
     "a name that leads clients around this server is answered here "
     "(--bypass-signals)"),
])
def test_U4_explain_of_kinds(acl, question, decision, reason):
    code, found = explained(acl(LIST), *question)
    assert (found["decision"], found["reason"]) == (decision, reason)
    assert code == (1 if decision == "refuse" else 0)
    if decision == "static":
        assert found["address"] == (None if reason else "10.0.0.1")


@pytest.mark.parametrize("client, decision, reason", [
    ("192.168.1.9", "grant", None),
    ("192.168.2.9", "refuse",
     "no answer at all: the client is outside of --client-net"),
    ("fe80::1", "resolve", "a link-local client cannot connect from there"),
    ("169.254.7.7", "resolve",
     "a link-local client cannot connect from there"),
    ("224.0.0.1", "refuse", "no client has such an address"),
    ("127.0.0.1", "grant", None),
])
def test_U4_explain_of_clients(acl, client, decision, reason):
    path = acl("0.0.0.0/0 -> a.example:TCP:1\n::/0 -> a.example:TCP:1\n")
    _, found = explained(path, "--client-net", "192.168.1.0/24,169.254.0.0/16",
                         "--client-net=fe80::/64,127.0.0.1,224.0.0.1", client,
                         "a.example")
    assert (found["decision"], found["reason"]) == (decision, reason)
    assert found["allow"] == (["tcp:1"] if decision == "grant" else [])


def test_U4_explain_lines(acl):
    lines = ("192.168.1.9 deb.debian.org\n\n# no question\n"
             "lan deb.debian.org\n192.168.1.9\n"
             "192.168.1.9 deb.debian.org A more\n" + "x" * 5000 + " y\n"
             "192.168.1.5 a\0b A\n192.168.1.5 ads.example A")
    done = ctl("explain", "--acl", acl(LIST), "-", text=lines)
    assert (done.returncode, done.stderr) == (1, "")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one.get("decision", one.get("error")) for one in found] == [
        "grant", "expected a client: an IPv4 or IPv6 address",
        "expected CLIENT NAME [TYPE]", "expected CLIENT NAME [TYPE]",
        "expected CLIENT NAME [TYPE]", "expected CLIENT NAME [TYPE]", "static"]
    assert [one["line"] for one in found if "error" in one] == [4, 5, 6, 7, 8]


def test_U4_explain_of_a_bad_list(acl):
    path = acl("x\n")
    done = ctl("explain", "--acl", path, "1.2.3.4", "a.example")
    assert done.returncode == 1
    assert done.stderr.startswith(f"dnsfwctl: {path}:1:1: expected a client")


def test_U11_check_of_names_and_ports(acl):
    path = acl("10.0.0.1 -> a.example, *.b.example:TCP:80,443, 8000-8003\n"
               "10.0.0.1 -> a.example:TCP:443,8001\n"
               "10.0.0.1 -> a.example,*.b.example:TCP:443,22\n"
               "10.0.0.1 -> a.example,c.example:TCP:22\n"
               "10.0.0.1 -> x.b.example:TCP:443,80\n")
    done = ctl("check", path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"""\
{path}:2:1: warning: line 1 says the same
    10.0.0.1 -> a.example:TCP:443,8001
    ^
{path}:4:13: warning: line 3 says the same
    10.0.0.1 -> a.example,c.example:TCP:22
                ^
{path}:5:13: warning: nothing changes without it: line 1 allows all that it does
    10.0.0.1 -> x.b.example:TCP:443,80
                ^
{path}: 5 rules, 0 errors, 3 warnings
"""


def test_U11_check_shows_the_wrong_port_and_name(acl):
    path = acl("10.0.0.1 -> a.example:TCP:80,90-80\n"
               "10.0.0.1 ~> a.example, b..example\n"
               "10.0.0.1 -> a.example:UDP:1000-2000\n")
    done = ctl("check", path)
    assert done.returncode == 1
    assert done.stdout == f"""\
{path}:1:30: error: a range of ports begins with the lower one
    10.0.0.1 -> a.example:TCP:80,90-80
                                 ^
{path}:2:26: error: empty label in a name
    10.0.0.1 ~> a.example, b..example
                             ^
{path}:3:27: error: more than 128 ports in a rule: each is granted for each address
    10.0.0.1 -> a.example:UDP:1000-2000
                              ^
{path}: 0 rules, 3 errors, 0 warnings
"""


def test_U11_explain_of_names_and_ports(acl):
    path = acl("10.0.0.1 -> a.example, a.example, *.example:TCP:80,443-445\n")
    done = ctl("explain", "--acl", path, "10.0.0.1", "a.example")
    assert done.stdout == f"""\
10.0.0.1 a.example. A: resolved, and granted: tcp:80, tcp:443, tcp:444, tcp:445
    {path}:1: 10.0.0.1 -> a.example, a.example, *.example:TCP:80,443-445  (allows)
"""


GROUPS = """\
@lan = 10.0.0.0/8, fd00::/8, 10.0.0.1
@Web = a.example, *.b.example
@web += c.example
@lan -> @web, d.example:TCP:80,443
10.0.0.1 ~> a.example
@lan -| f.example = 1.2.3.4
"""


def test_U11_explain_of_groups(acl):
    path = acl(GROUPS)
    done = ctl("check", path)
    assert done.stdout == f"{path}: 3 rules, 0 errors, 0 warnings\n"
    done = ctl("explain", "--acl", path, "10.0.0.1", "a.example")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"""\
10.0.0.1 a.example. A: resolved, and granted: tcp:80, tcp:443
    {path}:4: @lan -> @web, d.example:TCP:80,443  (allows)
    {path}:5: 10.0.0.1 ~> a.example  (allows)
"""
    for client, name, decision, line in (
            ("fd00::1", "x.b.example", "grant", 4),
            ("10.0.0.2", "c.example", "grant", 4),
            ("fd00::1", "f.example", "static", 6)):
        _, found = explained(path, client, name)
        assert found["decision"] == decision
        assert [rule["line"] for rule in found["rules"]] == [line]


def test_U11_check_of_wrong_groups(acl):
    path = acl("@lan = 10.0.0.0/8, host, @x\n"
               "@lan = 1.1.1.1\n"
               "@n = a.example, 10.0.0.1\n"
               "@lan -> @n:TCP:1\n"
               "@n += b.example\n"
               "@n -> a:TCP:1\n"
               "10.0.0.1 ~> @lan, b\n"
               "@nobody ~> a\n")
    done = ctl("check", path)
    assert done.returncode == 1
    assert done.stdout == f"""\
{path}:1:20: error: expected a client: an IPv4 or IPv6 address or subnet
    @lan = 10.0.0.0/8, host, @x
                       ^
{path}:1:26: error: a group cannot have another one
    @lan = 10.0.0.0/8, host, @x
                             ^
{path}:2:1: error: the group is there since line 1: "+=" adds to it
    @lan = 1.1.1.1
    ^
{path}:3:17: error: expected a domain name, not an address
    @n = a.example, 10.0.0.1
                    ^
{path}:5:1: error: the rule of line 4 has the group already: add to it above
    @n += b.example
    ^
{path}:6:1: error: expected a group of clients: that of line 3 has names
    @n -> a:TCP:1
    ^
{path}:7:13: error: expected a group of names: that of line 1 has clients
    10.0.0.1 ~> @lan, b
                ^
{path}:8:1: error: no such group above
    @nobody ~> a
    ^
{path}: 0 rules, 8 errors, 0 warnings
"""


def test_U11_check_of_what_groups_say_as_well(acl):
    path = acl("@lan = 10.0.0.1, 10.0.0.2\n@n = a.example, b.example\n"
               "@lan -> @n:TCP:80\n"
               "10.0.0.1 -> b.example:TCP:80\n"
               "@lan -> a.example:TCP:80\n"
               "10.0.0.2 -| @n\n")
    done = ctl("check", path)
    assert done.stdout == f"""\
{path}:6:13: error: conflicts with line 3: the same client and name are allowed there
    10.0.0.2 -| @n
                ^
{path}: 0 rules, 1 error, 0 warnings
"""
    path.write_text(path.read_text(encoding="utf-8").rsplit("\n", 2)[0],
                    encoding="utf-8")
    done = ctl("check", path)
    assert done.stdout == f"""\
{path}:4:1: warning: line 3 says the same
    10.0.0.1 -> b.example:TCP:80
    ^
{path}:5:1: warning: line 3 says the same
    @lan -> a.example:TCP:80
    ^
{path}: 3 rules, 0 errors, 2 warnings
"""


SOME = ("@lan = 10.0.0.1, 10.0.0.2, fd00::1\n@one = 10.0.0.1\n"
        "@web = a.example, b.example, *.c.example\n")

# Behind SOME groups: what is odd, with line and column.
ODD_GROUPS = [
    # twice the same: by one line, by two, in part, of several names
    ("@lan -> @web:TCP:80\n@one -> @web:TCP:80",
     [(5, 1, "line 4 says the same")]),
    ("@lan -> a.example,b.example:TCP:80\n@lan -> *.c.example:TCP:80,81\n"
     "@lan -> @web:TCP:80", [(6, 1, "other lines together say the same")]),
    ("@lan -> a.example,b.example:TCP:80\n@lan -> @web:TCP:80",
     []),
    ("@one -> @web:TCP:80\n@lan -> @web:TCP:80", []),
    ("@lan ~> a.example\n@lan ~> d.example,@web", []),
    ("@lan ~> @web,d.example\n@lan ~> d.example,@web",
     [(5, 9, "line 4 says the same"), (5, 19, "line 4 says the same")]),
    ("@n = x.example, x.example\n@lan ~> @n\n@one ~> @web", []),
    # one that another one hides: by name, by client, by both, in part
    ("@lan -> @web:TCP:80\n@lan -> *.example:TCP:80",
     [(4, 9, "nothing changes without it: line 5 allows all that it does")]),
    ("@one -> a.example:TCP:80\n10.0.0.0/8 -> a.example:TCP:80",
     [(4, 9, "nothing changes without it: line 5 allows all that it does")]),
    ("10.0.0.1 ~> @web\n10.0.0.1 ~> *.example",
     [(4, 13, "nothing changes without it: line 5 allows all that it does")]),
    ("@lan ~> a.example\n10.0.0.0/8 ~> a.example\nfd00::/8 ~> *.example",
     [(4, 9, "nothing changes without it: other lines together allow all "
       "that it does")]),
    ("@lan ~> a.example\n10.0.0.0/8 ~> a.example", []),
    ("@one -> @web:TCP:80\n10.0.0.0/8 -> a.example:TCP:80\n"
     "10.0.0.0/8 -> b.example:TCP:80", []),
    ("@lan -| @web\n0.0.0.0/0 -| a.example,b.example\n"
     "::/0 -| a.example,b.example\n@lan -| *.example\n"
     "::/0 ~> *.example\n0.0.0.0/0 ~> *",
     [(4, 9, "nothing changes without it: line 7 blocks all that it does")]),
    # here one of them has a block between
    ("@lan -> a.example:TCP:80\n10.0.0.2 -| *.example\n"
     "0.0.0.0/0 -> *.example:TCP:80\n::/0 -> *.example:TCP:80", []),
    # a block that hides nothing, or something of one of the clients or names
    ("@lan ~> d.example\n@lan -| @web",
     [(5, 9, "it blocks what no rule allows")]),
    ("@lan ~> d.example\n10.0.0.0/8 -| @web\n@one -| a.d.example",
     [(5, 15, "it blocks what no rule allows"),
      (6, 9, "it blocks what no rule allows")]),
    ("::/0 ~> *.c.example\n@lan -| @web", []),
    ("0.0.0.0/0 ~> x.c.example\n@one -| @web", []),
    ("@lan -| @web\n10.0.0.0/8 ~> d.example\n10.0.0.2 ~> *.example", []),
    # what the rule itself has
    ("@lan ~> *.co.uk", [(4, 9, "a public suffix: anybody can register a "
                          "name that it allows")]),
    ("fe80::1 -> @web:TCP:1", [(4, 1, "nothing is ever granted to a "
                                "link-local client: it cannot connect from "
                                "there")]),
]


@pytest.mark.parametrize("text, odd", ODD_GROUPS)
def test_U3_check_of_how_groups_stand_to_others(acl, text, odd):
    done = ctl("check", "--json", acl(SOME + text))
    found = json.loads(done.stdout)
    assert found["errors"] == []
    assert [(w["line"], w["column"], w["text"]) for w in found["warnings"]
            if w["text"] != "no rule has the group"] == odd


def test_U3_check_of_a_large_group_says_what_all_its_names_are(acl):
    """Hundreds of clients stand to others as one of them."""
    clients = "".join(f"@lan += 10.1.{i // 250}.{i % 250}\n" for i in range(500))
    names = "".join(f"@web += n{i}.example\n" for i in range(2000))
    text = (f"@lan = 10.1.9.9\n{clients}@web = a.example\n{names}"
            "@lan -> @web:TCP:443\n0.0.0.0/0 -> *.example:TCP:443\n")
    done = ctl("check", acl(text))
    assert done.stdout.splitlines()[0].endswith(
        "acl:2503:9: warning: nothing changes without it: line 2504 allows "
        "all that it does")
    assert done.stdout.endswith("2 rules, 0 errors, 1 warning\n")


def test_U3_check_leaves_a_group_whose_clients_stand_too_differently(acl):
    """Each has a subnet of its own around it, which allows the same."""
    for n, warnings in ((64, 1), (65, 0)):
        clients = ", ".join(f"10.1.{i}.1" for i in range(n))
        text = (f"@lan = {clients}\n@lan -> a.example:TCP:443\n" + "".join(
            f"10.1.{i}.0/24 -> *.example:TCP:443\n" for i in range(n)))
        done = ctl("check", "--json", acl(text))
        assert len(json.loads(done.stdout)["warnings"]) == warnings


# --- explain and a model (A4, A5) ---

LABELS = ("a", "b", "ab", "example")
SUBNETS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/31",
           "10.1.0.1/32", "::/0", "fd00::/8", "fd00::1/128")
CLIENTS = ("10.0.0.1", "10.1.0.0", "10.1.0.1", "192.0.2.1", "fd00::1",
           "fd00::2", "2001:db8::1")


def random_name(rng):
    return ".".join(rng.choice(LABELS) for _ in range(rng.randint(1, 3)))


def random_ports(rng):
    """Ports as the rules have them, and as text."""
    proto = rng.choice(("tcp", "udp"))
    first = rng.randint(1, 5)
    last = first + rng.choice((0, 0, 0, 2))
    more = rng.choice(("", "", ",2", ", 7"))
    ports = [f"{proto}:{port}" for port in range(first, last + 1)]
    ports += [f"{proto}:{more.strip(', ')}"] if more else []
    return ports, f":{proto}:{first}" + (
        f"-{last}" if last > first else "") + more


def random_pattern(rng):
    return rng.choice((random_name(rng), "*." + random_name(rng), "*"))


def random_groups(rng):
    """Groups of clients and of names, by name, and the lines that make them."""
    groups = {f"@c{i}": rng.sample(SUBNETS, rng.randint(1, 4))
              for i in range(rng.randint(0, 2))}
    groups |= {f"@n{i}": [random_pattern(rng)
                          for _ in range(rng.randint(1, 4))]
               for i in range(rng.randint(0, 2))}
    lines = []
    for name, items in groups.items():
        lines.append(f"{name} = {', '.join(items[:2])}")
        if items[2:]:
            lines.append(f"{name.upper()} += {','.join(items[2:])}")
    return groups, lines


def random_items(rng, groups, kind, other):
    """As a rule has one, and what it stands for."""
    names = [name for name in groups if name[1] == kind]
    if names and rng.random() < 0.3:
        name = rng.choice(names)
        return name, groups[name]
    return other, [other]


def random_rules(rng):
    """The text of a list without conflicts, and what it says: (line, subnet,
    pattern, arrow or ports)."""
    groups, lines = random_groups(rng)
    rules, said = [], {}
    for _ in range(rng.randint(1, 60)):
        client, subnets = random_items(rng, groups, "c", rng.choice(SUBNETS))
        names = [random_items(rng, groups, "n", random_pattern(rng))
                 for _ in range(rng.choice((1, 1, 1, 2, 3)))]
        arrow = rng.choice(("->", "->", "~>", "-|", "-|="))
        keys = [(subnet, pattern) for subnet in subnets
                for _, patterns in names for pattern in patterns]
        if any(said.get(key, arrow) != arrow and "|" in arrow + said[key]
               for key in keys):
            continue
        said.update(dict.fromkeys(keys, arrow))
        ports, tail = random_ports(rng) if arrow == "->" else (arrow, "")
        lines.append(f"{client} {arrow[:2]} "
                     f"{','.join(name for name, _ in names)}{tail}" +
                     (" = 10.9.9.9" if arrow == "-|=" else ""))
        rules += [(len(lines), ipaddress.ip_network(subnet), pattern, ports)
                  for subnet, pattern in dict.fromkeys(keys)]
    return lines, rules


def matches(pattern, name):
    if pattern.startswith("*."):
        return name.endswith(pattern[1:])
    return pattern in ("*", name)


def expected(rules, client, name, rdtype):
    """A4's words: decision, ports, lines of rules, lines that are hidden."""
    client = ipaddress.ip_address(client)
    found = [(net.prefixlen, 0 if pattern == "*" else
              pattern.removeprefix("*.").count(".") + 1,
              not pattern.startswith("*"), number, says)
             for number, net, pattern, says in rules
             if client.version == net.version and client in net and
             matches(pattern, name)]
    found.sort(key=lambda rule: (-rule[0], -rule[1], not rule[2], rule[3]))
    allowed, ports, used, hidden, block = [], [], [], [], None
    for length, depth, exact, number, says in found:
        key = (length, depth, exact)
        if block is not None and block[0] != key:
            hidden.append(number)
        elif "|" in says:
            block = (key, says)
            used.append(number)
        else:
            allowed.append(says)
            used.append(number)
            ports += says if says != "~>" else []
    used, ports = list(dict.fromkeys(used)), list(dict.fromkeys(ports))
    hidden = [number for number in dict.fromkeys(hidden)
              if number not in used]
    if block is not None and allowed and not hidden:
        used = [number for number in used if number not in [
            line for *_, line, says in found if "|" in says]]
    if not allowed:
        decision = "static" if block and block[1] == "-|=" else "refuse"
    elif ports and rdtype in ("A", "AAAA", "HTTPS", "SVCB"):
        decision = "grant"
    else:
        decision = "resolve" if "~>" in allowed else "refuse"
    return (decision, ports if decision == "grant" else [], used, hidden)


def of_the_host(rules, host, client, name, rdtype):
    """What other addresses of the client's host are granted (U11)."""
    if client not in host or expected(rules, client, name, rdtype)[0] != \
            "grant":
        return []
    without = {"A": 6, "AAAA": 4}.get(rdtype)
    return [{"client": other, "allow": expected(rules, other, name, "A")[1]}
            for other in host if other != client and
            ipaddress.ip_address(other).version != without]


def test_U11_explain_of_a_host_agrees_with_a_model(acl):
    """Each address is granted what its own rules say."""
    rng = random.Random(17)
    host = sorted(rng.sample(CLIENTS, 5), key=lambda one: (
        ipaddress.ip_address(one).version, ipaddress.ip_address(one)))
    told = 0
    for _ in range(8):
        lines, rules = random_rules(rng)
        asked = [(rng.choice(CLIENTS), random_name(rng),
                  rng.choice(("A", "AAAA", "HTTPS"))) for _ in range(2500)]
        path = acl("\n".join(lines) + f"\n@h = host {', '.join(host)}\n")
        done = ctl("explain", "--acl", path, "-",
                   text="\n".join(map(" ".join, asked)))
        for question, line in zip(asked, done.stdout.splitlines(),
                                  strict=True):
            others = of_the_host(rules, host, *question)
            assert json.loads(line)["host"] == others, (question, lines)
            told += any(other["allow"] for other in others)
    assert told > 100


@pytest.mark.parametrize("cut", [False, True])
def test_U4_explain_agrees_with_a_model(acl, tmp_path, cut):
    """cut: the list is many files that include each other (U11)."""
    rng = random.Random(16)
    scatter = Scatter(rng, tmp_path)
    questions = 0
    while questions < 50000:
        lines, rules = random_rules(rng)
        asked = [(rng.choice(CLIENTS), random_name(rng),
                  rng.choice(("A", "AAAA", "MX", "HTTPS", "TXT")))
                 for _ in range(2500)]
        path = acl("\n".join(lines))
        places = {number: (str(path), number)
                  for number in range(1, len(lines) + 1)}
        if cut:
            path, places = scatter.write(lines), scatter.places
        done = ctl("explain", "--acl", path, "-",
                   text="\n".join(map(" ".join, asked)))
        for question, line in zip(asked, done.stdout.splitlines(),
                                  strict=True):
            got = json.loads(line)
            got = (got["decision"], got["allow"],
                   [(rule["file"], rule["line"]) for rule in got["rules"]],
                   [(rule["file"], rule["line"]) for rule in got["hidden"]])
            decision, ports, *of_lines = expected(rules, *question)
            assert got == (decision, ports, *(
                [places[number] for number in numbers]
                for numbers in of_lines)), (question, path, lines)
        questions += len(asked)


# --- lists of several files (U11) ---

def test_U11_check_tells_the_file_and_the_line(acl, tmp_path):
    (tmp_path / "conf.d").mkdir()
    first = acl("# one\n10.0.0.1 ~> a.example # same\n10.0.0.1 ~> a\u00fc\n",
                "conf.d/1.acl")
    acl("10.0.0.1 -| a.example\n", "conf.d/2.acl")
    path = acl("include conf.d\n10.0.0.1 -| a.example\ninclude x.acl\n")
    conflict = ("error: conflicts with line 2{}: the same client and name are "
                "allowed there")
    done = ctl("check", path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == f"""\
{first}:3:14: error: a name outside ASCII must be written as "xn--a-eha"
    10.0.0.1 ~> a\u00fc
                 ^
{tmp_path}/conf.d/2.acl:1:13: {conflict.format(" of conf.d/1.acl")}
    10.0.0.1 -| a.example
                ^
{path}:2:13: {conflict.format(" of conf.d/1.acl")}
    10.0.0.1 -| a.example
                ^
{path}:3:9: error: cannot include "x.acl": there is no such file or directory
    include x.acl
            ^
{path}: 0 rules, 4 errors, 0 warnings
"""
    first.write_text("# one\n10.0.0.1 -| a.example\n", encoding="utf-8")
    acl("", "x.acl")
    done = json.loads(ctl("check", "--json", path).stdout)
    assert (done["file"], done["rules"], done["errors"]) == (str(path), 3, [])
    assert [(odd["file"], odd["line"], odd["text"])
            for odd in done["warnings"]] == [
        (str(first), 2, "it blocks what no rule allows"),
        (f"{tmp_path}/conf.d/2.acl", 1,
         "line 2 of conf.d/1.acl says the same"),
        (str(path), 2, "line 2 of conf.d/1.acl says the same")]


def test_U11_explain_tells_the_file_and_the_line(acl, tmp_path):
    (tmp_path / "conf.d").mkdir()
    acl("@kids = 10.0.0.1\n\n@kids -| a.example # no\n", "conf.d/1.acl")
    path = acl("10.0.0.0/8 -> a.example:TCP:80\ninclude conf.d/1.acl\n")
    done = ctl("explain", "--acl", path, "10.0.0.1", "a.example")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == f"""\
10.0.0.1 a.example. A: refused: a rule blocks it
    {tmp_path}/conf.d/1.acl:3: @kids -| a.example  (blocks)
    {path}:1: 10.0.0.0/8 -> a.example:TCP:80  (hidden by that)
"""


def test_U11_explain_tells_of_other_addresses_of_the_host(acl):
    path = acl("@l = host 10.0.0.5, 10.0.0.6, fd00::5, 2001:db8::/64, fe80::5\n"
               "@l -> a.example:TCP:80,443\n\n0.0.0.0/0 -> *:UDP:53\n")
    done = ctl("explain", "--acl", path, "10.0.0.5", "a.example", "AAAA")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"""\
10.0.0.5 a.example. AAAA: resolved, and granted: tcp:80, tcp:443, udp:53
    {path}:2: @l -> a.example:TCP:80,443  (allows)
    {path}:4: 0.0.0.0/0 -> *:UDP:53  (allows)
    2001:db8::/64, of the same host, where it has asked from: tcp:80, tcp:443
    fd00::5, of the same host: tcp:80, tcp:443
"""
    _, found = explained(path, "fd00::5", "b.example")
    assert (found["decision"], found["host"]) == ("refuse", [])
    _, found = explained(path, "10.0.0.6", "b.example")
    assert found["host"] == [{"client": "10.0.0.5", "allow": ["udp:53"]}]
    _, found = explained(path, "10.0.0.6", "b.example", "HTTPS")
    assert found["host"] == [
        {"client": "10.0.0.5", "allow": ["udp:53"]},
        {"client": "2001:db8::/64", "allow": []},
        {"client": "fd00::5", "allow": []}]
    done = ctl("explain", "--acl", path, "10.0.0.6", "b.example", "AAAA")
    assert done.stdout.endswith("fd00::5, of the same host: nothing\n")


def test_U11_check_tells_nothing_of_a_host_that_no_rule_has(acl):
    done = ctl("check", acl("@l = host 10.0.0.5, fd00::5\n@a = 10.0.0.5\n"
                            "0.0.0.0/0 -> a.example:TCP:80\n"))
    assert done.returncode == 0
    assert ":2:1:" in done.stdout
    assert ":1:1:" not in done.stdout


def test_U11_includes_of_standard_input_are_of_the_working_directory(
        acl, tmp_path):
    acl("10.0.0.1 ~> a\n10.0.0.1\n", "x.acl")
    done = subprocess.run(
        [str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl"), "check", "-"],
        input="include x.acl\n", cwd=tmp_path, text=True, timeout=60,
        capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stdout.startswith(
        "x.acl:2:9: error: expected \"->\", \"~>\" or \"-|\"\n"), done.stdout


def test_U3_check_tells_groups_that_no_rule_has(acl):
    other = acl("\n @b = 10.0.0.2\n@c = c.example\n", "b.acl")
    path = acl("@a = 10.0.0.1\n@a += 10.0.0.2\ninclude b.acl\n"
               "@b ~> a.example\n@d = 10.0.0.3\n")
    done = json.loads(ctl("check", "--json", path).stdout)
    assert [(odd["file"], odd["line"], odd["column"], odd["text"])
            for odd in done["warnings"]] == [
        (str(path), 1, 1, "no rule has the group"),
        (str(other), 3, 1, "no rule has the group"),
        (str(path), 5, 1, "no rule has the group")]


# --- times and comments of rules (U11) ---

def test_U11_explain_shows_times_and_the_comment(acl):
    path = acl('10.0.0.1 -> a.example:TCP:80 ttl 60..90 "updates # 1" # no\n')
    done = ctl("explain", "--acl", path, "10.0.0.1", "a.example")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"""\
10.0.0.1 a.example. A: resolved, and granted: tcp:80
    {path}:1: 10.0.0.1 -> a.example:TCP:80 ttl 60..90 "updates # 1"  (allows)
"""
    (rule,) = explained(path, "10.0.0.1", "a.example")[1]["rules"]
    assert rule == {"file": str(path), "line": 1, "comment": "updates # 1",
                    "text": '10.0.0.1 -> a.example:TCP:80 ttl 60..90 '
                    '"updates # 1"'}


def test_U11_a_rule_with_other_times_is_not_the_same(acl):
    path = acl("10.0.0.1 -> a.example:TCP:80 ttl 60..90\n"
               "10.0.0.1 -> *.example:TCP:80\n")
    assert "0 warnings" in ctl("check", path).stdout
    path = acl("10.0.0.1 -> a.example:TCP:80 ttl 60..90\n"
               "10.0.0.1 -> *.example:TCP:80 ttl 60..90\n")
    assert "nothing changes without it" in ctl("check", path).stdout


# --- usage (U1) ---

@pytest.mark.parametrize("args", [
    (), ("nothing",), ("check",), ("check", "--nothing", "x"),
    ("check", "--client-net", "lan", "x"),
    ("check", "--client-net", "10.0.0.0/8,", "x"),
    ("check", "--client-net", ",".join(["10.0.0.0/8"] * 65), "x"),
    ("explain", "--client-net", "lan", "10.0.0.1", "a.example"), ("explain",),
    ("explain", "10.0.0.1"), ("explain", "lan", "a.example"),
    ("explain", "10.0.0.1", "a..example"),
    ("explain", "10.0.0.1", "a.example", "TYPE65536"),
    ("explain", "10.0.0.1", "a.example", "A", "more"),
    ("rules", "more"), ("rules", "--nothing"), ("why",), ("why", "lan"), ("why", "10.0.0.1", "a..example"),
    ("why", "10.0.0.1", "a.example", "A"),
])
def test_U1_wrong_usage_is_status_2(acl, args):
    if args[:1] == ("explain",):
        args = ("explain", "--acl", acl(LIST), *args[1:])
    done = ctl(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage: dnsfwctl" in done.stderr or "no such command" in done.stderr


@pytest.mark.parametrize("command", re.findall(
    r"^  (\w+) ", ctl("--help").stdout, re.M))
def test_U1_a_wrong_option_is_told_as_all_else(command):
    for option, what in (("--no-such", "unrecognized option '--no-such'"),
                         ("-Z", "invalid option -- 'Z'")):
        done = ctl(command, option)
        assert (done.returncode, done.stdout) == (2, "")
        said, usage = done.stderr.splitlines()[:2]
        assert said == f"dnsfwctl: {what}"
        assert usage.startswith(f"usage: dnsfwctl {command}")


def test_U1_help_fits_a_screen():
    done = ctl("--help")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) < 80
    assert ctl("--version").stdout.startswith("dnsfwctl ")


def test_U1_each_command_that_is_named_is_there():
    named = re.findall(r"^  (\w+) ", ctl("--help").stdout, re.MULTILINE)
    assert len(named) >= 6
    for command in named:
        done = ctl(command, "--no-such-option")
        assert done.returncode == 2
        assert f"usage: dnsfwctl {command} " in done.stderr
        done = ctl(command, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"usage: dnsfwctl {command} ")


def test_U1_each_command_has_json():
    for command in re.findall(r"^  (\w+) ", ctl("--help").stdout, re.M):
        assert "[--json]" in ctl(command, "--help").stdout, command


def test_U1_output_that_cannot_be_written_is_an_error(acl):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [str(build_dir() / "dnsfw-proxy/ctl/dnsfwctl"), "check",
             str(acl(LIST))], stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60, check=False)
    assert done.returncode == 1
    assert "cannot write" in done.stderr
