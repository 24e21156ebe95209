"""The sockets of a process that runs, to look at and to change."""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import termios

SYS_PIDFD_GETFD = 438

_libc = ctypes.CDLL(None, use_errno=True)


def sockets_of(pid):
    """Copies of all its sockets; what is set on them is set on its own."""
    pidfd = os.pidfd_open(pid)
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            try:
                link = os.readlink(f"/proc/{pid}/fd/{number}")
            except FileNotFoundError:       # closed since
                continue
            if not link.startswith("socket:"):
                continue
            copy = _libc.syscall(SYS_PIDFD_GETFD, pidfd, int(number), 0)
            assert copy != -1, os.strerror(ctypes.get_errno())
            with contextlib.closing(socket.socket(fileno=copy)) as sock:
                yield sock
    finally:
        os.close(pidfd)


def shrink(server, size):
    """Buffers as small as a system's limits may make them at the start.

    Returns how many sockets there are.
    """
    count = 0
    for pid in (server.pid, *server.children()):
        for sock in sockets_of(pid):
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                sock.setsockopt(socket.SOL_SOCKET, option, size)
            count += 1
    return count


def unread(pid):
    """Octets that wait for it in its channels."""
    return sum(
        struct.unpack("i", fcntl.ioctl(sock, termios.FIONREAD, bytes(4)))[0]
        for sock in sockets_of(pid) if sock.family == socket.AF_UNIX and
        not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
