"""Waits for a condition, never for a fixed time."""

import os
import time

# Seconds until a wait fails. Under valgrind everything takes longer.
TIMEOUT = 60.0 if os.environ.get("TEST_NGINX_VALGRIND") else 10.0
# Seconds between two looks at a condition that has no file descriptor to wait for.
PAUSE = 0.001


def until(condition, what, timeout=TIMEOUT):
    """The first true value of `condition()`; fails, naming `what`, when none comes in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s for {what}")
        time.sleep(PAUSE)
