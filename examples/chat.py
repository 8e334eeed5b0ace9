# A chat on one page. python examples/chat.py 127.0.0.1:8080, and open it in two windows.
# With REDIS_URL=redis://localhost any number of processes and machines chat together.
import os
import sys

from wsgistream import EventsApp, MemoryHub, RedisHub, StreamingResponse, serve

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chat</title>
<style>
  :root { color-scheme: light dark; font: 1rem/1.6 system-ui, sans-serif }
  body { max-width: 40rem; margin: auto; padding: 1rem }
  ul { margin: 0; padding: 0; list-style: none; overflow-wrap: anywhere }
  form { position: sticky; bottom: 0; display: flex; padding: 1rem 0; background: canvas }
  input { flex: 1; font: inherit }
</style>
<ul></ul>
<form><input autofocus required maxlength="1000" aria-label="Message"><button>Say</button></form>
<script>
  const form = document.forms[0], input = form.querySelector("input");
  const say = text => {
    const line = Object.assign(document.createElement("li"), {textContent: text});
    document.querySelector("ul").append(line);
    scrollTo(0, document.body.scrollHeight);
  };
  const events = new EventSource("chat");  // which connects again by itself
  events.onmessage = event => say(event.data);
  events.addEventListener("missed", () => say("(something was missed)"));
  form.onsubmit = async event => {
    event.preventDefault();
    const answer = await fetch("chat", {method: "POST", body: input.value});
    if (answer.ok) input.value = "";
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
