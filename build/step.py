#!/usr/bin/env python3
"""Runs a command. Prints first what it does and how long that usually takes, and then every ten seconds
without output of the command that it is still at work. Passes the command's output on at once.

usage: build/step.py NAME USUAL COMMAND...
  NAME    what the command does, such as "Building frappe-cmd"
  USUAL   how long that takes, such as "usually 1 minute"
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

# Seconds without output. The tests set STEP_BEAT.
BEAT = float(os.environ.get("STEP_BEAT", "10"))


def main():
    name, usual, *command = sys.argv[1:]
    say(f"{name} ({usual})")
    # Ctrl-C reaches the command as well: this process goes on until the command has ended.
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
    """Makes cargo and pytest print colours if our output is a terminal, although they write to a pipe."""
    if not sys.stdout.isatty():
        return None
    return {"CARGO_TERM_COLOR": "always", "PY_COLORS": "1", **os.environ}


def say(text):
    print(text, flush=True)


with contextlib.suppress(BrokenPipeError):
    sys.exit(main())
