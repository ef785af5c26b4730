"""The servers that are compared, each with one worker in front of the same upstream."""

import shutil
import socket
import subprocess
from pathlib import Path

from rig import process
from rig.env import Env
from rig.nginx import Nginx, free_port
from rig.waiting import until

from .loads import CMD

POOLS = ("primary", "reports")
# The contestants that have goals.
MODULE, DOCTYPE = "module", "module, asked for the doctype"

# An nginx as upstream. It answers when it has the whole body, as gunicorn's applications do: an earlier
# answer would make the proxy stop sending, and discard the rest. `mirror` makes it read the body, and
# `client_body_buffer_size` keeps the body out of files.
UPSTREAM = """
    keepalive_requests 100000000;
    client_max_body_size 0;
    client_body_buffer_size 16m;
""" + "".join(f"""
    server {{
        @{{listen {pool}}}
        location / {{
            mirror /read;
            rewrite ^ /none break;
            log_not_found off;
            error_page 404 = @answer;
        }}
        location = /read {{ internal; return 204; }}
        location @answer {{ return 200 "{pool}\\n"; }}
    }}
""" for pool in POOLS)

# The configuration of every nginx; only the variable for the cmd differs. A look-up in a map costs nginx
# 650 instructions if it finds the value. So that a floor does the same, it takes the cmd from a header,
# in which the client sends it again.
PROXY = """
    @{cmd_on}
    keepalive_requests 100000000;
    map $@{cmd} $pool { default primary; """ + CMD + """ reports; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    @{asks}
    client_max_body_size 0;
    server {
        @{listen main}
        location / { @{read} proxy_pass http://$pool; }
        location /off { @{off} proxy_pass http://$pool; }
        location /16m { @{read} client_body_buffer_size 16m; proxy_pass http://$pool; }
        location /preread {
            @{preread}
            proxy_request_buffering off;
            proxy_pass http://$pool;
        }
    }
"""

# Connections are kept, since new ones would take most of the time.
POOL = """
    upstream {name} {{
        server 127.0.0.1:{port};
        keepalive 64;
        keepalive_requests 100000000;
    }}
"""

LUA = """
            rewrite_by_lua_block {
                ngx.req.read_body()
                local args = ngx.req.get_post_args(0)
                ngx.var.lua_cmd = args and args.cmd or ""
            }
"""

HAPROXY = """
global
    nbthread 1
    tune.bufsize @{bufsize}
    maxconn 4000
defaults
    mode http
    timeout client 30s
    timeout server 30s
    timeout connect 5s
    http-reuse always
frontend main
    bind 127.0.0.1:@{port}
    @{rules}
    default_backend primary
backend primary
    server s 127.0.0.1:@{primary}
backend reports
    server s 127.0.0.1:@{reports}
"""

LUA_MODULES = Path("/usr/lib/nginx/modules")


class Contestant:
    """A running server."""

    def __init__(self, name, version, port, pid, stop, floor=None, renew=None):
        self.name = name
        self.version = version
        self.port = port
        self.pid = pid
        self.stop = stop
        # The server that it is compared with; None for a floor.
        self.floor = floor
        self._renew = renew

    def renew(self):
        """Restarts the server, if it can be: the place of a process's memory makes some percent."""
        if self._renew:
            self.port, self.pid = self._renew()

    def memory(self, field="VmRSS"):
        """The worker's memory in KiB."""
        return process.memory_kib(self.pid, field)


def upstream(env, directory):
    """Starts the upstream nginx."""
    return Nginx(env, directory / "upstream", UPSTREAM, module=False, log="access_log off;").start()


def nginx(name, env, directory, behind, *, floor=None, **values):
    """An nginx as contestant."""
    pools = "".join(POOL.format(name=pool, port=behind.port(pool)) for pool in POOLS)
    own = {"cmd": "http_x_cmd", "cmd_on": "", "asks": "", "read": "", "off": "", "preread": "",
           "upstreams": pools, **values}
    prefix = directory / name.replace(" ", "-")
    copies = Copies(env, prefix)
    server = Nginx(copies, prefix / "nginx", PROXY, module="module" in name,
                   log="access_log off;", values=own).start()
    version = "nginx/" + ".".join(map(str, env.version))

    def renew():
        server.stop()
        copies.renew()
        server.start()
        return server.port(), server.worker()

    return Contestant(name, version, server.port(), server.worker(), server.stop, floor, renew)


def module(env, directory, behind):
    """The floor, and the same nginx with the module: once with `$frappe_cmd` only, once with the doctype, too."""
    floor = nginx("floor", env, directory, behind)
    yield floor
    own = {"cmd": "frappe_cmd", "cmd_on": "frappe_cmd on;", "off": "frappe_cmd off;",
           "preread": "frappe_body preread;"}
    yield nginx(MODULE, env, directory, behind, floor=floor, **own)
    yield nginx(DOCTYPE, env, directory, behind, floor=floor, **own,
                asks="proxy_set_header X-Doctype $frappe_doctype;")


def peers(directory, behind):
    """Lua in Debian's nginx, and HAProxy, where they are installed; each after a floor of its own."""
    binary = Path("/usr/sbin/nginx")
    modules = [LUA_MODULES / f"{name}_module.so" for name in ("ndk_http", "ngx_http_lua")]
    if binary.exists() and all(path.exists() for path in modules):
        debian = DebianNginx()
        load = " ".join(f"load_module {path};" for path in modules)
        floor = nginx("Debian's nginx", debian, directory, behind)
        yield floor
        lua = 'set $lua_cmd ""; ' + LUA
        yield nginx("lua", debian, directory, behind, floor=floor, cmd="lua_cmd", read=lua,
                    preread='set $lua_cmd "";', off='set $lua_cmd "";', load_module=load)
    if shutil.which("haproxy"):
        floor = haproxy("HAProxy", directory, behind, "")
        yield floor
        yield haproxy("HAProxy, body_param", directory, behind,
                      "option http-buffer-request\n    use_backend reports if "
                      f"{{ req.body_param(cmd) -m str {CMD} }}", floor)


def haproxy(name, directory, behind, rules, floor=None):
    """An HAProxy as contestant."""
    port = free_port()
    text = HAPROXY
    values = {"bufsize": 131072, "port": port, "rules": rules, "primary": behind.port("primary"),
              "reports": behind.port("reports")}
    for key, value in values.items():
        text = text.replace(f"@{{{key}}}", str(value))
    conf = directory / f"{name.replace(' ', '-')}.cfg"
    conf.write_text(text)
    child = process.spawn(["haproxy", "-db", "-f", conf], conf.with_suffix(".log"))
    until(lambda: child.poll() is not None or accepts(port), f"{name} to listen")
    if child.poll() is not None:
        raise RuntimeError(conf.with_suffix(".log").read_text())
    version = subprocess.run(["haproxy", "-v"], capture_output=True, text=True, check=True).stdout
    return Contestant(name, "HAProxy " + version.split()[2], port, child.pid,
                      lambda: process.stop(child), floor)


def accepts(port):
    """Whether a server listens on the port."""
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Copies(Env):
    """An nginx and its module in copies of their files, which can be made anew: the place of their pages
    in the machine's memory makes some percent of a short request."""

    def __init__(self, env, directory):
        super().__init__()
        directory.mkdir(parents=True)
        self._originals = env.nginx, env.module
        self.nginx, self.module = (directory / f"{path.name}.copy" for path in self._originals)
        self.renew()

    def renew(self):
        """Copies the files again, to get other pages of memory."""
        for original, copy in zip(self._originals, (self.nginx, self.module)):
            copy.unlink(missing_ok=True)
            shutil.copy(original, copy)


class DebianNginx(Env):
    """Debian's own nginx in place of the one under test."""

    def __init__(self):
        super().__init__()
        self.nginx = Path("/usr/sbin/nginx")
