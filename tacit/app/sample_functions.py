"""Sample functions: what `tacit tune`, `embed`, `predict` and `search` do, from Python. Thin doors to the methods of LearnedEncoder.

model is a LearnedEncoder or its folder; data are anything that `tacit.learn` takes, and column names the texts or values in a table.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tacit.app.loading import load_encoder

if TYPE_CHECKING:
    from tacit.app.learned import LearnedEncoder, LeftOut


def tune(
    model: LearnedEncoder | str | Path,
    data: Any,
    labels: Any,
    *,
    out: str | Path | None = None,
    fine_tune: bool = False,
    metric: str | None = None,
    entity: str | None = None,
    column: str | None = None,
    seed: int = 0,
    told: Callable[[str], None] = lambda what: None,
) -> LearnedEncoder:
    """A model with a head that is fitted on labels (a file, or one per sample; None or NaN: not labelled), which `tacit.predict` takes.

    What is returned is another encoder: a LearnedEncoder and a folder are left as they are (its methods tune itself). out: a folder to save it in;
    fine_tune: move all weights, not only a head on frozen embeddings; metric: a scorer of scikit-learn, None = by the labels; entity: a column whose
    values stay on one side of a fold; told: called with what is being done. What was found, the score among it, stands in
    `.model.about["tuned"]`. Raises DataError, UnknownName, ModelError.
    """
    learned = _of(model).apart()
    (learned.fine_tune if fine_tune else learned.tune)(learned.pool_of(data, column), labels, metric=metric, entity=entity, seed=seed, told=told)
    if out is not None:
        learned.save(out)
    return learned


def embed(
    model: LearnedEncoder | str | Path, data: Any, *, column: str | None = None, progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Embeddings [N, width], in the order of the data; progress: called with samples done and in all.

    Raises DataError where a sample cannot be read (`LearnedEncoder.embed_named` leaves such out) or the data are of another modality, ModelError
    where the folder holds no sound model.
    """
    learned = _of(model)
    return learned.embed(learned.pool_of(data, column), progress)


def predict(
    model: LearnedEncoder | str | Path, data: Any, *, column: str | None = None, left_out: LeftOut | None = None
) -> tuple[list[str], NDArray[Any], NDArray[np.float32] | None]:
    """(names, labels [N], probabilities [N, K] or None for numbers) of the samples that can be read, by a tuned model.

    left_out: called with (name, reason) of the others; by default a warning tells of them. Raises ModelError where the model has no head, DataError
    where no sample can be read.
    """
    learned = _of(model)
    return learned.predict(learned.pool_of(data, column), left_out)


def search(
    model: LearnedEncoder | str | Path, gallery: Any, query: Any, *, count: int = 10, column: str | None = None, left_out: LeftOut | None = None
) -> list[list[tuple[str, float]]]:
    """For each query the `count` nearest of the gallery as (name, likeness: a cosine), nearest first.

    query: a picture (a file, an array [H, W, C] or [H, W]), a file of series, a folder of them; of texts a text as it is, a list of them or a file;
    column: of the gallery; left_out: called with (name, reason) of what cannot be read of the gallery; by default a warning tells of it. Raises
    DataError where a query or the whole gallery cannot be read, ModelError where the folder holds no sound model.
    """
    learned = _of(model)
    return learned.search(learned.pool_of(gallery, column), query_of(learned, query), count, left_out)


def query_of(learned: LearnedEncoder, query: Any) -> Any:
    """A query as a pool. A text that names no file is the query itself; so is a whole file of text that is no table."""
    from tacit.connect.open_pool import follows, open_pool

    if learned.modality == "text" and isinstance(query, str | Path):
        if not Path(query).exists():
            query = [str(query)]
        elif Path(query).is_file() and follows(str(query), "whole"):
            query = open_pool(str(query), modality="text", whole=True)
    return learned.pool_of(query, None)


def _of(model: LearnedEncoder | str | Path) -> LearnedEncoder:
    """Loaded where it is a folder. Raises ModelError, DataError."""
    if not isinstance(model, str | Path):
        return model
    loaded: LearnedEncoder = load_encoder(model)
    return loaded
