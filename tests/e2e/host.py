"""The client as a machine whose programs look names up."""

import subprocess

from lab import GATEWAY4, clean_environment
from process import DEADLINE

HTTP = 8080         # plain HTTP is on this port of the "internet"

# A line of resolv.conf: who waits for an answer misses the deadline of run().
PATIENT = "options timeout:30\n"

# $1: a directory with files that take the place of those in /etc.
PRIVATE_ETC = """
for file in resolv.conf nsswitch.conf; do
	mount --bind "$1/$file" "$(realpath /etc/$file)" || exit 1
done
shift
exec "$@"
"""


class Host:
    """The client as a machine with a name service of its own."""

    def __init__(self, lab, server=GATEWAY4, resolver=""):
        """resolver: further lines of resolv.conf."""
        self._lab = lab
        self._etc = lab.tmp / f"etc-{server}"
        self._etc.mkdir()
        (self._etc / "resolv.conf").write_text(
            f"nameserver {server}\n{resolver}")
        (self._etc / "nsswitch.conf").write_text("hosts: dns\n")

    def run(self, *argv):
        """Run a program to its end: (exit status, stdout, stderr)."""
        done = subprocess.run(
            self._lab.client.command(
                "unshare", "--mount", "sh", "-c", PRIVATE_ETC, "sh",
                str(self._etc), *argv),
            text=True, capture_output=True, timeout=DEADLINE,
            env=clean_environment(HOME=str(self._lab.tmp)))
        return done.returncode, done.stdout, done.stderr
