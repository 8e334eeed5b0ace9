# CherryPy. Put videos into ./media, then: python examples/hosts/cherrypy_videos.py 127.0.0.1:8080
import sys

import cherrypy

import wsgistream as ws


class Root:
    def answer(self, response):
        reply = ws.reply_to(cherrypy.request.wsgi_environ, response)
        cherrypy.response.status = reply.status
        cherrypy.response.headers.update(reply.headers)
        return reply.body

    @cherrypy.expose
    def trailer(self):
        return self.answer(ws.FileResponse("media/clip.mp4", download=True))


# Without "response.stream" CherryPy collects each body in memory.
cherrypy.tree.mount(Root(), config={"/": {"response.stream": True}})
cherrypy.tree.graft(ws.DirectoryApp("media"), "/media")
if __name__ == "__main__":
    ws.serve(ws.RangeMiddleware(cherrypy.tree), listen=sys.argv[1])
