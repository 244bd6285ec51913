"""SimCLR with ResNet-18 at 32 px: tacit beside lightly, same net, batch, crops, projection head and optimizer; and the loop beside a bare step.

    python -m benchmarks.simclr_speed [--batch 128] [--steps 2] [--rounds 6] [--threads 2] [--workers 1] [--sides tacit bare lightly] [--out FILE]

Sides take turns, `steps` updates each a round, every other round the other way round. Wall time is what a user waits; CPU time
(with that of worker processes) is robust against other work on the machine. Both stand in the table, medians over the rounds,
and the load before and after.

tacit: arrays in memory -> `Learner.step` (views, contrastive loss, clipping, AdamW, measures of health). bare: the same puzzle,
loss and AdamW in six lines, no clipping. lightly: PIL pictures that lie decoded in memory, in its favour, its own SimCLRTransform (no blur) in
DataLoader workers, its SimCLRProjectionHead and NTXentLoss, the same ResNet-18 module, AdamW, in the step of its documentation.
bfloat16 is autocast; lightly's documentation does not use it on a processor, so that both rows are there: as documented (float32) and at
the same precision.
Not equal: ours crops with bilinear weights at continuous positions, leaves the positive out of the sum, clips gradients; lightly
normalises with ImageNet's statistics. None of these moves the cost noticeably: the net takes nine tenths of it.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from benchmarks.augmentation import cifar
from benchmarks.image_peers import lightly_loader, pil
from benchmarks.tables import write
from tacit.contracts.layout import Layout
from tacit.learning.learner import Learner
from tacit.nets.encoder import Batch
from tacit.nets.encoders.resnet18 import ResNet18
from tacit.nets.views.image import ImageViews
from tacit.pretext.contrastive import Contrastive

LAYOUT = Layout("image", "number", (32, 32), 3, mean=(125.0, 123.0, 114.0), deviation=(63.0, 62.0, 67.0))
Step = Callable[[], None]


def batches(pictures: NDArray[np.uint8], batch: int) -> Iterator[Batch]:
    """Endless, drawn anew each time."""
    rng = np.random.default_rng(0)
    while True:
        yield Batch(torch.from_numpy(pictures[rng.choice(len(pictures), batch, replace=False)]))


def of_tacit(pictures: NDArray[np.uint8], batch: int, precision: str) -> Step:
    """One step of the product's learner."""
    encoder = ResNet18(LAYOUT)
    learner = Learner(encoder, {"contrastive": Contrastive(encoder)}, {"contrastive": 1.0}, ImageViews(LAYOUT, encoder.patch), precision=precision)
    drawn = batches(pictures, batch)
    return lambda: float(learner.step(next(drawn)).loss) and None


def bare(pictures: NDArray[np.uint8], batch: int, precision: str) -> Step:
    """The same by hand."""
    encoder = ResNet18(LAYOUT)
    task, views, rng, drawn = Contrastive(encoder), ImageViews(LAYOUT, encoder.patch), torch.Generator().manual_seed(0), batches(pictures, batch)
    optimizer = torch.optim.AdamW([*encoder.parameters(), *task.parameters()], lr=1e-3, fused=True)

    def step() -> None:
        puzzle = task.pose(next(drawn), views, rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            loss = task.solve(encoder, puzzle).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def of_lightly(pictures: NDArray[np.uint8], batch: int, precision: str, workers: int) -> Step:
    """The step of lightly's documentation."""
    from lightly.loss import NTXentLoss
    from lightly.models.modules.heads import SimCLRProjectionHead

    class Backbone(torch.nn.Module):
        """The same ResNet-18, from normalised floats to the pooled feature map."""

        def __init__(self) -> None:
            super().__init__()
            self.net = ResNet18(Layout("image", "number", (32, 32), 3, mean=(0.0,) * 3, deviation=(1.0,) * 3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(Batch(x)).pooled

    model, head, criterion = Backbone(), SimCLRProjectionHead(512, 512, 128), NTXentLoss(temperature=0.2)
    optimizer = torch.optim.AdamW([*model.parameters(), *head.parameters()], lr=1e-3)
    loader = iter(lightly_loader(pil(pictures), 32, batch, workers))

    def step() -> None:
        (first, second), _, _ = next(loader)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            one, two = head(model(first)), head(model(second))
        loss = criterion(one.float(), two.float())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def processor_time() -> float:
    """Of this process and its children, those that still run, too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    alive = sum(t.user + t.system for child in psutil.Process().children(recursive=True) for t in [child.cpu_times()])
    return used.ru_utime + used.ru_stime + alive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("--batch", 128), ("--steps", 2), ("--rounds", 6), ("--threads", 2), ("--workers", 1)):
        parser.add_argument(name, type=int, default=value)
    parser.add_argument("--sides", nargs="+", default=["tacit", "bare", "lightly"], choices=["tacit", "bare", "lightly"])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    pictures, sides = cifar(2048), dict[str, Step]()
    for precision in ("float32", "bfloat16"):
        if "tacit" in asked.sides:
            sides[f"tacit, {precision}"] = of_tacit(pictures, asked.batch, precision)
        if "bare" in asked.sides:
            sides[f"bare step, {precision}"] = bare(pictures, asked.batch, precision)
        if "lightly" in asked.sides:
            sides[f"lightly, {precision}"] = of_lightly(pictures, asked.batch, precision, asked.workers)
    before = os.getloadavg()[0]
    wall: dict[str, list[float]] = {name: [] for name in sides}
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for k in range(asked.rounds + 1):
        for name, step in list(sides.items())[:: -1 if k % 2 else 1]:
            began, used = time.perf_counter(), processor_time()
            for _ in range(asked.steps if k else 1):
                step()
            if k:  # the first warms up
                wall[name].append((time.perf_counter() - began) / (asked.steps * asked.batch))
                spent[name].append((processor_time() - used) / (asked.steps * asked.batch))
    rows = []
    for name in sides:
        row: dict[str, object] = {
            "side": name,
            "images/s, wall": 1 / statistics.median(wall[name]),
            "images a CPU second": 1 / statistics.median(spent[name]),
        }
        alike = name.split(", ")[1]
        peers = (
            ("times lightly as documented", "lightly, float32"),
            ("times lightly same precision", f"lightly, {alike}"),
            ("times bare", f"bare step, {alike}"),
        )
        for what, peer in ((what, peer) for what, peer in peers if peer in sides):
            for clock, times in (("wall", wall), ("CPU", spent)):
                ratios = [b / a for a, b in zip(times[name], times[peer], strict=True)]
                row[f"{what}, {clock}"] = statistics.median(ratios)
        rows.append(row)
    load = f"Load of the machine before {before:.1f}, after {os.getloadavg()[0]:.1f}; threads {asked.threads}, workers of the peer {asked.workers}."
    versions = ", ".join(f"{p} {version(p)}" for p in (("torch", "torchvision", "lightly") if "lightly" in asked.sides else ("torch",))) + "."
    write(asked.out, "SimCLR, ResNet-18, 32 px", f"{__doc__}\n{load} {versions}", [("images/s; a batch counts once, not once a view", rows)])


if __name__ == "__main__":
    main()
