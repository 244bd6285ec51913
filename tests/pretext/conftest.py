"""Small structured sets of each modality, and an encoder with its views for each: enough for every task to have something to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch.nn.functional import interpolate

from tacit.contracts.catalog import load
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch

SPECIAL = {"pad": 0, "unk": 1, "mask": 2, "cls": 3, "sep": 4, "inside": 60}
WORDS = (5, 60)  # ids of ordinary words that begin one
LAYOUTS = {
    "image": Layout("image", "number", (16, 16), 3, mean=(128.0,) * 3, deviation=(64.0,) * 3),
    "series": Layout("series", "number", (48,), 2, mean=(0.0, 0.0), deviation=(1.0, 1.0)),
    "text": Layout("text", "category", (24,), 1, vocabulary=64, special=SPECIAL),
}
SMALL: dict[str, dict[str, Any]] = {  # encoders by name, small
    "convnet": {"base": 16},
    "vit": {"width": 32, "depth": 2, "heads": 2, "side": 4},
    "dilated": {"width": 32, "hidden": 24},
    "patches": {"width": 32, "depth": 2, "heads": 2},
    "causal": {"width": 32, "hidden": 24},
    "transformer": {"width": 32, "depth": 2, "heads": 2},
    "gpt": {"width": 32, "depth": 2, "heads": 2},
}
READS = {"convnet": "image", "vit": "image", "dilated": "series", "patches": "series", "causal": "series", "transformer": "text", "gpt": "text"}


class Made(NamedTuple):
    """An encoder, its views, and a batch of samples."""

    encoder: Any
    views: Any
    batch: Batch


def images(many: int, rng: torch.Generator) -> Batch:
    """Smooth coloured pictures, bright at the top, so that up is known."""
    rough = torch.randn(many, 3, 4, 4, generator=rng)
    sky = torch.linspace(1.5, -1.5, 16).view(1, 1, 16, 1)
    smooth = interpolate(rough, size=(16, 16), mode="bilinear") * 0.7 + sky
    return Batch((128 + 50 * smooth).clamp(0, 255).to(torch.uint8))


def series(many: int, rng: torch.Generator) -> Batch:
    """Growing waves of four frequencies in two channels, some of them short."""
    t = torch.arange(48).view(1, 48, 1)
    rate = 0.2 + 0.2 * torch.randint(4, (many, 1, 1), generator=rng)
    phase = torch.tensor([0.0, 1.0]) + 6 * torch.rand(many, 1, 1, generator=rng)
    values = torch.sin(rate * t + phase) * (0.3 + t / 32) + 0.1 * torch.randn(many, 48, 2, generator=rng)
    lengths = torch.where(torch.rand(many, 1, 1, generator=rng) < 0.25, 36, 48)
    valid = (t < lengths).expand(many, 48, 2).contiguous()
    return Batch(values * valid, valid)


def texts(many: int, rng: torch.Generator) -> Batch:
    """Words of one of four subjects, which run through their words in turn; some texts are short."""
    subject = torch.randint(4, (many, 1), generator=rng)
    start = torch.randint(12, (many, 1), generator=rng)
    ids = WORDS[0] + subject * 13 + (start + torch.arange(24)) % 13
    valid = torch.arange(24) < torch.where(torch.rand(many, 1, generator=rng) < 0.25, 16, 24)
    return Batch(ids.masked_fill(~valid, SPECIAL["pad"]), valid)


@pytest.fixture(scope="session")
def made() -> Callable[..., Made]:
    """made(encoder name, how many samples, seed)."""

    def make(name: str, many: int = 32, seed: int = 0) -> Made:
        torch.set_num_threads(1)
        modality = READS[name]
        layout = LAYOUTS[modality]
        encoder = load("encoder", name)(layout, seed=seed, **SMALL[name])
        views = load("views", modality)(layout, encoder.patch)
        rng = torch.Generator().manual_seed(100 + seed)
        return Made(encoder, views, {"image": images, "series": series, "text": texts}[modality](many, rng))

    return make
