"""Content types in every spelling, and boundaries."""

FORM = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data"
JSON = b"application/json"

FORMS = (
    FORM + b"; charset=UTF-8", FORM + b";charset=latin1", FORM + b"; charset=utf-16",
    b"Application/X-WWW-Form-URLEncoded", FORM.upper(), FORM + b", x", FORM + b";", FORM + b" ;",
    FORM + b"; ", FORM + b" x", FORM + b";;;", b";" + FORM, b'"' + FORM + b'"', b"\t" + FORM,
    b"application/x-url-encoded", b"Application/x-url-encoded", FORM + b"\xa0", FORM + b"\x0b",
    b"\xa0" + FORM, FORM + b"; a=application/json", FORM + b"; boundary=B", FORM + b"/",
    b"application/ x-www-form-urlencoded", b"application/x-www-form-urlencode", FORM + b"\x85;a",
    FORM + b"\x1f", FORM + b",application/json", FORM + b"\\", FORM + b'"; x',
)
JSONS = (
    JSON + b"; charset=utf-8", JSON + b";charset=UTF-8", JSON + b"; charset=latin1", JSON + b" ",
    JSON + b";", JSON + b"; charset=utf-16", b"Application/JSON", JSON.upper(), JSON + b"-patch",
    JSON + b"-seq", JSON + b"-patch+json", b"application/vnd.api+json", b"application/+json",
    b"Application/LD+JSON; a=b", b"application/+JSON", b"text/json", b"text/x+json", JSON + b", x",
    b"text/plain; a=application/json", b"x" + JSON, b'"' + JSON + b'"', JSON + b"; profile=\"a;b\"",
    b"; " + JSON, JSON + b"+json", b"application/a+json+", b"application/a+json b",
    b"application/a b+json", JSON + b"\xa0", b"\xa0" + JSON, JSON + b"\x0c;a", JSON + b"\x85",
    b"application/\xe9+json", b"application /json", b"application/json/", b"application/+jsonx",
    b"application/json,application/json", b"\x1c" + JSON, b"application+json",
    b"a/application/+json",
)
OTHERS = (
    b"", b"text/plain", b"text/html; charset=utf-8", b"application/octet-stream", b"image/png",
    b"multipart/mixed; boundary=B", b"multipart/related; boundary=B", b"*/*", b";", b"/", b"x",
    b"application/xml", b"application/x-www-form-urlencoded-x",
    b"multipart/form-data-x; boundary=B", b"multipart/alternative; boundary=B", b"\xff", b"=", b'"',
    b"application/msgpack",
)

ANY = (*OTHERS, FORM, JSON, MULTIPART, MULTIPART + b"; boundary=B", *FORMS, *JSONS)

BOUNDARIES = (b"B", b"----WebKitFormBoundary7MA4YWxkTrZu0gW", b"-" * 27 + b"123456789012345",
              b"0123456789abcdef0123456789abcdef", b"xYzZY")
ODD_BOUNDARIES = (
    b"-", b"--", b"----", b"-" * 20, b"B--", b"--B", b"B-", b"a b", b" ab", b"ab ", b"a  b",
    b"a\"b", b"a\\b", b"a\\\\b", b'a\\"b', b"a/b", b"a:b", b"a,b", b"(ab)", b"a=b", b"a;b", b"a?b",
    b"a'b", b"a%22b", b"a%20b", b"a+b", b"a_b", b"a.b", b"a*b", b"[a-z]", b"a{2}", b"^a$", b"a|b",
    b".", b"*", b"'", b"B" * 69, b"B" * 70, b"B" * 71, b"B" * 199, b"B" * 200, b"B" * 201,
    b"B" * 202, b"B" * 203, b"B" * 300, b"B" * 500, b"B " * 100 + b"B", b"\xc3\xa9", b"\xe9",
    b"a\tb", b"'B'", b"B'", b"utf-8''B", b"", b"~", b"#", b"!", b"`", b"a\x7fb", b"a@b", b"<a>",
    b"a\x01b", b"form-data",
)
WRONG_QUOTES = ((b"'", b"'"), (b"", b""), (b'"', b""), (b"", b'"'), (b'" ', b'"'))
TOKEN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~")

EXTRAS = (
    b"charset=utf-8", b"charset=latin1", b"a=b", b'a="b;c"', b'a="b\\"; boundary=E"', b"a", b"a=",
    b"=b", b";", b'a="', b"boundary", b"boundary=", b'boundary=""', b"boundary=E", b"BOUNDARY=E",
    b'boundary="E"', b"xboundary=E", b"boundaryx=E", b"boundary*=utf-8''E", b"boundary*0=E",
    b"boundary =E", b"boundary= E", b"a*=utf-8''b", b"a b=c", b'"a"=b', b"charset=application/json",
    b"\xe9=1", b"a=\xe9", b"a='b;c'", b'boundary="E', b"name=cmd", b"boundary*1=E", b"boundary*=''",
    b"a=b c", b"a=\"b\"c", b"boundary=E,F", b"\\", b'"',
)


def form(dice):
    """A type for a urlencoded body."""
    return dice.pick((FORM, FORM, FORM + b"; charset=UTF-8"), FORMS)


def json(dice):
    """A type for a JSON body."""
    return dice.pick((JSON, JSON, JSON + b"; charset=utf-8"), JSONS)


def other(dice):
    """A type for any body, which it need not fit."""
    return dice.choice(ANY)


def boundary(dice):
    """The boundary of a multipart body. One of dashes alone may match at many places."""
    if dice.chance(0.02):
        return b"-" * dice.randrange(1, 8)
    return dice.pick(BOUNDARIES, ODD_BOUNDARIES)


def multipart(dice, mark):
    """A type for a multipart body with the boundary `mark`."""
    kind = MULTIPART
    if dice.odd(0.5):
        kind = dice.choice((b"Multipart/Form-Data", MULTIPART.upper(), MULTIPART + b" ",
                            b" " + MULTIPART, b"multipart/mixed", MULTIPART + b"\xa0",
                            MULTIPART + b",x", b"multipart/form-dat", b"\t" + MULTIPART, b""))
    parameters = [_boundary_parameter(dice, mark)]
    while dice.odd(0.8):
        parameters.insert(dice.randrange(len(parameters) + 1), dice.choice(EXTRAS))
    if dice.odd(0.3):
        parameters.insert(dice.randrange(len(parameters) + 1), _boundary_parameter(dice, mark))
    between = dice.choice((b";", b" ; ", b";;", b",", b"; ; ", b" ", b";\t", b";\xa0", b";\x0b")) \
        if dice.odd(0.4) else b"; "
    return between.join([kind, *parameters])


def _boundary_parameter(dice, mark):
    name = b"boundary"
    if dice.odd(0.4):
        name = dice.choice((b"Boundary", b"BOUNDARY", b"boundary ", b" boundary", b"boundary*",
                            b"boundary*0", b"boundary*0*", b"bound", b"b\xc3\xb6undary"))
    if dice.odd(0.15) and len(mark) > 1:
        half = dice.randrange(len(mark))
        return b"; ".join((b"boundary*0=" + quoted(dice, mark[:half]),
                           b"boundary*1=" + quoted(dice, mark[half:])))
    if name.endswith(b"*") and dice.chance(0.8):
        charset = dice.choice((b"utf-8", b"UTF-8", b"us-ascii", b"ascii", b"iso-8859-1", b"x", b"",
                               b"utf-16", b"cp1252"))
        escaped = b"".join(
            bytes((b,)) if b in TOKEN and dice.chance(0.8) and b not in b"%'" else b"%%%02x" % b
            for b in mark)
        return name + b"=" + charset + b"'" + dice.choice((b"", b"en")) + b"'" + escaped
    if all(byte in TOKEN for byte in mark) and dice.chance(0.7) or dice.odd(0.4):
        return name + b"=" + mark
    return name + b"=" + quoted(dice, mark)


def quoted(dice, text):
    """A quoted string."""
    if dice.odd(0.3):
        left, right = dice.choice(WRONG_QUOTES)
        return left + text + right
    text = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    if dice.odd(0.2) and text:
        at = dice.randrange(len(text))
        text = text[:at] + b"\\" + text[at:]
    return b'"' + text + b'"'
