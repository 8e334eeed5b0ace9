# Falcon. Put videos into ./media, then: python examples/hosts/falcon_videos.py
import falcon

import wsgistream as ws


class View:
    def __init__(self, make):
        self.make = make

    def on_get(self, req, resp):
        reply = ws.reply_to(req.env, self.make())
        resp.status, resp.stream = reply.status, reply.body
        resp.set_headers(reply.headers)

    on_head = on_get


app = falcon.App()
app.add_route("/trailer", View(lambda: ws.FileResponse("media/clip.mp4", download=True)))
app.add_route("/numbers", View(lambda: ws.StreamingResponse(b"%d\n" % n for n in range(1000))))
app = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/media", outside=app)
ws.serve(ws.HeadersMiddleware(app, cors=True), listen="127.0.0.1:8080")
