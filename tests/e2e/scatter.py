"""A list cut at random into files that include each other."""

import itertools


class Scatter:
    """What is where: places[number] is (file, line) of a line of the list."""

    def __init__(self, rng, folder):
        self.rng = rng
        self.folder = folder
        self.places = {}
        self._names = itertools.count()

    def _write(self, path, numbered, depth):
        text = []
        while numbered:
            kind = self.rng.random() if depth < 7 else 1
            if kind < 0.1:
                numbered = self._file(path, text, numbered, depth)
            elif kind < 0.15:
                numbered = self._directory(path, text, numbered, depth)
            else:
                (number, line), *numbered = numbered
                text.append(line)
                self.places[number] = (str(path), len(text))
        end = self.rng.choice(("", "\n"))
        path.write_text("\n".join(text) + end, encoding="utf-8")

    def _cut(self, numbered):
        count = self.rng.randint(0, 8)
        return numbered[:count], numbered[count:]

    def _file(self, path, text, numbered, depth):
        name = f"{next(self._names)}.acl"
        # A directory that is included has what it includes further below.
        if depth > 0 or self.rng.random() < 0.5:
            folder = f"d{next(self._names)}"
            (path.parent / folder).mkdir()
            name = f"{folder}/{name}"
        text.append(f"include {name}")
        part, rest = self._cut(numbered)
        self._write(path.parent / name, part, depth + 1)
        return rest

    def _directory(self, path, text, numbered, depth):
        name = f"d{next(self._names)}"
        (path.parent / name).mkdir()
        text.append(f"  include {name}  # all of it")
        for i in range(self.rng.randint(1, 3)):
            part, numbered = self._cut(numbered)
            self._write(path.parent / name / f"{i}.acl", part, depth + 1)
        return numbered

    def write(self, lines):
        """Write the lines, which are numbered from 1; returns the list's path."""
        folder = self.folder / f"list{next(self._names)}"
        folder.mkdir()
        path = folder / "own.acl"
        self._write(path, list(enumerate(lines, 1)), 0)
        return path
