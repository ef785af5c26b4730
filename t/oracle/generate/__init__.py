"""Makes requests that are hostile on purpose. The same seed and number always make the same request."""

from . import content_type, form, json_text, multipart, mutate, target
from .dice import Dice
from .request import Case, Request

METHODS = (
    *(b"POST",) * 10, *(b"GET",) * 4, b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"BREW",
)
CHUNKS = (1, 1, 1, 2, 2, 3, 5, 7, 16, 61, 256, 1021, 4096)

# werkzeug and gunicorn read 64 KiB at once.
BLOCK = 64 * 1024


def case(seed, number):
    """Case `number` of a run."""
    dice = Dice(f"{seed}/{number}")
    kind = dice.random()
    request = mutate.captured(dice) if kind < 0.12 else made(dice)
    if request.body and dice.odd(0.5):
        request = request.but(body=mutate.mutated(dice, request.body))
    return Case(number, _two_types(dice, request), dice.choice(CHUNKS))


def made(dice):
    """A request by the grammars."""
    method = dice.choice(METHODS)
    kind = dice.random()
    if kind < 0.22:
        content, body = b"", b""
    elif kind < 0.47:
        content, body = content_type.form(dice), form.urlencoded(dice)
    elif kind < 0.70:
        content, body = content_type.json(dice), json_text.document(dice)
    else:
        content, body = multipart.multipart(dice)
    if dice.chance(0.002):
        content, body = multipart.many(dice)
    if dice.chance(0.01):
        body = grown(dice, content, body)
    if dice.odd(0.2):
        content = content_type.other(dice)
    if dice.odd(0.15):
        content = mutate.mutated(dice, content)
    content = mutate.header_value(content)
    headers = ((b"Content-Type", content),) if content else ()
    return Request(method, target.target(dice), headers, body)


def grown(dice, content, body):
    """A body of about one or two blocks, as gunicorn reads them."""
    size = dice.choice((BLOCK, BLOCK, 2 * BLOCK)) - len(body) + dice.randrange(-600, 600)
    filler = dice.choice((b"y", b"y", b"%41", b"y\r\n", b"-", b"\\u0041", b"+")) * size
    filler = filler[:size]
    if b"json" in content:
        return b'{"y":"' + filler.replace(b"\r\n", b"  ") + b'",' + body.lstrip(b"{ ")
    if b"multipart" in content:
        mark = body.split(b"\n", 1)[0].strip() or b"--B"
        head = b'\r\nContent-Disposition: form-data; name="y"'
        head += dice.choice((b"", b'; filename="y"'))
        return mark + head + b"\r\n\r\n" + filler + b"\r\n" + body
    return b"y=" + filler + b"&" + body if dice.chance(0.7) else body + b"&y=" + filler


def _two_types(dice, request):
    """Sometimes adds a second Content-Type header, or changes the case of its name."""
    headers = list(request.headers)
    if dice.odd(0.2):
        name = dice.choice((b"Content-Type", b"content-type"))
        value = mutate.header_value(content_type.other(dice))
        headers.insert(dice.randrange(len(headers) + 1), (name, value))
    if dice.odd(0.05):
        headers.append((b"X-Frappe-CMD", b"forged"))
    return request.but(headers=tuple(headers))
