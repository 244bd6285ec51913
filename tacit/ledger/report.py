"""Report: what was measured of a model, as one HTML file that needs nothing else. Numbers and curves are queries on the ledger."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from tacit.contracts.errors import SinkError
from tacit.ledger import drawing
from tacit.ledger.page import bullets, page, paragraph, table
from tacit.ledger.pictures import Pictures
from tacit.ledger.result import GAIN, Result
from tacit.ledger.scale import ends, is_share

NAMES = {
    "knn": "Neighbours (kNN)", "probe": "Linear probe", "few_shot": "Few labels", "fine_tune": "Fine-tuning", "robustness": "Robustness",
    "anomaly": "Anomalies", "dense": "By place (dense probe)", "fairness": "Fairness", "calibration": "Calibration",
    "clustering": "Clustering", "retrieval": "Retrieval", "transfer": "Transfer",
}  # fmt: skip
CALLED = {
    "nmi": "normalised mutual information", "ari": "adjusted Rand index", "miou": "mean overlap by class (mean IoU)",
    "ece": "expected calibration error", "map": "mean average precision",
}  # fmt: skip


def write_report(
    path: str | Path, title: str, results: Sequence[Result], verdict: str = "", notes: Sequence[str] = (), pictures: Pictures | None = None
) -> Path:
    """results: rows of the ledger of one model on one data set. A kill leaves the old file or the new one. Raises SinkError."""
    path = Path(path)
    whole, temporary = report(title, results, verdict, notes, pictures), path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(whole, "utf-8")
        temporary.replace(path)
    except OSError as e:
        raise SinkError(f"{path} cannot be written: {e}.", "Name a file in a folder that can be written to.") from e
    return path


def report(title: str, results: Sequence[Result], verdict: str = "", notes: Sequence[str] = (), pictures: Pictures | None = None) -> str:
    """The file's text."""
    pictures, body = pictures or Pictures(), []
    if verdict:
        body.append(paragraph(f"It {verdict}", "verdict" if verdict.startswith("helps") else "verdict no"))
    order = [*NAMES, *sorted({r.protocol for r in results} - set(NAMES))]
    for protocol in sorted({r.protocol for r in results}, key=order.index):
        body.append(f"<h2>{NAMES.get(protocol, protocol)}</h2>")
        body += section(protocol, [r for r in results if r.protocol == protocol])
        if protocol == "calibration" and pictures.reliability:
            body.append(
                f"<figure>{drawing.reliability(pictures.reliability)}<figcaption>Stated probabilities against what came.</figcaption></figure>"
            )
    body += drawn(pictures)
    if notes:
        body.append("<h2>To know</h2>" + bullets(notes))
    first = results[0] if results else None
    soft = f"model {first.model or '?'} · {first.dataset or '?'} · split {first.split or '?'} · {first.time} · {first.versions}" if first else ""
    return page(title, body, soft)


def section(protocol: str, results: Sequence[Result]) -> list[str]:
    """A protocol: its sentence, a drawing where one says more, and its numbers."""
    body = [paragraph(f"It {r.extra.get('sentence', '')}") for r in results if r.metric == GAIN]
    body += [paragraph(f"not measured: {r.failed}") for r in results if r.failed]
    rows = [r for r in results if r.metric != GAIN and not r.failed]
    if not rows:
        return body
    body += figure(protocol, rows)
    if protocol == "few_shot":
        body.append(grid([r for r in rows if not r.metric.endswith("_saved")]))
        saved = [r for r in rows if r.metric.endswith("_saved") and r.value >= 0.5]
        body.append(bullets(saving(r) for r in saved))
        return body
    body.append(numbers(rows))
    return body


def figure(protocol: str, rows: Sequence[Result]) -> list[str]:
    """What can be drawn of a protocol's numbers: curves over labels, or who scores what where there are intervals; [] where a table says as much."""
    if protocol == "few_shot":
        scores = [r for r in rows if not r.metric.endswith("_saved")]
        if not scores:
            return []
        return [f"<figure>{drawing.curves(scores, 'few-shot curves')}<figcaption>{scores[0].interval or 'one draw'}.</figcaption></figure>"]
    main = [r for r in rows if r.metric == rows[0].metric and math.isfinite(r.low) and r.unit == rows[0].unit]
    if len(main) < 3:
        return []
    return [f"<figure>{drawing.chart(main, NAMES.get(protocol, protocol))}<figcaption>{main[0].interval}.</figcaption></figure>"]


def called(metric: str) -> str:
    """A measure's name for people; the ledger has the short one."""
    return CALLED.get(metric, metric.replace("_", " "))


def told(value: float, metric: str) -> str:
    """In points of 100 where the metric is a share."""
    if not math.isfinite(value):
        return ""
    return f"{100 * value:.1f}" if is_share(metric) else f"{value:.4g}"


def interval(r: Result) -> str:
    """From where to where; no share is shown below 0 or above 100, although Student's interval may reach there."""
    if not math.isfinite(r.low):
        return ""
    return " to ".join(told(end, r.metric) for end in ends(r))


def numbers(rows: Sequence[Result]) -> str:
    """A row each, the best first within a metric; columns that say nothing are left out."""
    cells: list[tuple[dict[str, str], bool]] = []
    kinds = list(dict.fromkeys((r.metric, r.unit) for r in rows))
    for r in sorted(rows, key=lambda r: (kinds.index((r.metric, r.unit)), -r.value if math.isfinite(r.value) else math.inf)):
        columns = {
            "": r.title or r.contestant,
            "metric": called(r.metric),
            "of": r.unit,
            "value": told(r.value, r.metric),
            "95 %": interval(r),
        }
        columns |= {"n": str(r.n or ""), "chosen on validation": str(r.extra.get("choice", "")), "failed": r.failed}
        cells.append((columns, r.contestant == "ours"))
    head = [c for c in (cells[0][0] if cells else {}) if any(columns[c] for columns, _ in cells)]
    return table(head, [([columns[c] for c in head], bold) for columns, bold in cells])


def grid(scores: Sequence[Result]) -> str:
    """Few-shot scores: contestants down, labels across, value ± half width."""
    sizes = sorted({r.labels for r in scores})
    rows = []
    titles = sorted({r.title for r in scores}, key=lambda t: -max(r.value for r in scores if r.title == t))
    for title in titles:
        mine = {r.labels: r for r in scores if r.title == title}
        cells = [told(mine[s].value, mine[s].metric) + wide(mine[s]) if s in mine else "" for s in sizes]
        rows.append(([title, *cells], next(iter(mine.values())).contestant == "ours"))
    return table([scores[0].metric.replace("_", " "), *(f"{s} a class" for s in sizes)], rows)


def saving(r: Result) -> str:
    """One row of labels or money saved, in words."""
    what = "labels saved" if r.metric == "labels_saved" else f"{r.unit or 'money'} saved"
    least = "at least " if r.extra.get("at_least") else ""
    few = "1 label" if r.labels == 1 else f"{r.labels} labels"
    return f"with {few} a class: {least}{r.value:,.0f} {what}{saved_range(r)} against {r.extra.get('rung', 'the best rung')}"


def saved_range(r: Result) -> str:
    """From how many to how many, at 95 %; below 0: labels lost."""
    if not math.isfinite(r.low):
        return ""
    return f" (95 %: {r.low:,.0f} or more)" if r.extra.get("no_end") else f" (95 %: {r.low:,.0f} to {r.high:,.0f})"


def wide(r: Result) -> str:
    """± half a width; from where to where, where one of the halves ends with the scale."""
    if not math.isfinite(r.low):
        return ""
    low, high = ends(r)
    if is_share(r.metric) and abs(low + high - 2 * r.value) > 1e-6:
        return f" ({interval(r)})"
    return f" ± {told((high - low) / 2, r.metric)}"


def drawn(pictures: Pictures) -> list[str]:
    """The map, the neighbours, the learning and the puzzles, where they are there."""
    body = []
    if pictures.points is not None:
        picture = drawing.embedding_map(pictures.points, pictures.labels, pictures.classes, "map of embeddings")
        body.append(
            f"<h2>Map of embeddings</h2><figure>{picture}<figcaption>{pictures.how} of {len(pictures.points):,} test samples.</figcaption></figure>"
        )
    if pictures.neighbours:
        body.append("<h2>Nearest neighbours</h2>" + drawing.neighbours(pictures.neighbours))
    if learned := drawing.learning(pictures.curve):
        body.append(f"<h2>While it learned</h2><figure>{learned}</figure>")
    if pictures.posed:
        body.append("<h2>Posed puzzles</h2>" + drawing.posed(pictures.posed))
    return body
