# python serve_bjoern.py
#
# One thread for all: for files, and not for streams that wait.
import bjoern
from media import app

bjoern.run(app, "127.0.0.1", 8000)
