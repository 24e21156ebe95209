"""Two processes, confined, that live and die together (P1 to P4, P6)."""

import os
import pwd
import re
import signal
import time

import pytest

from lab import ALLOW, CLIENT4, priv_program
from process import until

NET_ADMIN = 1 << 12


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def is_gone(pid):
    try:
        return status_of(pid)["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def running(lab, fw):
    """dnsfw after work has gone through all of it."""
    server = lab.dnsfw(ALLOW, fw=fw)
    lab.resolve(lab.site())
    return server


@pytest.mark.parametrize("process, user, capabilities", [
    ("priv", "dnsfw-priv", NET_ADMIN), ("proxy", "dnsfw-proxy", 0)])
def test_P1_P2_user_capabilities_and_filters(running, process, user,
                                             capabilities):
    worker = running.children()[-1]
    pid = running.pid if process == "priv" else worker
    status = status_of(pid)
    account = pwd.getpwnam(user)
    assert status["Name"] == f"dnsfw-{process}"
    assert status["Uid"].split() == [str(account.pw_uid)] * 4
    assert status["Gid"].split() == [str(account.pw_gid)] * 4
    assert status["Groups"].split() == []
    assert int(status["CapEff"], 16) == capabilities
    assert int(status["CapPrm"], 16) == capabilities
    for name in ("CapInh", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Threads"] == "1"


@pytest.mark.parametrize("process", ["priv", "proxy"])
def test_P2_root_directory_is_empty_and_gone(running, process):
    worker = running.children()[-1]
    pid = running.pid if process == "priv" else worker
    assert os.listdir(f"/proc/{pid}/root/") == []
    assert os.readlink(f"/proc/{pid}/cwd").endswith("(deleted)")
    limits = open(f"/proc/{pid}/limits", encoding="ascii").read()
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert re.search(r"Max processes +0 +0 ", limits)


def test_P2_descriptors(running):
    """Who holds which sockets: the worker has no way to netlink."""
    worker = running.children()[-1]

    def sockets(pid, table):
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as file:
            inodes = {line.split()[9] for line in file.readlines()[1:]}
        links = {os.readlink(f"/proc/{pid}/fd/{fd}")
                 for fd in os.listdir(f"/proc/{pid}/fd")}
        return {inode for inode in inodes if f"socket:[{inode}]" in links}

    for table in ("udp", "udp6", "tcp", "tcp6"):
        assert sockets(worker, table), table
        assert not sockets(running.pid, table), table
    assert sockets(running.pid, "netlink")
    assert not sockets(worker, "netlink")


def test_P4_worker_dies_then_all_ends(running):
    worker = running.children()[-1]
    begin = time.monotonic()
    os.kill(worker, signal.SIGKILL)
    assert running.wait_exit() == 1
    assert time.monotonic() - begin < 1
    running.err.wait_for(r"\[ERROR\] .*dnsfw-proxy \(worker\) died: killed "
                         r"by signal 9 \(KILL\)")


def test_P4_helper_dies_then_all_ends(running):
    worker = running.children()[-1]
    begin = time.monotonic()
    running.signal(signal.SIGKILL)
    until(lambda: is_gone(worker), 1, "the end of the worker")
    assert time.monotonic() - begin < 1
    running.wait_exit()
    running.err.wait_for(r"\[ERROR\] .*dnsfw-priv")


def test_P4_grants_stay_until_their_time_is_over(lab, fw):
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    os.kill(server.children()[-1], signal.SIGKILL)
    server.wait_exit()
    assert lab.reaches(site.v4)
    assert len(fw.entries()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT,
                                    signal.SIGQUIT])
def test_P6_stop_signals_end_cleanly(lab, fw, number):
    server = lab.dnsfw(ALLOW, fw=fw)
    site = lab.site()
    lab.resolve(site)
    worker = server.children()[-1]
    server.signal(number)
    assert server.wait_exit(5) == 0
    assert is_gone(worker)
    server.err.wait_end()
    assert "ERROR" not in str(server.err)
    assert lab.reaches(site.v4)


def test_P6_stop_while_clients_wait(lab):
    server = lab.dnsfw(f"{CLIENT4} ~> *")
    lab.upstream.behave("www.example.com", lambda request: [])
    with lab.client_socket(CLIENT4, 2) as sock:
        sock.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0"
                    b"\0\1\0\1", ("10.77.1.1", 53))
        lab.upstream.wait_for("www.example.com")
        server.signal(signal.SIGTERM)
        assert server.wait_exit(5) == 0


def test_F4_nothing_is_executed_but_the_proxy(lab, fw):
    trace = lab.tmp / "trace"
    strace = lab.dnsfw(ALLOW, fw=fw, wrapper=(
        "strace", "-f", "-qq", "-s", "4096", "-e", "trace=execve,execveat",
        "-e", "signal=none", "-o", str(trace)))
    lab.servers.remove(strace)      # its stdout is strace's, too
    sites = [lab.site() for _ in range(5)]
    for site in sites:
        lab.resolve(site)
        assert lab.reaches(site.v4)
    (priv,) = strace.children()
    os.kill(priv, signal.SIGTERM)
    assert strace.wait_exit() == 0
    calls = re.findall(r'execve(?:at)?\("([^"]*)", \["([^"]*)", "([^"]*)"',
                       trace.read_text(encoding="utf-8"))
    proxy = str(priv_program().parents[1] / "dnsfw-proxy" / "dnsfw-proxy")
    assert sorted(calls) == sorted([
        (str(priv_program()), str(priv_program()), "--acl-file"),
        (proxy, "dnsfw-proxy", "compiler"), (proxy, "dnsfw-proxy", "worker")])


@pytest.mark.parametrize("error, words", [
    ("EPERM", "Landlock is forbidden here"),
    ("ENOSYS", "this kernel has no Landlock"),
    ("EOPNOTSUPP", "Landlock is not enabled")])
def test_P3_without_landlock_one_warning(lab, fw, error, words):
    """As in systemd-nspawn; that nothing else is missing other tests see."""
    strace = lab.dnsfw(ALLOW, fw=fw, wrapper=(
        "strace", "-f", "-qq", "-e", "trace=landlock_create_ruleset",
        "-e", f"inject=landlock_create_ruleset:error={error}",
        "-e", "signal=none", "-o", "/dev/null"))
    site = lab.site()
    lab.resolve(site)
    assert lab.reaches(site.v4)
    warnings = [line for line in strace.err.lines if "[WARN ]" in line]
    assert len(warnings) == 1
    assert words in warnings[0] and "seccomp alone" in warnings[0]
    (priv,) = strace.children()
    assert status_of(priv)["Seccomp"] == "2"
    os.kill(priv, signal.SIGTERM)
    assert strace.wait_exit() == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGPIPE,
                                    signal.SIGCHLD])
def test_other_signals_do_not_end_it(lab, number):
    server = lab.dnsfw(f"{CLIENT4} ~> *")
    lab.upstream.add("www.example.com", 60, "A", "10.78.1.1")
    server.signal(number)
    assert lab.ask("www.example.com").answer
    assert server.popen.poll() is None


def test_a_second_start_after_a_crash(lab, fw):
    for _ in range(2):
        server = lab.dnsfw(ALLOW, fw=fw)
        site = lab.site()
        lab.resolve(site)
        assert lab.reaches(site.v4)
        server.signal(signal.SIGKILL)
        server.wait_exit()
        server.err.wait_end()
