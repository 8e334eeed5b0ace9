"""``python -m wsgistream`` is the command line."""

from wsgistream.cli import main

raise SystemExit(main())
