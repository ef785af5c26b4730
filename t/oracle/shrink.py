"""Makes a request smaller while it still shows the same difference."""

from .generate.request import Case, Request
from .generate.target import clean

# The most questions to both sides; a body of 64 KiB needs that many.
ASKS = 20_000


class Shrinker:
    """Shrinks one request. `holds(request)` tells whether it still shows the difference."""

    def __init__(self, holds, asks=ASKS):
        self._holds = holds
        self._left = asks

    def shrink(self, request):
        """The smallest request found, from which nothing more can be removed."""
        while True:
            before = request
            for step in (self._method, self._headers, self._target, self._values, self._body):
                request = step(request)
            if request == before or self._left <= 0:
                return request

    def _try(self, request, smaller):
        if smaller == request or self._left <= 0:
            return request
        self._left -= 1
        return smaller if self._holds(smaller) else request

    def _method(self, request):
        for method in (b"GET", b"POST"):
            if request.method != b"GET":
                request = self._try(request, request.but(method=method))
        return request

    def _headers(self, request):
        for header in request.headers:
            kept = list(request.headers)
            if header in kept:
                kept.remove(header)
                request = self._try(request, request.but(headers=tuple(kept)))
        return request

    def _target(self, request):
        for target in (b"/", request.target.split(b"?")[0], b"/api/method/p"):
            if len(target) < len(request.target):
                request = self._try(request, request.but(target=target))
        return self._bytes(request, request.target, lambda data: {"target": clean(data)})

    def _values(self, request):
        for index, (name, value) in enumerate(request.headers):
            def change(data, index=index, name=name, headers=request.headers):
                changed = (name, data.strip(b" \t"))
                return {"headers": (*headers[:index], changed, *headers[index + 1 :])}

            request = self._bytes(request, value, change)
        return request

    def _body(self, request):
        request = self._lines(request)
        return self._bytes(request, request.body, lambda data: {"body": data})

    def _lines(self, request):
        index = 0
        while index < len(lines := request.body.splitlines(keepends=True)):
            smaller = request.but(body=b"".join(lines[:index] + lines[index + 1 :]))
            shorter = self._try(request, smaller)
            index += shorter is request
            request = shorter
        return request

    def _bytes(self, request, data, change):
        """Removes pieces, large ones first, and then replaces bytes by plain ones."""
        size = len(data)
        while size >= 1:
            at = 0
            while at < len(data):
                shorter = data[:at] + data[at + size :]
                smaller = self._try(request, request.but(**change(shorter)))
                if smaller is request:
                    at += size
                else:
                    request, data = smaller, shorter
            size //= 2
        return request


def shrink(comparison, difference):
    """The difference with the smallest request that shows it."""
    wanted = difference.signature

    def holds(request):
        found = comparison.difference(_again(difference, request))
        return found is not None and found.signature == wanted

    request = Shrinker(holds).shrink(difference.case.request)
    return comparison.difference(_again(difference, request)) or difference


def _again(difference, request: Request):
    return Case(difference.case.number, request, difference.case.chunk)
