# uvicorn media_asgi:app --host 127.0.0.1 --port 8000
# hypercorn media_asgi:app --bind 127.0.0.1:8000
# daphne -b 127.0.0.1 -p 8000 media_asgi:app
from media import app as media

from wsgistream.asgi import ASGIBridge

app = ASGIBridge(media)
