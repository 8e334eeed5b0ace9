# python serve_wsgiref.py
#
# For development: it speaks HTTP/1.0. A thread for each request, so that a stream holds nobody up.
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from media import app


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


make_server("127.0.0.1", 8000, app, Server).serve_forever()
