"""Network namespaces without names: nothing is left when the process ends."""

import contextlib
import ctypes
import os
import socket
import subprocess

from process import DEADLINE

CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _current():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    """One network namespace, held open by a descriptor."""

    def __init__(self):
        home = _current()
        try:
            _check(_libc.unshare(CLONE_NEWNET))
            self.fd = _current()
        finally:
            _check(_libc.setns(home, CLONE_NEWNET))
            os.close(home)

    @property
    def path(self):
        """A path that other processes can open."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is in the namespace inside the block."""
        home = _current()
        _check(_libc.setns(self.fd, CLONE_NEWNET))
        try:
            yield
        finally:
            _check(_libc.setns(home, CLONE_NEWNET))
            os.close(home)

    def socket(self, family, kind):
        """A socket that belongs to the namespace, usable from anywhere."""
        with self.entered():
            return socket.socket(family, kind)

    def command(self, *argv):
        """argv to run in the namespace; nsenter execs, so the pid stays."""
        return ["nsenter", f"--net={self.path}", *argv]

    @contextlib.contextmanager
    def starting(self, argv):
        """What to start inside the block, to run argv in the namespace.

        Who starts it from inside needs no nsenter: a program less to load.
        """
        with self.entered():
            yield argv

    def run(self, *argv, text=None, env=None):
        """Run a command to its end and return what it printed."""
        with self.starting(argv) as command:
            done = subprocess.run(command, input=text, text=True,
                                  capture_output=True, env=env, check=False,
                                  timeout=2 * DEADLINE)
        assert done.returncode == 0, \
            f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout

    def sysctl(self, **values):
        """Set /proc/sys/net/KEY, the key's slashes written as two _."""
        with self.entered():
            for key, value in values.items():
                path = "/proc/sys/net/" + key.replace("__", "/")
                with open(path, "w", encoding="ascii") as file:
                    file.write(str(value))

    def close(self):
        os.close(self.fd)


class ContainerNamespace(Namespace):
    """One that belongs to a user namespace, as an unprivileged container's.

    Its root, and all its users, are ordinary ones outside.
    """

    USERS = "0 200000 65536"

    def __init__(self):
        with subprocess.Popen(
                ["unshare", "--user", "--net", "sh", "-c", "echo; read -r x"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            holder.stdout.readline()
            self.fd, self._user = (
                os.open(f"/proc/{holder.pid}/ns/{kind}",
                        os.O_RDONLY | os.O_CLOEXEC) for kind in ("net", "user"))
            for kind in "ug":
                with open(f"/proc/{holder.pid}/{kind}id_map", "w",
                          encoding="ascii") as file:
                    file.write(self.USERS)

    @property
    def user_path(self):
        return f"/proc/{os.getpid()}/fd/{self._user}"

    def command(self, *argv):
        return ["nsenter", f"--user={self.user_path}", f"--net={self.path}",
                *argv]

    @contextlib.contextmanager
    def starting(self, argv):
        yield self.command(*argv)

    def close(self):
        super().close()
        os.close(self._user)
