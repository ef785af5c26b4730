"""Starts the gunicorn of a family with the application of `app.py`.

    python -I -S serve.py VERSION GUNICORN-OPTION...
"""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from oracle import isolated  # noqa: E402


def main():
    """Runs gunicorn, and returns when it ends."""
    warnings.simplefilter("ignore")
    isolated.enter(sys.argv[1])
    from gunicorn.app.wsgiapp import run

    sys.argv = ["gunicorn", "oracle.app:application", *sys.argv[2:]]
    run()


if __name__ == "__main__":
    main()
