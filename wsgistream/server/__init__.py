"""Server: waitress, made to serve streams: bound sockets, an access log, and a clean end."""
