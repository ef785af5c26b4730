"""The versions of Frappe that have different rules, and the packages that each of them runs on.

Where a version of Frappe does not pin a package, this takes the newest release that it allows, or the one
that was current at its time. All families run on the Python of the tests (3.11 when this was written), with
two shims:

- werkzeug 0.14.1 imports abstract classes from `collections`, where Python 3.10 dropped them.
  `compat.py` patches only that import.
- Frappe 10 ran on Python 2.7, where the headers of a part stay bytes. `compat.py` makes werkzeug 0.14.1
  accept the same headers on Python 3, and `frappe.py` decodes JSON for it as Python 2 did.

gunicorn 19 and 20 need `pkg_resources`, so those families also get setuptools. gunicorn 23 stands for
Frappe's own fork of gunicorn, which 14.92, 15.52 and later install from git. Frappe 16 and 17 pin werkzeug
3.1.5 and 3.1.6, which may add a line break to a value if a read of 64 KiB ends in front of it. 3.1.8 does
not and is otherwise the same, so it stands for them.
"""

from dataclasses import dataclass

SETUPTOOLS = "setuptools==80.9.0"
MARKUPSAFE = "markupsafe==3.0.3"
PACKAGING = "packaging==25.0"
ORJSON = "orjson==3.11.9"


@dataclass(frozen=True)
class Family:
    """A range of versions that treat requests alike."""

    # the value for `frappe_version` and `frappe-cmd --frappe`
    version: str
    # the release whose rules `frappe.py` follows
    release: tuple
    werkzeug: str
    gunicorn: str

    @property
    def requirements(self):
        """The packages that pip must install, with exact versions and without dependencies."""
        wanted = [f"werkzeug=={self.werkzeug}", f"gunicorn=={self.gunicorn}"]
        if _numbers(self.gunicorn) < (21,):
            wanted.append(SETUPTOOLS)
        if _numbers(self.gunicorn) >= (21,):
            wanted.append(PACKAGING)
        if _numbers(self.werkzeug) >= (2, 1):
            wanted.append(MARKUPSAFE)
        if self.release >= (16,):
            wanted.append(ORJSON)
        return wanted


def _numbers(version):
    return tuple(int(number) for number in version.split("."))


NEWEST = 999

FAMILIES = (
    Family("10", (10, NEWEST, 0), "0.14.1", "19.9.0"),
    Family("11", (11, NEWEST, 0), "0.16.1", "19.10.0"),
    Family("12.13", (12, 13, 0), "0.16.1", "19.10.0"),
    Family("12", (12, NEWEST, 0), "0.16.1", "19.10.0"),
    Family("13.17", (13, 17, 0), "0.16.1", "20.1.0"),
    Family("13", (13, NEWEST, 0), "0.16.1", "20.1.0"),
    Family("14.0", (14, 0, 0), "2.1.2", "20.1.0"),
    Family("14.54.0", (14, 54, 0), "2.2.3", "20.1.0"),
    Family("14.56", (14, 56, 0), "2.2.3", "20.1.0"),
    Family("14", (14, NEWEST, 0), "2.3.8", "23.0.0"),
    Family("15.0", (15, 0, 0), "2.3.8", "21.2.0"),
    Family("15.1", (15, 1, 0), "3.0.6", "21.2.0"),
    Family("15", (15, NEWEST, 0), "3.0.6", "23.0.0"),
    Family("16", (16, NEWEST, 0), "3.1.8", "23.0.0"),
    Family("17", (17, NEWEST, 0), "3.1.8", "23.0.0"),
)

BY_VERSION = {family.version: family for family in FAMILIES}

# The arguments that are compared. `_` is one that Frappe drops.
ARGUMENTS = ("doctype", "x", "method", "report_name", "_")
