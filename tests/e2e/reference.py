"""The reference, dns-firewall: is it the program that was named?"""

import subprocess
import sys

PATIENCE = 10       # seconds for it to say what it is


def version_of(path):
    """What it says that it is; ends the program if it is another one."""
    try:
        done = subprocess.run([path, "--version"], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=PATIENCE,
                              check=False)
        found = done.stdout.decode(errors="replace").partition("\n")[0]
        why = f'it says "{found}" of itself, not "dns-firewall 1.2"'
    except OSError as error:
        found, why = "", error.strerror
    except subprocess.TimeoutExpired:
        found, why = "", "it does not say its version"
    if not found.startswith("dns-firewall "):
        sys.exit(f"--reference {path}: {why}")
    return found


if __name__ == "__main__":
    version_of(sys.argv[1])
