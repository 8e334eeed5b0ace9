# WebOb. Put videos into ./media, then: python examples/hosts/webob_videos.py
from webob.dec import wsgify
from webob.exc import HTTPNotFound

import wsgistream as ws


@wsgify
def view(request):
    if request.path_info == "/trailer":
        return ws.FileResponse("media/clip.mp4", download=True)
    if request.path_info == "/numbers":
        stream = ws.StreamingResponse(b"%d\n" % n for n in range(1000))
        response = ws.as_webob(stream, request)
        response.set_cookie("seen", "numbers")
        return response
    return HTTPNotFound()


app = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/media", outside=view)
ws.serve(ws.HeadersMiddleware(app, cors=True), listen="127.0.0.1:8080")
