"""The options are read by a child without any power, which is gone then."""

import os
import pathlib
import signal

import pytest

from lab import ALLOW, clean_environment, dnsfw_program
from process import until

NOBODY = "65534"

# It stops when it makes a socket, as it does to look for users or addresses.
STOP = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=socket",
        "-e", "inject=socket:signal=SIGSTOP")


def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return dict(line.split(":\t", 1) for line in text.splitlines())


def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in path.read_text(encoding="ascii").split()]


def is_gone(pid):
    try:
        return status_of(pid)["State"].startswith("Z")
    except (FileNotFoundError, ProcessLookupError):
        return True


def at_work(process):
    """The pids of dnsfw and of the child that has stopped.

    strace stops it at each system call: which stop it is tells what it gives
    up last, and that it is not dumpable.
    """
    for dnsfw in process.children():
        for pid in children(dnsfw):
            status = status_of(pid)
            if "stop" in status["State"] and status["NoNewPrivs"] == "1" \
                    and os.stat(f"/proc/{pid}/maps").st_uid == 0:
                return dnsfw, pid
    return None


def test_P1_P2_the_reader_has_no_power(lab):
    """With a wildcard it looks for this host's addresses."""
    process = lab.start([*STOP, *lab.dnsfw_argv(
        ALLOW, "--bind", "0.0.0.0", "--upstream-port", "53",
        upstream="192.0.2.1")], env=clean_environment())
    dnsfw, pid = until(lambda: at_work(process), what="the reader")
    status = status_of(pid)
    assert status["Uid"].split() == [NOBODY] * 4
    assert status["Gid"].split() == [NOBODY] * 4
    assert status["Groups"].split() == []
    for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0
    assert status_of(dnsfw)["Uid"].split() == ["0"] * 4
    os.kill(dnsfw, signal.SIGKILL)
    until(lambda: is_gone(pid), what="the end of the reader")
    process.wait_exit()


def test_P1_root_alone_may_read_the_file(lab):
    """That of --config, as before, wherever root may."""
    folder = lab.tmp / "private"
    folder.mkdir(mode=0o700)
    file = folder / "config.env"
    for text, status in (("WORKERS=2\n", 0), ("WORKERS=x\n", 2)):
        file.write_text(text, encoding="ascii")
        file.chmod(0o600)
        argv = lab.dnsfw_argv(ALLOW, "--config", str(file), "--check")
        process = lab.start(argv, env=clean_environment())
        assert process.wait_exit() == status
        process = lab.start(
            [*argv[:-3], "--check"],
            env=clean_environment(CONFIG=str(file)))
        assert process.wait_exit() == status


@pytest.mark.parametrize("words, text", [
    # What looks like the option is not it.
    (("--chain", "--config", "--check"), '--chain "--config": expected the'),
    (("--chain", "--config=/etc/passwd"), '--chain "--config=/etc/passwd"'),
    # The last one counts.
    (("--config", "/etc/passwd", "--config", "/nowhere"),
     'cannot read "/nowhere"')])
def test_P1_root_opens_no_other_file_for_it(lab, words, text):
    process = lab.start([str(dnsfw_program()), *words],
                        env=clean_environment())
    assert process.wait_exit() == 2
    process.err.wait_end()
    assert text in str(process.err)
    assert "/etc/passwd:" not in str(process.err)


def test_P1_a_reader_that_dies_ends_the_start(lab):
    process = lab.start([
        "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=setgroups",
        "-e", "inject=setgroups:signal=SIGKILL:when=1",
        *lab.dnsfw_argv(ALLOW)], env=clean_environment())
    process.wait_exit()
    process.err.wait_end()
    assert str(process.err).splitlines() == [
        "[ERROR] the reader of the options died: killed by signal 9 (KILL)"]


def test_section6_help_is_whole(lab):
    process = lab.start([str(dnsfw_program()), "--help"],
                        env=clean_environment())
    assert process.wait_exit() == 0
    process.out.wait_end()
    assert str(process.out).rstrip().endswith("See dnsfw(8) and dnsfw.acl(5).")
