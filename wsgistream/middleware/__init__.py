"""Middleware: WSGI in, WSGI out; one class a file."""
