"""The least a WSGI application can do, with a body of a status page's size."""

BODY = b"x" * 20_000


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(BODY)))])
    return [BODY]
