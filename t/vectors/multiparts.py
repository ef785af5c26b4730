"""Multipart bodies. `B` begins a boundary line, `CMD` is a whole field `cmd=f`."""

from rig.client import BOUNDARY

from . import parts

B = f"--{BOUNDARY}"
END = f"{B}--\r\n"


def field(name, value, more=""):
    """A part with a Content-Disposition line."""
    return f'{B}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}\r\n'


def part(headers, value="f"):
    """A part with headers as given."""
    return f"{B}\r\n{headers}\r\n\r\n{value}\r\n"


CMD = field("cmd", "f")
PATH = {"cmd": "p", "source": "path"}
DROPPED = PATH | {"info": True}


def disposition(name, text, *expectation, **more):
    """One part with that Content-Disposition value."""
    return parts(name, part(f"Content-Disposition: {text}") + END, *expectation, **more)


FIELDS = [
    parts("cmd", CMD + END, "f", "multipart"),
    parts("first of two", CMD + field("cmd", "g") + END, "f", "multipart"),
    parts("first of two, when empty", field("cmd", "") + CMD + END, **PATH),
    parts("empty value hides the query", field("cmd", "") + END, status="none", target="/?cmd=q"),
    parts("other field, query", field("x", "1") + END, "q", "query", target="/?cmd=q"),
    parts("behind a file", field("file", "x" * 5000, '; filename="a"') + CMD + END,
          "f", "multipart"),
    parts("doctype", CMD + field("doctype", "ToDo") + END, "f", "multipart", doctype="ToDo"),
    parts("spaces are kept", field("cmd", " f ") + END, " f ", "multipart"),
    parts("percent signs are kept", field("cmd", "a%20b+c") + END, "a%20b+c", "multipart"),
    parts("utf-8", field("cmd", "é") + END, "é", "multipart"),
    parts("line break in the value", field("cmd", "a\r\nb") + END, "", "multipart", "invalid",
          info=None),
    parts("256 bytes", field("cmd", "a" * 256) + END, "", "multipart", "invalid", info=None),
    parts("255 bytes", field("cmd", "a" * 255) + END, "a" * 255, "multipart"),
    parts("value not utf-8", (CMD + field("x", "\xff") + END).encode("latin-1"), "f", "multipart"),
    parts("cmd not utf-8", (field("cmd", "f\xff") + END).encode("latin-1"),
          "f\N{REPLACEMENT CHARACTER}", "multipart"),
    parts("latin-1 part", (part('Content-Disposition: form-data; name="cmd"\r\n'
                                "Content-Type: text/plain; charset=iso-8859-1", "\xe9")
                           + END).encode("latin-1"), "é", "multipart"),
    parts("boundary-like data", field("x", f"--{BOUNDARY[:-1]}\r\n--x") + CMD + END,
          "f", "multipart"),
    parts("boundary with more behind it is data", field("x", f"1\r\n{B}junk") + CMD + END,
          "f", "multipart"),
    parts("nested multipart", part(
        'Content-Disposition: form-data; name="x"\r\nContent-Type: multipart/mixed; boundary=in',
        '--in\r\nContent-Disposition: form-data; name="cmd"\r\n\r\nno\r\n--in--') + END, **PATH),
    parts("cmd inside a file", field("file", "cmd=x&cmd=y\r\n\r\n--cmd", '; filename="a"') + END,
          **PATH),
    parts("transfer encoding is ignored", part(
        'Content-Disposition: form-data; name="cmd"\r\nContent-Transfer-Encoding: base64', "Zg==")
        + END, "Zg==", "multipart"),
    parts("1000 parts", field("x", "1") * 999 + CMD + END, "f", "multipart"),
    parts("1001 parts", CMD + field("x", "1") * 1000 + END, status="malformed", info=True),
    parts("GET with a body", CMD + END, "f", "multipart", method="GET"),
]

DISPOSITIONS = [
    disposition("no quotes", "form-data; name=cmd", "f", "multipart"),
    disposition("single quotes are part of it", "form-data; name='cmd'", **PATH),
    disposition("last name wins", 'form-data; name="x"; name="cmd"', "f", "multipart"),
    disposition("name in upper case", 'form-data; NAME="cmd"', "f", "multipart"),
    disposition("space before the equals sign", 'form-data; name ="cmd"', **PATH),
    disposition("escaped quote", r'form-data; name="c\"md"', **PATH),
    disposition("percent 22", 'form-data; name="cmd%22"', **PATH),
    disposition("extended name", "form-data; name*=utf-8''%63md", "f", "multipart"),
    disposition("name in pieces", "form-data; name*0=c; name*1=md", "f", "multipart"),
    disposition("any type", 'attachment; name="cmd"', "f", "multipart"),
    disposition("file name", 'form-data; name="cmd"; filename="a"', **PATH),
    disposition("empty file name in quotes", 'form-data; name="cmd"; filename=""', **PATH),
    disposition("extended file name", "form-data; name=\"cmd\"; filename*=utf-8''a", **PATH),
    disposition("bare filename", 'form-data; name="cmd"; filename', "f", "multipart"),
    disposition("filename without a value", 'form-data; name="cmd"; filename=', "f", "multipart"),
    disposition("no name", "form-data", **PATH),
    disposition("semicolon in quotes", 'form-data; x="a; name=y"; name="cmd"', "f", "multipart"),
    parts("header in lower case", part('content-disposition: form-data; name="cmd"') + END,
          "f", "multipart"),
    parts("space before the colon", part('Content-Disposition : form-data; name="cmd"') + END,
          "f", "multipart"),
    parts("folded header", part('Content-Disposition: form-data;\r\n name="cmd"') + END,
          "f", "multipart"),
    parts("first of two dispositions", part(
        'Content-Disposition: form-data; name="x"\r\nContent-Disposition: form-data; name="cmd"')
        + END, **PATH),
    parts("other headers", part('X-A: b\r\nContent-Type: text/plain\r\n'
                                'Content-Disposition: form-data; name="cmd"') + END,
          "f", "multipart"),
    parts("long header", part(f'X-A: {"b" * 20_000}\r\nContent-Disposition: form-data; name="cmd"')
          + END, "f", "multipart"),
    parts("many headers", part("X-A: b\r\n" * 2000 + 'Content-Disposition: form-data; name="cmd"')
          + END, "f", "multipart"),
    disposition("4000 bytes", f'form-data; x="{"y" * 4000}"; name="cmd"', "f", "multipart"),
]

FRAMES = [
    parts("preamble", "hello\r\n" + CMD + END, "f", "multipart"),
    parts("line break first", "\r\n" + CMD + END, "f", "multipart"),
    parts("epilogue", CMD + END + "more", "f", "multipart"),
    parts("no line break at the end", CMD + B + "--", "f", "multipart"),
    parts("space behind the boundary", CMD.replace(B, B + " \t") + END, "f", "multipart"),
    parts("lf only", (CMD + END).replace("\r\n", "\n"), "f", "multipart"),
    parts("cr only", (CMD + END).replace("\r\n", "\r"), "f", "multipart"),
    parts("no end", CMD, **DROPPED),
    parts("no end, query", CMD, "q", "query", target="/?cmd=q", info=True),
    parts("end cut short", CMD + B + "-", **DROPPED),
    parts("cut in the value", field("cmd", "f")[:-4], **DROPPED),
    parts("cut in the headers", CMD + B + "\r\nContent-Dis", **DROPPED),
    parts("end of a longer boundary", CMD + B + "x--\r\n", **DROPPED),
    parts("no boundary line at all", "cmd=f", **DROPPED),
    parts("only the end", END, **PATH | {"info": None}),
    parts("empty body", "", **PATH | {"info": None}),
    parts("part without a disposition", CMD + part("Content-Type: text/plain") + END, **DROPPED),
    parts("part header not utf-8",
          (CMD + part('Content-Disposition: form-data; name="x"\r\nX: \xff') + END)
          .encode("latin-1"), **DROPPED),
]

BOUNDARIES = [
    parts("quoted", CMD + END, "f", "multipart",
          content_type=f'multipart/form-data; boundary="{BOUNDARY}"'),
    parts("mixed case", CMD + END, "f", "multipart",
          content_type=f"Multipart/Form-Data; Boundary={BOUNDARY}"),
    parts("charset first", CMD + END, "f", "multipart",
          content_type=f"multipart/form-data; charset=utf-8; boundary={BOUNDARY}"),
    parts("last of two", CMD + END, "f", "multipart",
          content_type=f"multipart/form-data; boundary=x; boundary={BOUNDARY}"),
    parts("quoted with spaces", (CMD + END).replace(BOUNDARY, "a b c"), "f", "multipart",
          content_type='multipart/form-data; boundary="a b c"'),
    parts("300 bytes", (CMD + END).replace(BOUNDARY, "b" * 300), "f", "multipart",
          content_type="multipart/form-data; boundary=" + "b" * 300),
    parts("spaces around the equals sign", CMD + END, **PATH | {"info": None},
          content_type=f"multipart/form-data; boundary = {BOUNDARY}"),
    parts("cut at a special character", (CMD + END).replace(BOUNDARY, "a/b"),
          **PATH | {"info": None}, content_type="multipart/form-data; boundary=a/b"),
    parts("the same in quotes", (CMD + END).replace(BOUNDARY, "a/b"), "f", "multipart",
          content_type='multipart/form-data; boundary="a/b"'),
    parts("none", CMD + END, **PATH | {"info": None}, content_type="multipart/form-data"),
    parts("another one", CMD + END, **DROPPED, content_type="multipart/form-data; boundary=zzz"),
    parts("mixed", CMD + END, **PATH, content_type=f"multipart/mixed; boundary={BOUNDARY}"),
]
