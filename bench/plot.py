"""Plot: the figures side by side, where matplotlib is there to draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from bench.model import Column, Result
from bench.report import number

_OURS: Final = "#1b6ca8"
_PEER: Final = "#b8bec4"

_WIDTH: Final = 6.0
_ROW: Final = 0.24
_MARGIN: Final = 0.5


def draw(results: Sequence[Result], path: Path) -> str:
    """Draw the figures into an SVG; gives the line for the report."""
    panels = [
        (result, column)
        for result in results
        for column in result.scenario.columns
        if column.plotted and _bars(result, column)
    ]
    try:
        figure = import_module("matplotlib.figure").Figure
        settings = import_module("matplotlib").rc_context
    except ImportError:
        return "There is no plot: matplotlib is not installed (`pip install 'wsgistream[bench]'`)."
    if not panels:
        return "There is nothing to draw."
    heights = [_MARGIN + _ROW * len(_bars(*panel)) for panel in panels]
    rows = [max(heights[start : start + 2]) for start in range(0, len(panels), 2)]
    # Letters as letters: as outlines they would be most of the file.
    with settings({"svg.fonttype": "none", "svg.hashsalt": "bench"}):
        drawing = figure(figsize=(2 * _WIDTH, sum(rows)), layout="constrained")
        grid = drawing.subplots(len(rows), 2, squeeze=False, height_ratios=rows)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _draw_panel(axes, *panel)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        drawing.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    return f"![The figures side by side]({path.name})"


def _bars(result: Result, column: Column) -> dict[str, float]:
    found = {name: result.median(name, column.key) for name in result.contestants()}
    return {name: value for name, value in found.items() if value is not None}


def _draw_panel(axes: Any, result: Result, column: Column) -> None:
    bars = dict(reversed(_bars(result, column).items()))
    lengths = [value if math.isfinite(value) else 0.0 for value in bars.values()]
    ours = {each.name for each in result.scenario.contestants if each.is_ours}
    colours = [_OURS if name in ours else _PEER for name in bars]
    drawn = axes.barh(list(bars), lengths, color=colours)
    labels = [number(value, column.digits) for value in bars.values()]
    axes.bar_label(drawn, labels, padding=3, fontsize=9)
    axes.set_title(f"{result.scenario.name}: {column.title}", fontsize=10, loc="left")
    axes.margins(x=0.18)
    axes.set_xlim(left=0)
    axes.xaxis.set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
