"""What is known of Frappe from its own code, run with the libraries that it pins. The oracle must
agree with this before it may judge the module.

A row: a request, and the cmd that runs, by the release from which on it does. `NONE` is a page or
a document, `REFUSED` an error before any method is known, `UNUSABLE` a value that no method can
have for a name.
"""

from .generate.request import Request

NONE, REFUSED, UNUSABLE = "(none)", "(refused)", "(unusable)"

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=B"
PART = b'--B\r\nContent-Disposition: form-data; name="cmd"\r\n\r\nf\r\n'
END = b"--B--\r\n"
P = "/api/method/p"


def get(target, method="GET"):
    """A request without a body."""
    return Request(method.encode(), target.encode("latin-1"))


def post(target, content_type, body, method="POST"):
    """A request with one."""
    body = body.encode("latin-1") if isinstance(body, str) else body
    headers = ((b"Content-Type", content_type.encode("latin-1")),) if content_type else ()
    return Request(method.encode(), target.encode("latin-1"), headers, body)


def form(body, target=P, content_type=FORM):
    """A urlencoded body."""
    return post(target, content_type, body)


def json(body, target=P, content_type=JSON):
    """A JSON body."""
    return post(target, content_type, body)


def multipart(body, content_type=MULTIPART):
    """A multipart body."""
    return post(P, content_type, body)


def part(header, value=b"f", content_type=MULTIPART):
    """A multipart body of one part."""
    return multipart(b"--B\r\n" + header + b"\r\n\r\n" + value + b"\r\n" + END, content_type)


def disposition(text, **options):
    """A multipart body of one part with this Content-Disposition."""
    return part(b"Content-Disposition: " + text, **options)


def since(*pairs):
    """What runs by release: `since(10, "a", 13.18, "b")`."""
    return {_release(r): cmd for r, cmd in zip(pairs[::2], pairs[1::2], strict=True)}


def _release(text):
    return tuple(int(n) for n in str(text).split("."))


FACTS = (
    # Precedence
    (get("/?cmd=a"), since(10, "a")),
    (get("/?cmd=a&cmd=b"), since(10, "a")),
    (form("cmd=b", "/?cmd=a"), since(10, "b")),
    (form("x=1", "/?cmd=a"), since(10, NONE, 13.18, "a")),
    (form("cmd=", "/?cmd=a"), since(10, NONE)),
    (form("", "/?cmd=a"), since(10, "a")),
    (form("cmd=f"), since(10, "f")),
    (json('{"cmd":"f"}'), since(10, "f")),
    (form("x=1", P + "?cmd=q"), since(10, "p", 13.18, "q")),
    (get(P + "?cmd=q"), since(10, "q")),
    (get(P + "?cmd="), since(10, "p")),
    (get(P + "?cmd"), since(10, "p")),
    *((post("/", FORM, "cmd=f", verb), since(10, "f"))
      for verb in ("GET", "PUT", "PATCH", "DELETE", "HEAD", "BREW")),
    (post("/", FORM, "cmd=f", "OPTIONS"), since(10, "f", 12.14, NONE)),
    # JSON
    (json('{"x":1}', P + "?cmd=q"), since(10, "p")),
    (json("", P + "?cmd=q"), since(10, REFUSED, 11, "q")),
    (json('{"cmd":"a","cmd":"b"}'), since(10, "b")),
    (json('{"a":{"cmd":"x"}}'), since(10, "p")),
    (json('{"\\u0063md":"\\u0061\\/b"}'), since(10, "a/b")),
    (json("[]"), since(10, REFUSED, 15.16, "p")),
    (json('{"cmd":["a"]}'), since(10, "a", 14, UNUSABLE)),
    (json('{"cmd":"a","x":[]}'), since(10, REFUSED, 11, "a")),
    (json('{"cmd":["a"],"x":[]}'), since(10, REFUSED, 11, UNUSABLE)),
    (json('{"cmd":1}'), since(10, UNUSABLE)),
    *((json(f'{{"cmd":{false}}}'), since(10, "p")) for false in ('""', "null", "0", "false", "{}",
                                                                "0.0", "-0", "1e-400")),
    *((json(bad), since(10, REFUSED)) for bad in (
        "1", "null", "{", '{"cmd":"a"}x', "{'cmd':'a'}", '{"cmd":"a",}', '{"cmd":"a\n"}', " ",
        '{"cmd":"a"/**/}')),
    *((json(f'{{"cmd":"a","x":{odd}}}'), since(10, "a", 16, REFUSED)) for odd in (
        "NaN", "Infinity", "-Infinity", "1e999", '"\\ud800"')),
    # On the most permissive Python.
    (json('{"cmd":"a","x":' + "[" * 1400 + "]" * 1400 + "}"), since(10, "a", 16, REFUSED)),
    (json('{"cmd":"a","x":' + "9" * 4301 + "}"), since(10, "a", 16, REFUSED)),
    (json(b'\xef\xbb\xbf{"cmd":"a"}'), since(10, REFUSED, 11, "a", 12, REFUSED)),
    (json('{"cmd":"a"}'.encode("utf-16")), since(10, REFUSED, 11, "a", 12, REFUSED)),
    (json(b'{"cmd":"a","x":"\xe9"}'), since(10, REFUSED, 12, "a")),
    *((json('{"cmd":"a"}', P, kind), since(10, "p", "14.54.1", "a", 15, "p", 15.1, "a"))
      for kind in ("Application/JSON", "application/vnd.api+json")),
    (json('{"cmd":"a"}', P, JSON + "; charset=utf-8"), since(10, "p", 11, "a")),
    (json('{"cmd":"a"}', P, "application/json-seq"),
     since(10, "p", 11, "a", "14.54.1", "p", 15, "a", 15.1, "p")),
    (json('{"cmd":"a"}', P, "text/json"), since(10, "p")),
    (json('{"cmd":"a"}', P, ""), since(10, "p")),
    (json('{"cmd":"a"}', P, FORM), since(10, "p")),
    # Urlencoded
    (form("cmd=%zzb"), since(10, "%zzb")),
    (form("cmd=a%2"), since(10, "a%2")),
    (form("cmd=a%"), since(10, "a%")),
    (form("cmd=a+b"), since(10, "a b")),
    (form("%63md=f"), since(10, "f")),
    (form("&&cmd=f&&"), since(10, "f")),
    (form("cmd=a=b"), since(10, "a=b")),
    (form("cmd=f;x=1"), since(10, "f;x=1")),
    (form("cmd=f\r\n"), since(10, UNUSABLE)),
    *((form(key + "=f"), since(10, "p")) for key in ("CMD", "cmd[]", "+cmd", " cmd")),
    (form("cmd=%e9"), since(10, "\ufffd", 14.57, "%E9")),
    (form("cmd=f&x=\xe9"), since(10, "f", 14.57, REFUSED, 15.1, "p")),
    (get(P + "?cmd=q&x=\xe9"), since(10, "q", 14.57, REFUSED)),
    (json('{"cmd":"f"}', P + "?x=\xe9"), since(10, "f")),
    (form("cmd=f", P, "Application/X-WWW-Form-URLEncoded"), since(10, "p", 14, "f")),
    (form("cmd=f", P, "application/x-url-encoded"), since(10, "f", 15.1, "p")),
    (form("cmd=f", P, FORM + "; charset=latin1"), since(10, "f")),
    (form("cmd=f", P, FORM + ", x"), since(10, "f", 14.57, "p")),
    (post(P, "", "cmd=f"), since(10, "p")),
    # Paths
    *((get(path), since(10, "p")) for path in (
        P, P + "/", "/api/method/p//", "/api/method/%70", "//api/method/p", "/api%2Fmethod/p",
        "/api/method%2Fp", P + "#b?cmd=x", P + "%2F", P + "/q")),
    (get("/api/method/a%2Fb"), since(10, "a")),
    (get("/api/method/a%20b"), since(10, "a b")),
    (get("/api/method/a+b"), since(10, "a+b")),
    (get("/api/method/p;x=1"), since(10, "p;x=1")),
    (get("/api/method/p%3Fcmd=x"), since(10, "p?cmd=x")),
    (get("/api/method/p%252e"), since(10, "p%2e")),
    *((get(path), since(10, NONE)) for path in (
        "/api//method/p", "/api/./method/x", "/api/method//p", "/api/method/", "/api/method",
        "/API/method/p", "/app/todo", "/api/resource/ToDo/1?run_method=m")),
    (get("/api/method/../x"), since(10, "..")),
    (get("/api/method/p%0a"), since(10, UNUSABLE, 15, NONE)),
    (get("/api/v1/method/p"), since(10, NONE, 15, "p")),
    (get("/api/v2/method/p"), since(10, NONE, 15, "p")),
    (get("/api/v2/method/a/b"), since(10, NONE, 15, "a/b")),
    (get("/api/v2/method/a/b/c"), since(10, NONE)),
    (get("/api/v2/document/ToDo/a/b/method/m"), since(10, NONE)),
    # Multipart
    (multipart(PART + END), since(10, "f")),
    (multipart(PART + PART.replace(b"\nf", b"\ng") + END), since(10, "f")),
    (multipart(PART), since(10, "p")),
    (multipart(PART + b"--B--"), since(10, "f")),
    (multipart(b"preamble\r\n" + PART + END), since(10, "p", 14, "f")),
    (multipart(b"\r\n" + PART + END), since(10, "f")),
    (multipart(PART + END + b"epilogue"), since(10, "f")),
    (multipart(PART + b"--B--epilogue"), since(10, "p", 14, "f")),
    (multipart(PART.replace(b"\r\n", b"\n") + b"--B--\n"), since(10, "f")),
    (multipart(PART.replace(b"\r\n", b"\r") + b"--B--\r"), since(10, "f")),
    (multipart(PART + b"--B\r\nX: y\r\n\r\nz\r\n" + END), since(10, "p")),
    (multipart(b"--B\r\nX: \xe9\r\n" + PART[5:] + END), since(10, "f", 11, "p")),
    (multipart(PART + END, "Multipart/Form-Data; boundary=B"), since(10, "p", 14, "f")),
    (multipart(PART + END, "multipart/form-data; boundary = B"), since(10, "f", 14.57, "p")),
    (multipart(PART + END, "multipart/form-data"), since(10, "p")),
    (multipart(PART + END, "multipart/mixed; boundary=B"), since(10, "p")),
    (disposition(b'attachment; name="cmd"'), since(10, "f")),
    (disposition(b"form-data; name=cmd"), since(10, "f")),
    (disposition(b"form-data; name='cmd'"), since(10, "p")),
    (disposition(b'form-data; name="cmd"; filename="a"'), since(10, "p")),
    (disposition(b'form-data; name="cmd"; filename=""'), since(10, "f", 11, "p")),
    (disposition(b'form-data; name="cmd"; filename'), since(10, "f")),
    (disposition(b"form-data; name*0=c; name*1=md"), since(10, "p", 11, "f")),
    (part(b'Content-Disposition : form-data; name="cmd"'), since(10, "f")),
    (part(b'CONTENT-DISPOSITION: form-data; name="cmd"'), since(10, "f")),
    (part(b'Content-Disposition: form-data;\r\n name="cmd"'), since(10, "p", 11, "f")),
    # An encoding that Python does not know is no ValueError, which werkzeug would catch.
    (disposition(b"form-data; name*=bogus''cmd"), since(10, REFUSED, 14.57, "f")),
    # But a name of one that has a NUL is one.
    (disposition(b"form-data; x*=a\0b''c; name=cmd"), since(10, "p", 14.57, "f")),
    # A request header is ISO 8859-1, and is made UTF-8 of before it is decoded.
    *((form("cmd=f", P, f"{FORM}; x*={charset}''\xe9"), since(10, "f")) for charset in ("utf-8", "latin1", "cp1252")),
    *((form("cmd=f", P, f"{FORM}; x*={value}"), since(10, REFUSED, 14.57, "f"))
      for value in ("utf-8''%e9", "ascii''\xe9", "cp1252''%81")),
    (disposition(b'form-data; name="cmd"\r\nContent-Disposition: form-data; name="x"'),
     since(10, "f")),
    (part(b'Content-Disposition: form-data; name="cmd"\r\nContent-Transfer-Encoding: base64',
          b"Zg=="), since(10, "f", 14, "Zg==")),
    (part(b'Content-Disposition: form-data; name="cmd"\r\nContent-Type: text/plain; charset=cp1252',
          b"\x80"), since(10, "\u20ac", 14.57, "\ufffd")),
    (multipart(b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n' * 1000 + PART + END),
     since(10, "f", 14.8, REFUSED)),
)


def expected(by_release, release):
    """The newest entry that is not above `release`."""
    return by_release[max(r for r in by_release if r <= release)]


def said(answer):
    """An answer of the oracle in the words of a row."""
    return {"ok": answer["cmd"], "none": NONE, "malformed": REFUSED, "invalid": UNUSABLE}.get(
        answer["status"], answer)
