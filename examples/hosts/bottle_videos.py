# Bottle. Put videos into ./media, then: python examples/hosts/bottle_videos.py
from bottle import Bottle, HTTPResponse, request

import wsgistream as ws

app = Bottle()


def answer(response):
    reply = ws.reply_to(request.environ, response)
    return HTTPResponse(reply.body, reply.status, reply.headers)


@app.get("/trailer")
def trailer():
    return answer(ws.FileResponse("media/clip.mp4", download=True))


@app.get("/numbers")
def numbers():
    return answer(ws.StreamingResponse(b"%d\n" % n for n in range(1000)))


app = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/media", outside=app)
ws.serve(ws.HeadersMiddleware(app, cors=True), listen="127.0.0.1:8080")
