"""TacitEncoder: learning on samples as a scikit-learn transformer, for pipelines, grids and clones.

A row of a table of numbers is a series of one channel; arrays [N, L, C] are series, uint8 [N, H, W] or [N, H, W, C] pictures, lists of
text are texts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from tacit.contracts.errors import DataError

STEPS = 200  # where no budget is named; beside another budget the default is none


class TacitEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """pretext: "" (the modality's own), a task, or NAME=WEIGHT,…; encoder: "" or NAME; steps, epochs or minutes: the budget, steps where
    none is given; batch, rate: None = by the size of the data; random_state: seed of everything random.

    After fit: `model_` (a LearnedEncoder), `n_features_in_` where X is a table, `curve_` (one dict a look).
    """

    def __init__(
        self,
        pretext: str = "",
        encoder: str = "",
        steps: int | None = STEPS,
        epochs: float | None = None,
        minutes: float | None = None,
        batch: int | None = None,
        rate: float | None = None,
        modality: str | None = None,
        random_state: int | None = 0,
    ) -> None:
        self.pretext = pretext
        self.encoder = encoder
        self.steps = steps
        self.epochs = epochs
        self.minutes = minutes
        self.batch = batch
        self.rate = rate
        self.modality = modality
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> TacitEncoder:
        """Learn from X, without labels; y is ignored."""
        from tacit.app.learning_samples import learn_samples
        from tacit.learning.recipe import Recipe, parse_encoder, parse_pretext

        data = self._data(X, True)
        name, options = parse_encoder(self.encoder)
        only_steps = self.epochs is None and self.minutes is None
        recipe = Recipe(
            pretext=parse_pretext(self.pretext),
            encoder=name,
            encoder_options=options,
            steps=(self.steps or STEPS) if only_steps or self.steps not in (None, STEPS) else None,
            epochs=self.epochs,
            minutes=self.minutes,
            batch=self.batch,
            rate=self.rate,
            modality=self.modality,
            seed=int(np.random.RandomState(self.random_state).randint(1 << 31)) if self.random_state is None else int(self.random_state),
        )
        self.model_ = learn_samples(data, recipe, check=False)
        self._n_features_out = self.model_.width
        self.curve_ = self.model_.model.about["learning"]["curve"]
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Embeddings [N, width]."""
        check_is_fitted(self, "model_")
        return self.model_.embed(self._data(X, False))

    def _data(self, X: Any, reset: bool) -> Any:
        """A table is checked as scikit-learn checks one; other forms are left to the pools."""
        if isinstance(X, list | tuple) and X and isinstance(X[0], str):
            return list(X)
        if getattr(X, "ndim", 2) > 2:
            return np.asarray(X)
        table = validate_data(self, X, dtype=np.float32, reset=reset, ensure_min_samples=4 if reset else 1, ensure_min_features=2 if reset else 1)
        if not np.isfinite(table).all():
            raise DataError("X holds values that are not finite.")
        return table[:, :, None]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
