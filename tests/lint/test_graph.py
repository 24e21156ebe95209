"""What rests on what: no circle in any folder, and no name twice.

A unit is x.c and x.h together.  It rests on those whose header it includes,
and on those whose functions or variables its object asks for.
"""

import collections
import pathlib
import re

import pytest

from test_includes import FOLDERS, includes
from tree import TOP, build_dir, files, name, none, symbols

SOURCES = {path for path in files(*FOLDERS) if path.suffix in (".c", ".h")}
HOMES = sorted({name(path.parent) for path in SOURCES})

# Comments, strings, attributes, types that a macro makes: no name is in them.
NOISE = re.compile(r'"(?:\\.|[^"\\\n])*"|' r"'(?:\\.|[^'\\\n])*'|"
                   r"/\*.*?\*/|__attribute__\(\(.*?\)\)\)?|"
                   r"\b[A-Z]+_HEAD\([^)]*\)", re.S)
# At the left edge: not in a function.
STATIC = re.compile(r"^static\s(?!inline\b)([^;{=]*)", re.M)


def named(option, home, units):
    """(unit, symbols that others see) of the objects that are built."""
    paths = [path for path in (build_dir() / home).glob("*.p/*.c.o")
             if path.name.removesuffix(".c.o") in units]
    for path, found in symbols(option, paths).items():
        yield (pathlib.Path(path).name.removesuffix(".c.o"),
               {one for one, letter in found.items() if letter in "UTDBRVW"})


def graph(home):
    """Unit -> the units of its folder that it rests on."""
    sources = {path for path in SOURCES if name(path.parent) == home}
    found = {path.stem: set() for path in sources}
    for path in sources:
        for header in includes(path):
            if (path.parent / header).resolve() in sources:
                found[path.stem].add(header.removesuffix(".h"))
    owner = {symbol: unit
             for unit, ones in named("--defined-only", home, found)
             for symbol in ones}
    for unit, ones in named("--undefined-only", home, found):
        found[unit] |= {owner[symbol] for symbol in ones & owner.keys()}
    return {unit: below - {unit} for unit, below in found.items()}


def layers(edges):
    """Sets of units, each resting only on those before; the rest rests on
    itself."""
    left = dict(edges)
    while ready := {unit for unit, below in left.items()
                    if not below & left.keys()}:
        yield ready
        left = {unit: below for unit, below in left.items()
                if unit not in ready}
    while idle := {unit for unit in left if not any(
            unit in below for below in left.values())}:
        left = {unit: below for unit, below in left.items()
                if unit not in idle}
    if left:
        yield left


def draw(edges):
    """Print the layers, the lowest first; returns what goes in circles."""
    circle = {}
    for number, layer in enumerate(layers(edges)):
        circle = layer if isinstance(layer, dict) else {}
        print("in circles:" if circle else f"layer {number}:")
        for unit in sorted(layer):
            print(f"  {unit:12} {' '.join(sorted(edges[unit]))}".rstrip())
    return [f"{unit}: {' '.join(sorted(below & circle.keys()))}"
            for unit, below in sorted(circle.items())]


@pytest.mark.parametrize("home", HOMES)
def test_units_have_no_circle(home):
    none(draw(graph(home)))


def test_folders_have_no_circle():
    edges = {home: set() for home in HOMES}
    for path in SOURCES:
        for header in includes(path):
            for folder in (path.parent, *(TOP / one for one in FOLDERS)):
                target = (folder / header).resolve()
                if target in SOURCES:
                    edges[name(path.parent)].add(name(target.parent))
                    break
    none(draw({home: below - {home} for home, below in edges.items()}))


def statics(text):
    """Names of what only this file knows."""
    text = NOISE.sub(" ", text)
    for declaration in STATIC.findall(text):
        if pointer := re.search(r"\(\*(\w+)", declaration):
            yield pointer[1]
        elif "(" in declaration.split("[")[0]:
            yield re.search(r"(\w+)\s*\(", declaration)[1]
        else:
            for one in declaration.split(","):
                yield re.search(r"(\w+)\s*(?:\[.*)?$", one.strip(), re.S)[1]


def test_statics_have_names_of_their_own():
    """So that a back trace of dnsfw-proxy tells the file."""
    where = collections.defaultdict(set)
    for path in files("common", "dnsfw-proxy", ext=".c"):
        for one in statics(path.read_text(encoding="utf-8")):
            where[one].add(name(path))
    assert len(where) > 300
    none([f"{one}: {' '.join(sorted(paths))}"
          for one, paths in sorted(where.items()) if len(paths) > 1])
