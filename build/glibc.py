#!/usr/bin/env python3
"""Prints the oldest glibc that programs and shared objects run with, one a line.

usage: build/glibc.py FILE...

It is the highest version that a file names, as readelf shows it. Packed relocations need 2.36; a file with
them names GLIBC_ABI_DT_RELR.
"""

import re
import subprocess
import sys


def main():
    for path in sys.argv[1:]:
        print(".".join(map(str, oldest(path))))


def oldest(path):
    """The oldest glibc for a file, as a pair of numbers."""
    said = subprocess.run(["readelf", "--version-info", path], check=True, capture_output=True,
                          text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout
    needed = [tuple(map(int, found)) for found in re.findall(r"Name: GLIBC_(\d+)\.(\d+)", said)]
    if "GLIBC_ABI_DT_RELR" in said:
        needed.append((2, 36))
    return max(needed)


main()
