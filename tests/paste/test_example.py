"""The example of a configuration, read by PasteDeploy itself."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from paste.deploy import loadapp, loadfilter

from tests.client import ask
from tests.live import fetch
from tests.servers import ROOT, process

#: Every warning is an error; WebOb 1.8 imports cgi, up to Python 3.12.
STRICT = ("-W", "error", "-W", "ignore:'cgi' is deprecated:DeprecationWarning")


@pytest.fixture
def example(tmp_path: Path) -> Path:
    for name, content in {"media/clip.mp4": "video", "site/index.html": "<h1>site</h1>"}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(content)
    return Path(shutil.copy(ROOT / "examples" / "site.ini", tmp_path))


def test_the_application_of_the_example_is_what_it_says(example: Path) -> None:
    app = loadapp(f"config:{example}")
    page = ask(app, "/any/route")
    assert (page.body, page["referrer-policy"]) == (b"<h1>site</h1>", "no-referrer")
    clip = ask(app, "/media/clip.mp4", headers={"Range": "bytes=1-3"})
    assert (clip.status, clip.body) == (206, b"ide")
    assert b"clip.mp4" in ask(app, "/media/").body


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_example_is_served_until_a_signal(example: Path, workers: str) -> None:
    text = example.read_text().replace(":8080", f":0\nworkers = {workers}")
    example.write_text(text)
    code = (
        "import logging, sys; logging.basicConfig(level=logging.INFO, format='%(message)s');"
        "from paste.deploy import loadapp, loadserver;"
        "loadserver(sys.argv[1])(loadapp(sys.argv[1]))"
    )
    with process(f"config:{example}", script=(*STRICT, "-c", code)) as run:
        port = run.port()
        clip = fetch(port, "/media/clip.mp4", headers={"Range": "bytes=-2"})
        assert (clip.status, clip.body) == (206, b"eo")
        assert fetch(port, "/").body == b"<h1>site</h1>"
        run.signal(signal.SIGTERM)
        assert run.end() == 0


def ini(folder: Path, text: str) -> str:
    path = folder / "other.ini"
    path.write_text(text)
    return f"config:{path}"


FILTERS = """
[DEFAULT]
listing = maybe
threads = many

[pipeline:main]
pipeline = below ranges pages

[filter:below]
use = egg:wsgistream#prefix
prefix = /below

[filter:ranges]
use = egg:wsgistream#ranges

[app:pages]
use = egg:wsgistream#directory
root = %(here)s/site
filter-with = files

[filter:files]
use = egg:wsgistream#directory
root = %(here)s/media
"""


def test_filters_stand_in_a_pipeline_and_with_an_application(example: Path) -> None:
    """And what stands in [DEFAULT] is a setting of none."""
    app = loadapp(ini(example.parent, FILTERS))
    assert ask(app, "/below/clip.mp4").body == b"video"
    assert ask(app, "/below/").body == b"<h1>site</h1>"
    assert ask(app, "/").status == 404


def test_a_setting_can_be_taken_from_what_is_known_to_all(example: Path) -> None:
    text = "[DEFAULT]\nwhere = /x\n[filter:main]\nuse = egg:wsgistream#prefix\nget prefix = where\n"
    app = loadfilter(ini(example.parent, text))(lambda *_: [])
    assert ask(app, "/y").status == 404


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "[composite:main]\nuse = egg:wsgistream#mount\n/a = none\n",
            "^/a = none: No section 'none' .* found in config .*other.ini",
            id="a section that is not there",
        ),
        pytest.param(
            "[app:main]\nuse = egg:wsgistream#directory\nroot = .\nlistings = 1\n",
            "^There is no setting listings of DirectoryApp; there are root, ",
            id="a setting that there is none of",
        ),
        pytest.param(
            "[app:main]\nuse = egg:wsgistream\nlisting = maybe\n",
            "^listing: A switch is 1 or 0, not 'maybe'.$",
            id="a value that cannot be read",
        ),
    ],
)
def test_a_mistake_in_a_file_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises((LookupError, ValueError), match=sentence):
        loadapp(ini(tmp_path, text))
