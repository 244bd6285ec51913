"""Augmentation alone, one core: strong views of tacit beside torchvision v2 on PIL pictures, the same list of changes.

    python -m benchmarks.augmentation [--rounds 7] [--out FILE]

Both sides take turns; CPU time of the process counts, so that other work on the machine weighs little, and the median
round is shown beside the slowest. Ours begins with a batch of uint8 pictures, torchvision with PIL pictures that are
decoded already; both end with a normalised float batch. Pictures: TACIT_DATA/image_cifar10, enlarged for 96 px.
Not equal: ours changes colours in one affine map and cuts off once at the end, turns hue in YIQ (torchvision: HSV),
and draws the order of the colour changes once a batch.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import time
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.image_peers import pil, torchvision_view
from benchmarks.tables import write
from tacit.contracts.layout import Layout
from tacit.nets.encoder import Batch
from tacit.nets.views.image import ImageViews


def cifar(many: int, side: int = 32) -> NDArray[np.uint8]:
    """uint8 [B, 3, side, side]: the first pictures of the set."""
    with zipfile.ZipFile(Path(os.environ["TACIT_DATA"]) / "image_cifar10" / "train.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".jpg"))[:many]
        found = [Image.open(io.BytesIO(archive.read(n))).convert("RGB").resize((side, side), Image.Resampling.BICUBIC) for n in names]
    return np.stack([np.asarray(p) for p in found]).transpose(0, 3, 1, 2).copy()


def spent(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def compared(side: int, batch: int, rounds: int) -> dict[str, object]:
    """One row: pictures a CPU second of both, in turns."""
    pictures = cifar(batch, side)
    layout = Layout("image", "number", (side, side), 3, mean=(125.0,) * 3, deviation=(64.0,) * 3)
    views, rng, ours = ImageViews(layout, (8, 8)), torch.Generator().manual_seed(0), Batch(torch.from_numpy(pictures))
    theirs, opened = torchvision_view(side), pil(pictures)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for k in range(rounds + 1):
        one = spent(lambda: [views.strong(ours, rng).values.sub_(125.0).div_(64.0) for _ in range(4)]) / 4
        other = spent(lambda: torch.stack([theirs(p) for p in opened]))
        if k:  # the first warms up
            times["ours"].append(one)
            times["theirs"].append(other)
    mine, peer = (batch / statistics.median(times[name]) for name in ("ours", "theirs"))
    worst = min(b / a for a, b in zip(times["ours"], times["theirs"], strict=True))
    return {
        "side, px": side,
        "batch": batch,
        "tacit, images/s": mine,
        "torchvision v2 on PIL, images/s": peer,
        "times": mine / peer,
        "worst round": worst,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    before = os.getloadavg()[0]
    rows = [compared(side, batch, asked.rounds) for side, batch in ((32, 256), (32, 64), (96, 256), (96, 64))]
    method = f"{__doc__}\nThreads: 1. Load of the machine before: {before:.1f}. torch {version('torch')}, torchvision {version('torchvision')}, "
    write(asked.out, "Augmentation of images", f"{method}Pillow {version('pillow')}.", [("images a CPU second", rows)])


if __name__ == "__main__":
    main()
