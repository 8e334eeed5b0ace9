# gunicorn --config gunicorn.conf.py media:app
# gunicorn --config gunicorn.conf.py --worker-class gevent media:app
# gunicorn --config gunicorn.conf.py --worker-class sync --threads 1 media:app
bind = "127.0.0.1:8000"

# Workers of threads, or of gevent, are not ended in the middle of an answer that takes longer than
# ``timeout`` seconds; sync workers are, whatever they are sending.
worker_class = "gthread"
workers = 2
threads = 8
timeout = 30
