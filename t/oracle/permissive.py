"""Which Python a server has cannot be seen, so what the most permissive one takes is what counts.

`json.loads` takes integers of any length before 3.10.7, and 9,998 levels on 3.13; 994 levels up to 3.11,
where the limit can be raised, and 1,497 on 3.12, where it cannot.
"""

import json
import sys
from functools import cache

# As many levels as the module follows.
LEVELS = 10_000


def permit():
    """Makes this process take as much JSON as it can."""
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    # Beside the levels there are the frames of who calls.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), LEVELS + 1000))


@cache
def levels():
    """How many levels this Python takes then, at most LEVELS."""
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
    """A JSON text is, or may be, nested deeper than this Python takes."""
    return text.count(b"[") + text.count(b"{") > levels()
