# A camera that all who look share. python examples/camera.py 127.0.0.1:8080 /dev/video0
# Without the camera it shows a test picture; it needs ffmpeg.
import subprocess
import sys

from wsgistream import MultipartStream, StreamingResponse, serve

PAGE = '<!doctype html><title>Camera</title><img src="camera" alt="What the camera sees">'
TEST = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=10"]


def frames():
    source = ["-f", "v4l2", "-i", sys.argv[2]] if len(sys.argv) > 2 else TEST
    command = ["ffmpeg", "-v", "error", *source, "-f", "image2pipe", "-c:v", "mjpeg", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as camera:  # noqa: S603
        try:
            rest = b""
            while chunk := camera.stdout.read1(65536):
                *pictures, rest = (rest + chunk).split(b"\xff\xd9")  # the end of a JPEG
                yield from (picture + b"\xff\xd9" for picture in pictures)
        finally:
            camera.kill()


camera = MultipartStream(frames)
page = StreamingResponse(PAGE, content_type="text/html")


def application(environ, start_response):
    answer = camera if environ["PATH_INFO"] == "/camera" else page
    return answer(environ, start_response)


if __name__ == "__main__":
    serve(application, listen=sys.argv[1])
