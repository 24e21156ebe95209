"""The parts with power stay small enough to be read."""

import re
import subprocess

import pytest

from test_includes import includes
from tree import TOP, build_dir, files, name

# Ratchets: whoever adds to a part says why in AUDIT.md, whoever can takes away.
# The helper: with all that is linked into it, and all their headers.
HELPER, HELPER_MAX = "dnsfw-priv/helper/dnsfw-priv", 1000
# Folders, each with its headers.
FOLDER_MAX = {"dnsfw-priv/start": 957, "dnsfw-priv/stamp": 800,
              "dnsfw-priv/options": 865}

# Comments, and what only looks like one.
TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|' r"'(?:\\.|[^'\\\n])*'|"
                   r"/\*.*?\*/|//[^\n]*", re.S)


def code_lines(text):
    """Lines that are neither blank nor comment."""
    text = TOKEN.sub(lambda match: match[0] if match[0][0] in "\"'" else
                     "\n" * match[0].count("\n"), text)
    return sum(1 for line in text.splitlines() if line.strip())


def table(paths, most):
    """Print what each has; fail if it is too much."""
    counts = {name(path): code_lines(path.read_text(encoding="utf-8"))
              for path in paths}
    for path, count in sorted(counts.items(), key=lambda one: -one[1]):
        print(f"{count:5} {path}")
    total = sum(counts.values())
    print(f"{total:5} in all, {most} at most")
    assert 0 < total <= most


def linked(program):
    """The sources that the program is made of, by its debug information."""
    done = subprocess.run(
        ["objdump", "--dwarf=info", "--dwarf-depth=1", build_dir() / program],
        check=True, capture_output=True, text=True)
    found = re.findall(r"DW_AT_name .*: (\S+\.c)$", done.stdout, re.MULTILINE)
    return {(build_dir() / path).resolve() for path in found
            if (build_dir() / path).resolve().is_relative_to(TOP)}


def with_headers(sources):
    """And our own headers that they include, and those include."""
    found, left = set(), set(sources)
    while left:
        path = left.pop()
        found.add(path)
        for header in includes(path):
            left |= {one for folder in (path.parent, TOP / "common")
                     if (one := (folder / header).resolve()).is_file()
                     } - found
    return found


def test_lines_of_the_helper():
    """Our debug information names each source as ../FOLDER/FILE."""
    sources = linked(HELPER)
    assert {path.parent.name for path in sources} == {"common", "helper"}
    table(with_headers(sources), HELPER_MAX)


@pytest.mark.parametrize("folder", FOLDER_MAX)
def test_lines_of_a_folder(folder):
    table([path for path in files(folder) if path.suffix in (".c", ".h")],
          FOLDER_MAX[folder])


def test_lines_by_folder():
    """To be read with "pytest -s"."""
    for folder in ("common", "dnsfw-priv/helper", "dnsfw-priv/start",
                   "dnsfw-priv/stamp", "dnsfw-priv/options",
                   "dnsfw-proxy/acl", "dnsfw-proxy/dns", "dnsfw-proxy/keep",
                   "dnsfw-proxy/serve"):
        count = sum(code_lines(path.read_text(encoding="utf-8"))
                    for path in files(folder) if path.suffix in (".c", ".h"))
        print(f"{count:6} {folder}")
        assert count
