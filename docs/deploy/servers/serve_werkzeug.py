# python serve_werkzeug.py
#
# For development. HTTP/1.1, so that who reads a stream can see that it was cut.
from media import app
from werkzeug.serving import WSGIRequestHandler, run_simple

WSGIRequestHandler.protocol_version = "HTTP/1.1"
run_simple("127.0.0.1", 8000, app, threaded=True)
