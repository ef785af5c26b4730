"""JSON bodies."""

from . import json

BAD = {"status": "malformed", "info": True}
NO_METHOD = {"cmd": "", "source": "json", "status": "invalid", "info": None}

OBJECTS = [
    json("cmd", '{"cmd":"f"}', "f", "json"),
    json("cmd last", '{"a":{"b":[1,2,{"c":null}]},"d":"x","cmd":"f"}', "f", "json"),
    json("last of two", '{"cmd":"a","cmd":"b"}', "b", "json"),
    json("last of two, when empty", '{"cmd":"a","cmd":""}', "p", "path"),
    json("last of two, when null", '{"cmd":"a","cmd":null}', "p", "path"),
    json("last of two, when a number", '{"cmd":"a","cmd":1}', **NO_METHOD),
    json("first a number", '{"cmd":1,"cmd":"b"}', "b", "json"),
    json("query is not read", '{"x":1}', "p", "path", target="/api/method/p?cmd=q"),
    json("nor is its raw byte", '{"cmd":"f"}', "f", "json", target=b"/?x=\xe9"),
    json("empty body", "", "q", "query", target="/?cmd=q"),
    json("cmd deeper", '{"a":{"cmd":"x"}}', "p", "path"),
    json("cmd in an array", '{"a":[{"cmd":"x"}]}', "p", "path"),
    json("escapes in key and value", r'{"\u0063md":"\u0061\/b"}', "a/b", "json"),
    json("all short escapes in a key", r'{"\"\\\/\b\f\n\r\t":1,"cmd":"f"}', "f", "json"),
    json("surrogate pair", r'{"cmd":"\ud83d\ude00"}', "😀", "json"),
    json("raw utf-8", '{"cmd":"é😀"}', "é😀", "json"),
    json("quote in another value", r'{"x":"\",\"cmd\":\"no","cmd":"f"}', "f", "json"),
    json("white space everywhere", ' \t\r\n{ "cmd" : "f" } \n', "f", "json"),
    json("empty object", "{}", "p", "path"),
    json("upper case key", '{"CMD":"f"}', "p", "path"),
    json("doctype", '{"cmd":"f","doctype":"ToDo"}', "f", "json", doctype="ToDo"),
    json("last doctype", '{"doctype":"A","cmd":"f","doctype":"B"}', "f", "json", doctype="B"),
    json("doctype that is no text", '{"cmd":"f","doctype":["ToDo"]}', "f", "json", doctype=""),
    json("nan and infinity", '{"x":[NaN,Infinity,-Infinity,1e999],"cmd":"f"}', "f", "json"),
    json("lone surrogate elsewhere", r'{"x":"\ud800","cmd":"f"}', "f", "json"),
    json("half a pair before a letter elsewhere", r'{"x":"\ud83da","cmd":"f"}', "f", "json"),
    json("half a pair before a letter in a key", r'{"\ud83dcmd":"f"}', "p", "path"),
    json("half a pair before another escape", r'{"x":"\ud83d\n","cmd":"f"}', "f", "json"),
    json("second half elsewhere", r'{"x":"\ude00","cmd":"f"}', "f", "json"),
    json("byte that is not utf-8 elsewhere", b'{"x":"\xe9","cmd":"f"}', "f", "json"),
    json("byte that is not utf-8 in cmd", b'{"cmd":"\xe9"}', "\N{REPLACEMENT CHARACTER}", "json"),
    json("charset is ignored", '{"cmd":"é"}', "é", "json",
         content_type="application/json; charset=latin-1"),
    json("nested", '{"a":' + "[" * 100 + "]" * 100 + ',"cmd":"f"}', "f", "json"),
    json("nested 900 deep", '{"a":' + "[" * 900 + "]" * 900 + ',"cmd":"f"}', "f", "json"),
    json("nested 1022 deep", '{"a":' + "[" * 1022 + "]" * 1022 + ',"cmd":"f"}', "f", "json"),
    json("nested 5000 deep", '{"a":' + "[" * 5000 + "]" * 5000 + ',"cmd":"f"}', "f", "json"),
    json("objects nested 9000 deep", '{"a":' * 9000 + "1" + "}" * 8999 + ',"cmd":"f"}', "f", "json"),
    json("long number", '{"a":' + "1" * 5000 + ',"cmd":"f"}', "f", "json"),
    json("long other value", '{"a":"' + "x" * 50_000 + '","cmd":"f"}', "f", "json"),
]

FALSY = [
    json(f"falsy {value}", f'{{"cmd":{value}}}', "p", "path")
    for value in ('""', "null", "0", "-0", "0.0", "0e7", "1e-999", "false", "[]", "{}", "[ ]")
]

TRUTHY = [
    json(f"no text: {value}", f'{{"cmd":{value}}}', **NO_METHOD)
    for value in ("1", "true", "-0.1", "1e3", "NaN", "Infinity", "[0]", '["a"]', '{"a":1}', "1e999")
] + [
    json("newline in cmd", r'{"cmd":"a\nb"}', **NO_METHOD),
    json("nul in cmd", r'{"cmd":"a\u0000"}', **NO_METHOD),
    json("c1 control in cmd", r'{"cmd":"a\u009f"}', **NO_METHOD),
    json("del in cmd", '{"cmd":"a\x7f"}', **NO_METHOD),
    json("lone surrogate in cmd", r'{"cmd":"a\ud800"}', **NO_METHOD),
    json("half a pair before a letter in cmd", r'{"cmd":"\ud83da"}', **NO_METHOD),
    json("half a pair behind 300 bytes", '{"cmd":"' + "a" * 300 + r'\ud83d"}', **NO_METHOD),
    json("256 bytes", '{"cmd":"' + "a" * 256 + '"}', **NO_METHOD),
    json("255 bytes", '{"cmd":"' + "a" * 255 + '"}', "a" * 255, "json"),
    json("255 bytes of escapes", '{"cmd":"' + r"\u0061" * 255 + '"}', "a" * 255, "json"),
]

NOT_OBJECTS = [
    json("array", '[{"cmd":"x"}]', "p", "path"),
    json("empty array", "[]", "p", "path"),
    json("array on a page", "[1]", status="none", target="/?cmd=q"),
] + [
    json(f"top level {value}", value, **BAD)
    for value in ("1", '"cmd"', "null", "true", "NaN", "-1.5e3")
]

BROKEN = [
    json(f"broken: {name}", body, **BAD)
    for name, body in {
        "white space": " \r\n",
        "cut short": '{"cmd":"f"',
        "cut in a string": '{"cmd":"f',
        "trailing data": '{"cmd":"f"} x',
        "two objects": '{"cmd":"f"}{}',
        "single quotes": "{'cmd':'f'}",
        "comment": '{"cmd":"f"/**/}',
        "trailing comma": '{"cmd":"f",}',
        "trailing comma in an array": '{"cmd":"f","a":[1,]}',
        "missing comma": '{"cmd":"f" "a":1}',
        "missing colon": '{"cmd" "f"}',
        "missing value": '{"cmd":}',
        "key without quotes": '{cmd:"f"}',
        "raw control character": '{"cmd":"f","x":"\x01"}',
        "raw newline": '{"cmd":"f","x":"a\nb"}',
        "unknown escape": r'{"cmd":"f","x":"\x"}',
        "short unicode escape": r'{"cmd":"f","x":"\u12"}',
        "bom": '\ufeff{"cmd":"f"}',
        "leading zero": '{"cmd":"f","x":01}',
        "plus sign": '{"cmd":"f","x":+1}',
        "point without digits": '{"cmd":"f","x":1.}',
        "bare word": '{"cmd":"f","x":yes}',
        "word cut short": '{"cmd":"f","x":nul}',
        "lower case nan": '{"cmd":"f","x":nan}',
        "brackets that do not match": '{"cmd":"f","x":[}]',
        "vertical tab as white space": '{"cmd":"f"}\x0b',
        "no-break space": '{"cmd":\u00a0"f"}',
    }.items()
]

TYPES = [
    json("mixed case", '{"cmd":"f"}', "f", "json", content_type="Application/JSON"),
    json("suffix", '{"cmd":"f"}', "f", "json", content_type="application/vnd.api+json"),
    json("space before the semicolon", '{"cmd":"f"}', "f", "json",
         content_type="application/json ; x=y"),
    json("text/json", '{"cmd":"f"}', "p", "path", content_type="text/json"),
    json("json-patch", '{"cmd":"f"}', "p", "path", content_type="application/json-patch"),
    json("json-seq", '{"cmd":"f"}', "p", "path", content_type="application/json-seq"),
    json("suffix of text", '{"cmd":"f"}', "p", "path", content_type="text/x+json"),
    json("in a parameter", '{"cmd":"f"}', "p", "path",
         content_type="text/plain; a=application/json"),
    *(
        json(f"{method} with a body", '{"cmd":"f"}', "f", "json", method=method)
        for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD")
    ),
]

# Frappe 16 and 17 read JSON by orjson, which knows neither NaN nor infinity, takes no half surrogate
# pairs, counts depth otherwise and makes doubles of long integers.
_BAD = ("", "", "malformed")
WITH_ORJSON = {
    "json: nan and infinity": _BAD,
    "json: lone surrogate elsewhere": _BAD,
    "json: half a pair before a letter elsewhere": _BAD,
    "json: half a pair before a letter in a key": _BAD,
    "json: half a pair before another escape": _BAD,
    "json: second half elsewhere": _BAD,
    "json: long number": _BAD,
    "json value: no text: NaN": _BAD,
    "json value: no text: Infinity": _BAD,
    "json value: no text: 1e999": _BAD,
    "json value: lone surrogate in cmd": _BAD,
    "json value: half a pair before a letter in cmd": _BAD,
    "json value: half a pair behind 300 bytes": _BAD,
    "json: nested 5000 deep": _BAD,
    "json: objects nested 9000 deep": _BAD,
}
