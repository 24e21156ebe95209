"""Reads the scenario files; scenarios/README has their format."""

import pathlib
import re
import shlex

import lab

HERE = pathlib.Path(__file__).parent / "scenarios"

CLIENTS = {
    "client4": lab.CLIENT4, "client6": lab.CLIENT6,
    "other4": lab.OTHER4, "other6": lab.OTHER6,
    "gateway4": lab.GATEWAY4, "gateway6": lab.GATEWAY6,
    "local4": "127.0.0.1", "local6": "::1",
}

# What a line of a case begins with.
UPSTREAM = {"reply", "authority", "additional", "rcode", "flags", "opt",
            "raw", "silent", "delay"}
QUERY = {"ask", "and", "send"}
WANT = {"allowed", "resolved", "refused", "unfit", "local", "get",
        "answer", "authority-is", "ttl", "ede", "edns", "options", "asked",
        "grant", "for", "log", "logged", "warned", "entries", "size",
        "reaches", "rejected"}

# Each case has addresses of its own, so that its entries are its own.
_PER_CASE = 16
_case_numbers = iter(range(1, 1 << 11))


class FormatError(Exception):
    """A mistake in a scenario file."""


class Line:
    """One line of a case: its first word, the rest, and where it stands."""

    def __init__(self, number, text):
        self.number = number
        self.text = text
        self.verb, _, self.rest = text.partition(" ")
        self.rest = self.rest.strip()


class Step:
    """What the upstream does, what is asked, and what is wanted."""

    def __init__(self):
        self.upstream = []
        self.queries = []
        self.wants = []


class Case:
    def __init__(self, scenario, name, line):
        self.file = scenario.path.name
        self.name = name
        self.line = line
        self.number = next(_case_numbers)
        self.steps = [Step()]

    def words(self, text):
        """The text with addresses for v4a, v6b, client4 ..."""
        def address(match):
            network = lab.SITES4 if match[1] == "4" else lab.SITES6
            index = ord(match[2]) - ord("a")
            assert index < _PER_CASE, match[0]
            return str(network[self.number * _PER_CASE + index])

        return with_clients(re.sub(r"\bv([46])([a-z])\b", address, text))

    def add(self, number, text):
        line = Line(number, self.words(text))
        step = self.steps[-1]
        if line.verb in WANT:
            if not step.queries:
                raise FormatError(f"line {number}: nothing is asked")
            step.wants.append(line)
            return
        if line.verb not in UPSTREAM | QUERY:
            raise FormatError(f"line {number}: {line.verb!r}?")
        if step.wants:
            step = Step()
            self.steps.append(step)
        if line.verb in UPSTREAM:
            step.upstream.append(line)
            return
        if (line.verb == "and") != bool(step.queries):
            raise FormatError(f"line {number}: {line.verb} does not fit")
        step.queries.append(line)

    def check(self):
        if not all(step.queries and step.wants for step in self.steps):
            raise FormatError(f"line {self.line}: nothing is wanted")


class End:
    """After the last case of a file."""

    def __init__(self, scenario):
        self.file = scenario.path.name
        self.name = "section 7, nothing else is in the log"
        self.line = 1


class ErrorCase:
    """Lines of a list that is wrong, and what is said about each."""

    def __init__(self, scenario, name, line):
        self.file = scenario.path.name
        self.name = name
        self.line = line
        self.lines = []         # (number, text)
        self.wants = []         # (number, column or None, regex)

    def add(self, number, text):
        match = re.match(r"( *)([\^?]) (.*)", text)
        if not match:
            self.lines.append((number, text))
            return
        column = len(match[1]) + 1 if match[2] == "^" else None
        pattern = match[3].replace("{first}", str(self.lines[0][0]))
        self.wants.append((self.lines[-1][0], column, pattern))


class Scenario:
    """One file."""

    def __init__(self, path):
        self.path = path
        self.name = path.stem
        self.options = []
        self.cases = []
        self.end = End(self)
        self.errors = []
        self.acl_lines = {}     # number in the file -> text
        try:
            self._read(path.read_text(encoding="utf-8").split("\n"))
        except FormatError as error:
            raise FormatError(f"{path}: {error}") from error

    @property
    def acl(self):
        """The list; its lines have the numbers that they have here."""
        lines = self.acl_lines
        for error in self.errors:
            lines = lines | dict(error.lines)
        return "\n".join(lines.get(number, "")
                         for number in range(1, max(lines, default=0) + 1))

    def line_of(self, rule):
        """The number of a rule in the list."""
        found = [number for number, text in self.acl_lines.items()
                 if plain_rule(text) == plain_rule(rule)]
        if len(found) != 1:
            raise FormatError(f"{self.path}: {len(found)} rules {rule!r}")
        return found[0]

    def _read(self, lines):
        section = None
        for number, text in enumerate(lines, 1):
            match = re.fullmatch(r"\[(\w+) ?(.*)\]", text)
            if match:
                section = match[1]
                if section == "case":
                    self.cases.append(Case(self, match[2], number))
                elif section not in ("options", "acl", "table", "errors"):
                    raise FormatError(f"line {number}: [{section}]?")
            elif section == "acl":
                self.acl_lines[number] = with_clients(text)
            elif section == "errors":
                self._read_error(number, text)
            elif text.strip() and not text.lstrip().startswith("#"):
                self._read_line(section, number, text.strip())
        for case in self.cases:
            case.check()

    def _read_line(self, section, number, text):
        if section == "options":
            self.options += shlex.split(with_clients(text))
        elif section == "table":
            columns = [column.strip() for column in text.split("|", 2)]
            if len(columns) != 3:
                raise FormatError(f"line {number}: CASE | QUERY | WANT")
            case = Case(self, columns[0], number)
            case.add(number, f"ask {columns[1]}")
            case.add(number, columns[2])
            self.cases.append(case)
        elif section == "case":
            self.cases[-1].add(number, text)
        else:
            raise FormatError(f"line {number}: in no section")

    def _read_error(self, number, text):
        if text.startswith("    "):
            self.errors[-1].add(number, text[4:])
        elif text.strip() and not text.startswith("#"):
            self.errors.append(ErrorCase(self, text.strip(), number))


def with_clients(text):
    return re.sub(r"\b(?:client|other|local|gateway)[46]\b",
                  lambda match: CLIENTS[match[0]], text)


def plain_rule(text):
    """A rule without its comment and its blanks."""
    return "".join(text.partition("#")[0].split())


def load_all():
    return [Scenario(path) for path in sorted(HERE.glob("*.txt"))]
