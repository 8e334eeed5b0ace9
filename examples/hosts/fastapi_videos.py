# FastAPI, or Starlette. Put videos into ./media, then:
# uvicorn --app-dir examples/hosts fastapi_videos:app --port 8080
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from fastapi import FastAPI

import wsgistream as ws
from wsgistream.asgi import ASGIBridge

app = FastAPI()
bridge = partial(ASGIBridge, threads=ThreadPoolExecutor(10))


def numbers(environ, start_response):
    return ws.StreamingResponse(b"%d\n" % n for n in range(1000))(environ, start_response)


app.mount("/media", bridge(ws.DirectoryApp("media")))
app.add_route("/trailer", bridge(ws.FileResponse("media/clip.mp4", download=True)))
app.add_route("/numbers", bridge(numbers))
