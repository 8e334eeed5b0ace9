"""Matrix: one table of requests, asked of every WSGI server there is."""
