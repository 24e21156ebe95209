"""Processes, confined, that live and die together (P1 to P4, P6)."""

import os
import pwd
import re
import signal
import subprocess

import pytest

from lab import (ALLOW, CLIENT4, PROGRAMS, build_dir, dnsfw_program,
                 sanitized)
from process import TOO_LONG, open_files, until

NET_ADMIN = 1 << 12
HELPER_FD_OWN = 8       # common/stamps.h


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


ROLES = ("keeper", "helper", "compiler", "worker")


def pid_of(server, role):
    return server.pid if role == "keeper" else server.those(role)[0]


@pytest.mark.parametrize("role, name, user, capabilities", [
    ("keeper", "dnsfw-proxy", "dnsfw-keeper", 0),
    ("helper", "dnsfw-priv", "dnsfw-priv", NET_ADMIN),
    ("compiler", "dnsfw-proxy", "dnsfw-proxy", 0),
    ("worker", "dnsfw-proxy", "dnsfw-proxy", 0)])
def test_P1_P2_user_capabilities_and_filters(running, role, name, user,
                                             capabilities):
    status = status_of(pid_of(running, role))
    account = pwd.getpwnam(user)
    assert status["Name"] == name
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


@pytest.mark.parametrize("role", ROLES)
def test_P2_root_directory_is_empty_and_gone(running, role):
    pid = pid_of(running, role)
    assert os.listdir(f"/proc/{pid}/root/") == []
    assert os.readlink(f"/proc/{pid}/cwd").endswith("(deleted)")
    limits = open(f"/proc/{pid}/limits", encoding="ascii").read()
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert re.search(r"Max processes +0 +0 ", limits)
    if not sanitized():
        assert re.search(r"Max address space +\d+ +\d+ ", limits)


@pytest.mark.parametrize("role", ROLES)
def test_P2_another_user_neither_sees_nor_signals_it(running, role):
    """Nor does its own user: what is not dumpable is root's to look at."""
    pid = pid_of(running, role)
    own = int(status_of(pid)["Uid"].split()[0])
    for user, error in ((65534, "not permitted"), (own, None)):
        for name in ("maps", "fd", "environ", "mem"):
            done = subprocess.run(
                ["head", "-c1", f"/proc/{pid}/{name}"], user=user, group=65534,
                extra_groups=[], capture_output=True, text=True, check=False)
            assert "Permission denied" in done.stderr, (user, name)
        if error:
            done = subprocess.run(
                ["kill", "-0", str(pid)], user=user, group=65534,
                extra_groups=[], capture_output=True, text=True, check=False)
            assert error in done.stderr


def test_P1_helper_has_no_library_but_libc(running):
    """And no heap: nothing has ever asked for memory."""
    pid = pid_of(running, "helper")
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        names = {os.path.basename(line.split(maxsplit=5)[5].strip())
                 for line in file if len(line.split()) > 5}
    if not sanitized():
        libraries = {name for name in names if ".so" in name}
        assert {name.partition(".")[0].partition("-")[0]
                for name in libraries} == {"libc", "ld"}
        assert "[heap]" not in names


def test_P2_descriptors(running):
    """Who holds which sockets: the worker has no way to netlink."""
    worker = running.children()[-1]

    def sockets(pid, table):
        with open(f"/proc/{pid}/net/{table}", encoding="ascii") as file:
            inodes = {line.split()[9] for line in file.readlines()[1:]}
        links = set(open_files(pid).values())
        return {inode for inode in inodes if f"socket:[{inode}]" in links}

    for table in ("udp", "udp6", "tcp", "tcp6"):
        assert sockets(worker, table), table
        assert not sockets(running.pid, table), table
    assert sockets(running.pid, "netlink")
    assert not sockets(worker, "netlink")
    # What the kernel tells of an ipset's index is for the helper alone.
    helper = pid_of(running, "helper")
    own = open_files(helper)[HELPER_FD_OWN]
    assert own.startswith("socket:")
    assert list(open_files(helper).values()).count(own) == 1
    for role in ("keeper", "compiler", "worker"):
        assert own not in open_files(pid_of(running, role)).values()


def test_P2_numbers_of_a_workers_sockets(running):
    """What it may close or connect comes behind all that it was given."""
    worker = running.children()[-1]
    links = open_files(worker)
    listeners = range(4, 4 + 2 * 4)     # the lab has four --bind
    for fd in range(3, 4 + 2 * 32):
        assert links[fd].startswith("socket:") == (
            fd == 3 or fd in listeners), fd


@pytest.mark.parametrize("role, name", [
    ("helper", "dnsfw-priv"), ("compiler", r"dnsfw-proxy \(compiler\)"),
    ("worker", r"dnsfw-proxy \(worker\)")])
def test_P4_one_dies_then_all_end(running, role, name):
    children = running.children()
    os.kill(pid_of(running, role), signal.SIGKILL)
    assert running.wait_exit() == 1
    running.err.wait_for(rf"\[ERROR\] .*{name} died: killed "
                         r"by signal 9 \(KILL\)")
    until(lambda: all(map(is_gone, children)), what="the end of all")


def test_P4_keeper_dies_then_all_end(running):
    children = running.children()
    assert len(children) == 3
    running.signal(signal.SIGKILL)
    until(lambda: all(map(is_gone, children)), what="the end of the others")
    running.wait_exit()


@pytest.mark.parametrize("role", ["helper", "compiler", "worker"])
def test_P2_a_child_that_is_stopped_dies_with_its_parent(running, role):
    """It cannot notice the end of a channel."""
    pid = pid_of(running, role)
    os.kill(pid, signal.SIGSTOP)
    running.signal(signal.SIGKILL)
    running.wait_exit()
    until(lambda: is_gone(pid), what=f"the end of the {role}")


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
    assert server.wait_exit() == 0
    assert is_gone(worker)
    server.err.wait_end()
    assert "ERROR" not in str(server.err)
    assert lab.reaches(site.v4)


def test_P6_stop_while_clients_wait(lab):
    server = lab.dnsfw(f"{CLIENT4} ~> *", "--timeout", TOO_LONG)
    lab.upstream.behave("www.example.com", lambda request: [])
    with lab.client_socket(CLIENT4, 2) as sock:
        sock.sendto(b"\0\1\1\0\0\1\0\0\0\0\0\0\3www\7example\3com\0"
                    b"\0\1\0\1", ("10.77.1.1", 53))
        lab.upstream.wait_for("www.example.com")
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0


def test_F4_nothing_is_executed_but_our_programs(lab, fw):
    trace = lab.tmp / "trace"
    strace = lab.dnsfw(ALLOW, fw=fw, wrapper=(
        "strace", "-f", "-qq", "-s", "4096", "-e", "trace=execve,execveat",
        "-e", "signal=none", "-o", str(trace)))
    lab.servers.remove(strace)      # its stdout is strace's, too
    sites = [lab.site() for _ in range(5)]
    for site in sites:
        lab.resolve(site)
        assert lab.reaches(site.v4)
    (keeper,) = strace.children()
    os.kill(keeper, signal.SIGTERM)
    assert strace.wait_exit() == 0
    calls = re.findall(r'execve(?:at)?\("([^"]*)", \["([^"]*)", "([^"]*)"',
                       trace.read_text(encoding="utf-8"))
    proxy = str(build_dir() / PROGRAMS[2])
    assert sorted(calls) == sorted([
        (str(dnsfw_program()), str(dnsfw_program()), "--acl-file"),
        (proxy, "dnsfw-proxy", "compiler"), (proxy, "dnsfw-proxy", "keeper"),
        (proxy, "dnsfw-proxy", "worker")])
    # By a descriptor, as its user need not be able to find it.
    assert re.findall(r'execveat\(\d+, "", \["([^"]*)"\]',
                      trace.read_text(encoding="utf-8")) == ["dnsfw-priv"]
    stamp = str(build_dir() / PROGRAMS[4])
    assert re.findall(r'execve\("([^"]*)", \["([^"]*)"\]',
                      trace.read_text(encoding="utf-8")) == [
        (stamp, "dnsfw-stamp")]


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
    (keeper,) = strace.children()
    assert status_of(keeper)["Seccomp"] == "2"
    os.kill(keeper, signal.SIGTERM)
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
