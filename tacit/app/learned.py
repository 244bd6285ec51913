"""Learned: an encoder of samples as Python sees it: embeds, searches, is tuned with labels, predicts, is evaluated, saved."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.errors import DataError, UnknownName

if TYPE_CHECKING:
    from tacit.connect.labels import Labels
    from tacit.contracts.pool import Pool
    from tacit.evaluation.tuning import Tuned
    from tacit.export.model_folder import SampleModel


LeftOut = Callable[[list[tuple[str, str]]], None]
SINGLE = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


class LearnedEncoder:
    """Made by `tacit.learn` and `tacit.load`. `data` is anything that `tacit learn` takes: a folder, an archive, a table, arrays, texts."""

    def __init__(self, model: SampleModel) -> None:
        self.model = model

    @property
    def modality(self) -> str:
        """ "image", "series" or "text"."""
        return self.model.modality.name

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        return self.model.encoder.outputs

    def embed(self, data: Any, progress: Callable[[int, int], None] | None = None) -> NDArray[np.float32]:
        """[N, width], in the order of the data. Raises DataError where a sample cannot be read: see `embed_named`."""
        names, embeddings, refused = self.embed_named(data, progress)
        if refused:
            first = refused[0]
            raise DataError(
                f"{len(refused)} of {len(names) + len(refused)} samples cannot be read; the first: {first[0]}: {first[1]}.",
                "embed_named leaves them out.",
            )
        return embeddings

    def embed_named(self, data: Any, progress: Callable[[int, int], None] | None = None) -> tuple[list[str], NDArray[np.float32], list[Any]]:
        """(names, [N, width], refused as (name, reason)) of those that can be read; progress: called with samples done and in all.

        Raises DataError where none can be read or the data are of another modality.
        """
        from tacit.evaluation.embedding_pools import embed_pool

        pool = self.pool_of(data)
        embeddings, rows, refused = embed_pool(self.model.encoder, self.model.modality, pool, progress)
        if not len(rows):
            first = f"the first: {refused[0][0]}: {refused[0][1]}" if refused else "it is empty"
            raise DataError(f"none of the {len(pool):,} samples of {pool.described} can be read; {first}.", "Check the files.")
        return [pool.names[int(i)] for i in rows], embeddings, refused

    def pool_of(self, data: Any, column: str | None = None) -> Pool:
        """The data as a pool of this model's modality; column: of the texts or values in a table. Raises DataError where they are of another."""
        from tacit.connect.open_pool import open_pool
        from tacit.connect.pool_wishes import PoolWishes
        from tacit.contracts.pool import Pool as Pools

        single = None if isinstance(data, Pools) else self._single(data)
        if single is not None:
            PoolWishes(column=column).hold_to((), f"{single.described} (one sample)")
        pool = data if isinstance(data, Pools) else single or open_pool(data, modality=self.modality, column=column)
        if pool.modality != self.modality:
            raise DataError(f"this model embeds {self.modality}, and {pool.described} holds {pool.modality}.", "Learn a model of that modality.")
        return pool

    def _single(self, data: Any) -> Pool | None:
        """One picture (a file, an array [H, W] or [H, W, C], a Pillow image) or series (an array [steps, channels]) as a pool of its own; None
        where the data are something else.

        A text file is no single sample: it has one a line.
        """
        from tacit.connect.open_pool import open_pool, subset

        shape = () if hasattr(data, "columns") else tuple(getattr(data, "shape", ()))  # a table has a shape, too
        if self.modality == "image" and _is_picture(data, shape):
            return open_pool([data], modality="image")
        if self.modality == "series" and len(shape) == 2 and shape[1] == self.model.layout.channels:
            return open_pool([data], modality="series", channels_first=False)
        path = Path(data) if isinstance(data, str | Path) else None
        if self.modality != "image" or path is None or not path.is_file() or path.suffix.lower() not in SINGLE:
            return None
        folder = open_pool(str(path.parent), modality=self.modality)
        return subset(folder, np.array([list(folder.names).index(path.name)]))

    def tune(
        self,
        data: Any,
        labels: Any,
        metric: str | None = None,
        entity: str | None = None,
        seed: int = 0,
        told: Callable[[str], None] = lambda what: None,
    ) -> Tuned:
        """Fit a head on this encoder's frozen embeddings from labels (a file, or one per sample; None or NaN: not labelled); this encoder keeps it
        (`tacit.tune` gives another).

        metric: a scorer of scikit-learn, None = by the labels; entity: a column whose values stay on one side of a fold; seed: of the folds;
        told: called with what is being done. Returns what cross-validation said of it. Raises DataError, UnknownName.
        """
        from sklearn.metrics import get_scorer_names

        from tacit.connect.labels import read_labels, require_classes
        from tacit.evaluation.tuning import fit_head

        pool = self.pool_of(data)
        found = read_labels(labels, pool)
        if found.kind == "class":
            require_classes(found)
        if entity is not None and entity not in pool.columns:
            raise DataError(f"{pool.described} has no column {entity!r}.", f"It has: {', '.join(pool.columns) or 'none'}.")
        if metric and metric not in get_scorer_names():
            raise UnknownName("scorer of scikit-learn", metric, get_scorer_names())
        told(f"embedding {len(found.rows):,} labelled samples")
        embeddings, kept, refused = self._of_rows(pool, found.rows)
        groups = None if entity is None else np.asarray(pool.columns[entity])[found.rows[kept]]
        tuned = fit_head(embeddings, found.values[kept], metric, groups, seed, told)
        self.model.head = tuned.head
        self.model.about["tuned"] = {"labels": len(kept), **_score(tuned), "folds": tuned.folds, "notes": _notes(found, refused)}
        return tuned

    def fine_tune(
        self,
        data: Any,
        labels: Any,
        metric: str | None = None,
        entity: str | None = None,
        seed: int = 0,
        seconds: float = 120.0,
        told: Callable[[str], None] = lambda what: None,
    ) -> Tuned:
        """Move all weights with the labels, at most `seconds` long, and fit a head on what they became; this encoder keeps both.

        The rest as for `tune`. Returns the score on held-out labels, which flatters: they chose rate and steps, too. Raises DataError, UnknownName.
        """
        from tacit.connect.labels import read_labels, require_classes
        from tacit.contracts.goal import Goal
        from tacit.evaluation.embedding import read_pool
        from tacit.evaluation.fine_tuning import fine_tune

        pool = self.pool_of(data)
        found = read_labels(labels, pool)
        if found.kind == "class":
            require_classes(found)
        if entity is not None and entity not in pool.columns:
            raise DataError(f"{pool.described} has no column {entity!r}.", f"It has: {', '.join(pool.columns) or 'none'}.")
        told(f"reading {len(found.rows):,} labelled samples")
        samples, positions, refused = read_pool(pool, self.model.modality, found.rows)
        kept = np.searchsorted(found.rows, positions)
        groups = None if entity is None else np.asarray(pool.columns[entity])[positions]
        goal = Goal(metric or "", kind="classes" if found.kind == "class" else "numbers")
        self.model.encoder, tuned = fine_tune(self.model.encoder, samples, found.values[kept], goal, groups, seconds, seed, told)
        self.model.about.pop("sha256", None)  # the weights are others now, and of no folder until they are saved
        self.model.folder = None
        self.model.head = tuned.head
        self.model.about["tuned"] = {"labels": len(kept), **_score(tuned), "fine_tuned": True, "notes": _notes(found, refused)}
        return tuned

    def apart(self) -> LearnedEncoder:
        """Another encoder with the same weights, head and facts, of no folder: what it is tuned to leaves this one as it is."""
        model = replace(self.model, about=copy.deepcopy(self.model.about), head=dict(self.model.head), folder=None)
        return LearnedEncoder(model)

    def _of_rows(self, pool: Pool, rows: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.int64], list[Any]]:
        """(embeddings of those of `rows` that can be read, their positions in `rows`, the others)."""
        from tacit.connect.open_pool import subset
        from tacit.evaluation.embedding_pools import embed_pool

        return embed_pool(self.model.encoder, self.model.modality, subset(pool, rows))

    def predict(self, data: Any, left_out: LeftOut | None = None) -> tuple[list[str], NDArray[Any], NDArray[np.float32] | None]:
        """(names, labels [N], probabilities [N, K] or None for numbers) by the tuned head, of the samples that can be read.

        left_out: called with (name, reason) of the others; by default a warning tells of them. Raises ModelError where there is no head, DataError
        where none can be read.
        """
        from tacit.evaluation.tuning import apply_head

        if not self.model.head:
            apply_head({}, np.zeros((0, 0), np.float32))
        names, embeddings, refused = self.embed_named(data)
        (left_out or _warn)(refused)
        return names, *apply_head(self.model.head, embeddings)

    def search(self, gallery: Any, query: Any, count: int = 10, left_out: LeftOut | None = None) -> list[list[tuple[str, float]]]:
        """For each query the `count` nearest of the gallery: (name, cosine of the embeddings about the gallery's mean), nearest first.

        left_out: called with (name, reason) of what cannot be read of the gallery; by default a warning tells of it. Raises DataError where a query
        or the whole gallery cannot be read.
        """
        names, stored, refused = self.embed_named(gallery)
        (left_out or _warn)(refused)
        asked = self.embed(query)
        stored, asked = (e / np.maximum(np.linalg.norm(e, axis=1, keepdims=True), 1e-12) for e in (stored - stored.mean(0), asked - stored.mean(0)))
        likeness = asked @ stored.T  # [Q, G]
        best = np.argsort(-likeness, axis=1)[:, :count]
        return [[(names[int(j)], float(likeness[i, j])) for j in row] for i, row in enumerate(best)]

    def save(self, folder: str | Path) -> None:
        """Into a folder, atomically. Raises ModelError."""
        from tacit.export.model_folder import save

        save(self.model, Path(folder))

    def __repr__(self) -> str:
        return f"LearnedEncoder({self.modality}, {self.model.encoder_name}, width {self.width})"


def _is_picture(data: Any, shape: tuple[int, ...]) -> bool:
    """Whether this is one picture, and not many: an array of two axes, or of three whose last one holds colours, or a Pillow image."""
    from tacit.connect.array_samples import COLOURS

    return hasattr(data, "getexif") or len(shape) == 2 or (len(shape) == 3 and shape[2] in COLOURS and min(shape[:2]) > max(COLOURS))


def _score(tuned: Tuned) -> dict[str, Any]:
    """For model.json: what the score is and what it stands on."""
    return {name: getattr(tuned, name) for name in ("metric", "score", "low", "high", "held", "how", "choice")}


def _warn(refused: list[Any]) -> None:
    if refused:
        warnings.warn(f"{len(refused):,} samples cannot be read and are left out; the first: {refused[0][0]}: {refused[0][1]}", stacklevel=3)


def _notes(found: Labels, refused: list[Any]) -> list[str]:
    """What was assumed of the labels, what did not fit, and which labelled samples could not be used."""
    unread = [f"{len(refused):,} labelled samples cannot be read; the first: {refused[0][0]}: {refused[0][1]}"] if refused else []
    return [*found.notes, *unread]
