# sh granian.sh
exec granian --interface wsgi --host 127.0.0.1 --port 8000 --workers 2 --blocking-threads 8 media:app
