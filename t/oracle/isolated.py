"""Makes only the packages of one family importable.

This runs first, in a Python started with `-I -S`: so it does not see the site packages of the tests, which
have another werkzeug.
"""

import sys
from pathlib import Path

T = Path(__file__).resolve().parents[1]


def enter(version):
    """Puts the family's packages on the path, and returns the family."""
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
