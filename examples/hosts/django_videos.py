# Django. Put videos into ./media, then: python examples/hosts/django_videos.py 127.0.0.1:8080
import sys

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import StreamingHttpResponse
from django.urls import path, re_path

import wsgistream as ws

films = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/films")
trailer = ws.FileResponse("media/clip.mp4", download=True)


def view(request, app):
    reply = ws.reply_to(request.environ, app, decoded=True)
    status, headers = int(reply.status[:3]), dict(reply.headers)
    return StreamingHttpResponse(reply.body, status=status, headers=headers)


urlpatterns = [path("trailer", view, {"app": trailer}), re_path("^films/", view, {"app": films})]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
app = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/media", outside=get_wsgi_application())
if __name__ == "__main__":
    ws.serve(ws.RangeMiddleware(app), listen=sys.argv[1])
