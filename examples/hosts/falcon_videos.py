# Falcon. Put videos into ./media, then: python examples/hosts/falcon_videos.py 127.0.0.1:8080
import sys

import falcon

import wsgistream as ws


class Trailer:
    def on_get(self, req, resp):
        file = ws.FileResponse("media/clip.mp4", download=True)
        reply = ws.reply_to(req.env, file)
        resp.status, resp.stream = reply.status, reply.body
        resp.set_headers(reply.headers)

    on_head = on_get


app = falcon.App()
app.add_route("/trailer", Trailer())
app = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/media", outside=app)
if __name__ == "__main__":
    ws.serve(ws.RangeMiddleware(app), listen=sys.argv[1])
