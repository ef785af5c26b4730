"""Makes the packages of one family, and nothing else that is installed, importable.

Runs first in a Python started with `-I -S`: without the site packages of the tests, which have a
werkzeug of their own.
"""

import sys
from pathlib import Path

T = Path(__file__).resolve().parents[1]


def enter(version):
    """The family, its packages on the path."""
    if str(T) not in sys.path:
        sys.path.insert(0, str(T))
    from oracle import compat
    from oracle.families import BY_VERSION
    from oracle.install import directory

    family = BY_VERSION[version]
    sys.path.insert(0, str(directory(family)))
    if family.gunicorn.startswith("19."):
        compat.let_six_be_imported()
    if family.release < (11,):
        compat.allow_old_imports()
        compat.headers_of_parts_stay_bytes()
        compat.white_space_is_ascii()
    return family
