#!/usr/bin/env python3
"""Checks which module of src/ uses which: the order of the layers, no circles, and no two public types
of one name.

A child may use its parent's items and a parent its children's; any other circle of files is an
error, and so is a `use` against the order of LAYERS. Tests may use what they like.
"""

import re
import sys
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"

# A layer may use itself and the layers that are named here.
LAYERS = {
    "body": [],
    "frappe": ["body"],
    "figures": [],
    # ffi makes a figures::Zone of the memory that nginx shares.
    "nginx::ffi": ["figures"],
    "nginx::request": ["body", "frappe", "figures", "nginx::ffi"],
    "nginx::read": ["body", "frappe", "figures", "nginx::ffi", "nginx::request"],
    "nginx": ["body", "frappe", "figures", "nginx::ffi", "nginx::request", "nginx::read"],
}

TESTS = re.compile(r"(^|/)(tests|testing|generate|sim|\w+_tests)(\.rs|/)")
TEST_MODULE = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[[^\n]*\]\n)*(?:pub\S* )?mod \w+ \{.*", re.M | re.S)
PUBLIC_TYPE = re.compile(r"^pub (?:struct|enum|trait|type|union) (\w+)", re.M)
PATH = re.compile(r"\b(crate|self|super)((?:::\w+)+)(::\{|\b)")


def module(path):
    """`body/json/mod.rs` is ("body", "json")."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib") else parts


def names(group):
    """The first names of `{a, b::{c, d}, self}`."""
    depth, name, found = 0, "", []
    for char in group:
        if char in "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth < 0:
                break
        elif char == "," and depth == 0:
            found.append(name)
            name = ""
            continue
        if depth == 0:
            name += char
    found.append(name)
    return [re.match(r"\w*", name.strip()).group() for name in found]


def resolve(path, modules):
    """The longest module that a path leads to."""
    while path and path not in modules:
        path = path[:-1]
    return path


def uses(text, here, modules):
    """The modules that a file uses. `super` counts from the file's module, also in an inline module."""
    for match in PATH.finditer(text):
        root, tail, more = match.groups()
        tail = tuple(tail.strip(":").split("::"))
        base = () if root == "crate" else here if root == "self" else here[:-1]
        while tail and tail[0] == "super":
            base, tail = base[:-1], tail[1:]
        ends = names(text[match.end():]) if more == "::{" else [""]
        for end in ends:
            full = base + tail + ((end,) if end and end != "self" else ())
            yield resolve(full, modules)


def layer(name):
    text = "::".join(name)
    found = [known for known in LAYERS if text == known or text.startswith(known + "::")]
    return max(found, key=len, default=None)


def circles(arrows):
    """Groups of modules in which each one leads to every other one."""
    def reach(start):
        seen, todo = set(), [start]
        while todo:
            for target in arrows.get(todo.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        return seen

    reached = {name: reach(name) for name in arrows}
    found = {frozenset(other for other in reached[name] if name in reached.get(other, ()))
             for name in arrows if name in reached[name]}
    return sorted(sorted("::".join(name) for name in group) for group in found)


def twice(texts):
    """Names that more than one module has for a public type."""
    homes = {}
    for here, text in texts.items():
        for name in PUBLIC_TYPE.findall(text):
            homes.setdefault(name, []).append("::".join(here))
    return [f"two public types {name}: in {', '.join(found)}"
            for name, found in homes.items() if len(found) > 1]


def main():
    files = {module(path): path for path in sorted(SRC.rglob("*.rs")) if not TESTS.search(str(path.relative_to(SRC)))}
    texts = {here: re.sub(r"//[^\n]*|pub\(in [\w:]*\)", "", TEST_MODULE.sub("", path.read_text()))
             for here, path in files.items()}
    wrong, arrows = twice(texts), {}
    for here, text in texts.items():
        for target in uses(text, here, files):
            if target in (here, ()) or not here:
                continue
            own, other = layer(here), layer(target)
            if own and other and own != other and other not in LAYERS[own]:
                wrong.append(f"{'::'.join(here)} uses {'::'.join(target)}: {own} must not use {other}")
            # A parent and its child may use each other.
            if here[:len(target)] != target and target[:len(here)] != here:
                arrows.setdefault(here, set()).add(target)
    wrong += ["a circle: " + ", ".join(group) for group in circles(arrows)]
    for line in sorted(set(wrong)):
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
