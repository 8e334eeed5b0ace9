# The views of paste_videos.ini.
import wsgistream as ws


def trailer(settings):
    return ws.FileResponse("media/clip.mp4", download=True)


def numbers(settings):
    return ws.StreamingResponse(lambda: (b"%d\n" % n for n in range(1000)))
