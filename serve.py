#!/usr/bin/env python3
"""Serve a folder or a file over HTTP: ``python serve.py [DIR|FILE] [--listen HOST:PORT] …``."""

from wsgistream.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
