"""The users of dnsfw, where they are missing."""

import contextlib
import pwd
import subprocess

from ending import undisturbed

USERS = ("dnsfw-keeper", "dnsfw-priv", "dnsfw-proxy")


@contextlib.contextmanager
def made():
    """Make those that are missing, and take them away at the end."""
    new = []
    try:
        for user in USERS:
            try:
                pwd.getpwnam(user)
            except KeyError:
                with undisturbed():
                    subprocess.run(["useradd", "--system", "--no-create-home",
                                    "--home-dir", "/nonexistent", "--shell",
                                    "/usr/sbin/nologin", user], check=True)
                    new.append(user)
        yield
    finally:
        with undisturbed():
            for user in new:
                subprocess.run(["userdel", user], check=False)
