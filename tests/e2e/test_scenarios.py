"""All scenario files, each with one dnsfw on each firewall backend."""

import re

import pytest

import scenarios
from firewall import BACKENDS
from scenario_world import World

FILES = scenarios.load_all()


class Worlds:
    """The one that the current cases need, and no other."""

    def __init__(self):
        self._key = None
        self._world = None
        self._error = ""

    def get(self, *key):
        """The world for a scenario and a backend."""
        if key != self._key:
            self.close()
            self._key = key
            try:
                self._world = World(*key)
            except AssertionError as error:
                self._error = str(error)
        if self._world is None:
            pytest.fail(self._error, pytrace=False)
        return self._world

    def close(self):
        if self._world is not None:
            self._world.close()
        self._key = self._world = None


@pytest.fixture(scope="module")
def worlds():
    made = Worlds()
    yield made
    made.close()


def cases(select, backends):
    """(scenario, backend, case) in the order of the files.

    One process takes all that one dnsfw serves, or each would start its own.
    """
    return [pytest.param(file, backend, case, id="-".join(
        [file.name, backend, re.sub(r"\W+", "_", case.name)]),
                         marks=pytest.mark.xdist_group(
                             f"{file.name}-{backend}"))
            for file in FILES for backend in backends
            for case in select(file)]


def report(case, wrong):
    if wrong:
        pytest.fail("\n".join([f"{case.file}:{case.line}: {case.name}",
                               *wrong]), pytrace=False)


@pytest.mark.parametrize("scenario, backend, case", cases(
    lambda file: [*file.cases, file.end] if file.cases else [],
    sorted(BACKENDS)))
def test_case(worlds, scenario, backend, case):
    report(case, worlds.get(scenario, backend).run(case))


@pytest.mark.parametrize("scenario, backend, error", cases(
    lambda file: file.errors, ["nftables"]))
def test_error(worlds, scenario, backend, error):
    """A list that is wrong: dnsfw does not start, and says why."""
    report(error, worlds.get(scenario, backend).run_error(error))
