"""14: modules and directives that want a body in a file, or in one piece, get it so."""

import pytest

from rig.client import FORM, JSON, MULTIPART, multipart, sha256
from rig.modes import FOUND, LARGE, MODES, SMALL, VIA, send, servers
from rig.waiting import until

DAV = servers("""
    dav_methods PUT DELETE MKCOL;
    create_full_put_path on;
    location / { }
    location /open/ { dav_access group:rw all:r; }
    location /api/ { @{show} proxy_pass http://primary; }
    location /try/ { try_files $uri @web; }
    location @web { @{show} proxy_pass http://primary; }
    location /no-put/ { dav_methods DELETE; error_page 405 = @web; }
    location /rewritten/ { rewrite ^/rewritten(/.*)$ $1 last; }
    location /to-api/ { rewrite ^ /api/x last; }
""")

FILES = servers("""
    location /kept { client_body_in_file_only on; @{show} proxy_pass http://primary; }
    location /clean { client_body_in_file_only clean; @{show} proxy_pass http://primary; }
    location /single {
        client_body_in_single_buffer on;
        client_body_buffer_size 1m;
        @{show}
        proxy_request_buffering on;
        proxy_set_body $request_body;
        proxy_pass http://primary;
    }
    location /small-buffer { client_body_buffer_size 100; @{show} proxy_pass http://primary; }
""")

pytestmark = [
    pytest.mark.parametrize("via", VIA),
    pytest.mark.parametrize("mode", MODES),
]
BODIES = pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
UNREAD = ("", "", "unread")


@pytest.fixture(scope="module")
def dav(serve, env):
    if not env.has("http_dav_module"):
        pytest.skip("this nginx has no dav")
    nginx = serve(DAV)
    (nginx.prefix / "root").mkdir()
    return nginx


@pytest.fixture(scope="module")
def nginx(serve):
    return serve(FILES)


@BODIES
def test_14_31_dav(dav, mode, body, via):
    """dav stores a form, JSON and a multipart body as files: as new ones, in place of old ones, and in folders
    that it makes."""
    place = f"/new-{via}-{mode}-{len(body)}"
    for content_type in (FORM, JSON, MULTIPART, "text/plain"):
        for status in (201, 204):
            name = f"{place}/{content_type[:19]}/a"
            done = send(dav, mode, name, body, method="PUT", content_type=content_type, via=via)
            assert done.response.status == status
            assert (dav.prefix / "root" / name.strip("/")).read_bytes() == body
            # Frappe does not see the request, so nothing runs.
            assert done.found == (UNREAD if content_type != "text/plain" else ("", "", "none"))


    done = send(dav, mode, f"/rewritten{place}/b", body, method="PUT", via=via)
    assert done.response.status == 201
    assert (dav.prefix / "root" / place.strip("/") / "b").read_bytes() == body


@BODIES
def test_14_32_dav_access(dav, mode, body, via):
    """The file has the access rights of `dav_access`."""
    name = f"/open/{via}-{mode}-{len(body)}"
    assert send(dav, mode, name, body, method="PUT", via=via).response.status == 201
    assert (dav.prefix / "root" / name.strip("/")).stat().st_mode & 0o777 == 0o664


def test_14_33_dav_without_bytes(dav, mode, via):
    """dav answers 409 to a PUT whose path ends in a slash, and to one whose path is that of a folder."""
    statuses = [send(dav, mode, f"/empty-{via}-{mode}/", body, method="PUT", via=via)
                .response.status for body in (SMALL, LARGE)]
    assert statuses == [409, 409]
    folder = f"/folder-{via}-{mode}"
    assert send(dav, mode, folder + "/", None, method="MKCOL", content_type=None,
                via=via).response.status == 201
    assert send(dav, mode, folder, SMALL, method="PUT", via=via).response.status == 409


@BODIES
@pytest.mark.parametrize("target", ["/api/resource/Note/1", "/try/api", "/to-api/"])
def test_14_34_beside_dav(dav, target, mode, body, via):
    """The module looks at the body of a PUT that goes to Frappe, although `dav_methods` holds there."""
    done = send(dav, mode, target, body, method="PUT", via=via)
    assert (done.response.status, done.answer["sha256"]) == (200, sha256(body))
    assert done.passed == done.found == FOUND


@BODIES
def test_14_35_other_methods(dav, mode, body, via):
    """The module looks at bodies that dav does not store."""
    assert send(dav, mode, "/x", body, via=via).found == FOUND
    done = send(dav, mode, "/no-put/x", body, method="PUT", via=via)
    assert done.found == FOUND


@BODIES
@pytest.mark.parametrize("target", ["/kept", "/clean"])
def test_14_36_in_file_only(nginx, target, mode, body, via):
    """With `client_body_in_file_only` nginx writes the file, and keeps or removes it as configured."""
    folder = nginx.prefix / "temp" / "client_body"
    before = set(folder.iterdir())
    done = send(nginx, mode, target, body, via=via)
    assert done.answer["sha256"] == sha256(body)
    assert done.passed == done.found == FOUND
    file = done.logged["body_file"]
    if mode == "streamed" and not file:
        return  # nginx writes no file of what it streams
    assert file
    if target == "/kept":
        (path,) = set(folder.iterdir()) - before
        assert (str(path), path.read_bytes()) == (file, body)
    else:
        # nginx removes the file after it has written the log.
        until(lambda: set(folder.iterdir()) <= before, "the file to go")


def test_14_37_single_buffer(nginx, mode, via):
    """`client_body_in_single_buffer`, so that `$request_body` is all of it."""
    for body in (SMALL, LARGE):
        done = send(nginx, mode, "/single", body, via=via)
        assert done.answer["sha256"] == sha256(body)
        assert done.passed == done.found == FOUND
    body = multipart(("cmd", "f"), ("file", b"\0" * 50_000, "a"))
    done = send(nginx, mode, "/single", body, content_type=MULTIPART, via=via)
    assert (done.answer["sha256"], done.found[0]) == (sha256(body), "f")


@BODIES
def test_14_38_small_buffer(nginx, mode, body, via):
    """A body arrives through a buffer of 100 bytes."""
    done = send(nginx, mode, "/small-buffer", body, via=via, size=70 if body == SMALL else None)
    assert done.answer["sha256"] == sha256(body)
    assert done.passed == done.found == FOUND
