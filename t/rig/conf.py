"""The frame around each test's nginx configuration."""

import os
import re

# Every variable of the module as the log phase sees it, one JSON object a line.
# `$request_body_file` tells whether a body was spilled to disk.
LOG_FORMAT = """
    log_format rig escape=json '{"id":"$http_x_rig_id","status":$status,"method":"$request_method",'
        '"uri":"$request_uri","cmd":"$frappe_cmd","source":"$frappe_cmd_source",'
        '"cmd_status":"$frappe_cmd_status","doctype":"$frappe_doctype",'
        '"call":"$frappe_call",'
        '"report":"$frappe_arg_report_name","body_file":"$request_body_file",'
        '"upstream":"$upstream_addr"}';
    access_log @{prefix}/access.log rig;
"""

# Directives for a location, by which both sides of the proxy show what the module has found.
SHOW = """
    proxy_set_header X-Frappe-CMD $frappe_cmd;
    proxy_set_header X-Cmd-Source $frappe_cmd_source;
    proxy_set_header X-Cmd-Status $frappe_cmd_status;
    add_header X-Cmd $frappe_cmd always;
    add_header X-Cmd-Source $frappe_cmd_source always;
    add_header X-Cmd-Status $frappe_cmd_status always;
"""

# The server for most requests: it sends everything to one pool.
PROXY = """
    server {
        @{listen_all}
        client_max_body_size 0;
        frappe_cmd on;
        frappe_version 15;
        location / { @{show} proxy_pass http://primary; }
    }
"""

# A port for each of ALL_TRANSPORTS.
LISTEN_ALL = """
    @{listen main} @{listen_h2 h2} listen 127.0.0.1:@{port tls} ssl; @{listen_h3 h3} @{certificate}
"""

STUB_STATUS = "location = /stub { access_log off; stub_status; }"

FRAME = """
@{load_module}
@{user}
daemon off;
worker_processes 1;
pid @{prefix}/nginx.pid;
error_log @{prefix}/error.log info;
@{main}

events {
    worker_connections @{connections};
}

http {
    @{temp_paths}
    @{log}
    @{upstreams}
@{http}
}
"""

# Debian's nginx has paths compiled in that only its own service may write to.
TEMP_PATHS = {
    "client_body": None,
    "proxy": "http_proxy_module",
    "fastcgi": "http_fastcgi_module",
    "uwsgi": "http_uwsgi_module",
    "scgi": "http_scgi_module",
}


def temp_paths(env):
    """Directives that keep all temporary files inside the prefix."""
    return "\n    ".join(
        f"{name}_temp_path @{{prefix}}/temp/{name};"
        for name, module in TEMP_PATHS.items()
        if module is None or not env.lacks(module)
    )


def upstream_blocks(upstreams):
    """An `upstream` block for each pool, with the pool's name."""
    return "\n    ".join(
        f"upstream {name} {{ server {address}; keepalive 8; }}"
        for name, address in upstreams.items()
    )


def fill(text, values):
    """Replaces `@{name}`; nginx's own syntax uses neither `@{` nor these names."""
    def value(match):
        return str(values(match.group(1)) if callable(values) else values[match.group(1)])

    while re.search(r"@\{[\w ]+\}", text):
        text = re.sub(r"@\{([\w ]+)\}", value, text)
    return text


class Renderer:
    """Renders one configuration. `@{listen NAME}`, `@{listen_h2 NAME}`, `@{listen_tls NAME}` and
    `@{listen_h3 NAME}` take free ports; the last two need a `@{certificate}`. `@{listen_all}` stands for
    all of these. If nginx has no HTTP/3, `@{listen_h3 NAME}` is empty."""

    def __init__(self, env, prefix, upstreams, free_port, *, module, log, values):
        self.env = env
        self.ports = {}
        self.free_port = free_port
        self.values = {
            "prefix": prefix,
            "load_module": f"load_module {env.module};" if module else "",
            # Without this, root's nginx would run its workers as `nobody`, who may not enter a prefix
            # below /root or /tmp.
            "user": "user root;" if os.geteuid() == 0 else "",
            "temp_paths": temp_paths(env),
            "connections": 256,
            "log": log,
            "upstreams": upstream_blocks(upstreams),
            "show": SHOW,
            "listen_all": LISTEN_ALL,
            "stub_status": STUB_STATUS if env.has("http_stub_status_module") else "",
            **values,
        }

    def render(self, http, main=""):
        """The whole nginx.conf."""
        self.values |= {"http": http, "main": main}
        return fill(FRAME, self._value)

    def _value(self, name):
        word, _, argument = name.partition(" ")
        if word == "listen":
            return f"listen 127.0.0.1:{self._port(argument)};"
        if word == "listen_h2":
            return self._listen_h2(self._port(argument))
        if word == "listen_tls":
            return self._listen_h2(self._port(argument), " ssl")
        if word == "listen_h3":
            port = self._port(argument)
            return f"listen 127.0.0.1:{port} quic;" if self.env.has_http3 else ""
        if word == "certificate":
            return "ssl_certificate {}; ssl_certificate_key {};".format(*self.env.certificate)
        if word == "port":
            return self._port(argument)
        return self.values[name]

    def _listen_h2(self, port, more=""):
        if self.env.version >= (1, 25, 1):
            return f"listen 127.0.0.1:{port}{more}; http2 on;"
        return f"listen 127.0.0.1:{port}{more} http2;"

    def _port(self, name):
        if name not in self.ports:
            # The system may give the same free port twice; two listeners would then share it.
            ports = iter(self.free_port, None)
            self.ports[name] = next(port for port in ports if port not in self.ports.values())
        return self.ports[name]
