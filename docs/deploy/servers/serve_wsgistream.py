# python serve_wsgistream.py
from media import app

from wsgistream import serve

serve(app, listen="127.0.0.1:8000", threads=8)
