# python serve.py
#
# What nginx.conf, haproxy.cfg, Caddyfile and varnish.vcl have behind them.
from wsgistream import DirectoryApp, PrefixMiddleware, serve

app = DirectoryApp("/srv/media", listing=True)

serve(
    # The front passes on whole paths.
    PrefixMiddleware(app, prefix="/media"),
    listen="127.0.0.1:8080",
    threads=8,
    # Who the front is, and what is believed of what it says: who the client is, and that it came
    # by https. Nothing of that kind is believed of anybody else. The Host is the client's own.
    trusted_proxy="127.0.0.1",
    trusted_proxy_headers="x-forwarded-for x-forwarded-proto",
)
