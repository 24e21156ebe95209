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
                   r"www\.rfc-editor\.org")

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
