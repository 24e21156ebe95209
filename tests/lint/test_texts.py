"""Scripts, manual pages, tests, and what no file may say."""

import re
import subprocess

from tree import TOP, files, matches, name, none, texts

# First folders of absolute paths that a file may name: those of any Linux,
# and two that are nowhere.
ROOTS = {"bin", "boot", "dev", "etc", "home", "lib", "nonexistent",
         "nowhere", "proc", "run", "sbin", "sys", "tmp", "usr", "var"}
# Our own, below those in which everybody has something else.
PERSONAL = re.compile(r"/(?:home|tmp)/(?!dnsfw|demo|test|criterion_|%)[\w.]+")
HOSTS = re.compile(r"(?:[\w-]+\.)*example(?:\.\w+)?|keepachangelog\.com|"
                   r"semver\.org|www\.w3\.org|\d+\.\d+\.\d+\.\d+|localhost|"
                   r"www\.rfc-editor\.org|www\.debian\.org")

# No test waits for time to pass, and none leaves itself out.
SLEEPS = r"\b(?:u|nano|clock_nano)?sleep *\(|^\s*sleep [\d.\"$]"
SKIPS = (r"\b(?:skip|skipif|xfail|importorskip)\b *\(|"
         r"\bmark\.(?:skip|skipif|xfail)\b|\.disabled *=|"
         r"\bcr_skip|\bexit *\(? *77\b|SkipTest")


def shell_scripts():
    for path in files():
        if "seeds" in path.parts:
            continue
        with open(path, "rb") as file:
            first = file.readline()
        if path.suffix == ".sh" or re.match(rb"#!.*\b(?:ba)?sh\b", first):
            yield path


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_shellcheck():
    scripts = list(shell_scripts())
    assert TOP / "tests" / "run" in scripts
    done = run("shellcheck", *scripts)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mandoc():
    """All but what depends on the pages that are installed; and a word that
    is a macro, too, is not taken for one."""
    pages = [path for path in files("dnsfw-priv", "dnsfw-proxy")
             if re.fullmatch(r"\.\d", path.suffix)]
    assert len(pages) >= 4
    done = run("mandoc", "-T", "lint", *pages)
    none([line for line in done.stdout.splitlines()
          if "mandoc.db" not in line and "manual not found" not in line])
    shown = run("mandoc", TOP / "dnsfw-priv" / "dnsfw.8").stdout
    assert re.search("22 No Reachable Authority", re.sub(".\b", "", shown))


def test_hacking_names_what_there_is():
    """Each file, function and constant that docs/hacking.md names."""
    text = (TOP / "docs" / "hacking.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in
                     files("common", "dnsfw-priv", "dnsfw-proxy", "tests")
                     if path.suffix in (".c", ".h", ".build"))
    units = {path.stem for path in files("dnsfw-proxy")}
    names = set(re.findall(r"`([a-z_]+)`", text))
    assert len(names) > 50
    none(sorted(one for one in names - units
                if not re.search(rf"\b{one}\b", code)))


E2E_TEST = re.compile(r"`(test_\w+\.py)::(\w+)`")
UNIT_TEST = re.compile(r"`(test_\w+\.c): (\w+)\.(\w+)`")


def missing_tests(text):
    """Of the tests that a text names, those that are not there."""
    for file, test in E2E_TEST.findall(text):
        path = TOP / "tests" / "e2e" / file
        if not path.is_file() or not re.search(
                rf"^def {test}\(", path.read_text(encoding="utf-8"), re.M):
            yield f"{file}::{test}"
    for file, suite, test in UNIT_TEST.findall(text):
        path = TOP / "tests" / "unit" / file
        if not path.is_file() or not re.search(
                rf"^Test\({suite}, {test}[,)]",
                path.read_text(encoding="utf-8"), re.M):
            yield f"{file}: {suite}.{test}"


def rows(text):
    """The cells of each line of the tables, without their heads."""
    for line in text.splitlines():
        if line.startswith("|") and not re.fullmatch(r"[|-]+", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[-1] != "shown by":
                yield cells


def test_audit_names_a_test_for_each_threat():
    """And nothing but tests in that column."""
    text = (TOP / "AUDIT.md").read_text(encoding="utf-8")
    none(list(missing_tests(text)))
    threats = text.split("\n## Threats\n")[1].split("\n## ")[0]
    found = list(rows(threats))
    assert len(found) > 60
    none([cells[0] for cells in found
          if UNIT_TEST.sub("", E2E_TEST.sub("", cells[-1])).strip() or
          not cells[-1]])


def test_a_test_that_is_not_there_is_missed():
    good = ("`test_helper.py::test_P7_client_networks` "
            "`test_helper.c: helper.P7_no_stamp`")
    assert not list(missing_tests(good))
    for old, new in (("client_networks", "client_network"), ("no_stamp", "no"),
                     ("helper.py", "helpers.py"), (": helper.", ": nft."),
                     ("helper.c", "helpers.c")):
        assert len(list(missing_tests(good.replace(old, new)))) == 1, new


def audit_paths(text):
    """The files and folders of a line, as far as it names them: a name
    without a folder is of the folder of the one before it."""
    for line in text.splitlines():
        folder = ""
        for one in re.findall(r"`([\w./*-]+)`", line):
            if re.search(r"\.(?:c|h|py)$|/$", one) and \
                    not one.startswith("/"):
                yield one, folder
                if "/" in one:
                    folder = one[:one.rindex("/") + 1]


def test_audit_names_what_there_is():
    """Its files, folders, and functions."""
    text = (TOP / "AUDIT.md").read_text(encoding="utf-8")
    paths = [name(path) for path in files("common", "dnsfw-priv",
                                          "dnsfw-proxy", "contrib", "tests")]
    code = "\n".join((TOP / path).read_text(encoding="utf-8")
                     for path in paths if path.endswith((".c", ".h")) and
                     not path.startswith("tests/unit"))
    named = list(audit_paths(text))
    assert len(named) > 40
    none([f"{folder}{one}" for one, folder in named
          if not any(path == one or path == folder + one or
                     (one[-1] == "/" and f"/{one}" in f"/{path}") or
                     path.endswith("/" + one) or
                     path.startswith(folder + one.replace("*", ""))
                     for path in paths)])
    words = set(re.findall(r"`([a-z]+_[a-z_]+)`", text)) - {"rp_filter"}
    assert len(words) > 15
    none(sorted(one for one in words if not re.search(rf"\b{one}\b", code)
                and f"tests/fuzz/{one}.c" not in paths))


def test_no_test_sleeps():
    none(matches(SLEEPS, "tests", but=["tests/lint/", "tests/bench/"]))


def test_no_test_is_skipped():
    none(matches(SKIPS, "tests", but=["tests/lint/"]))


def test_no_path_of_a_machine():
    """Absolute paths are those that every Debian has."""
    found = []
    for path, text in texts():
        for match in re.finditer(r"(?<![\w.})$\]*?/+-])/([A-Za-z]\w*)/\w",
                                 text):
            if match[1] not in ROOTS:
                found.append(f"{path}: {match[0]}")
        found.extend(f"{path}: {match[0]}"
                     for match in PERSONAL.finditer(text))
    none(found)


def test_no_address_of_a_service():
    """URLs are examples, or documents of general interest."""
    found = []
    for path, text in texts():
        for host in re.findall(r"\w+://([\w.-]*\w)", text):
            if not HOSTS.fullmatch(host):
                found.append(f"{path}: {host}")
    none(found)


def test_no_unfinished_work():
    none(matches(r"\b(?:TODO|FIXME|XXX|HACK)\b", but=["tests/lint/"]))


def test_no_blanks_at_the_ends_of_lines():
    none(matches(r"[ \t]$"))


def test_lines_of_c_fit():
    """80 columns, 100 at most."""
    wrong = [f"{path}:{number}" for path, text in texts()
             if path.endswith((".c", ".h"))
             for number, line in enumerate(text.splitlines(), 1)
             if len(line.expandtabs(8)) > 100]
    none(wrong)


def test_no_copy_of_an_editor():
    none([name(path) for path in files()
          if re.search(r"~$|\.(?:orig|rej|swp|bak|o|pyc)$", path.name)])
