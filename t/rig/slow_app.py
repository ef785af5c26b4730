"""An application whose requests work for as long as they say, in the argument `seconds`."""

import os
import time
from pathlib import Path

from werkzeug.wrappers import Request, Response

POOL = os.environ["RIG_POOL"]
# As long as this file is there, everything stands still.
STALL = Path(os.environ["RIG_STALL"])


@Request.application
def application(request):
    """The WSGI entry."""
    time.sleep(float(request.values.get("seconds", 0)))
    while STALL.exists():
        time.sleep(0.01)
    return Response(POOL, status=int(request.values.get("status", 200)))
