"""Puzzles of a report: posed by the views that were learned with, the encoder's own options among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tacit.contracts.catalog import load
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.picturing import posed
from tacit.export.model_folder import SampleModel
from tacit.learning.recipe import Recipe
from tacit.learning.teaching import make_views
from tacit.nets.encoder import Batch, Encoder
from tacit.nets.encoders.convnet import ConvNet

LAYOUT = Layout("image", "number", (32, 32), 3, mean=(100.0,) * 3, deviation=(50.0,) * 3)
SAMPLES = Samples(np.random.default_rng(0).integers(0, 255, (8, 3, 32, 32), np.uint8))
MODALITY = load("modality", "image").restore(LAYOUT, {})


class Near(ConvNet):
    """Asks for crops that are nearly whole."""

    @property
    def view_options(self) -> dict[str, Any]:
        return {"least": 0.9}


def recipe(**options: float) -> Recipe:
    return Recipe(pretext={"contrastive": 1.0}, forbidden=("flip",), view_options=options)


def shown(encoder: Encoder, **options: float) -> NDArray[np.int64]:
    """The first view of the first sample in the report."""
    found = posed(SampleModel(encoder, MODALITY, "convnet", {"recipe": recipe(**options).facts()}), SAMPLES)[0].shown[0]
    return np.asarray(found, np.int64)


def test_puzzles_are_those_learned_with() -> None:
    plain, near = ConvNet(LAYOUT, 0, base=8), Near(LAYOUT, 0, base=8)
    views = make_views(recipe(least=0.9), MODALITY, plain)
    puzzle = load("pretext task", "contrastive")(plain, seed=0).pose(Batch.of(SAMPLES), views, torch.Generator().manual_seed(0))
    expected = MODALITY.show(puzzle.views[0].values[0].numpy(), None).astype(np.int64)
    for found in (shown(plain, least=0.9), shown(near)):
        np.testing.assert_allclose(found, expected, atol=1)  # of rounding
    assert abs(shown(plain) - expected).max() > 20
