# python serve_waitress.py
from media import app
from waitress import serve

serve(app, listen="127.0.0.1:8000", threads=8)
