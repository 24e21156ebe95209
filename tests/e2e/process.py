"""Child processes, and waiting for what they print, with deadlines."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

# Seconds that anything here may take; not a measurement.
DEADLINE = int(os.environ.get("DNSFW_DEADLINE") or 15)
# For --timeout: whoever waited for the end of it would miss the deadline.
TOO_LONG = str(60 + 4 * DEADLINE)


def until(condition, timeout=DEADLINE, what="the condition"):
    """Look again and again until condition() is true, and return its value.

    What takes long to look at, as it starts programs, is looked at less often.
    """
    end = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        began = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now >= end:
            raise AssertionError(f"{what}: not within {timeout} s")
        pause.wait(min(max(0.02, 4 * (now - began)), 0.1))


@contextlib.contextmanager
def stopped(pid):
    """A process does nothing inside the block, and then all at once.

    It may be killed meanwhile.
    """
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def open_files(pid):
    """Descriptor -> what it is.  One that is closed meanwhile is not there."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
    return found


def ran(*pids):
    """Seconds that processes have run; that others ran does not count."""
    texts = [pathlib.Path(f"/proc/{pid}/schedstat").read_text("ascii")
             for pid in pids]
    return sum(int(text.split()[0]) for text in texts) / 1e9


class Lines:
    """The lines of a pipe as they come."""

    def __init__(self, pipe):
        self.lines = []
        self.ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(pipe,),
                                        daemon=True)
        self._thread.start()

    def _read(self, pipe):
        with pipe:
            for line in pipe:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def _search(self, pattern, start):
        for line in self.lines[start:]:
            match = re.search(pattern, line)
            if match:
                return match
        return None

    def wait_for(self, pattern, timeout=DEADLINE, start=0):
        """The match of the first line, from number start on, that has one."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._search(pattern, start) or self.ended, timeout)
            match = self._search(pattern, start)
        assert match, f"no line matches {pattern!r} in:\n{self}"
        return match

    def wait_end(self, timeout=DEADLINE):
        """Wait until nobody holds the pipe's other end any more."""
        self._thread.join(timeout)
        assert self.ended, "the pipe is still open"

    def __str__(self):
        return "\n".join(self.lines)


class Process:
    """A child process; out and err are its Lines."""

    def __init__(self, argv, env=None, stdout=subprocess.PIPE):
        self.popen = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=stdout,
            stderr=subprocess.PIPE, env=env, encoding="utf-8",
            errors="surrogateescape")
        self.out = None
        if stdout == subprocess.PIPE:
            self.out = Lines(self.popen.stdout)
        self.err = Lines(self.popen.stderr)

    @property
    def pid(self):
        return self.popen.pid

    def children(self):
        """The pids of its children that are still there."""
        path = f"/proc/{self.pid}/task/{self.pid}/children"
        with open(path, encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def those(self, role):
        """Its children that are "helper", "compiler" or "worker"."""
        word = {"helper": b"dnsfw-priv"}.get(role, role.encode())
        found = []
        for pid in self.children():
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if word in file.read().split(b"\0"):
                    found.append(pid)
        return found

    def signal(self, number):
        self.popen.send_signal(number)

    def wait_exit(self, timeout=DEADLINE):
        """The exit status, negative for a signal."""
        return self.popen.wait(timeout)

    def stop(self):
        """End it, gently if it lets us, and see that nobody is left."""
        children = self.children() if self.popen.poll() is None else []
        if self.popen.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                self.popen.kill()
        self.popen.wait()
        try:
            self.err.wait_end(5)
        except AssertionError:
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise
