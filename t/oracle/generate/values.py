"""Names and values that arguments have, plain and odd, as bytes."""

METHODS = (
    b"ping", b"login", b"logout", b"a", b"x.y.z", b"frappe.client.get_list", b"upload_file",
    b"frappe.desk.form.save.savedocs", b"run_doc_method", b"frappe.desk.query_report.run",
    b"run_doc_method", b"runserverobj", b"frappe.client.insert_many", b"frappe.client.bulk_update",
)

TEXTS = (b"1", b"ToDo", b"Sales Invoice", b"x", b"[]", b'{"a": 1}', b"name", b"a-b_c.d~e")

# Texts that may stand where a method's name is expected.
ODD = (
    b"", b" ", b"0", b"null", b"false", b"cmd", b"cmd=a", b"a&b", b"a=b", b"a;b", b"a+b", b"a%b",
    b"%", b"%2", b"%zz", b"%41", b"%e9", b"%C3%A9", b"a b", b" a", b"a ", b"a/b", b"..", b"/",
    b'"', b"'a'", b'a"b', b"a\\b", b"\\", b"#", b"?", b"<a>", b"{}", b"[1]", b"--", b"-",
    "é".encode(), "日本".encode(), "😀".encode(), "\u00a0".encode(), "\u2028".encode(),
    "\ufeffa".encode(), "\ufffd".encode(), "\u0085".encode(), "\u0301".encode(),
    b"\xe9", b"a\xc3", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\x80", b"\xff\xfe", b"\xed\xa0\x80",
    b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x82a", b"\xf0\x9f\x98\x80\x80",
    b"\n", b"\r", b"\r\n", b"\t", b"\0", b"a\nb", b"a\r\nb", b"a\0", b"\x01", b"\x1f", b"\x7f",
    b"a\x7f", b"\x0b", b"\x0c", b"\x1c", b"a\n", b"a\r\n",
)

# Lengths around the longest values of variables: 255 bytes of a cmd, 1024 of another argument.
LONG = (
    b"c" * 254, b"c" * 255, b"c" * 256, "é".encode() * 127 + b"c", "é".encode() * 128,
    "日".encode() * 85, b"c" * 254 + "é".encode(), b"a" * 253 + "日".encode(), b"\xe9" * 86,
    b"y" * 1023, b"y" * 1024, b"y" * 1025, "é".encode() * 512, b"y" + "é".encode() * 512,
    b"y" * 1022 + b"\xe9",
)

NAMES = (b"cmd", b"cmd", b"cmd", b"cmd", b"doctype", b"dt", b"x", b"method", b"report_name",
         b"run_method", b"doc", b"doc", b"docs", b"document")

# Arguments that are documents.
DOCUMENTS = (b"doc", b"docs", b"document")

ODD_NAMES = (
    b"_", b"", b"CMD", b"Cmd", b"cmd[]", b" cmd", b"cmd ", b"cm", b"cmdx", b"cmd\0", b"cmd\n",
    b"\xef\xbb\xbfcmd", b"cmd\xc3", b"cmd\xe9", b"a.cmd", b"cmd.a", b"cmd*", b"cmd%", b"cm%64",
    b"data", b"dox", b"%", b"=", b"&", b"+cmd", b"c+md", b"n" * 70, b"x" * 64, b"usr",
)


def name(dice):
    """The name of an argument."""
    return dice.pick(NAMES, ODD_NAMES)


def value(dice, key=b""):
    """A value that suits `key`, mostly."""
    if key in DOCUMENTS and dice.chance(0.8):
        from .json_text import embedded

        return embedded(dice)
    if dice.odd():
        return dice.choice(LONG) if dice.chance(0.15) else odd(dice)
    return dice.choice(METHODS if key == b"cmd" else TEXTS)


def odd(dice):
    """An odd text, or a plain one that contains it."""
    text = dice.choice(ODD)
    kind = dice.random()
    if kind < 0.6:
        return text
    plain = dice.choice(METHODS)
    if kind < 0.8:
        at = dice.randrange(len(plain) + 1)
        return plain[:at] + text + plain[at:]
    return text + dice.choice(ODD)


def pairs(dice):
    """Some arguments; `cmd` is among them more often than not, at any place, maybe twice."""
    found = []
    for _ in range(dice.upto(5)):
        key = name(dice)
        found.append((key, value(dice, key)))
    if dice.chance(0.4):
        found.insert(dice.randrange(len(found) + 1), (b"cmd", value(dice, b"cmd")))
    return found
