"""News: what any thread may tell, and the loop waits for."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class News:
    """Whether there is something new, since that was last forgotten."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        self._silent = False

    def tell(self) -> None:
        """Say that there is; from any thread, and never too often."""
        with suppress(RuntimeError):  # the loop has ended, and who waited has as well
            self._loop.call_soon_threadsafe(self._told.set)

    def forget(self) -> None:
        """Begin anew; what is told from now on will be heard."""
        self._told.clear()

    async def come(self, patience: float) -> bool:
        """Wait until there is something; False: there was nothing for so many seconds."""
        timer = self._loop.call_later(patience, self._give_up)
        try:
            await self._told.wait()
        finally:
            timer.cancel()
        silent, self._silent = self._silent, False
        return not silent

    def _give_up(self) -> None:
        self._silent = True
        self._told.set()
