"""22: a wrong configuration of the figures is refused with a message that says what to write."""

import os

import pytest

ZONE = "frappe_status_zone calls 1m;"
PAGE = "location /status { frappe_status; }"


def http(zones="", location=PAGE):
    """A configuration with these zones and this location."""
    return f"{zones} server {{ @{{listen main}} frappe_cmd on; {location} }}"


SIZES = 'it must be 64k to 1024m; 1m has room for 1,000 calls'
NAMES = 'it must have 1 to 64 letters, digits or "_", "-", "."'

WRONG = [
    (http("frappe_status_zone;"), 'invalid number of arguments in "frappe_status_zone" directive'),
    (http("frappe_status_zone calls;"), "invalid number of arguments"),
    (http("frappe_status_zone calls:1m;"), "invalid number of arguments"),
    (http("frappe_status_zone calls 1m key=$host state=/tmp/x more;"),
     "invalid number of arguments"),
    (http("frappe_status_zone calls 63k;"), f'invalid size "63k", {SIZES}'),
    (http("frappe_status_zone calls 0;"), f'invalid size "0", {SIZES}'),
    (http("frappe_status_zone calls 2g;"), f'invalid size "2g", {SIZES}'),
    (http("frappe_status_zone calls 1025m;"), f'invalid size "1025m", {SIZES}'),
    (http("frappe_status_zone calls much;"), f'invalid size "much", {SIZES}'),
    (http('frappe_status_zone "" 1m;'), f'invalid name "", {NAMES}'),
    (http("frappe_status_zone a/b 1m;"), f'invalid name "a/b", {NAMES}'),
    (http("frappe_status_zone calls 1m top=5;"),
     'invalid parameter "top=5", it must be "key=VALUE" or "state=FILE", each once'),
    (http("frappe_status_zone calls 1m key=;"), 'invalid parameter "key=", it must'),
    (http("frappe_status_zone calls 1m state=;"), 'invalid parameter "state=", it must'),
    (http("frappe_status_zone calls 1m key=$host key=$uri;"), 'invalid parameter "key=$uri", it must be "key=VALUE" or "state=FILE", each once'),
    (http("frappe_status_zone calls 1m key=all;"),
     '"key=all" has no variable, it must have one as in "key=$host $frappe_call'),
    (http("frappe_status_zone calls 1m key=$nobody;"), 'unknown "nobody" variable'),
    (http('frappe_status_zone calls 1m "key=$host$nobody";'), 'unknown "nobody" variable'),
    (http(f"{ZONE} frappe_status_zone calls 2m;"), 'zone "calls" was already declared in '),
    (http(f"{ZONE} frappe_status_zone calls 1m key=$host;"),
     'zone "calls" was already declared in '),
    (http("frappe_status_zone calls 1m state=/nowhere/at/all/calls;"),
     '"state=/nowhere/at/all/calls": there is no directory "/nowhere/at/all", which "install -d -o '),
    (http("frappe_status_zone calls 1m state=@{prefix};"), 'must be a file in a directory'),
    (http(), '"frappe_status" needs a zone, as "frappe_status_zone calls 1m;" in the http block'),
    (http(ZONE, "location / { frappe_status others; }"),
     'unknown zone "others" in "frappe_status" directive, it must be calls'),
    (http(f"{ZONE} frappe_status_zone sites 1m key=$host;"),
     '"frappe_status" must name one of the zones calls, sites'),
    (http(f"{ZONE} frappe_status_zone sites 1m;", "location / { frappe_status all; }"),
     'unknown zone "all" in "frappe_status" directive, it must be calls, sites'),
    (http(ZONE, "location / { frappe_status calls calls; }"), "invalid number of arguments"),
    (http(ZONE, "location / { frappe_status; frappe_status; }"),
     '"frappe_status" directive is duplicate'),
    (http(ZONE, "frappe_status calls;"), '"frappe_status" directive is not allowed here'),
    (http("", f"{ZONE} location / {{ }}"), '"frappe_status_zone" directive is not allowed here'),
    (http("limit_req_zone $uri zone=calls:1m rate=1r/s; " + ZONE),
     'the shared memory zone "calls" is already declared for a different use'),
]


@pytest.mark.parametrize("text, message", WRONG)
def test_22_01_refused(serve_once, text, message):
    """`nginx -t` refuses the configuration, with the file and the line."""
    good, said = serve_once(text, start=False).test()
    assert not good
    assert message in said
    if "frappe" in said:
        assert "nginx.conf:" in said


def test_22_02_a_directory_that_the_workers_may_not_write(serve_once, tmp_path):
    """`nginx -t`, which root runs, refuses a directory that the workers' user may not write to."""
    if os.geteuid() != 0:
        pytest.skip("only root has workers of another user")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o755)
    zone = f"frappe_status_zone calls 1m state={closed}/calls;"
    nginx = serve_once(http(zone), start=False)
    conf = nginx.prefix / "nginx.conf"
    conf.write_text(conf.read_text().replace("user root;", "user nobody nogroup;"))
    good, said = nginx.test()
    assert not good
    assert f'the workers\' user (uid 65534) may not make files in "{closed}"' in said
    os.chown(closed, 65534, 65534)
    assert nginx.test()[0]


@pytest.mark.parametrize("text", [
    http(ZONE),
    http(ZONE, "location / { frappe_status calls; }"),
    http("frappe_status_zone calls 64k;"),
    http('frappe_status_zone a.b-c_9 1m "key=$host $frappe_call" state=calls;', "location / { frappe_status; }"),
    http("frappe_status_zone calls 1m key=${host};"),
    # The zone may stand behind the location that shows it.
    "server { @{listen main} " + PAGE + " } " + ZONE,
    # A zone that no location uses.
    ZONE,
])
def test_22_03_taken(serve_once, text):
    """`nginx -t` accepts what the documentation allows."""
    nginx = serve_once(text, start=False)
    good, said = nginx.test()
    assert good, said
