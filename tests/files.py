"""Files that are not as files usually are."""

from __future__ import annotations

import io


def beyond_its_end() -> io.BytesIO:
    file = io.BytesIO(b"some")
    file.seek(10)
    return file


class Pipe(io.BytesIO):
    """A file that has no positions."""

    def seekable(self) -> bool:
        return False


class CountedFile(io.BytesIO):
    """A file that counts how often it was closed."""

    closings = 0

    def close(self) -> None:
        self.closings += 1
        super().close()
