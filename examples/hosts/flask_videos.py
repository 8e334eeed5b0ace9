# Flask. Put videos into ./media, then: python examples/hosts/flask_videos.py 127.0.0.1:8080
import sys

from flask import Flask

import wsgistream as ws

app = Flask(__name__)


@app.get("/trailer")
def trailer():
    return ws.FileResponse("media/clip.mp4", download=True)


@app.get("/numbers")
def numbers():
    return ws.StreamingResponse(b"%d\n" % n for n in range(1000))


views = ws.RangeMiddleware(app.wsgi_app)  # ranges for what Flask answers by itself
app.wsgi_app = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/media", outside=views)
if __name__ == "__main__":
    ws.serve(app, listen=sys.argv[1])
