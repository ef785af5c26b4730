#!/usr/bin/env python3
"""Runs a command, names what it does and how long that usually takes, and says every ten seconds
without a word from it that it is still at work. What the command prints goes on as it comes.

usage: build/step.py NAME USUAL COMMAND...
  NAME    what is done, such as "Building frappe-cmd"
  USUAL   how long that takes, such as "usually 1 minute"
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

# STEP_BEAT is for the tests.
BEAT = float(os.environ.get("STEP_BEAT", "10"))


def main():
    name, usual, *command = sys.argv[1:]
    say(f"{name} ({usual})")
    # Ctrl-C reaches the command, too; its end is ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=colours(),
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as run:
        pass_on(run.stdout.fileno(), name)
    return run.returncode if run.returncode >= 0 else 128 - run.returncode


def pass_on(pipe, name):
    """Copies the pipe to standard output until it is closed."""
    begun = time.monotonic()
    fresh = True
    while True:
        if not select.select([pipe], [], [], BEAT)[0]:
            say(f"{'' if fresh else chr(10)}  {time.monotonic() - begun:.0f} s so far: {name}")
            fresh = True
            continue
        data = os.read(pipe, 65536)
        if not data:
            return
        fresh = data.endswith(b"\n")
        sys.stdout.buffer.write(data)
        sys.stdout.flush()


def colours():
    """cargo's and pytest's own choice, as if they saw our terminal."""
    if not sys.stdout.isatty():
        return None
    return {"CARGO_TERM_COLOR": "always", "PY_COLORS": "1", **os.environ}


def say(text):
    print(text, flush=True)


with contextlib.suppress(BrokenPipeError):
    sys.exit(main())
