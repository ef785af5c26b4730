"""Urlencoded text, for bodies and query strings."""

from .values import pairs

SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
ESCAPED = tuple(b"%%%02X" % byte for byte in range(256))
LOWER = tuple(b"%%%02x" % byte for byte in range(256))

SEPARATORS = (b"&&", b";", b"&;", b"", b"&amp;", b"\n", b"&\r\n", b"& ", b"&=&", b"&%26")
EQUALS = (b"", b"==", b"=%3D", b"%3D", b" = ", b"+=", b":")
TAILS = (b"&", b"\r\n", b"\n", b"%", b"%2", b"%c3", b"+", b"=", b"&cmd", b"&cmd=", b"\0", b"\xe9",
         b"\xc3", b"&cmd=%e9", b"&x=%C3", b"&%63md=late", b"#", b"&_=1")


def quote(dice, text):
    """Percent-encodes `text` in one of the ways that clients have, or in a wrong one."""
    style = dice.random()
    if style < 0.6:
        return b"".join(
            bytes((byte,)) if byte in SAFE else b"+" if byte == 32 else ESCAPED[byte]
            for byte in text)
    if style < 0.75:
        return b"".join(LOWER[byte] if dice.chance(0.5) else ESCAPED[byte] for byte in text)
    if style < 0.9:
        return b"".join(
            bytes((byte,)) if byte in SAFE and dice.chance(0.8) else LOWER[byte] for byte in text)
    # No encoding: special characters of the text become special in the form.
    return text


def urlencoded(dice):
    """A whole form."""
    out = []
    for key, value in pairs(dice):
        if out:
            out.append(dice.choice(SEPARATORS) if dice.odd(0.7) else b"&")
        equals = dice.choice(EQUALS) if dice.odd(0.7) else b"="
        out.append(quote(dice, key) if dice.chance(0.9) else key)
        out.append(equals)
        out.append(quote(dice, value))
    if dice.odd(0.7):
        out.append(dice.choice(TAILS))
    if dice.odd(0.3):
        out.insert(0, dice.choice((b"&", b"&&", b"\xef\xbb\xbf", b"?", b"=", b"=a&", b"+", b"\n")))
    return b"".join(out)
