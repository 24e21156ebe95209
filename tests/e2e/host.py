"""The client as a machine whose programs look names up."""

import re
import subprocess

from lab import GATEWAY4, clean_environment

HTTP = 8080         # plain HTTP is on this port of the "internet"

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
            text=True, capture_output=True, timeout=60,
            env=clean_environment(HOME=str(self._lab.tmp)))
        return done.returncode, done.stdout, done.stderr

    def timed(self, *argv):
        """The least of several times, in seconds, and the last result.

        The machine may be busy with something else, but not each time.
        """
        best = 60.0
        for _ in range(5):
            result = self.run(
                "bash", "-c", 'TIMEFORMAT="took %R"; time "$@"', "bash",
                *argv)
            best = min(best, float(re.search(r"took ([\d.]+)",
                                             result[2])[1]))
        return best, result
