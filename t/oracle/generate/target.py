"""Request targets: paths and query strings."""

from .form import ESCAPED, LOWER, SAFE, urlencoded
from .values import LONG, METHODS, ODD

METHOD_PATHS = (b"/api/method/", b"/api/method/", b"/api/v1/method/", b"/api/v2/method/")
PATHS = (
    b"/", b"/", b"/app/todo", b"/files/a.png", b"/login", b"/api/resource/ToDo",
    b"/api/resource/Sales%20Invoice/SINV-1", b"/api/v1/resource/ToDo/1", b"/api/v2/document/ToDo",
    b"/api/v2/document/ToDo/a/b", b"/api/v2/document/ToDo/1/method/m", b"/api/v2/doctype/ToDo/meta",
    b"/api/v2/doctype/ToDo/count", b"/api/v2/method/ToDo/m", b"/api/v2/method/run_doc_method",
    b"/api/v2/document/ToDo/a/copy", b"/api/v2/method/bulk_delete", b"/private/files/a",
)
ODD_PATHS = (
    b"/api", b"/api/", b"/api/method", b"/api/method/", b"/api/v1", b"/api/v1/", b"/api/v2/",
    b"/api/v2/method/", b"/api/v2/method/a/b/c", b"/api/v3/method/p", b"/api/resource",
    b"/api/resource/", b"/api/v2/document/", b"/api/v2/resource/ToDo", b"/api/v1/document/ToDo",
    b"/API/method/p", b"/apix/method/p", b"/app/api/method/p", b"//", b"/%2F", b"/.", b"/..",
    b"/api/resource//a", b"/api/resource/ToDo//", b"/api/resource/ToDo//a", b"/api/v2/method/a//",
    b"/api/v2/document/ToDo//method/m", b"/api/v2/document/ToDo/a/method/", b"/api/v1/v2/method/p",
    b"/api/v1/api/method/p", b"/api/v2/document/method/p", b"/api/method/method/p",
    b"/api/v2/document/ToDo/method/m", b"/api/v2/doctype/ToDo", b"/api/v2/doctype/ToDo/meta/",
)

# gunicorn refuses request lines above 4094 bytes.
LONGEST = 4000

INSERTS = (
    b"/", b"//", b"%2F", b"%2f", b"/./", b"/../", b".", b"..", b"%2e", b"%0a", b"%0D", b"%09",
    b"%20", b"+", b"%2B", b";", b";x=1", b"%3F", b"%23", b"%25", b"%252e", b"%", b"%2", b"%zz",
    b"%e9", b"%C3%A9", b"%c3", b"\xc3\xa9", b"\xe9", b"%7f", b"%01", b"%1F", b"%80", b"%ff",
    b"%ED%A0%80", b"%F0%9F%98%80", b"%E2%80%A8", b"%C2%85", b"%C2%A0", b"\xa0", b"\x85",
    b"#", b"#a?cmd=h", b":", b"@", b"*", b"'", b'"', b"<", b"\\", b"|", b"=", b"&", b"[", b"]",
    b"http:", b"//host", b"%61%70%69", b"v1/", b"v2/", b"api/", b"method/", b"%EF%BB%BF",
)


def path(dice):
    """A path that a client would send, or nearly one."""
    kind = dice.random()
    if kind < 0.45:
        text = dice.choice(METHOD_PATHS) + segment(dice)
    elif dice.odd(1.5):
        text = dice.choice(ODD_PATHS)
    else:
        text = dice.choice(PATHS)
    if dice.odd(0.7):
        text += dice.choice((b"/", b"//", b"/a", b"/a/b", b"%2F", b"/?", b"?", b"/%0a"))
    for _ in range(3):
        if not dice.odd(0.8):
            break
        at = dice.randrange(1, len(text) + 1)
        text = text[:at] + dice.choice(INSERTS) + text[at:]
    if dice.odd(0.5):
        text = b"".join(_recode(dice, byte) for byte in text)
    if dice.odd(0.2):
        text = b"/" * dice.randrange(1, 4) + text
    return text


def segment(dice):
    """The last segment of a method's path."""
    if not dice.odd():
        return dice.choice(METHODS)
    text = dice.choice(LONG) if dice.chance(0.1) else dice.choice(ODD)
    return b"".join(bytes((byte,)) if byte in SAFE else ESCAPED[byte] for byte in text)


def _recode(dice, byte):
    if byte == 0x2F and dice.chance(0.9) or dice.chance(0.8):
        return bytes((byte,))
    return (LOWER if dice.chance(0.5) else ESCAPED)[byte]


def query(dice):
    """`?...`, or nothing."""
    if not dice.chance(0.4):
        return b""
    text = b"?" + urlencoded(dice)
    if dice.odd(0.2):
        text += dice.choice((b"#cmd=h", b"#", b"?cmd=h", b"&#", b"??"))
    return text


def target(dice):
    """A whole request target, without the bytes that nginx refuses."""
    return clean(path(dice) + query(dice))


def clean(text):
    """Encodes what nginx refuses in a request line, leaves out `%00`, which it refuses in a path,
    and stays below gunicorn's limit."""
    text = b"".join(
        ESCAPED[byte] if byte <= 0x20 or byte == 0x7F else bytes((byte,)) for byte in text)
    text = text[:LONGEST]
    end = min((at for at in (text.find(b"?"), text.find(b"#")) if at >= 0), default=len(text))
    head, rest = text[:end], text[end:]
    while b"%00" in head:
        head = head.replace(b"%00", b"")
    return (head if head.startswith(b"/") else b"/" + head) + rest
