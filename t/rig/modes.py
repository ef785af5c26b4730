"""One server for each mode of `frappe_body`, with the same locations in each."""

from .client import FORM, exchange, of_type

# In `streamed`, nginx also passes a body on while it arrives.
MODES = {
    "whole": "frappe_cmd on; frappe_body whole;",
    "preread": "frappe_cmd on; frappe_body preread;",
    "streamed": "frappe_cmd on; frappe_body preread; proxy_request_buffering off;"
                " proxy_http_version 1.1;",
}
VIA = ("length", "chunked", "h2")
# The cmd stands within the first bytes, so that each mode finds it.
SMALL = b"cmd=f&a=1"
LARGE = b"cmd=f&a=" + b"x" * 200_000
FOUND = ("f", "form", "ok")


def servers(locations, modes=MODES):
    """A server for each mode; its ports are called `MODE` and `MODE_h2`."""
    return "".join(
        f"""
        server {{
            @{{listen {mode}}}
            @{{listen_h2 {mode}_h2}}
            client_max_body_size 0;
            client_body_buffer_size 16k;
            root @{{prefix}}/root;
            {directives}
            {locations}
        }}
        """
        for mode, directives in modes.items()
    )


def send(nginx, mode, target, body, *, method="POST", headers=(), content_type=FORM, via="length",
         **options):
    """Sends one request to the server of a mode."""
    port = f"{mode}_h2" if via == "h2" else mode
    headers = [*headers, *of_type(content_type)] if content_type else headers
    return exchange(nginx, method, target, headers, body, via=via, port=port, **options)
