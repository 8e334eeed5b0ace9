# Pyramid. Put videos into ./media, then: python examples/hosts/pyramid_videos.py
from pyramid.config import Configurator
from pyramid.wsgi import wsgiapp2

import wsgistream as ws


def trailer(request):
    return ws.as_webob(ws.FileResponse("media/clip.mp4", download=True), request)


def numbers(request):
    return ws.as_webob(ws.StreamingResponse(b"%d\n" % n for n in range(1000)), request)


with Configurator() as config:
    for name, view in {"trailer": trailer, "numbers": numbers}.items():
        config.add_route(name, f"/{name}")
        config.add_view(view, route_name=name)
    config.add_route("media", "/media/*subpath")
    config.add_view(wsgiapp2(ws.DirectoryApp("media")), route_name="media")
app = config.make_wsgi_app()
ws.serve(ws.HeadersMiddleware(app, cors=True), listen="127.0.0.1:8080")
