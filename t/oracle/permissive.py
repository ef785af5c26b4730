"""Makes the oracle's Python as permissive as possible: the module cannot see which Python a server has, so the
most permissive one counts.

Before 3.10.7 `json.loads` takes integers of any length. It takes 994 levels up to 3.11, where the limit can
be raised; 1,497 levels on 3.12, where it cannot; and 9,998 levels on 3.13.
"""

import json
import sys
from functools import cache

# The module follows this many levels.
LEVELS = 10_000


def permit():
    """Makes this process take as much JSON as it can."""
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    # The callers' frames count as well as the levels.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), LEVELS + 1000))


@cache
def levels():
    """How many levels this Python takes after `permit`, at most LEVELS."""
    before = sys.getrecursionlimit()
    permit()
    try:
        low, high = 1, LEVELS
        while low < high:
            middle = (low + high + 1) // 2
            try:
                json.loads("[" * middle + "]" * middle)
                low = middle
            except RecursionError:
                high = middle - 1
        return low
    finally:
        sys.setrecursionlimit(before)


def is_deeper(text):
    """Whether a JSON text is, or may be, nested deeper than this Python takes."""
    return text.count(b"[") + text.count(b"{") > levels()
