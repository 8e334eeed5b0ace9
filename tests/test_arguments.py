"""The command line, as it tells of itself."""

from __future__ import annotations

from wsgistream.arguments import make_parser


def test_the_help_names_every_option_and_how_to_set_it_otherwise() -> None:
    text = make_parser().format_help()
    for word in [
        *(
            "DIR|FILE",
            "--listen",
            "--unix-socket",
            "--trusted-proxy",
            "--threads",
            "--workers",
            "--prefix",
        ),
        *(
            "--listing",
            "--no-listing",
            "--live",
            "--hls",
            "--hidden",
            "--follow-symlinks",
            "--cache-control",
            "--header",
        ),
        *("--index", "--spa", "--open", "--log-format", "--quiet", "--grace", "--check"),
        *("--metrics", "--auth-file", "--sign-key-file", "--throttle", "--compress"),
        *("--offload", "--health"),
        "WSGISTREAM_THREADS=8",
    ]:
        assert word in text
    assert "SUPPRESS" not in text
