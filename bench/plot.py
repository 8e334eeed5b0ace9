"""Plot: the figures side by side, where matplotlib is there to draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.model import Column, Result

_OURS = "#1b6ca8"
_PEER = "#b8bec4"


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
    except ImportError:
        return "There is no plot: matplotlib is not installed (`pip install 'wsgistream[bench]'`)."
    if not panels:
        return "There is nothing to draw."
    wide = min(2, len(panels))
    high = -(-len(panels) // wide)
    drawing = figure(figsize=(6.0 * wide, 2.6 * high), layout="constrained")
    for axes, panel in zip(drawing.subplots(high, wide, squeeze=False).flat, panels, strict=False):
        _draw_panel(axes, *panel)
    for axes in drawing.axes[len(panels) :]:
        axes.set_axis_off()
    drawing.savefig(path, metadata={"Date": None})
    return f"![The figures side by side]({path.name})"


def _bars(result: Result, column: Column) -> dict[str, float]:
    found = {name: result.median(name, column.key) for name in result.contestants()}
    return {name: value for name, value in found.items() if value and math.isfinite(value)}


def _draw_panel(axes: Any, result: Result, column: Column) -> None:
    bars = _bars(result, column)
    names = list(bars)[::-1]
    values = [bars[name] for name in names]
    colours = [_OURS if name.startswith("ours") else _PEER for name in names]
    drawn = axes.barh(names, values, color=colours)
    axes.bar_label(drawn, [f"{value:,.{column.digits}f}" for value in values], padding=3)
    axes.set_title(f"{result.scenario.name}: {column.title}", fontsize=10)
    axes.margins(x=0.18)
    axes.spines[["top", "right"]].set_visible(False)
