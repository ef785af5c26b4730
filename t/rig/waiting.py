"""Waiting for a condition, never for a duration."""

import os
import time

# Under valgrind everything takes its time.
TIMEOUT = 60.0 if os.environ.get("TEST_NGINX_VALGRIND") else 10.0
# Between two looks at a condition that has no file descriptor to wait on.
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
