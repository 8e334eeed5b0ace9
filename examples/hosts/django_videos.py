# Django. Put videos into ./media, then: python examples/hosts/django_videos.py
from functools import partial

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path, re_path

import wsgistream as ws


def trailer(request):
    return ws.as_django(ws.FileResponse("media/clip.mp4", download=True), request)


def numbers(request):
    return ws.as_django(ws.StreamingResponse(b"%d\n" % n for n in range(1000)), request)


films = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/films")
urlpatterns = [path("trailer", trailer), path("numbers", numbers)]
urlpatterns += [re_path("^films/", partial(ws.as_django, films))]  # the line in urls.py
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
app = get_wsgi_application()
app = ws.PrefixMiddleware(ws.DirectoryApp("media"), prefix="/media", outside=app)  # in wsgi.py
ws.serve(ws.HeadersMiddleware(app, cors=True), listen="127.0.0.1:8080")
