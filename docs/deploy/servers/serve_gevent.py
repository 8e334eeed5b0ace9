# python serve_gevent.py
#
# First the standard library is made to give way: a stream that waits would hold everybody up.
from gevent import monkey

monkey.patch_all()

from gevent.pywsgi import WSGIServer  # noqa: E402
from media import app  # noqa: E402

WSGIServer(("127.0.0.1", 8000), app).serve_forever()
