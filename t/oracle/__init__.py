"""What Frappe makes of a request, by the real werkzeug of each of its versions, and the programs that
compare the module with it.

families   which versions there are, and which packages each runs on
install    installs werkzeug and gunicorn of a family in a directory of their own
frappe     the Frappe-like application: arguments, dispatch, routes
worker     answers raw requests, without sockets: gunicorn's parser, then the application
serve      the same application behind the real gunicorn
peers      both sides as processes that answer requests: the oracle, and the core's frappe-cmd
generate   makes requests that are hostile on purpose
shrink     makes a request that shows a difference as small as can be
fuzz       the command that compares both sides
"""
