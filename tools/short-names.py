#!/usr/bin/env python3
"""Writes the short names of API v2 into route files, each below the dotted name that it stands for.

In Frappe 15 and later, /api/v2/method/DOCTYPE/METHOD runs the method of the doctype's own module. Its cmd
is DOCTYPE/METHOD: "Prepared Report/download_attachment" for
frappe.core.doctype.prepared_report.prepared_report.download_attachment. A map that has only the dotted
name does not match it.

usage: tools/short-names.py [--check] [FILE...]
  --check   change nothing; exit with 1 and say what is missing or too much
  FILE      (nginx-conf/*.map)
"""

import argparse
import re
import sys
from pathlib import Path

ROW = re.compile(r"(?P<name>[\w.]+)(?P<space>\s+)(?P<value>\S+;)$")
TWIN = re.compile(r'"[^"/]+/\w+"\s+\S+;$')
# A method in the module of a doctype: app.module.doctype.FOLDER.FOLDER.METHOD.
METHOD = re.compile(r"[\w.]+\.doctype\.(?P<folder>\w+)\.(?P=folder)\.(?P<method>\w+)")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("files", type=Path, nargs="*")
    options = parser.parse_args()
    here = Path(__file__).resolve().parent.parent / "nginx-conf"
    wrong = [path for path in options.files or sorted(here.glob("*.map"))
             if not settle(path, options.check)]
    for path in wrong:
        print(f"{path}: the short names are not those of the dotted ones: tools/short-names.py",
              file=sys.stderr)
    sys.exit(1 if wrong else 0)


def settle(path, check):
    """Whether the file has its short names. Without `check` it gets them."""
    old = path.read_text()
    new = "".join(f"{line}\n" for line in with_twins(old.splitlines()))
    if old == new or check:
        return old == new
    path.write_text(new)
    return True


def with_twins(lines):
    """The lines, with a short name below each dotted name of a doctype's module, and no other short names."""
    for line in lines:
        if TWIN.match(line):
            continue
        yield line
        row = ROW.match(line)
        if row and (twin := short_name(row["name"])):
            width = len(row["name"] + row["space"])
            yield f"{twin:<{width}}" + row["value"] if len(twin) < width else f"{twin} {row['value']}"


def short_name(dotted):
    """The quoted short name of a method, or None. A map ignores case, so the doctype need not be spelled
    as Frappe spells it ("BOM")."""
    found = METHOD.fullmatch(dotted)
    if not found:
        return None
    doctype = found["folder"].replace("_", " ").title()
    return f'"{doctype}/{found["method"]}"'


if __name__ == "__main__":
    main()
