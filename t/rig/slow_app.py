"""An application that works on each request for as long as the argument `seconds` says."""

import os
import time
from pathlib import Path

from werkzeug.wrappers import Request, Response

POOL = os.environ["RIG_POOL"]
# While this file exists, no request goes on.
STALL = Path(os.environ["RIG_STALL"])


@Request.application
def application(request):
    """The WSGI entry."""
    time.sleep(float(request.values.get("seconds", 0)))
    while STALL.exists():
        time.sleep(0.01)
    return Response(POOL, status=int(request.values.get("status", 200)))
