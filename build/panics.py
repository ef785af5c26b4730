#!/usr/bin/env python3
"""Checks that the core cannot panic in a module that has been built.

usage: build/panics.py MODULE

For each place that can panic, the compiler stores the name of the source file in the module, for the
message. The boundary stops panics in its callbacks; the core must have no such place.
"""

import re
import sys
from pathlib import Path

CORE = re.compile(rb"src/(?:body|frappe|figures)/[\w/]+\.rs")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__.strip())
    found = sorted({name.decode() for name in CORE.findall(Path(sys.argv[1]).read_bytes())})
    for name in found:
        print(f"{sys.argv[1]}: can panic in {name}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
