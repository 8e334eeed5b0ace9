"""Apps: WSGI applications that choose a source and hand it to a responder."""
