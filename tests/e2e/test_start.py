"""What dnsfw, the start, gives to the others: a stand-in for dnsfw-proxy tells.

Each role prints what it has as one line of JSON and waits for its channel's
end; but the keeper ends after it has read what the others said.
"""

import json
import os
import pwd
import signal
import socket
import struct

import pytest

from lab import (ALLOW, CLIENT4, GATEWAY4, PROGRAMS, build_dir,
                 copy_programs)
from process import until

# common/keepconf.h, common/stamps.h, common/msg.h
HELPER, COMPILER, ACT, LIST, FLOWS, EVENTS = range(3, 9)
ACL_DIR, NOTIFY, STAMPS, CONFIG = range(10, 14)
COMPILER_LOG, WORKER = 15, 16
LIFE = 81
ALWAYS = {0, 1, 2, COMPILER, ACL_DIR, CONFIG, COMPILER_LOG}
FIREWALL = {HELPER, ACT, LIST, FLOWS, EVENTS, STAMPS}

STAND_IN = '''#!/usr/bin/python3 -IS
import fcntl, json, os, select, socket, sys

def link(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return None

fds = {fd: link(fd) for fd in range(256) if link(fd)}
status = dict(line.rstrip("\\n").split(":\\t", 1)
              for line in open("/proc/self/status"))
said = {"argv": sys.argv[1:], "fds": fds, "blocked": status["SigBlk"],
        "environment": {key: value for key, value in os.environ.items()
                        if key != "LC_CTYPE"},
        "uid": os.getuid(), "cwd": os.readlink("/proc/self/cwd"),
        "pid": os.getpid(), "parent": os.getppid()}
if sys.argv[1] != "keeper":
    os.write(2, json.dumps(said).encode())
    channel = socket.socket(fileno=3)
    first = ""
    if sys.argv[1] == "worker":
        first = channel.recv(65536).hex()
        os.write(2, first[:2].encode())
    while channel.recv(65536):
        pass
    sys.exit(0)

children = []
for fd in [15, *range(17, 17 + 2 * 32, 2)]:
    if fd in fds:
        log = socket.socket(fileno=fd)
        children.append([json.loads(log.recv(65536))])
        if fd != 15:
            children[-1].append(log.recv(65536).decode())
said["children"] = children
if 3 in fds:
    said["ready"] = socket.socket(fileno=3).recv(65536).hex()
    said["sealed"] = [fcntl.fcntl(fd, fcntl.F_GET_SEALS) for fd in (12, 13)]
said["config"] = os.pread(13, 65536, 0).hex()
print(json.dumps(said))
'''
SEALS = 0xf


@pytest.fixture
def start(lab):
    """Start dnsfw with the stand-in; what it says."""
    program = copy_programs(lab.tmp)
    proxy = lab.tmp / PROGRAMS[2]
    proxy.write_text(STAND_IN, encoding="ascii")

    def run(*options, fw=None, wrapper=(), **environment):
        process = lab.start([*wrapper, *lab.dnsfw_argv(
            ALLOW, *options, fw=fw, program=program)],
            env={"PATH": "/usr/bin:/bin", **environment})
        assert process.wait_exit() == 0, process.err
        process.out.wait_end()
        said = json.loads(str(process.out))
        assert said["pid"] == process.pid
        said["fds"] = {int(fd): link for fd, link in said["fds"].items()}
        return said
    return run


@pytest.mark.parametrize("workers", [1, 3])
def test_P2_descriptors_have_fixed_numbers(start, any_fw, workers):
    said = start("--workers", str(workers), fw=any_fw)
    there = ALWAYS | (FIREWALL if any_fw else set()) | {
        WORKER + i for i in range(2 * workers)} | {
        LIFE + i for i in range(workers + (2 if any_fw else 1))}
    assert set(said["fds"]) == there
    assert said["fds"][0] == "/dev/null"
    if any_fw:
        assert said["sealed"] == [SEALS, SEALS]
        # READY, of this build: it was confined, or it would not say so.
        assert said["ready"] == struct.pack("=B3xI", 9, 1).hex()
    compiler, *rest = said["children"]
    assert {int(fd) for fd in compiler[0]["fds"]} == {0, 1, 2, 3} | (
        {4} if any_fw else set())
    assert len(rest) == workers
    for number, (worker, first) in enumerate(rest, 1):
        # Four addresses, over UDP and over TCP.
        assert {int(fd) for fd in worker["fds"]} == set(range(4 + 8))
        assert first == "01"            # MSG_CONFIG
        assert worker["argv"][-1] == (
            "worker" if workers == 1 else f"worker {number}")


def test_P2_what_the_children_are_told(start, fw):
    said = start(fw=fw, JOURNAL_STREAM="1:2", SECRET="x")
    user = pwd.getpwnam("dnsfw-proxy")
    compiler, worker = said["children"]
    for child, role in ((compiler[0], "compiler"), (worker[0], "worker")):
        assert child["argv"][:3] == [role, str(user.pw_uid),
                                     str(user.pw_gid)]
        assert child["environment"] == {}
        assert child["parent"] == said["pid"]
        assert child["uid"] == 0        # it confines itself
    assert said["argv"] == ["keeper"]
    assert said["environment"] == {"JOURNAL_STREAM": "1:2"}
    assert said["cwd"].endswith("(deleted)")
    # TERM INT QUIT HUP USR1 CHLD
    assert int(said["blocked"], 16) == sum(
        1 << (number - 1) for number in (15, 2, 3, 1, 10, 17))
    for child in (compiler[0], worker[0]):
        assert child["blocked"] == said["blocked"]


def test_P2_what_the_caller_left_open_is_closed(start, lab):
    said = start(wrapper=("bash", "-c", 'exec "$@" 7</etc/passwd 77</etc/passwd',
                          "sh"))
    for one in (said, *(child[0] for child in said["children"])):
        assert "/etc/passwd" not in one["fds"].values()


def test_F3_no_helper_without_a_firewall(start, lab):
    (lab.tmp / PROGRAMS[1]).unlink()
    assert HELPER not in start()["fds"]


def test_a_helper_that_is_not_there(lab):
    fw = lab.set_up_firewall("nftables")
    program = copy_programs(lab.tmp)
    helper = lab.tmp / PROGRAMS[1]
    helper.unlink()
    status, text = lab.dnsfw_fails(ALLOW, fw=fw, program=program)
    assert (status, text) == (
        1, f"[ERROR] cannot open {helper}: No such file or directory")


def test_P4_a_port_in_use_is_said_before_anything_is_started(lab):
    fw = lab.set_up_firewall("nftables")
    program = copy_programs(lab.tmp)
    (lab.tmp / PROGRAMS[1]).unlink()
    with lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind((GATEWAY4, 53))
        status, text = lab.dnsfw_fails(ALLOW, fw=fw, program=program)
    assert status == 1
    assert text.startswith("[ERROR] cannot listen on ")


def test_a_proxy_that_is_not_there(lab):
    program = copy_programs(lab.tmp)
    proxy = lab.tmp / PROGRAMS[2]
    proxy.unlink()
    status, text = lab.dnsfw_fails(ALLOW, program=program)
    assert status == 1
    assert text.splitlines()[-1] == (
        f"[ERROR] cannot run {proxy}: No such file or directory")


# A filter that answers close_range(2) with CLOSE_RANGE_CLOEXEC by EINVAL.
LINUX_5_10 = """
import ctypes, os, struct, sys
code = b"".join(struct.pack("=HBBI", *one) for one in (
    (0x20, 0, 0, 0), (0x15, 0, 3, 436),     # number
    (0x20, 0, 0, 32), (0x15, 0, 1, 4),      # flags
    (0x06, 0, 0, 0x00050000 | 22), (0x06, 0, 0, 0x7fff0000)))
buffer = ctypes.create_string_buffer(code)
program = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
if ctypes.CDLL(None).prctl(22, 2, program) != 0:    # PR_SET_SECCOMP
    sys.exit("prctl")
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_P2_a_kernel_that_marks_no_range_of_descriptors(start, lab, fw):
    """What is open is the same, and it serves."""
    wrapper = ("/usr/bin/python3", "-c", LINUX_5_10)
    assert set(start(fw=fw)["fds"]) == set(
        start(wrapper=wrapper, fw=fw)["fds"])
    server = lab.dnsfw(ALLOW, fw=fw, wrapper=wrapper)
    lab.resolve(lab.site())
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0


@pytest.mark.parametrize("abi, warned", [(1, True), (3, True), (4, False)])
def test_P3_landlock_that_knows_no_tcp_is_told(lab, abi, warned):
    """The first call in each process asks what there is."""
    process = lab.start(["strace", "-f", "-qq", "-o", "/dev/null", "-e",
                         "trace=landlock_create_ruleset", "-e",
                         f"inject=landlock_create_ruleset:retval={abi}:when=1",
                         "-e", "signal=none", *lab.dnsfw_argv("nonsense")])
    process.wait_exit()
    process.err.wait_end()
    assert sum("cannot limit TCP" in line
               for line in process.err.lines) == warned


def test_P4_a_port_that_is_still_in_use_for_a_moment(lab):
    """As of a worker that is about to end with the keeper before."""
    trace = lab.tmp / "trace"
    holder = lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with holder:
        holder.bind((GATEWAY4, 53))
        process = lab.start_dnsfw(f"{CLIENT4} ~> *", wrapper=(
            "strace", "-f", "-qq", "-e", "trace=bind", "-e", "signal=none",
            "-o", str(trace)))
        lab.servers.remove(process)     # its stdout is strace's, too
        until(lambda: trace.exists() and "EADDRINUSE" in trace.read_text())
    process.err.wait_for("Server started")
    (keeper,) = process.children()
    os.kill(keeper, signal.SIGTERM)
    assert process.wait_exit() == 0


def test_the_helper_by_hand_says_what_to_start(lab):
    process = lab.start([str(build_dir() / PROGRAMS[1])])
    assert process.wait_exit() == 1
    process.err.wait_end()
    assert "dnsfw-priv is started by dnsfw" in str(process.err)
