# python serve_cheroot.py
from cheroot.wsgi import Server
from media import app

server = Server(("127.0.0.1", 8000), app, numthreads=8)
try:
    server.start()
except KeyboardInterrupt:
    server.stop()
