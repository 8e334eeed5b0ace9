# FastAPI, or Starlette. Put videos into ./media, then:
# uvicorn --app-dir examples/hosts fastapi_videos:app --port 8080
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI

import wsgistream as ws
from wsgistream.asgi import ASGIBridge

app, threads = FastAPI(), ThreadPoolExecutor(10)


def bridge(answer):  # of ASGI to WSGI, with its middleware
    return ASGIBridge(ws.HeadersMiddleware(answer, cors=True), threads=threads)


def trailer(request):
    return bridge(ws.FileResponse("media/clip.mp4", download=True))


app.mount("/media", bridge(ws.DirectoryApp("media")))
app.add_route("/trailer", trailer)
app.add_route("/numbers", lambda _: bridge(ws.StreamingResponse(b"%d\n" % n for n in range(1000))))
