# varnishd -F -f /etc/varnish/varnish.vcl -a :80 -a tls=127.0.0.1:8443,PROXY -p http_gzip_support=off
#
# What is below /media/ is given to serve.py. To give it the whole host, leave the 404 out here, and
# the prefix there. Without http_gzip_support=off everybody is given gzip, or nothing.

vcl 4.1;

backend media {
    .host = "127.0.0.1";
    .port = "8080";
}

sub vcl_recv {
    # In place of what the client says of itself. Varnish knows no TLS: who ends it before, as hitch
    # does, speaks to the socket of that name, by the PROXY protocol.
    set req.http.X-Forwarded-For = client.ip;
    set req.http.X-Forwarded-Proto = "http";
    if (local.socket == "tls") {
        set req.http.X-Forwarded-Proto = "https";
    }

    if (req.url !~ "^/media(/|\?|$)") {
        return (synth(404));
    }
    # Only what is small and asked for as a whole is looked for among what is kept. Of everything
    # else Varnish would take as much into its memory as it is sent, however slow the client is, and
    # it knows no If-Match and no several ranges: the bytes are passed on as they come, in a
    # connection for this request alone.
    if (req.url !~ "\.(avif|css|gif|ico|jpe?g|js|m3u8|mpd|png|svg|vtt|webp|woff2?)(\?|$)"
        || req.http.Range || req.http.If-Match || req.http.If-Unmodified-Since) {
        return (pipe);
    }
}

sub vcl_backend_response {
    # What does not say how long it may be kept is not.
    if (!beresp.http.Cache-Control && !beresp.http.Expires) {
        set beresp.ttl = 0s;
        set beresp.uncacheable = true;
    }
}
