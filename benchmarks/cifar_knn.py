"""CIFAR-10 part, unlabelled: neighbours of a frozen encoder after the same CPU time, tacit as it comes beside lightly's SimCLR.

    python -m benchmarks.cifar_knn --sides tacit lightly --cpu-minutes 30 [--seed 0] [--out benchmarks/results/cifar_knn.md]

tacit: `tacit.learn` with no choice of ours, on the 17,000 training pictures. lightly: ResNet-18 with the stem for small pictures, its SimCLRTransform
without blur, its projection head and NTXentLoss, SGD at 0.06 with momentum 0.9, weight decay 5e-4 and a cosine, batch 128, float32, as its
documentation has it for small pictures; pictures lie decoded in memory. Both are stopped by the CPU seconds of the process, checks and decoding
included for tacit.
Then 20 neighbours by cosine (each with equal voice) from 6,000 labelled training pictures, on 4,000 of the official test, drawn once for both. One
thread. An untrained encoder of each side stands beside it.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

import tacit
from benchmarks.image_peers import lightly_loader, pil  # before lightly: it makes torchvision importable
from benchmarks.quality_images import DATA, by_cpu_time
from benchmarks.tables import write
from tacit.connect.open_pool import open_pool
from tacit.contracts.layout import Layout, Samples
from tacit.evaluation.embedding import read_pool
from tacit.evaluation.rungs.untrained import fresh
from tacit.nets.encoder import Batch, Encoder
from tacit.nets.encoders.resnet18 import ResNet18

Pictures = NDArray[np.uint8]
JUDGED = {"train": 6000, "test": 4000}
BATCH = 128


def labels(side: str) -> NDArray[np.int64]:
    table = pd.read_csv(DATA / "image_cifar10" / "labels" / f"{side}_labels.csv")
    known = dict(zip(table["file"], table["label"], strict=True))
    pool = open_pool(str(DATA / "image_cifar10" / f"{side}.zip"))
    return np.array([known[name] for name in pool.names])


@torch.no_grad()
def embedded(encoder: Encoder, pictures: Pictures) -> NDArray[np.float32]:
    encoder.eval()
    parts = [encoder.embedding(Batch(torch.from_numpy(pictures[k : k + 256]))).float().numpy() for k in range(0, len(pictures), 256)]
    return np.concatenate(parts)


def neighbours(encoder: Encoder, sides: dict[str, Pictures], answers: dict[str, NDArray[np.int64]]) -> float:
    x = {side: embedded(encoder, pictures) for side, pictures in sides.items()}
    x = {side: e / np.linalg.norm(e, axis=1, keepdims=True) for side, e in x.items()}
    return float(KNeighborsClassifier(20).fit(x["train"], answers["train"]).score(x["test"], answers["test"]))


def by_tacit(seconds: float, seed: int, layout: Layout, pictures: Pictures) -> tuple[Encoder, Encoder, str]:
    """Its budget is in wall time: the loop's clock is the process's here."""
    del layout
    by_cpu_time()
    pool = open_pool(str(DATA / "image_cifar10" / "train.zip"))
    learned = tacit.learn(pool, minutes=seconds / 60, seed=seed)
    about = learned.model.about
    return (
        learned.model.encoder,
        fresh(learned.model.encoder, Samples(pictures[:1000]), seed),
        f"{learned.model.encoder_name}, {about['learning']['steps']} steps of {about['learning']['batch']}",
    )


def by_lightly(seconds: float, seed: int, layout: Layout, pictures: Pictures) -> tuple[Encoder, Encoder, str]:
    from lightly.loss import NTXentLoss
    from lightly.models.modules.heads import SimCLRProjectionHead

    torch.manual_seed(seed)
    encoder, first = ResNet18(layout, seed, simple=False), ResNet18(layout, seed, simple=False)
    head, judge = SimCLRProjectionHead(512, 512, 128), NTXentLoss(temperature=0.5)
    whole = nn.ModuleList([encoder, head])
    optimizer = torch.optim.SGD(whole.parameters(), lr=0.06, momentum=0.9, weight_decay=5e-4)
    mean, deviation = (torch.tensor(v).view(-1, 1, 1) for v in (layout.mean, layout.deviation))
    begun, steps = time.process_time(), 0
    for views, _, _ in lightly_loader(pil(pictures), 32, BATCH, 0):
        spent = (time.process_time() - begun) / seconds
        if spent >= 1:
            break
        optimizer.param_groups[0]["lr"] = 0.06 * 0.5 * (1 + math.cos(math.pi * spent))
        whole.train()
        optimizer.zero_grad()
        one, two = (head(encoder(Batch(_levels(v, mean, deviation))).pooled) for v in views)
        judge(one, two).backward()
        optimizer.step()
        steps += 1
    return encoder, first, f"resnet18, {steps} steps of {BATCH}"


def _levels(view: torch.Tensor, mean: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
    """lightly's normalised view (ImageNet's statistics) as levels of 0 to 255, which our module of the net normalises itself."""
    del mean, deviation
    return 255 * (view * torch.tensor([0.229, 0.224, 0.225]).view(-1, 1, 1) + torch.tensor([0.485, 0.456, 0.406]).view(-1, 1, 1))


SIDES: dict[str, Callable[..., tuple[Encoder, Encoder, str]]] = {"tacit": by_tacit, "lightly": by_lightly}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--cpu-minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    sides: dict[str, Any] = {}
    for side in ("train", "test"):
        pool = open_pool(str(DATA / "image_cifar10" / f"{side}.zip"))
        from tacit.contracts.catalog import load

        modality = load("modality", "image").fit(pool, np.random.default_rng(0))
        sides[side] = read_pool(pool, modality)[0].values
        if side == "train":
            layout = modality.layout
    pictures = sides["train"]
    drawn = {side: np.sort(np.random.default_rng(1).permutation(len(x))[: JUDGED[side]]) for side, x in sides.items()}
    answers = {side: labels(side)[rows] for side, rows in drawn.items()}
    sides = {side: x[drawn[side]] for side, x in sides.items()}
    rows: list[dict[str, object]] = []
    for name in given.sides:
        begun = time.process_time()
        encoder, first, what = SIDES[name](60 * given.cpu_minutes, given.seed, layout, pictures)
        spent = time.process_time() - begun
        score, before = neighbours(encoder, sides, answers), neighbours(first, sides, answers)
        rows.append({"side": name, "encoder": what, "CPU s": spent, "kNN, test": score, "untrained": before})
        print(rows[-1], flush=True)
    write(given.out, "CIFAR-10 part: neighbours after the same CPU time", __doc__ or "", [("", rows)])


if __name__ == "__main__":
    main()
