#!/usr/bin/python3
"""Counts single tests in what the runners wrote.

    count.py meson LOG      testlog.json of "meson test"; details of failures
    count.py junit FILE     pytest's --junitxml

The last line is "PASSED FAILED".
"""

import json
import re
import sys
import xml.etree.ElementTree as ET

PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
RESULT = re.compile(r"^(not )?ok\b", re.MULTILINE)


def count_program(test):
    """The tests of one program; one, if it does not speak TAP."""
    output = test.get("stdout", "")
    plan = PLAN.search(output)
    well = test["result"] == "OK"
    if not plan:
        return (1, 0) if well else (0, 1)
    passed = sum(1 for found in RESULT.findall(output) if not found)
    # What was planned and did not come, has failed.
    failed = max(int(plan[1]) - passed, 0)
    if not well and failed == 0:
        failed = 1
    return passed, failed


def count_meson(path):
    passed = failed = 0
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            test = json.loads(line)
            good, bad = count_program(test)
            passed += good
            failed += bad
            if bad:
                print(f"--- {test['name']}: {test['result']}")
                print(details(test.get("stdout", "")))
                print(test.get("stderr", ""), end="")
    return passed, failed


def details(output):
    """TAP without the tests that passed."""
    return "\n".join(line for line in output.splitlines()
                     if not re.match(r"ok |#", line))


def count_junit(path):
    """A test that failed and then could not clean up is one test."""
    results = {}
    for case in ET.parse(path).getroot().iter("testcase"):
        key = case.get("classname"), case.get("name")
        bad = any(child.tag in ("failure", "error", "skipped")
                  for child in case)
        results[key] = results.get(key, True) and not bad
    good = sum(results.values())
    return good, len(results) - good


def main():
    kind, path = sys.argv[1:]
    passed, failed = {"meson": count_meson, "junit": count_junit}[kind](path)
    print(passed, failed)


main()
