"""The files of the repository, without build folders and what git ignores."""

import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
IGNORED = re.compile(r"\.git|build.*|dist|__pycache__|\.pytest_cache|\.cache")


def build_dir():
    """The folder with gcc's objects."""
    return pathlib.Path(os.environ.get("DNSFW_BUILD", TOP / "build")).resolve()


def files(*folders, ext=""):
    """The files below the folders whose names end so, as sorted paths."""
    found = []
    for folder in folders or (".",):
        for path, directories, names in os.walk(TOP / folder):
            directories[:] = [d for d in directories
                              if not IGNORED.fullmatch(d)]
            found.extend(pathlib.Path(path, name) for name in names
                         if name.endswith(ext) and name != ".git" and
                         pathlib.Path(path, name).is_file())
    return sorted(found)


def symbols(option, paths):
    """Object -> what nm lists of it, each name with its letter.  For all of them
    at once: nm takes longer to start than to read them."""
    found = {str(path): {} for path in paths}
    done = subprocess.run(["nm", "--print-file-name", option, "--format=posix",
                           *found], check=True, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        path, _, symbol = line.partition(": ")
        found[path][symbol.split()[0]] = symbol.split()[1]
    return found


def name(path):
    return str(path.relative_to(TOP))


def texts(*folders, ext=""):
    """(name, text) of the files; binary ones and fuzzing seeds left out."""
    for path in files(*folders, ext=ext):
        if "seeds" in path.parts:
            continue
        try:
            yield name(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def matches(pattern, *folders, ext="", but=()):
    """Where the pattern is found: "NAME:LINE: text", one a line."""
    found = []
    for path, text in texts(*folders, ext=ext):
        if path.startswith(tuple(but)):
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(pattern, line):
                found.append(f"{path}:{number}: {line.strip()}")
    return found


def none(found):
    """Fail with all that was found."""
    assert not found, "\n" + "\n".join(map(str, found))
