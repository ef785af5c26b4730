"""What Frappe makes of a request, by the real werkzeug of each of its versions, and the means to
compare the module with it.

families   which versions there are, and what each runs on
install    puts werkzeug and gunicorn of a family into a directory of their own
frappe     the Frappe-like application: arguments, dispatch, routes
worker     answers raw requests, without sockets: gunicorn's parser, then the application
serve      the same application behind the real gunicorn
peers      both sides as processes that answer requests: the oracle, and the core's frappe-cmd
generate   makes requests that are nasty on purpose
shrink     makes a request that shows a difference as small as can be
fuzz       the command that compares both sides
"""
