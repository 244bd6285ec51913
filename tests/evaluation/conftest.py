"""Real sets as labelled arrays, small parts of them, and the folder that holds them."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.labelled import Labelled
from tacit.nets.encoder import Batch, Encoder, Features

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real recordings."""
    folder = os.environ.get("TACIT_DATA")
    if not folder:
        pytest.skip("TACIT_DATA names no folder of real recordings")
    return Path(folder)


@pytest.fixture(scope="session")
def digits(data: Path) -> Callable[[str, int], Labelled]:
    """digits("train" | "t10k", n) → the first n of MNIST."""
    layout = Layout("image", "number", (28, 28), 1, 0, (33.3,), (78.6,))

    def read(part: str, n: int) -> Labelled:
        folder = data / "image_mnist"
        pictures = gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
        labels = gzip.decompress((folder / f"labels/{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
        values = np.frombuffer(pictures, np.uint8).reshape(-1, 1, 28, 28)[:n].copy()
        return Labelled(layout, Samples(values), np.frombuffer(labels, np.uint8)[:n].astype(np.int64), tuple("0123456789"))

    return read


@pytest.fixture(scope="session")
def motions(data: Path) -> Callable[[str], Labelled]:
    """motions("train" | "test") → BasicMotions, series [n, 100, 6]."""

    def read(part: str) -> Labelled:
        with np.load(data / "ts_ucr_uea/BasicMotions.npz") as file, np.load(data / "ts_ucr_uea/labels/BasicMotions.npz") as names:
            values = file[part].transpose(0, 2, 1).astype(np.float32)
            labels, classes = names[part], np.unique(names["train"])
        mean, deviation = values.mean((0, 1)), values.std((0, 1))
        layout = Layout("series", "number", (100,), 6, 0, tuple(mean.tolist()), tuple(deviation.tolist()))
        codes = np.searchsorted(classes, labels)
        return Labelled(layout, Samples(np.ascontiguousarray(values)), codes, tuple(str(c) for c in classes))

    return read


class SmallEncoder(Encoder):
    """Two convolutions: quick to train. hue: an option, to see it kept."""

    modalities: ClassVar[frozenset[str]] = frozenset({"image"})

    def __init__(self, layout: Layout, seed: int = 0, hue: int = 16) -> None:
        super().__init__(layout, seed)
        self.hue, self.width, self.patch = hue, 2 * hue, (7, 7)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            first, second = nn.Conv2d(layout.channels, hue, 5, 3), nn.Conv2d(hue, 2 * hue, 3, 2)
            self.layers = nn.Sequential(first, nn.BatchNorm2d(hue), nn.ReLU(), second, nn.BatchNorm2d(2 * hue), nn.ReLU())

    def forward(self, batch: Batch, hidden: Tensor | None = None) -> Features:
        maps = adaptive_avg_pool2d(self.layers(self.normalised(batch)), self.grid)
        tokens = maps.flatten(2).transpose(1, 2)  # [B, 16, D]
        return Features(tokens, tokens.mean(1))


@pytest.fixture
def small(digits: Callable[[str, int], Labelled]) -> Encoder:
    """Of digits, untrained."""
    return SmallEncoder(digits("t10k", 1).layout)


@pytest.fixture(scope="session")
def small_encoder() -> type[Encoder]:
    """The class."""
    return SmallEncoder
