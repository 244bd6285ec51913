"""Card: what a model is, what it was taught with, what it can and cannot do; written from the ledger and from the model folder's facts alone.

After Mitchell et al., "Model cards for model reporting", 2019. What was not measured is said to be so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tacit.ledger.report import NAMES, saving
from tacit.ledger.result import GAIN, Result
from tacit.ledger.sections import Section, as_html_page, as_markdown_page

SHOWN_FIRST = ("few_shot", "probe", "knn", "fine_tune")


def card(about: dict[str, Any], results: Sequence[Result], name: str = "model") -> tuple[str, str]:
    """(Markdown, HTML). about: what model.json says; results: the ledger's rows of this model, the newest of each."""
    sections = [_verdict(results), _what(about), _data(about), _recipe(about), *_results(results), _fairness(results), _limits(about, results)]
    title = f"Model card: {name}"
    return as_markdown_page(title, sections), as_html_page(title, sections)


def _verdict(results: Sequence[Result]) -> Section:
    said = [r for p in [*SHOWN_FIRST, *NAMES] for r in results if r.protocol == p and r.metric == GAIN]
    lines = list(dict.fromkeys(f"{r.dataset}: it {r.extra.get('sentence', '')}" for r in said))
    return Section("Does it help?", lines or ["Not measured against the null ladder yet: `tacit evaluate` does."])


def _what(about: dict[str, Any]) -> Section:
    encoder, layout = about.get("encoder", {}), about.get("layout", {})
    weights = f"{encoder.get('name', '?')}, embeddings of width {encoder.get('width', '?')}"
    size = " x ".join(map(str, layout.get("size", ())))
    lines = [
        f"An encoder of {about.get('modality', '?')} samples ({size}, {layout.get('channels', 1)} channels), learned without labels: {weights}.",
        f"Weights: SHA-256 {about.get('sha256', '?')}.",
    ]
    if about.get("started_from"):
        lines.append(f"Learning went on from {about['started_from']}.")
    return Section("What it is", lines)


def _data(about: dict[str, Any]) -> Section:
    data = about.get("data", {})
    lines = [f"{data.get('samples', '?')} samples of {data.get('source', '?')}."]
    if data.get("refused_count"):
        first = data.get("refused", [["?", "?"]])[0]
        lines.append(f"{data['refused_count']} samples could not be used, the first {first[0]}: {first[1]}.")
    checks = about.get("checks") or data.get("checks") or []
    told = [str(c.get("sentence", c)) if isinstance(c, dict) else str(c) for c in checks]
    return Section("Data", lines + (told or ["No checks of the data are on record."]))


def _recipe(about: dict[str, Any]) -> Section:
    recipe, learning = about.get("recipe", {}), about.get("learning", {})
    tasks = ", ".join(f"{task} (weight {weight:g})" if weight != 1 else task for task, weight in recipe.get("pretext", {}).items()) or "?"
    lines = [
        f"Pretext tasks: {tasks}. {learning.get('steps', '?')} steps of {learning.get('batch', '?')} samples in {learning.get('seconds', '?')} s "
        f"on {learning.get('device', '?')}, {learning.get('precision', '?')}, seed {recipe.get('seed', '?')}.",
        f"The weights are those of step {learning.get('chosen_step', '?')}, chosen without labels.",
    ]
    if about.get("choice", {}).get("why"):
        lines.append(f"Why this task: {about['choice']['why']}.")
    if recipe.get("forbidden"):
        lines.append(f"Views that were forbidden: {', '.join(recipe['forbidden'])}.")
    return Section("Recipe", lines)


def _results(results: Sequence[Result]) -> list[Section]:
    out = []
    for protocol in [*NAMES, *sorted({r.protocol for r in results} - set(NAMES))]:
        if protocol == "fairness":
            continue
        for dataset in dict.fromkeys(r.dataset for r in results if r.protocol == protocol):
            rows = [r for r in results if r.protocol == protocol and r.dataset == dataset and r.metric != GAIN]
            lines = [f"Not measured: {r.failed}." for r in rows if r.failed]
            saved = [r for r in rows if r.metric.endswith("_saved")]
            rows = [r for r in rows if not r.failed and r not in saved]
            if protocol == "robustness":
                rows = [r for r in rows if r.unit in ("clean", "mean of all")]
            lines += [saving(r) + "." for r in saved if r.value >= 0.5]
            over = next((r.interval for r in rows if r.interval), "")
            if over:
                lines.append(f"Split {rows[0].split}; {rows[0].n} test samples; intervals: {over}.")
            out.append(Section(f"{NAMES.get(protocol, protocol)}: {dataset}", lines, rows))
    return out


def _fairness(results: Sequence[Result]) -> Section:
    rows = [r for r in results if r.protocol == "fairness" and r.contestant == "ours"]
    if not rows:
        return Section("Fairness", ["Not measured: no group column was named."])
    lines = [
        f"{r.metric.replace('_', ' ')}: {100 * r.value:.1f} points ({100 * r.low:.1f} to {100 * r.high:.1f}); "
        f"groups of these sizes drawn at random differ by {100 * float(r.extra.get('by_chance', math.nan)):.1f}."
        for r in rows
        if r.metric.endswith("_gap")
    ]
    return Section("Fairness", lines, [r for r in rows if not r.metric.endswith("_gap")])


def _limits(about: dict[str, Any], results: Sequence[Result]) -> Section:
    """What the numbers do not say, read off the ledger."""
    missing = [NAMES[p] for p in ("robustness", "calibration", "fairness", "anomaly") if not any(r.protocol == p and not r.failed for r in results)]
    lines = [
        "The intervals are over draws of labels or over test samples, of one learned encoder: another seed of the learning may do better or worse."
    ]
    if missing:
        lines.append(f"Not measured: {', '.join(missing)}.")
    if any("random, across" in r.split for r in results):
        lines.append("Some splits are random across entities or times, as was asked for: those numbers flatter.")
    if any("simulated" in r.dataset.lower() for r in results):
        lines.append("Some of the data is simulated.")
    small = [r for r in results if 0 < r.n < 200]
    if small:
        lines.append(f"Some numbers stand on few test samples (as few as {min(r.n for r in small)}).")
    if results:
        source = about.get("data", {}).get("source", "?")
        lines.append(f"Measured on {', '.join(dict.fromkeys(r.dataset for r in results))}; learned from {source}: on other data nothing is known.")
    return Section("Limits", lines)
