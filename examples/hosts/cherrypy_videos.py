# CherryPy. Put videos into ./media, then: python examples/hosts/cherrypy_videos.py
import cherrypy

import wsgistream as ws


class Root:
    def answer(self, response):
        reply = ws.reply_to(cherrypy.request.wsgi_environ, response)
        cherrypy.response.status = reply.status
        cherrypy.response.headers = cherrypy.lib.httputil.HeaderMap(reply.headers)
        return reply.body

    @cherrypy.expose
    def trailer(self):
        return self.answer(ws.FileResponse("media/clip.mp4", download=True))

    @cherrypy.expose
    def numbers(self):
        return self.answer(ws.StreamingResponse(b"%d\n" % n for n in range(1000)))


cherrypy.tree.mount(Root(), config={"/": {"response.stream": True}})  # or it collects each body
cherrypy.tree.graft(ws.DirectoryApp("media"), "/media")
ws.serve(ws.HeadersMiddleware(cherrypy.tree, cors=True), listen="127.0.0.1:8080")
