# A chat on one page. python examples/chat.py 127.0.0.1:8080, and open it in two windows.
# With REDIS_URL=redis://localhost any number of processes and machines chat together.
import os
import sys

from wsgistream import EventsApp, MemoryHub, RedisHub, StreamingResponse, serve

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Chat</title>
<ul></ul>
<form><input autofocus required maxlength="1000"> <button>Say</button></form>
<script>
  const form = document.forms[0], input = form.querySelector("input");
  const say = text => {
    document.querySelector("ul").append(Object.assign(document.createElement("li"),
                                                      {textContent: text}));
  };
  const events = new EventSource("chat");  // which connects again by itself
  events.onmessage = event => say(event.data);
  events.addEventListener("missed", () => say("(something was missed)"));
  form.onsubmit = event => {
    event.preventDefault();
    fetch("chat", {method: "POST", body: input.value});
    input.value = "";
  };
</script>
</html>
"""


def is_from_the_page(environ):
    return environ.get("HTTP_SEC_FETCH_SITE", "same-origin") == "same-origin"


redis = os.environ.get("REDIS_URL")
hub = RedisHub(redis) if redis else MemoryHub()
chat = EventsApp(hub, topics=["chat"], publish=is_from_the_page)
page = StreamingResponse(PAGE, content_type="text/html")


def application(environ, start_response):
    answer = chat if environ["PATH_INFO"] == "/chat" else page
    return answer(environ, start_response)


if __name__ == "__main__":
    serve(application, listen=sys.argv[1])
