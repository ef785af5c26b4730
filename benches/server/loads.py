"""The requests that are sent, and what the module may cost them."""

from dataclasses import dataclass

CMD = "frappe.desk.query_report.run"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Load:
    """One kind of request, sent again and again."""

    name: str
    # The most that the module may cost: its CPU time per request, divided by that of the floor.
    goal: float
    body: bytes = b""
    content_type: str = ""
    # The location in nginx's configuration, which sets the same for the floor and the module.
    path: str = "/"
    # Whether the module is to find the cmd.
    finds: bool = True
    # Whether the module is also asked for `$frappe_doctype`.
    doctype: bool = False
    # Connections of the client.
    connections: int = 32
    # Each request has its own connection, since nginx closes it after a body that it has streamed.
    close: bool = False
    # A round takes so many times as long; otherwise it would have too few requests.
    longer: int = 1

    @property
    def method(self):
        """POST with a body."""
        return "POST" if self.body else "GET"


def form(size, *, first=False):
    """A form of `size` bytes, with which the desk saves a document: one long value, and the cmd."""
    cmd = f"cmd={CMD}"
    item = "%7B%22item_code%22%3A%22ITEM-0001%22%2C%22qty%22%3A1%7D%2C"
    doc = f"action=Save&doc={item * (size // len(item) + 1)}"[: size - len(cmd) - 1]
    return (f"{cmd}&{doc}" if first else f"{doc}&{cmd}").encode()


def form_document(size):
    """A form of `size` bytes with which the desk saves a document, whose doctype usually comes first."""
    head = "action=Save&doc=%7B%22doctype%22%3A%22Sales+Invoice%22%2C%22items%22%3A%5B"
    item = "%7B%22item_code%22%3A%22ITEM-0001%22%2C%22qty%22%3A1%7D%2C"
    tail = f"%7B%7D%5D%7D&cmd={CMD}"
    return (head + item * ((size - len(head) - len(tail)) // len(item)) + tail).encode()


def json_text(size):
    """A document with one long text, as python-requests sends it (t/corpus/cap-197-*)."""
    head = '{"doc": {"doctype": "ToDo", "description": "<p>'
    text = "lorem & ipsum = 100% + \\u0930\\u093e\\u092e \\u201cq\\u201d cmd=evil "
    tail = f'</p>"}}, "cmd": "{CMD}"}}'
    return (head + text * ((size - len(head) - len(tail)) // len(text)) + tail).encode()


def json_rows(size):
    """A document of rows with short values."""
    tail = f'],"cmd":"{CMD}"}}'
    item = '{"idx":1,"item_code":"ITEM-0001","qty":2.5,"rate":100,"note":null,"uom":"Nos"},'
    head = '{"doctype":"Sales Invoice","items":['
    items = item * ((size - len(head) - len(tail)) // len(item))
    return f"{head}{items.rstrip(',')}{tail}".encode()


def multipart(size):
    """A file of `size` bytes, and behind it the cmd."""
    part = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    head = f'{part}"file"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'
    state, data = 1, bytearray()
    for _ in range(4096):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        data += (state >> 32).to_bytes(4, "little")
    data = bytes(data) * (size // len(data))
    return b"".join([head.encode(), data, f'\r\n{part}"cmd"\r\n\r\n{CMD}\r\n'.encode(),
                     f"--{BOUNDARY}--\r\n".encode()])


LOADS = [
    Load("GET", 1.00, finds=False),
    Load("POST, frappe_cmd off", 1.00, form(282), FORM, path="/off", finds=False),
    Load("form 282 B", 1.02, form(282, first=True), FORM),
    Load("form 4 KB, cmd last", 1.04, form(4000), FORM),
    Load("form 64 KB, cmd last, spilled", 1.05, form(64000), FORM),
    Load("form 64 KB, cmd last, in memory", 1.12, form(64000), FORM, path="/16m"),
    Load("form 64 KB, its document's doctype asked for, spilled", 1.3, form_document(64000), FORM, doctype=True),
    Load("form 64 KB, its document's doctype asked for, in memory", 2.2, form_document(64000), FORM, path="/16m",
         doctype=True),
    Load("JSON 64 KB, a text, cmd last, spilled", 1.15, json_text(64000), JSON),
    Load("JSON 64 KB, a text, cmd last, in memory", 1.5, json_text(64000), JSON, path="/16m"),
    Load("JSON 64 KB, rows, cmd last, spilled", 1.15, json_rows(64000), JSON),
    Load("JSON 64 KB, rows, cmd last, in memory", 1.9, json_rows(64000), JSON, path="/16m"),
    Load("multipart 256 KB, spilled", 1.05, multipart(256 << 10), MULTIPART),
    Load("multipart 256 KB, in memory", 1.15, multipart(256 << 10), MULTIPART, path="/16m"),
    Load("multipart 8 MB, in memory", 1.05, multipart(8 << 20), MULTIPART, path="/16m",
         connections=4, longer=4),
    Load("multipart 8 MB, preread", 1.01, multipart(8 << 20), MULTIPART, path="/preread",
         finds=False, connections=4, close=True, longer=4),
]
