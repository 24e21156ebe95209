"""The colours of a list in vim, of each construct of dnsfw.acl(5) (U1)."""

import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from process import DEADLINE

pytestmark = pytest.mark.text

VIM = pathlib.Path(__file__).parents[2] / "contrib/vim"
SYNTAX = (VIM / "syntax/dnsfwacl.vim").read_text(encoding="ascii")

# Waits for nobody; ends also after an error.
SCRIPT = """
set runtimepath^={vim}
filetype on
syntax enable
try
  edit {path}
  let groups = map(range(1, line('$')), {{_, l -> map(range(1, col([l, '$'])
        \\ - 1), {{_, c -> synIDattr(synID(l, c, 1), 'name')}})}})
  let found = #{{filetype: &filetype, groups: groups}}
  call writefile([json_encode(found)], '{out}')
finally
  qall!
endtry
"""


def seen(tmp_path, lines, name="list.dnsfw"):
    """What vim takes the file for, and the parts of each line, with groups."""
    if shutil.which("vim") is None:
        pytest.fail("this machine lacks vim (tests/packages.txt)")
    path, out, script = (tmp_path / one for one in (name, "out", "script.vim"))
    path.write_text("".join(line + "\n" for line in lines), encoding="ascii")
    script.write_text(SCRIPT.format(vim=VIM, path=path, out=out),
                      encoding="utf-8")
    done = subprocess.run(
        ["vim", "-N", "-u", "NONE", "-i", "NONE", "-n", "-es", "-S", script],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=DEADLINE, env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                               "HOME": str(tmp_path), "TERM": "dumb"})
    assert out.exists(), f"vim has no syntax here? {done.stderr}{done.stdout}"
    found = json.loads(out.read_text(encoding="utf-8"))
    return found["filetype"], [parts(*line) for line in zip(lines,
                                                            found["groups"])]


def parts(line, groups):
    """Without the blanks around them, and the beginning of their groups."""
    found = []
    for group, places in itertools.groupby(range(len(line)),
                                           lambda at: groups[at]):
        text = "".join(line[at] for at in places).strip()
        if text:
            found.append(f"{group.removeprefix('dnsfw')} {text}")
    return found


PORTS = ["Colon :", "Protocol TCP", "PortColon :", "Port 80"]
LINES = {
    # arrows, clients, names
    "10.0.0.1 -> a.example:TCP:80": [
        "Client 10.0.0.1", "Grant ->", "Granted a.example", *PORTS],
    " fd00::/64\t~> *.b.example.": [
        "Client fd00::/64", "Resolve ~>", "Name *.b.example."],
    "::ffff:10.0.0.1->*:udp:53": [
        "Client ::ffff:10.0.0.1", "Grant ->", "Granted *", "Colon :",
        "Protocol udp", "PortColon :", "Port 53"],
    "0.0.0.0/0 -| _ads-1.example": [
        "Client 0.0.0.0/0", "Block -|", "Name _ads-1.example"],
    "::/0 -| *": ["Client ::/0", "Block -|", "Name *"],
    "10.0.0.1 -| c.example = 10.0.0.2": [
        "Client 10.0.0.1", "Block -|", "Name c.example", "Equals =",
        "Address 10.0.0.2"],
    "10.0.0.1 -| c.example, d.example=fd00::1": [
        "Client 10.0.0.1", "Block -|", "Name c.example", "NameComma ,",
        "Name d.example", "Equals =", "Address fd00::1"],
    # several names and ports, and what may follow
    "10.0.0.1 -> a.example , *.b.example,@web : TCP : 80, 443 ,8000-8100": [
        "Client 10.0.0.1", "Grant ->", "Granted a.example", "GrantedComma ,",
        "Granted *.b.example", "GrantedComma ,", "Granted @web", *PORTS,
        "PortComma ,", "Port 443", "PortComma ,", "Port 8000-8100"],
    '10.0.0.1 -> a.example:TCP:80 ttl 60..3600 "for # Ann" # it ends': [
        "Client 10.0.0.1", "Grant ->", "Granted a.example", *PORTS, "Ttl ttl",
        "Times 60..3600", 'Text "for # Ann"', "Comment # it ends"],
    '10.0.0.1 -> a.example:TCP:80 "why"': [
        "Client 10.0.0.1", "Grant ->", "Granted a.example", *PORTS,
        'Text "why"'],
    '10.0.0.1 ~> a.example "why"': [
        "Client 10.0.0.1", "Resolve ~>", "Name a.example", 'Text "why"'],
    '10.0.0.1 -| a.example = 10.0.0.2 "why"#x': [
        "Client 10.0.0.1", "Block -|", "Name a.example", "Equals =",
        "Address 10.0.0.2", 'Text "why"', "Comment #x"],
    # groups
    "@lan = 10.0.0.0/8, fd00::1": [
        "Group @lan", "Is =", "Item 10.0.0.0/8", "ItemComma ,",
        "Item fd00::1"],
    "@laptop = host 10.0.0.5, fd00::5": [
        "Group @laptop", "Is =", "Host host", "Item 10.0.0.5", "ItemComma ,",
        "Item fd00::5"],
    "@web += a.example,*.b.example # more": [
        "Group @web", "Is +=", "Item a.example", "ItemComma ,",
        "Item *.b.example", "Comment # more"],
    "@lan -> @web:TCP:80": [
        "ClientGroup @lan", "Grant ->", "Granted @web", *PORTS],
    "@lan ~> @web,a.example": [
        "ClientGroup @lan", "Resolve ~>", "Name @web", "NameComma ,",
        "Name a.example"],
    "@lan -| @web": ["ClientGroup @lan", "Block -|", "Name @web"],
    # other files, comments
    "include conf.d/10_a+b@c-d.acl # those": [
        "Include include", "Path conf.d/10_a+b@c-d.acl", "Comment # those"],
    "# 10.0.0.1 -> a.example:TCP:80": ["Comment # 10.0.0.1 -> "
                                       "a.example:TCP:80"],
    "": [],
    # errors, to the next blank
    "any -> a.example:TCP:80": [
        "Error any", "Error ->", "Error a.example:TCP:80"],
    "10.0.0.1 => a.example": [
        "Error 10.0.0.1", "Error =>", "Error a.example"],
    "10.0.0.1 -> a.example:SCTP:80": [
        "Client 10.0.0.1", "Grant ->", "Granted a.example", "Colon :",
        "Error SCTP:80"],
    "10.0.0.1 -> a.example:TCP:http": [
        "Client 10.0.0.1", "Grant ->", "Granted a.example", "Colon :",
        "Protocol TCP", "PortColon :", "Error http"],
    "10.0.0.1 ~> a.example:TCP:80": [
        "Client 10.0.0.1", "Resolve ~>", "Name a.example", "Error :TCP:80"],
    "10.0.0.1 ~> a.example b.example": [
        "Client 10.0.0.1", "Resolve ~>", "Name a.example", "Error b.example"],
    "10.0.0.1 -> a.example:TCP:80 = 10.0.0.2": [
        "Client 10.0.0.1", "Grant ->", "Granted a.example", *PORTS, "Error =",
        "Error 10.0.0.2"],
    "10.0.0.1 -| a.example ttl 1..2": [
        "Client 10.0.0.1", "Block -|", "Name a.example", "Error ttl",
        "Error 1..2"],
    '10.0.0.1 ~> a.example "not closed': [
        "Client 10.0.0.1", "Resolve ~>", "Name a.example", 'Error "not',
        "Error closed"],
    "@lan 10.0.0.1": ["Error @lan", "Error 10.0.0.1"],
}


def test_U11_vim_shows_each_part_of_a_line_for_what_it_is(tmp_path):
    filetype, found = seen(tmp_path, list(LINES))
    assert filetype == "dnsfwacl"
    for line, groups in zip(LINES, found):
        # One error ends where the next begins.
        assert split_errors(groups) == LINES[line], line


def split_errors(groups):
    return [part for group in groups for part in (
        [f"Error {word}" for word in group.split()[1:]]
        if group.startswith("Error ") else [group])]


def test_U11_vim_knows_no_part_that_is_not_tried_here():
    groups = set(re.findall(r"^syntax match dnsfw(\w+)", SYNTAX, re.MULTILINE))
    assert groups == {part.split()[0] for parts_of in LINES.values()
                      for part in parts_of}


def test_U11_vim_has_a_colour_for_all_but_marks():
    groups = set(re.findall(r"^syntax match (\w+)", SYNTAX, re.MULTILINE))
    coloured = set(re.findall(r"^highlight default link (\w+) \w+$", SYNTAX,
                              re.MULTILINE))
    assert {group for group in groups if not re.search(
        "Comma$|Colon$|Equals$|Is$", group)} == coloured


@pytest.mark.parametrize("name, filetype", [
    ("list.dnsfw", "dnsfwacl"), ("list.acl", ""), ("list", "")])
def test_U11_vim_takes_only_our_names_for_lists(tmp_path, name, filetype):
    assert seen(tmp_path, ["10.0.0.1 ~> a.example"], name)[0] == filetype
