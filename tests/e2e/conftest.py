"""Fixtures: a lab for each test, and each firewall backend in turn."""

import collections
import os
import pathlib
import pwd
import re
import shutil
import subprocess

import pytest

import firewall
from host import HTTP
from lab import USERS, Lab, dnsfw_program
from netns import Namespace
from process import until
from signed import Signed

TOOLS = ("curl", "delv", "dig", "dnsmasq", "dnssec-signzone", "ip",
         "ip6tables-nft-restore", "ipset", "iptables-legacy", "iptables-nft",
         "kdig", "kresd", "mandoc", "musl-gcc", "named", "nft", "nsenter",
         "setpriv", "strace", "systemd-analyze", "tmux", "unbound", "unshare")

# Section 7 of the specification, for every line that any test provokes.
ADDRESS = r"(?:\d+\.\d+\.\d+\.\d+|[0-9a-f:.]+)"
NAME = r"(?:[!-~]*\.)"
ACCESS_LINE = re.compile(
    rf"{ADDRESS} (?:"
    rf"-> \[\d+\] {NAME}|"
    rf"~> \[\d+\] {NAME}?|"
    rf"\?> \[\d+\] {NAME}|"
    rf"\|> \[\d+\] {NAME}(?: = {ADDRESS})?|"
    rf"!> \[\d+\] .+|"
    rf"<- \[\d+\] {NAME} \[{ADDRESS}\]:(?:TCP|UDP):\d+ TTL:\d+|"
    rf"<~ \[\d+\]|"
    rf"<! \[\d+\] .+)")


def pytest_sessionstart(session):
    """A machine that cannot run the tests is an error, not a skip."""
    if os.geteuid() != 0:
        pytest.exit("the end-to-end tests need root", 3)
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        pytest.exit(f"missing programs: {' '.join(missing)}", 3)
    if not dnsfw_program().exists():
        pytest.exit(f"{dnsfw_program()}: not built (DNSFW_BUILD?)", 3)
    for user in USERS:
        try:
            pwd.getpwnam(user)
        except KeyError:
            pytest.exit(f"no user {user}: tests/run makes it", 3)


# Of a test whose other parameters are inputs (see pytest.ini).
WAYS = {"iptables", "nftables", "by_udp", "by_tcp", "udp", "tcp"}


def pytest_addoption(parser):
    parser.addoption(
        "--one-each", action="store_true",
        help="one parametrization of each test, or of each of its inputs: "
             "what tests/run has time for with sanitizers")


def way(item):
    """What it tests, and in which of several ways.  All cases of a scenario go
    one way, as one dnsfw serves them."""
    if not hasattr(item, "callspec"):
        return item.originalname, ""
    params, words = item.callspec.params, item.callspec.id.split("-")
    if "scenario" in params:
        return (item.originalname, params["scenario"].name), params["backend"]
    if not item.get_closest_marker("inputs"):
        return item.originalname, "-".join(words)
    return ((item.originalname, *(word for word in words if word not in WAYS)),
            "-".join(word for word in words if word in WAYS))


def one_each(items):
    """Of each test the way of which the file had least so far, word by word:
    so each firewall, family and transport gets its share.  Nothing is left to
    chance, since all processes of xdist must choose the same."""
    tests = collections.defaultdict(lambda: collections.defaultdict(list))
    for item in items:
        test, how = way(item)
        tests[item.path, test][how].append(item)
    had = collections.defaultdict(collections.Counter)
    chosen = []
    for (path, _), ways in tests.items():
        how = min(ways, key=lambda one: max(
            had[path][word] for word in one.split("-")))
        had[path].update(how.split("-"))
        chosen += ways[how]
    return chosen


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """The long ones first; all others stay in their order."""
    if config.getoption("one_each"):
        chosen = one_each(items)
        config.hook.pytest_deselected(items=[*set(items) - set(chosen)])
        items[:] = chosen
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """The logs of dnsfw belong to the report of a failure."""
    outcome = yield
    report = outcome.get_result()
    lab = item.funcargs.get("lab") if hasattr(item, "funcargs") else None
    if report.failed and lab:
        for server in lab.servers:
            report.sections.append(
                ("dnsfw", f"{server.out}\n{server.err}"))


@pytest.fixture
def gateway_type():
    """For the lab; tests of containers have another one."""
    return Namespace


@pytest.fixture
def lab(gateway_type):
    with Lab(gateway_type) as made:
        yield made
    for server in made.servers:
        bad = [line for line in server.out.lines
               if not ACCESS_LINE.fullmatch(line)]
        assert not bad, "not the access log's syntax"
        assert "Sanitizer" not in str(server.err)


@pytest.fixture(params=sorted(firewall.BACKENDS))
def fw(request, lab):
    """The gateway's firewall, closed; the test runs with each backend."""
    return lab.set_up_firewall(request.param)


@pytest.fixture(params=[*sorted(firewall.BACKENDS), "none"])
def any_fw(request, lab):
    """As fw, and None for --firewall none."""
    if request.param == "none":
        return None
    return lab.set_up_firewall(request.param)


@pytest.fixture
def http(lab):
    """A web server on every address of the "internet"."""
    www = lab.tmp / "www"
    www.mkdir()
    (www / "index.html").write_text("welcome\n")
    lab.start(["/usr/bin/python3", "-m", "http.server", "--bind", "::",
               "--directory", str(www), str(HTTP)], namespace=lab.internet)
    until(lambda: subprocess.run(
        lab.internet.command("curl", "-s", "--noproxy", "*",
                             f"http://[::1]:{HTTP}/"),
        capture_output=True, check=False).stdout == b"welcome\n")


@pytest.fixture(scope="session")
def lookup(tmp_path_factory):
    """A program that is linked with musl."""
    program = tmp_path_factory.mktemp("musl") / "lookup"
    subprocess.run(
        ["musl-gcc", "-std=c11", "-D_GNU_SOURCE", "-static", "-o",
         str(program), str(pathlib.Path(__file__).parent / "lookup.c")],
        check=True)
    program.parent.chmod(0o755)
    return str(program)


@pytest.fixture(scope="session")
def zones(tmp_path_factory):
    """Signed zones; servers of other users read them."""
    return Signed(tmp_path_factory.mktemp("signed"))
