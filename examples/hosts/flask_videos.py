# Flask. Put videos into ./media, then: python examples/hosts/flask_videos.py
from flask import Flask

import wsgistream as ws

app = Flask(__name__)


@app.get("/trailer")
def trailer():
    return ws.FileResponse("media/clip.mp4", download=True)


@app.get("/numbers")
def numbers():
    return ws.StreamingResponse(b"%d\n" % n for n in range(1000))


views = app.wsgi_app
site = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/media", outside=views)
app.wsgi_app = ws.HeadersMiddleware(site, cors=True)
ws.serve(app, listen="127.0.0.1:8080")
