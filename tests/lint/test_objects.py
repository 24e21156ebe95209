"""Pure code (DESIGN, "Files"): what its objects ask of the C library."""

import re
import subprocess

import pytest

from tree import build_dir, files, none, symbols

# No system call, clock, log or lock is behind any of these.
ALLOWED = {
    "memchr", "memcmp", "memcpy", "memmove", "memset", "memmem", "strchr",
    "strcmp", "strcspn", "strlen", "strncasecmp", "strcasecmp", "strncmp",
    "strnlen", "strrchr", "strspn", "snprintf", "vsnprintf", "inet_ntop",
    "inet_pton",
    # What the compiler's hardening makes of some of them.
    "__memcpy_chk", "__memmove_chk", "__memset_chk", "__snprintf_chk",
    "__vsnprintf_chk", "__stack_chk_fail", "__ctype_b_loc",
    "_GLOBAL_OFFSET_TABLE_",
    # Of acl/idn.c, for an error's text: libidn2 asks for memory alone.
    "idn_to_ascii",
}
# The ACL's compiler makes an image in memory of its own.
ALLOCATE = {"calloc", "free", "malloc", "realloc", "reallocarray", "strdup",
            "asprintf", "__asprintf_chk"}
COMPILER = {f"dnsfw-proxy/acl/libproxy_acl.a.p/{module}.c.o"
            for module in ("ancestors", "bounds", "build", "compile",
                           "emit", "merge", "texts")}

# Each folder with pure code, its library, and the pure modules, or None: all.
PURE = [
    ("common", "common_pure",
     {"aclpath", "addr", "addrtext", "bucket", "controlmsg", "host",
      "includemsg", "msg", "never", "order", "report", "rootlimits", "sort"}),
    ("dnsfw-priv/options", "start_values", {"values"}),
    ("dnsfw-proxy/acl", "proxy_acl",
     {"ancestors", "bounds", "build", "compile", "decide", "directive",
      "emit", "facts", "find", "groups", "hint", "hostlist", "hosts", "image",
      "layout", "lex",
      "merge", "parse", "parse_tail", "patterns", "relate", "texts"}),
    ("dnsfw-proxy/dns", "proxy_dns", None),
    ("dnsfw-proxy/serve", "proxy_serve_pure",
     {"scope", "timestamp"}),
]
OBJECTS = [f"{folder}/lib{library}.a.p/{path.name}.o"
           for folder, library, modules in PURE
           for path in files(folder, ext=".c")
           if modules is None or path.stem in modules]


@pytest.fixture(scope="module")
def own():
    """What the pure objects define for each other."""
    paths = [build_dir() / one for one in OBJECTS]
    return set().union(*symbols("--defined-only", paths).values())


@pytest.fixture(scope="module")
def asked():
    """What each of them asks for."""
    paths = [build_dir() / one for one in OBJECTS]
    return symbols("--undefined-only", paths)


@pytest.mark.parametrize("one", OBJECTS)
def test_pure_object_needs_only_pure_functions(one, own, asked):
    allowed = ALLOWED | own
    if one in COMPILER:
        allowed |= ALLOCATE
    none(asked[str(build_dir() / one)].keys() - allowed)


def test_root_calls_one_function_of_the_reader():
    """What reads options is linked into dnsfw, but only its child enters it:
    by reader_read, in reading.c (AUDIT.md)."""
    reader = set().union(*symbols("--defined-only", build_dir().glob(
        "dnsfw-priv/options/*.a.p/*.c.o")).values())
    assert {"reader_read", "options_parse", "value_hosts"} <= reader
    called = {(path.rpartition("/")[2], symbol) for path, found in symbols(
        "--undefined-only",
        build_dir().glob("dnsfw-priv/start/dnsfw.p/*.c.o")).items()
              for symbol in found.keys() & reader}
    assert called == {("reading.c.o", "reader_read")}


@pytest.mark.parametrize("one", OBJECTS)
def test_pure_object_has_no_variable(one):
    """Constants with addresses in them are in .data.rel.ro."""
    text = subprocess.run(
        ["readelf", "--section-headers", "--wide", build_dir() / one],
        check=True, capture_output=True, text=True).stdout
    sizes = re.findall(r"\] (\.t?(?:data|bss)(?:\.(?!rel\.ro)\S+)?) +\S+ +"
                       r"\S+ +\S+ +(\S+)", text)
    assert {section for section, _ in sizes} >= {".data", ".bss"}
    none([found for found in sizes if int(found[1], 16) > 0])


def test_who_serves_sorts_in_place():
    """What the C libraries have takes memory that may not be there (D22)."""
    found = symbols("--undefined-only", [
        path for path in build_dir().glob("dnsfw-proxy/**/*.c.o")
        if "ctl" not in path.relative_to(build_dir()).parts])
    assert any("sort" in wanted for wanted in found.values())
    none([f"{path}: {one}" for path, wanted in found.items()
          for one in wanted.keys() & {"heapsort", "mergesort", "qsort",
                                      "qsort_r", "radixsort", "sradixsort"}])
