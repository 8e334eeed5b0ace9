// The page of a folder is fetched again when something has happened in it.
{
  const root = new URL("..", document.currentScript.src);
  const folder = location.pathname.slice(root.pathname.length);
  let events, isFetching = false, isStale = false;

  const refresh = async () => {
    isStale = true;
    if (isFetching) return;
    isFetching = true;
    try {
      while (isStale) {
        isStale = false;
        const answer = await fetch(location.href, {headers: {Accept: "text/html"}});
        if (!answer.ok) return events.close();
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const [now, rows] = [document, page].map(each => each.querySelector("tbody"));
        if (rows && now.innerHTML !== rows.innerHTML) now.replaceWith(rows);
      }
    } catch {
      // Whoever is away is asked again when the events come back.
    } finally {
      isFetching = false;
    }
  };

  // Over HTTP/1.1 a browser has six connections: a page that nobody sees holds none.
  const look = () => {
    events?.close();
    if (document.hidden) return;
    events = new EventSource(new URL("-/events/" + folder, root));
    events.onmessage = refresh;
  };
  document.addEventListener("visibilitychange", look);
  look();
}
