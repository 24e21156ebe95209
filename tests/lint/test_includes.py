"""Includes go one way (DESIGN, "Files")."""

import pathlib
import re

import pytest

from tree import TOP, files, name, none

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
FOLDERS = ("common", "dnsfw-priv", "dnsfw-proxy")
NETLINK = ("dnsfw-proxy/keep/kernel/", "dnsfw-priv/stamp/draft.",
           "dnsfw-priv/stamp/make")


def includes(path):
    return [match[1] for match in
            INCLUDE.findall(path.read_text(encoding="utf-8"))]


def origin(path, header):
    """The folder, of the three, that an included header is in, or None."""
    for folder in (path.parent, *(TOP / one for one in FOLDERS)):
        target = pathlib.Path(folder, header).resolve()
        if target.is_file() and target.is_relative_to(TOP):
            return target.relative_to(TOP).parts[0]
    return None


@pytest.mark.parametrize("folder", FOLDERS)
def test_folder_includes_only_itself_and_common(folder):
    sources = [path for path in files(folder) if path.suffix in (".c", ".h")]
    assert sources
    wrong = [f"{name(path)}: {header}" for path in sources
             for header in includes(path)
             if origin(path, header) not in (None, "common", folder)]
    none(wrong)


def users_of(prefix):
    """The sources of the programs that include a library's headers."""
    return {name(path) for path in files(*FOLDERS)
            if path.suffix in (".c", ".h") and
            any(header.startswith(prefix) for header in includes(path))}


@pytest.mark.parametrize("prefix", ["libmnl/", "libnftnl/"])
def test_netlink_libraries_only_in_the_netlink_files(prefix):
    users = users_of(prefix)
    assert users
    none({user for user in users if not user.startswith(NETLINK)})


def test_libevent_only_in_serve_and_main():
    users = users_of("event2/") | users_of("event.h")
    none([user for user in users if not user.startswith(
        ("dnsfw-proxy/serve/", "dnsfw-proxy/main.c",
         "dnsfw-proxy/worker.c"))])
