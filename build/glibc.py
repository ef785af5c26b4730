#!/usr/bin/env python3
"""Prints the oldest glibc that programs and shared objects run with, one a line.

usage: build/glibc.py FILE...

It is the highest version of those that a file names, as readelf shows them. Relocations that are packed
need 2.36, which a file that has them names, too (GLIBC_ABI_DT_RELR).
"""

import re
import subprocess
import sys


def main():
    for path in sys.argv[1:]:
        print(".".join(map(str, oldest(path))))


def oldest(path):
    """As a pair of numbers."""
    said = subprocess.run(["readelf", "--version-info", path], check=True, capture_output=True,
                          text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout
    needed = [tuple(map(int, found)) for found in re.findall(r"Name: GLIBC_(\d+)\.(\d+)", said)]
    if "GLIBC_ABI_DT_RELR" in said:
        needed.append((2, 36))
    return max(needed)


main()
