"""The configurations of nginx-conf/, with the addresses and ports of the rig."""

import re

from .env import ROOT

CONF = ROOT / "nginx-conf"
# The addresses that stand for servers in the files.
PRIMARY = ("10.0.0.11:8080", "10.0.0.12:8080")
SECONDARY = ("10.0.0.21:8080", "10.0.0.22:8080")
ROW = re.compile(r'^\s*("[^"]+"|[^\s#]\S*)\s+(\S+);$', re.MULTILINE)


def text(name, replace=()):
    """A file of nginx-conf/; every (old, new) of `replace` must be in it."""
    found = (CONF / name).read_text()
    for old, new in (("include frappe/", f"include {CONF}/"), *dict(replace).items()):
        assert old in found or old == "include frappe/", f"{name} has no {old!r}"
        found = found.replace(old, new)
    return found


def servers(upstreams, **others):
    """Replacements for the addresses: the pool `primary` for primary ones, `reports` for secondary ones.
    `others` replaces single addresses, by their last number, as in `_11="127.0.0.1:1"`."""
    found = dict.fromkeys(PRIMARY, upstreams["primary"].address)
    found |= dict.fromkeys(SECONDARY, upstreams["reports"].address)
    return found | {f"10.0.0.{name.strip('_')}:8080": address for name, address in others.items()}


def balancer(upstreams, **others):
    """balancer.conf with the pools of the rig."""
    return text("balancer.conf", {"listen 80;": "@{listen main} @{listen_h2 h2}"}
                | servers(upstreams, **others))


def rows(name):
    """The keys and values of a .map file, in order."""
    return [(key.strip('"'), value) for key, value in ROW.findall((CONF / name).read_text())]
