"""Drawing: curves, maps and samples as inline SVG or PNG. matplotlib is loaded when something is drawn.

Ink is written as a colour of its own and then handed to the page (currentColor), so that a drawing reads in light and dark.
"""

from __future__ import annotations

import base64
import html
import io
import re
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import MissingPart
from tacit.ledger.pictures import Neighbours, Posed, series_of
from tacit.ledger.result import Result
from tacit.ledger.scale import ends

INK = "#010203"
COLOURS = ("#1a9e74", "#c2571a", "#7a6ff0", "#c94f8f", "#8a8f1f", "#3d8fd1", "#9a6b3f", "#7f8c8d", "#d0495b", "#4aa3a1")
MOST_CLASSES = 10  # that a map names


def _figure(width: float, height: float, across: int = 1) -> Any:
    """(figure, axes [across]) in ink on nothing."""
    try:
        from matplotlib.figure import Figure
    except ImportError as e:
        raise MissingPart("matplotlib is not installed, which reports are drawn with.", "Install it: pip install matplotlib.") from e
    figure = Figure((width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.subplots(1, across, squeeze=False)[0]
    for ax in axes:
        ax.patch.set_alpha(0)
        ax.tick_params(colors=INK, labelsize=8)
        ax.grid(alpha=0.15, color=INK, linewidth=0.6)
        for name, side in ax.spines.items():
            side.set_visible(name in ("left", "bottom"))
            side.set_color(INK)
    return figure, axes


def _svg(figure: Any, title: str) -> str:
    """The drawing with its title for those who cannot see it; two drawings of one page share no names."""
    from matplotlib import rc_context

    file = io.StringIO()
    with rc_context({"svg.hashsalt": "tacit"}):  # names within the drawing depend on what is drawn alone
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    mark = f"{zlib.crc32(text.encode()):08x}"
    text = re.sub(r'(id="|url\(#|xlink:href="#)', rf"\g<1>d{mark}-", text)
    return text.replace(">", f' role="img" aria-label="{html.escape(title)}">', 1)


def _legend(ax: Any, **options: Any) -> None:
    ax.legend(fontsize=8, frameon=False, labelcolor=INK, **options)


def curves(results: Sequence[Result], title: str) -> str:
    """Few-shot curves with intervals: value over labels (log), ours in front."""
    figure, (ax,) = _figure(7.2, 4)
    titles = list(dict.fromkeys(r.title for r in results))
    titles.sort(key=lambda t: any(r.title == t and r.contestant == "ours" for r in results))
    colours = iter(COLOURS[1:] * 9)
    for name in titles:
        rows = sorted((r for r in results if r.title == name), key=lambda r: r.labels)
        ours = rows[0].contestant == "ours"
        x, y = [r.labels for r in rows], [r.value for r in rows]
        colour = COLOURS[0] if ours else next(colours)
        ax.plot(x, y, color=colour, linewidth=2.6 if ours else 1.3, marker="o", markersize=4 if ours else 3, label=name)
        sure = [r for r in rows if np.isfinite(r.low)]
        ax.fill_between([r.labels for r in sure], [ends(r)[0] for r in sure], [ends(r)[1] for r in sure], color=colour, alpha=0.12, linewidth=0)
    every = sorted({r.labels for r in results})
    ax.set_xscale("log")
    ax.set_xticks(every, [str(n) for n in every])
    ax.minorticks_off()
    ax.set_xlabel("labels a class", color=INK, fontsize=9)
    ax.set_ylabel(results[0].metric.replace("_", " "), color=INK, fontsize=9)
    _legend(ax, loc="center left", bbox_to_anchor=(1, 0.5))
    return _svg(figure, title)


def learning(curve: list[dict[str, float]]) -> str:
    """Losses and health while it learned, a small drawing each."""
    lines = {name: pair for name, pair in series_of(curve).items() if len(pair[0]) > 1}
    if not lines:
        return ""
    drawn = []
    names = list(lines)
    for start in range(0, len(names), 4):
        part = names[start : start + 4]
        figure, axes = _figure(9.2, 2.2, 4)
        for ax, name in zip(axes, [*part, *[""] * (4 - len(part))], strict=True):
            if not name:
                ax.set_axis_off()
                continue
            ax.plot(*lines[name], color=COLOURS[0], linewidth=1.4)
            ax.set_title(name.replace("_", " "), fontsize=9, color=INK)
        drawn.append(_svg(figure, f"while it learned: {', '.join(part)}"))
    return "".join(drawn)


def chart(results: Sequence[Result], title: str) -> str:
    """Who scores what, as dots with intervals; ours on top."""
    rows = sorted(results, key=lambda r: (r.contestant == "ours", r.value))
    figure, (ax,) = _figure(7.2, 0.5 + 0.32 * len(rows))
    for i, r in enumerate(rows):
        colour = COLOURS[0] if r.contestant == "ours" else COLOURS[7]
        ax.plot(ends(r), [i, i], color=colour, linewidth=2.5, alpha=0.6, solid_capstyle="round")
        ax.plot([r.value], [i], "o", color=colour, markersize=6)
    ax.set_yticks(range(len(rows)), [r.title or r.contestant for r in rows])
    return _svg(figure, title)


def embedding_map(points: NDArray[Any], labels: NDArray[Any] | None, classes: tuple[str, ...], title: str) -> str:
    """A dot a sample; classes by colour (the ten most frequent by name), numbers by shade."""
    figure, (ax,) = _figure(7.2, 4.6)
    if labels is None:
        ax.scatter(*points.T, s=7, color=COLOURS[0], alpha=0.6, linewidths=0)
    elif not classes:
        dots = ax.scatter(*points.T, s=8, c=labels, cmap="viridis", linewidths=0)
        figure.colorbar(dots, ax=ax).ax.tick_params(colors=INK, labelsize=8)
    else:
        often = np.argsort(-np.bincount(labels, minlength=len(classes)), kind="stable")[:MOST_CLASSES]
        for code, colour in zip(sorted(often.tolist()), COLOURS, strict=False):
            ax.scatter(*points[labels == code].T, s=8, color=colour, alpha=0.75, linewidths=0, label=classes[code])
        rest = ~np.isin(labels, often)
        if rest.any():
            ax.scatter(*points[rest].T, s=6, color=INK, alpha=0.15, linewidths=0, label="others")
        _legend(ax, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    return _svg(figure, title)


def reliability(curves: dict[str, dict[str, list[float]]]) -> str:
    """Share that was right over what was said; the diagonal is honest."""
    figure, (ax,) = _figure(4.6, 3.6)
    ax.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--")
    for (name, curve), colour in zip(curves.items(), (COLOURS[1], COLOURS[0]), strict=False):
        sizes = 6 + 60 * np.sqrt(np.array(curve["many"]) / max(curve["many"]))  # a dot is as large as the bin is full
        ax.plot(curve["confidence"], curve["right"], color=colour, linewidth=1, label=name)
        ax.scatter(curve["confidence"], curve["right"], s=sizes, color=colour, linewidths=0)
    ax.set_xlabel("stated probability", color=INK, fontsize=9)
    ax.set_ylabel("share that was right", color=INK, fontsize=9)
    _legend(ax)
    return _svg(figure, "reliability")


def sample(one: Any, caption: str = "", kind: str = "") -> str:
    """One sample as people see it: a picture, a series, a text."""
    if isinstance(one, str):
        body = f'<div class="text">{html.escape(one[:400])}{"…" if len(one) > 400 else ""}</div>'
    elif one.ndim == 3:
        body = f'<img alt="{html.escape(caption or "sample")}" src="data:image/png;base64,{_png(one)}">'
    else:
        figure, (ax,) = _figure(2.2, 1.1)
        ax.plot(one[:, : len(COLOURS)], linewidth=0.9)
        ax.set_axis_off()
        body = _svg(figure, caption or "series")
    return f'<div class="{kind}">{body}<span class="soft">{html.escape(caption)}</span></div>'


def _png(picture: NDArray[Any]) -> str:
    from matplotlib.image import imsave

    file = io.BytesIO()
    imsave(file, np.ascontiguousarray(picture), format="png")
    return base64.b64encode(file.getvalue()).decode()


def neighbours(rows: Sequence[Neighbours]) -> str:
    """A row each: who asks, and the nearest."""
    drawn = []
    for row in rows:
        found = "".join(sample(one, label) for one, label in zip(row.found, row.labels, strict=True))
        drawn.append(f'<div class="row">{sample(row.asked, f"{row.label} asks", "ask")}{found}</div>')
    return "".join(drawn)


def posed(rows: Sequence[Posed]) -> str:
    """A row each: the sample, and what was shown of it."""
    drawn = []
    for row in rows:
        views = "".join(sample(one, "shown" if len(row.shown) == 1 else f"view {i + 1}") for i, one in enumerate(row.shown))
        drawn.append(f'<div class="row">{sample(row.sample, row.task, "ask")}{views}</div>')
    return "".join(drawn)
