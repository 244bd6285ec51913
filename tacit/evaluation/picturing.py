"""Picturing: what a report draws, collected from an evaluated model: a map, nearest neighbours, posed puzzles, the learning's curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from tacit.contracts.catalog import load
from tacit.contracts.errors import TacitError
from tacit.contracts.layout import Samples
from tacit.contracts.modality import Modality
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.evaluate import Results
from tacit.evaluation.protocols.knn import similarities, unit
from tacit.evaluation.setting import Setting
from tacit.export.model_folder import SampleModel
from tacit.ledger.pictures import Neighbours, Pictures, Posed
from tacit.nets.encoder import Batch

MAPPED, ASKING, FOUND, POSED = 1500, 6, 5, 2
GREY = 128  # of what is hidden in a picture


def picture(results: Results, model: SampleModel, tsne: bool = True) -> Pictures:
    """For ledger.report. tsne: the map by t-SNE (seconds), else by PCA."""
    setting = results.setting
    curve = [dict(line) for line in model.about.get("learning", {}).get("curve", [])]
    if setting is None:
        return Pictures(curve=curve)
    rng, reader = setting.rng(20), FrozenEncoder(model.encoder)
    rows = np.sort(rng.permutation(len(setting.test))[:MAPPED])
    gallery, asked = (unit(reader.embed(s)) for s in (setting.train.samples, setting.test.samples.take(rows)))
    points, how = mapped(asked, int(rng.integers(2**31)), tsne)
    calibration = results.findings.get("calibration")
    reliability = {k: v for k, v in calibration.shown.items() if isinstance(v, dict)} if calibration else {}
    return Pictures(
        points, setting.test.labels[rows], setting.test.classes, how,
        _neighbours(setting, model.modality, gallery, asked, rows, rng), posed(model, setting.train.samples), curve, reliability,
    )  # fmt: skip


def mapped(embeddings: NDArray[np.float32], seed: int, tsne: bool = True) -> tuple[NDArray[np.float64], str]:
    """([n, 2], how): van der Maaten and Hinton, "Visualizing data using t-SNE", 2008; PCA where samples are few."""
    if not tsne or len(embeddings) < 50:
        return np.asarray(PCA(2, random_state=seed).fit_transform(embeddings), np.float64), "PCA, the first two directions,"
    low = PCA(min(30, *embeddings.shape), random_state=seed).fit_transform(embeddings)
    found = TSNE(2, init="pca", perplexity=min(30.0, len(low) / 5), random_state=seed, max_iter=500).fit_transform(low)
    return np.asarray(found, np.float64), "t-SNE (near is alike; distances between groups say little)"


def _neighbours(
    setting: Setting, modality: Modality, gallery: Any, asked: Any, rows: NDArray[np.int64], rng: np.random.Generator
) -> list[Neighbours]:
    out = []
    drawn = rng.permutation(len(rows))
    _, first = np.unique(setting.test.labels[rows[drawn]], return_index=True)  # of different classes, as far as there are so many
    for at in [*drawn[np.sort(first)].tolist(), *np.delete(drawn, first).tolist()][:ASKING]:
        near = np.argsort(-similarities(gallery, asked[at : at + 1])[0], kind="stable")[:FOUND]
        found = [_show(modality, setting.train.samples, int(i)) for i in near]
        names = [_label(setting, setting.train.labels[i]) for i in near]
        out.append(Neighbours(_show(modality, setting.test.samples, int(rows[at])), found, _label(setting, setting.test.labels[rows[at]]), names))
    return out


def posed(model: SampleModel, samples: Samples) -> list[Posed]:
    """Two puzzles of each task that the model was taught by. A task that can no longer be made is left out, and its row says so."""
    recipe, encoder = model.about.get("recipe", {}), model.encoder
    options = {**encoder.view_options, **recipe.get("view_options", {})}
    views = load("views", encoder.layout.modality)(encoder.layout, encoder.patch, frozenset(recipe.get("forbidden", ())), **options)
    out, batch = [], Batch.of(samples.take(slice(0, 8)))
    for name in recipe.get("pretext", {}):
        try:
            task = load("pretext task", name)(encoder, seed=0, **recipe.get("task_options", {}).get(name, {}))
            puzzle = task.pose(batch, views, torch.Generator().manual_seed(0))
        except (TacitError, TypeError, ValueError, RuntimeError) as e:
            out.append(Posed(name, f"cannot be posed again: {e}", []))
            continue
        for i in range(min(POSED, len(batch))):
            shown = [_seen(model.modality, encoder.patch, view, hidden, i) for view, hidden in zip(puzzle.views, puzzle.hidden, strict=True)]
            out.append(Posed(name, _show(model.modality, samples, i), [s for s in shown if s is not None][:4]))
    return out


def _show(modality: Modality, samples: Samples, at: int) -> Any:
    return modality.show(samples.values[at], None if samples.valid is None else samples.valid[at])


def _seen(modality: Modality, patch: tuple[int, ...], view: Batch, hidden: torch.Tensor | None, at: int) -> Any:
    """One view as people see it, with what is hidden painted over; None where it has no row of its own for this sample."""
    if at >= len(view):
        return None
    values, valid = view.values[at].numpy().copy(), None if view.valid is None else view.valid[at].numpy()
    size = values.shape[1:] if modality.name == "image" else values.shape[:1]
    if hidden is None:
        covered = np.zeros(size, np.bool_)
    else:
        grid = [-(-s // p) for s, p in zip(size, patch, strict=True)]
        covered = hidden[at].numpy().reshape(grid)
        for axis, step in enumerate(patch):
            covered = covered.repeat(step, axis)
        covered = covered[tuple(slice(0, s) for s in size)]
    if modality.name == "image":
        return modality.show(np.clip(np.where(covered, GREY, values), 0, 255).astype(np.uint8), None)
    if modality.name == "series":
        real = np.ones(values.shape, np.bool_) if valid is None else valid
        return modality.show(values.astype(np.float32), real & ~covered[:, None])
    ids = np.where(covered, modality.layout.special.get("mask", 0), values).astype(np.int32)
    return modality.show(ids, valid)


def _label(setting: Setting, label: Any) -> str:
    return setting.test.classes[int(label)] if setting.test.classes else f"{float(label):.3g}"
