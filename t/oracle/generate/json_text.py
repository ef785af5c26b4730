"""JSON, well-formed or nearly so."""

from .values import DOCUMENTS, METHODS, TEXTS, name, value

SPACES = (b" ", b"\n", b"\t", b"\r\n", b"  \r\n\t")
ODD_SPACES = (b"\x0b", b"\x0c", b"\xc2\xa0", b"\xef\xbb\xbf", b"\0", b"/**/", b"//x\n", b"#x\n",
              b"\xe2\x80\xa8", b"\x1c", b"\x85", b"\x7f")

NUMBERS = (b"0", b"1", b"-1", b"12", b"1.5", b"1e3", b"-0", b"0.0", b"-0.0", b"1E+2", b"0e0",
           b"10", b"100e-2")
ODD_NUMBERS = (
    b"01", b"-01", b"00", b"1.", b".5", b"+1", b"-", b"--1", b"1e", b"1e+", b"1.e3", b"1.5.5",
    b"0x10", b"1_000", b"1e999", b"-1e999", b"1e-400", b"-1e-400", b"0e999", b"0E-999999", b"1e308",
    b"1.8e308", b"1.7976931348623157e308", b"1.7976931348623158e308", b"1.79769313486231581e308", b"2e308",
    b"1.797693134862315807937e308", b"2.47032822920623272e-324", b"2.47032822920623273e-324",
    b"-1.7976931348623159e308", b"1e309", b"5e-324", b"2.4703282292062327e-324",
    b"2.4703282292062328e-324", b"2e-324", b"3e-324", b"4.9e-324", b"1e-323", b"1e-324",
    b"0." + b"0" * 400 + b"1", b"0." + b"0" * 323 + b"3", b"0." + b"0" * 320 + b"9",
    b"1" + b"0" * 308, b"1" + b"0" * 309, b"1" + b"0" * 400 + b"e-400", b"0." + b"0" * 30 + b"e9",
    b"1" + b"0" * 330 + b".0e-20", b"1e+0000000000000000000000000000308", b"1e00000000000000400",
    b"1e99999999999999999999", b"1e-99999999999999999999", b"0e99999999999999999999",
    b"18446744073709551615", b"18446744073709551616", b"-9223372036854775808",
    b"-9223372036854775809", b"9223372036854775808", b"9" * 308, b"9" * 309, b"9" * 310,
    b"17976931348623157" + b"0" * 292, b"17976931348623158" + b"0" * 292, b"17976931348623159" + b"0" * 292,
    b"9" * 800,
    b"-" + b"9" * 400, b"0" * 20, b"-" + b"0" * 2, b"9" * 4299, b"9" * 4300, b"9" * 4301,
    b"-" + b"9" * 4300, b"-" + b"9" * 4301, b"9" * 5000, b"9" * 4301 + b".0",
    b"9" * 4301 + b"e-4300", b"1." + b"9" * 5000, b"1e\x31", b"\xd9\xa1", b"1\xd9\xa1",
)
WORDS = (b"true", b"false", b"null")
ODD_WORDS = (b"NaN", b"Infinity", b"-Infinity", b"+Infinity", b"-NaN", b"nan", b"inf", b"True",
             b"None", b"nul", b"truefalse", b"undefined", b"TRUE", b"tru", b"NaNN", b"Infinit")

ESCAPES = {0x22: b'\\"', 0x5C: b"\\\\", 0x2F: b"\\/", 8: b"\\b", 12: b"\\f", 10: b"\\n",
           13: b"\\r", 9: b"\\t"}
ODD_IN_TEXT = (
    b"\\ud800", b"\\udc00", b"\\ud83d\\ude00", b"\\uD83D\\uDE00", b"\\ude00\\ud83d", b"\\ud83d",
    b"\\ud83dx", b"\\ud83d\\n", b"\\ud83d\\u0041", b"\\ud83d\\ud83d\\ude00", b"\\ud83d\\\\ude00",
    b"\\u0000", b"\\u001f", b"\\u007f", b"\\u00e9", b"\\u20ac", b"\\u0063", b"\\uFEFF", b"\\uffff",
    b"\\u12", b"\\u12g4", b"\\u+123", b"\\u 123", b"\\u-123", b"\\u0x41", b"\\u1_23", b"\\x41",
    b"\\a", b"\\0", b"\\'", b"\\v", b"\\U0041", b"\\ ", b"\\\n", b"\n", b"\t", b"\r", b"\0",
    b"\x01", b"\x1f", b"\x7f", b"\xe9", b"\xc3", b"\xff", b"\xed\xa0\x80", b"\xf0\x9f\x98",
    b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf", b"\\uD800\\uDBFF", b"\\uDBFF\\uDFFF", b"\\ud83d\\u",
    b"\\udbff\\udbff\\udfff", b"\xc0\x80", b"\xe2\x80\xa8", b"\\", b"\\u", b"\\ud83d\\ude0",
)

DEPTHS = (3, 10, 63, 64, 65, 127, 128, 200, 500, 880)
ODD_DEPTHS = (1010, 1023, 1024, 1025, 1026, 1100, 2000, 5000, 9000, 11_000)

ODD_TOPS = (b"", b" ", b"\n", b"1", b"null", b'"cmd"', b"true", b"[]", b"[1]", b"{}", b"[[]]",
            b'[{"cmd":"a"}]', b"0", b"{", b"}", b"[", b'"', b"{}{}", b"{},", b"NaN", b"-", b"1e400")
TAILS = (b"\n", b" ", b"\0", b"x", b"}", b",", b"//", b"\xef\xbb\xbf", b"{}", b"\r\n\r\n", b"]",
         b"\x0c", b"\xa0")

ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


def text(dice, data):
    """A string. Mostly it escapes the characters that cannot stand in one."""
    style = dice.random()
    try:
        chars = data.decode()
    except UnicodeDecodeError:
        chars, style = data.decode("latin-1"), 1
    out = []
    for char in chars:
        code = ord(char)
        if code in ESCAPES and (code != 0x2F or dice.chance(0.2)) or code < 0x20:
            short = code in ESCAPES and dice.chance(0.7)
            out.append(ESCAPES[code] if short else b"\\u%04x" % code)
        elif 0.7 < style < 0.9 and dice.chance(0.4) or style == 1 and dice.chance(0.3):
            out.append(_escaped(dice, code))
        else:
            out.append(char.encode("latin-1" if style == 1 and code < 256 else "utf-8"))
        if dice.odd(0.05):
            out.append(dice.choice(ODD_IN_TEXT))
    if dice.odd(0.3):
        out.insert(dice.randrange(len(out) + 1), dice.choice(ODD_IN_TEXT))
    quote = b"'" if dice.odd(0.05) else b'"'
    return quote + b"".join(out) + (b"" if dice.odd(0.02) else quote)


def _escaped(dice, code):
    form = b"\\u%04X" if dice.chance(0.5) else b"\\u%04x"
    if code < 0x10000:
        return form % code
    code -= 0x10000
    return form % (0xD800 | code >> 10) + form % (0xDC00 | code & 0x3FF)


def item(dice, key=b"", depth=0):
    """Any value; mostly a string."""
    kind = dice.random()
    if key in DOCUMENTS and kind < 0.6:
        # The document as an object, or as JSON text in a string.
        document = embedded(dice, depth + 1)
        return text(dice, document) if dice.chance(0.4) else document
    if kind < 0.55:
        return text(dice, value(dice, key))
    if kind < 0.67:
        return dice.pick(NUMBERS, ODD_NUMBERS, 2)
    if kind < 0.77:
        return dice.pick(WORDS, ODD_WORDS, 1.5)
    if depth > 3 or kind < 0.82:
        return dice.choice((b"[]", b"{}", b'""', b"[ ]", b"{ }", b'[""]', b"[0]", b"[null]"))
    if kind < 0.92:
        return array(dice, key, depth + 1)
    return members(dice, depth + 1)


def embedded(dice, depth=0):
    """A document, as requests have them in an argument."""
    made = []
    for _ in range(1 if dice.chance(0.75) else dice.upto(3)):
        pairs = []
        for _ in range(dice.upto(6) + 1):
            key = dice.pick((b"doctype", b"name", b"items", b"y"), (b"doctype\n", b"doctypes", b"docty"))
            pairs.append(_key(dice, key) + space(dice) + b":" + space(dice) + _member(dice, key, depth))
        if dice.chance(0.1):
            pairs.insert(dice.randrange(len(pairs)), b'"y":"' + b"z" * dice.upto(700) + b'"')
        made.append(_joined(dice, b"{", b"}", pairs))
    if len(made) != 1 or dice.chance(0.2):
        return _joined(dice, b"[", b"]", made)
    body = made[0]
    if dice.odd(0.3):
        body = dice.choice((dice.choice(ODD_TOPS), dice.cut(body), b"[" + body + b"]", b"[[" + body + b"]]",
                            b"[1," + body + b"]", body + dice.choice(TAILS), b"\n " + body + b"\r\n"))
    return body


def _member(dice, key, depth):
    if key == b"doctype" and dice.chance(0.8):
        return text(dice, dice.choice(TEXTS))
    return embedded(dice, depth + 1) if depth < 2 and dice.chance(0.2) else item(dice, key, depth + 1)


def array(dice, key=b"", depth=0):
    """`[...]`"""
    return _joined(dice, b"[", b"]", [item(dice, key, depth) for _ in range(dice.upto(4))])


def members(dice, depth=0):
    """`{...}`"""
    pairs = []
    for _ in range(dice.upto(5) + (depth == 0)):
        key = name(dice)
        colon = dice.choice((b"", b"=", b"::", b",", b" ")) if dice.odd(0.1) else b":"
        pairs.append(_key(dice, key) + space(dice) + colon + space(dice) + item(dice, key, depth))
    if depth == 0 and dice.chance(0.4):
        cmd = text(dice, b"cmd") + b":" + item(dice, b"cmd", depth)
        pairs.insert(dice.randrange(len(pairs) + 1), cmd)
    return _joined(dice, b"{", b"}", pairs)


def _key(dice, key):
    if dice.odd(0.1):
        return dice.choice((key, b"'" + key + b"'", b"1", b"null", b"", b"[]", b"{}", b"NaN"))
    return text(dice, key)


def _joined(dice, left, right, items):
    comma = dice.choice((b",,", b"", b";", b", ,")) if dice.odd(0.1) else b","
    inner = b"".join(
        space(dice) + piece + space(dice) + (comma if n < len(items) - 1 else b"")
        for n, piece in enumerate(items))
    if dice.odd(0.1):
        inner += b","
    if dice.odd(0.05):
        right = dice.choice((b"", b"}", b"]", b"}}", b"]]"))
    return left + (inner or space(dice)) + right


def space(dice):
    """White space, mostly none."""
    if dice.chance(0.85):
        return b""
    return dice.pick(SPACES, ODD_SPACES, 0.2)


def nested(dice):
    """A deeply nested text."""
    depth = dice.pick(DEPTHS, ODD_DEPTHS, 2)
    left, right = b"", b""
    if dice.chance(0.4):
        left, right = b"[" * depth, b"]" * depth
    elif dice.chance(0.5):
        left, right = b'{"cmd":' * depth, b"}" * depth
    else:
        for _ in range(depth):
            in_array = dice.chance(0.5)
            left += b"[" if in_array else b'{"x":'
            right = (b"]" if in_array else b"}") + right
    core = dice.choice((b"1", b'"a"', b"", b"[]")) if left.endswith(b"[") else b"null"
    if dice.odd(0.3):
        right = right[: dice.randrange(len(right) + 1)]
    return left + core + right


def document(dice):
    """A whole body."""
    if dice.odd(0.4):
        body = dice.choice(ODD_TOPS)
    elif dice.chance(0.04):
        body = array(dice)
    else:
        body = members(dice)
    if dice.odd(0.25):
        key = dice.choice((b'"cmd"', b'"x"', b'"y"'))
        cmd = text(dice, dice.choice(METHODS))
        body = b'{"cmd":' + cmd + b"," + key + b":" + nested(dice) + b"}"
    if dice.odd(0.2):
        body += dice.choice(TAILS)
    if dice.odd(0.1):
        body = dice.choice((*ODD_SPACES, *SPACES)) + body
    if dice.odd(0.15):
        body = _encoded(dice, body)
    return body


def _encoded(dice, body):
    try:
        return body.decode().encode(dice.choice(ENCODINGS))
    except UnicodeDecodeError:
        return body


