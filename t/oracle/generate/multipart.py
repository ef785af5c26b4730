"""Multipart bodies, well-formed or nearly so."""

import base64
import encodings.aliases
import quopri

from . import content_type
from .values import ODD, pairs

BREAKS = (b"\r\n", b"\n", b"\r")
BLANKS = (b"", b" ", b"\t", b" \t ", b"\x0b", b"\x0c", b"\xa0", b"x", b"--", b"-", b"\0", b"\x85")
PREAMBLES = (
    b"\r\n", b"\n", b"\r", b"\r\n\r\n", b" \r\n", b"text", b"text\r\n", b"\t\r\n", b"--\r\n",
    b"a\r\nb\r\n", b"This is a message.\r\n\r\n", b"\0", b"\xef\xbb\xbf", b"\x0b\r\n",
    b"-", b"--", b"---", b"-----", b"\r\n-",
)
EPILOGUES = (b"\r\n", b"\n", b"\r\n\r\n", b" ", b"text", b"\r\ntext", b"\0", b"\r\n \r\n", b"--",
             b"\r\nContent-Disposition: form-data; name=\"cmd\"\r\n\r\nlate\r\n")

NAME_FORMS = (
    b'form-data; name="%b"', b"form-data; name=%b", b'form-data; NAME="%b"', b'form-data;name="%b"',
    b'form-data ; name="%b"', b'attachment; name="%b"', b'; name="%b"', b'form-data name="%b"',
    b'form-data; name = "%b"', b'form-data; name="%b', b"form-data; name='%b'", b'name="%b"',
    b"form-data; name*=utf-8''%b", b"form-data; name*=UTF-8'en'%b",
    b"form-data; name*=us-ascii''%b", b"form-data; name*=iso-8859-1''%b",
    b"form-data; name*=cp1252''%b", b"form-data; name*=%b", b"form-data; name*='%b'",
    b"form-data; name*0=%b", b"form-data; name*0*=utf-8''%b", b"form-data; name*1=%b",
    b'form-data; name="x"; name="%b"', b'form-data; name="%b"; name="x"',
    b'form-data; name="%b"; x="; name=y"', b'form-data; x="\\"; name=y"; name="%b"',
    b'form-data; name="%b";', b'form-data; name="%b"x', b'form-data; name="%b" x', b'"; name="%b"',
    b'form-data;; name="%b"', b'form-data, name="%b"', b'form-data; xname="%b"', b"", b"form-data",
    b'form-data; name="%b"; name', b'form-data; name="%b"; name=', b'form-data; name=""; x=%b',
    b'FORM-DATA; name="%b"', b'form-data; name="%b"\t', b'form-data;\tname="%b"',
    b"form-data; name", b'form-data; x=y; name="%b"', b'form-data; "name"="%b"',
    b'form-data; name="%b"; =', b";;name=%b", b"form-data; name*=utf-8''%b; name=x",
    b"form-data; name=x; name*=utf-8''%b", b"%b", b'form-data; name="\\%b"',
    b'form-data; name=%b; filename', b'form-data; name="%b"; name*0=x',
)
SPLIT_NAMES = (
    b"form-data; name*0=%b; name*1=%b", b'form-data; name*0="%b"; name*1="%b"',
    b"form-data; name*1=%b; name*0=%b", b"form-data; name*0*=utf-8''%b; name*1*=%b",
    b"form-data; name*0=%b; name*1*=%b", b"form-data; name*0*=utf-8''%b; name*1=%b",
    b"form-data; name*0=%b; x=y; name*1=%b", b"form-data; name*0=%b; name*2=%b",
    b"form-data; name=x; name*0=%b; name*1=%b", b"form-data; name*0=%b; name=x; name*1=%b",
    b"form-data; name*00=%b; name*01=%b", b"form-data; name*0=%b ;name*1=%b",
    b"form-data; name=%b; name*1=%b", b"form-data; NAME*0=%b; name*1=%b",
)
FILES = (
    b'; filename="a.txt"', b'; filename=""', b"; filename=", b"; filename", b"; filename=a",
    b"; filename*=utf-8''a", b"; filename*=utf-8''", b'; FILENAME="a"', b"; filename*0=a",
    b'; filename="a\\"b"', b'; filename="a;b"', b'; filename="C:\\a"', b'; xfilename="a"',
    b"; filename='a'", b"; filename =a", b"; filename=\"", b'; filename="\xe9"', b"; filename*=",
    b'; filename="a"; filename', b'; filenamex="a"', b'; filename="\xc3\xa9"', b"; filename*=x''a",
)
TYPES = (
    b"text/plain", b"application/octet-stream", b"text/plain; charset=utf-8",
    b"text/plain;charset=UTF-8", b"text/plain; charset=iso-8859-1",
    b"text/plain; charset=ISO-8859-1", b"text/plain; charset=us-ascii",
    b"text/plain; charset=ascii", b'text/plain; charset="utf-8"',
    b"text/plain; charset*=x''iso-8859-1", b"charset=iso-8859-1", b"; charset=iso-8859-1",
    b"multipart/mixed; boundary=B", b"", b"text/plain; charset=utf-8; charset=iso-8859-1",
    b"application/json", b"text/plain; CHARSET=iso-8859-1", b"text/plain; charset=latin1",
    b"text/plain; charset=utf8", b"text/plain; charset=bogus", b"text/plain; charset=utf-16",
    b"text/plain; charset=cp1252", b"text/plain; charset=", b"text/plain; charset",
    b"text/plain; charset=iso-8859-1 ", b"text/plain; charset=' iso-8859-1'",
    b"text/plain; charset=utf-8\0", b"text/plain; charset=x\0", b"text/plain; charset*=utf-8''x%00y",
)
CODECS = sorted({*encodings.aliases.aliases.values(), "idna", "punycode", "undefined"})
TRANSFERS = (
    b"base64", b"quoted-printable", b"7bit", b"8bit", b"binary", b"BASE64", b"Base64 ", b"x",
    b"Quoted-Printable", b"base64; x", b"", b"quopri", b"base64_codec", b"hex", b"rot13",
)
ODD_HEADERS = (
    b"X", b"X:", b":", b": x", b" X: y", b"X : y", b"\tX: y", b"X: \xe9", b"X: \xc3\xa9",
    b"X\xe9: y", b"X: y\0z", b"X: \x85", b"X:y", b"X: a\x0bb", b"X: " + b"y" * 5000, b"y" * 300,
    b"Content-Length: 3", b"=", b"\x0b", b"content-disposition", b"Content-Disposition",
    b"Content-Disposition:", b"Content-Disposition: x", b"Content-Disposition : form-data; name=x",
    b"Content-Disposition: form-data; name=x\xc2\x85", b"Content-Disposition: \x1fform-data; name=x\x1c",
    b'Content-Disposition: form-data; name="x"', b"\x1c",
    b"Content\xa0-Disposition: form-data; name=x", b"\xef\xbb\xbfX: y", b"\xa0", b"X: y;",
    b"-- x: y",
)
DISPOSITIONS = (
    b"content-disposition", b"CONTENT-DISPOSITION", b"Content-Disposition ",
    b" Content-Disposition", b"Content-disposition\t", b"Content-Dispositio",
    b"Content_Disposition", b"\xa0Content-Disposition", b"X-Content-Disposition", b"",
    b"\x0bContent-Disposition", b"Content-Disposition\x0b", b"\x1cContent-Disposition",
    b"\xc2\x85Content-Disposition", b"Content-Disposition\xe3\x80\x80",
)


class Writer:
    """One body: its boundary, its line breaks, its oddities."""

    def __init__(self, dice, mark):
        self.dice = dice
        self.mark = mark
        self.usual = dice.choice(BREAKS) if dice.odd(0.7) else b"\r\n"
        self.mixes = dice.odd(0.4)

    def line_break(self):
        """The body's own line break, or any, where the body mixes them."""
        if self.mixes and self.dice.chance(0.3) or self.dice.odd(0.03):
            return self.dice.choice((*BREAKS, b"\n\r", b"\r\r\n", b"\r\n\n"))
        return self.usual

    def delimiter(self, end=False):
        """`--B` or `--B--`, without the line break in front of it."""
        mark = self.mark
        if self.dice.odd(0.05):
            mark = self.dice.choice(
                (mark + b"x", mark[:-1], b" " + mark, mark.swapcase(), b"", mark * 2))
        blank = self.dice.choice(BLANKS) if self.dice.odd(0.15) else b""
        return b"--" + mark + (b"--" if end else b"") + blank

    def body(self, fields):
        """The whole body."""
        dice = self.dice
        dashes = not self.mark.strip(b"-") and dice.chance(0.3)
        out = [dice.choice(PREAMBLES) if dashes or dice.odd(0.4) else b""]
        if dice.odd(0.1):
            out.append(b"--" + self.mark + dice.choice((b"x", b"-", b"")) + self.line_break())
        for key, text in fields:
            out.append(self.delimiter() + self.line_break())
            out += self.part(key, text)
            out.append(b"" if dice.odd(0.05) else self.line_break())
        closing = self.delimiter(end=True)
        if dice.odd(0.25):
            closing = dice.choice((b"", closing[:-1], closing[:-2], self.delimiter(), b"--",
                                   closing + closing, closing + b"x"))
        out.append(closing)
        out.append(b"" if dice.odd() else self.line_break())
        if dice.odd(0.4):
            out.append(dice.choice(EPILOGUES))
        if dice.odd(0.1):
            late = self.part(b"cmd", b"late")
            out += [self.delimiter(), self.line_break(), *late, self.line_break(),
                    self.delimiter(end=True)]
        return b"".join(out)

    def part(self, key, text):
        """Headers and value of a part."""
        dice = self.dice
        headers = [self.header(self.disposition_name(), self.disposition(key))]
        if dice.odd(0.06):
            headers.pop()
        if dice.odd(0.06):
            headers.append(self.header(b"Content-Disposition", self.disposition(b"cmd")))
        transfer = b""
        if dice.chance(0.15) or dice.odd(0.5):
            headers.insert(dice.randrange(len(headers) + 1),
                           self.header(b"Content-Type", self.part_type()))
        if dice.chance(0.06) or dice.odd(0.2):
            transfer = dice.pick(TRANSFERS[:5], TRANSFERS)
            headers.append(self.header(b"Content-Transfer-Encoding", transfer))
        if dice.odd(0.3):
            headers.insert(dice.randrange(len(headers) + 1), dice.choice(ODD_HEADERS))
        yield from (line + self.line_break() for line in headers)
        yield self.line_break() if not dice.odd(0.05) else b""
        yield self.value(text, transfer)

    def disposition_name(self):
        """`Content-Disposition`"""
        return self.dice.choice(DISPOSITIONS) if self.dice.odd(0.15) else b"Content-Disposition"

    def part_type(self):
        """The value of a Content-Type."""
        dice = self.dice
        if dice.odd(0.3):
            return b"text/plain; charset=" + dice.choice(CODECS).encode() + dice.pick((b"",), (b"\0", b"\0x"))
        return dice.pick(TYPES[:5], TYPES)

    def header(self, name, value):
        """One header line, maybe folded."""
        dice = self.dice
        if dice.odd(0.08) and b" " in value:
            fold = self.line_break() + dice.choice((b" ", b"\t", b"  ", b""))
            value = value.replace(b" ", fold, 1)
        if dice.odd(0.02):
            value = self.line_break() + b" " + value
        return name + dice.pick((b": ",), (b":", b" : ", b":\t", b": \xa0", b":  "), 0.3) + value

    def disposition(self, key):
        """The value of a Content-Disposition."""
        dice = self.dice
        file = b""
        if dice.chance(0.12):
            file = dice.pick(FILES[:1], FILES, 2)
        elif dice.odd(0.3):
            file = dice.choice(FILES)
        if dice.odd(0.25):
            at = dice.randrange(len(key) + 1)
            value = dice.choice(SPLIT_NAMES) % (key[:at], key[at:])
        elif dice.odd(0.6):
            form = dice.choice(NAME_FORMS)
            value = form % key if b"%b" in form else form
        else:
            value = NAME_FORMS[0] % key.replace(b'"', b'\\"')
        if dice.odd(0.1):
            # Some clients escape names.
            value = value.replace(key, b"".join(
                b"%%%02x" % byte if dice.chance(0.5) else bytes((byte,)) for byte in key))
        return file[2:] + b"; " + value if dice.odd(0.05) and file else value + file

    def value(self, text, transfer):
        """The value in the encoding that its header names, sometimes with a look-alike of a delimiter."""
        dice = self.dice
        lower = transfer.lower()
        if lower == b"base64" and dice.chance(0.85):
            text = base64.encodebytes(text) if dice.chance(0.3) else base64.b64encode(text)
            if dice.odd():
                text = dice.choice((text[:-1], text + b"=", text + b"*", b"=" + text, text + text,
                                    text[:2] + b"\r\n" + text[2:], text[:4] + b" " + text[4:],
                                    text.rstrip(b"=")))
        elif lower == b"quoted-printable" and dice.chance(0.85):
            text = quopri.encodestring(text, quotetabs=dice.chance(0.5))
            if dice.odd():
                text += dice.choice((b"=", b"=\r\n", b"=4", b"=zz", b" ", b"_", b"==", b"=0"))
            if dice.odd():
                text = dice.choice((b"=\n", b"=63", b"=")) + text
        if dice.odd(0.3):
            text = self.lookalike(text)
        if dice.odd(0.1):
            text += dice.choice((b"\r", b"\n", b"\r\n", b"\r\r", b"\n\n", b"\r\n\r\n", b"-", b"--",
                                 b"\r\n-", b"\r\n--"))
        return text

    def lookalike(self, text):
        """A value that contains a text which is nearly a delimiter."""
        dice, mark = self.dice, b"--" + self.mark
        look = dice.choice((
            mark, mark + b"--", mark + b"\r\n", mark[:3], b"\r\n--", b"\n\n--", b"\n" + mark,
            b"\r\n" + mark + b"x", b"\r\n" + mark[:-1] + b"\r\n", b"\r\n" + mark + b"-",
            b"\r\n" + mark + b"- -", b"\r" + mark, b"\r\n-" + mark,
            b"\r\n" + mark + b" x\r\n", b"\r\n " + mark + b"\r\n",
            b"\r\n" + mark + b"\0\r\n", b"\r\n" + mark.swapcase() + b"\r\n",
            b"\r\r\n" + mark + b"x\r\n",
            b"\r\n" + mark[:-1], b"\r\n" + mark + mark, b"\r\n" + mark[:4] + b"\r\n" + mark[4:],
            b"\r\n" + mark + b" " * dice.choice((1, 3, 70, 300)) + b"x", b"\r\n\r\n" + mark[:-1],
            b"\r\n" + mark + b"\t\x0b\x0c\r\n", b"\r\n" + mark + b"--x",
            b"\r\n" + mark + b"-- x\r\n",
        ))
        at = dice.randrange(len(text) + 1)
        return text[:at] + look + text[at:]


def multipart(dice):
    """The content type and the body."""
    mark = content_type.boundary(dice)
    kind = content_type.multipart(dice, mark)
    fields = pairs(dice)
    if dice.odd(0.1):
        fields.append((b"cmd", dice.choice(ODD)))
    return kind, Writer(dice, mark).body(fields)


def many(dice, mark=b"B"):
    """A body of about as many parts as werkzeug takes at most."""
    count = dice.choice((998, 999, 1000, 1001, 1002))
    part = b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    at = dice.choice((0, 1, 500, count - 2, count - 1))
    parts = [part % ((b"cmd", b"ping") if n == at else (b"a", b"")) for n in range(count)]
    if dice.chance(0.2):
        parts[-1] = b'--B\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n\r\n'
    return content_type.MULTIPART + b"; boundary=" + mark, b"".join(parts) + b"--B--\r\n"
