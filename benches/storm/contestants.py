"""Five configurations of the same nginx. They differ in how they choose the pool."""

from dataclasses import dataclass

ONE, PRIMARY, REPORTS = "one", "primary", "reports"

FRAME = """
    frappe_status_zone calls 1m state=@{prefix}/../calls.state;
    @{map}
    proxy_read_timeout 120s;
    server {
        @{listen main}
        frappe_cmd on;
        frappe_pace calls slow=2s;
        location / { proxy_pass http://$pool; }
        location = /status { frappe_cmd off; frappe_status; }
    }
"""

NAMES = """
    map_hash_bucket_size 128;
"""


@dataclass(frozen=True)
class Contestant:
    """One way to choose the pool."""

    name: str
    map: str
    # Whether it starts with the state that the contestant before it has written.
    knows: bool = False
    # How many gunicorn processes each pool has.
    pools: tuple = ((PRIMARY, 6), (REPORTS, 2))


CONTESTANTS = [
    Contestant("one pool", f"map $host $pool {{ default {ONE}; }}", pools=((ONE, 8),)),
    Contestant("path and $arg_cmd", NAMES + """
    map $arg_cmd $by_arg { default primary; "~^frappe\\.desk\\.query_report\\." reports; }
    map $uri $pool { default $by_arg; "~^/api/method/frappe\\.desk\\.query_report\\." reports; }
    """),
    Contestant("$frappe_cmd", NAMES + """
    map $frappe_cmd $pool { default primary; "~^frappe\\.desk\\.query_report\\." reports; }
    """),
    Contestant("$frappe_pace, from nothing",
               "map $frappe_pace $pool { default primary; slow reports; }"),
    Contestant("$frappe_pace, with yesterday's state",
               "map $frappe_pace $pool { default primary; slow reports; }", knows=True),
]
