"""`tacit embed` beside the encoder's bare forward: what reading, decoding, batching and writing add.

    TACIT_DATA=... python -m benchmarks.embed_speed [--rounds 5] [--threads 1] [--only NAME …] [--out PAGE]

One process. Sides take turns on the same samples: bare is the encoder alone on tensors that were prepared before (float32, batch 256, no
gradients); door is `LearnedEncoder.embed` from what the user has (an array, a list of texts, JPEG files in a zip); command is `tacit embed` from a
file to a Parquet file, with loading the model, without the start of Python. CPU time of the process counts every thread and is robust against other
work; wall time is what a user waits. Medians over the rounds after one to warm up; ratios are round by round. Encoders have learned one step: their
cost does not depend on it. The ratios reach 0.9 where the encoder is most of the work. An encoder cheaper than decoding or tokenising cannot reach
it: "decode alone" says how many CPU seconds that takes for a thousand samples, whatever comes after it.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import os
import shutil
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.augmentation import cifar
from benchmarks.corpora import home
from benchmarks.series_sets import archive
from benchmarks.tables import write
from tacit.app.api import learn
from tacit.app.learned import LearnedEncoder
from tacit.app.sample_commands import embed as embed_command
from tacit.contracts.layout import Samples
from tacit.evaluation.embedding import BATCH, read_pool
from tacit.nets.encoder import Batch


class Case(NamedTuple):
    """data: as the user hands it over; file: the same for the command; encoder: its name."""

    name: str
    data: Any
    file: str
    encoder: str


def cases(folder: Path) -> list[Case]:
    """Pictures of 32 px as an array, photos of 128 px as JPEG files in a zip, series and texts."""
    small = np.ascontiguousarray(cifar(8192).transpose(0, 2, 3, 1))
    series = np.tile(archive("JapaneseVowels").train, (16, 1, 1))
    for name, array in (("few", small[:256]), ("small", small), ("series", series)):
        np.save(folder / f"{name}.npy", array)
    photos = str(folder / "photos.zip")
    with zipfile.ZipFile(home() / "image_flowers" / "images.zip") as whole, zipfile.ZipFile(photos, "w") as part:
        for name in whole.namelist()[:256]:
            part.writestr(name, whole.read(name))
    with gzip.open(home() / "text_ag_news" / "train.csv.gz", "rt", encoding="utf-8", newline="") as file:
        texts = [" ".join(row["text"].split()) for row in csv.DictReader(file)]
    for name, part in (("few", texts[:512]), ("texts", texts)):
        (folder / f"{name}.txt").write_text("\n".join(part), "utf-8")
    return [
        Case("pictures 32 px, array, resnet18", small[:256], str(folder / "few.npy"), "resnet18"),
        Case("pictures 32 px, array, convnet", small, str(folder / "small.npy"), "convnet"),
        Case("photos 128 px, JPEG files, resnet18", photos, photos, "resnet18"),
        Case("photos 128 px, JPEG files, convnet", photos, photos, "convnet"),
        Case("series 29 x 12, array, dilated", series, str(folder / "series.npy"), "dilated"),
        Case("texts, list, transformer", texts[:512], str(folder / "few.txt"), "transformer"),
        Case("texts, list, bagged", texts[:512], str(folder / "few.txt"), "bagged"),
        Case("texts, longer list, bagged", texts, str(folder / "texts.txt"), "bagged"),
    ]


def prepared(learned: LearnedEncoder, data: Any) -> list[Batch]:
    """What the encoder takes, batch by batch."""
    samples = decoded(learned, data)
    return [Batch.of(samples.take(slice(start, start + BATCH))) for start in range(0, len(samples.values), BATCH)]


def decoded(learned: LearnedEncoder, data: Any) -> Samples:
    """All samples as arrays."""
    pool = learned.pool_of(data)
    return read_pool(pool, learned.model.modality)[0]


def forward(learned: LearnedEncoder, batches: list[Batch]) -> None:
    """The encoder alone."""
    with torch.no_grad():
        for batch in batches:
            learned.model.encoder.embedding(batch).numpy()


def measured(case: Case, folder: Path, rounds: int) -> dict[str, object]:
    """One row: samples a CPU second of each side, and the ratios to the bare forward."""
    learned: LearnedEncoder = learn(case.data, pretext="contrastive", encoder=case.encoder, steps=1, batch=8)
    model = folder / case.encoder
    learned.save(model)
    learned.model.encoder.eval()
    batches = prepared(learned, case.data)
    many = sum(len(b.values) for b in batches)
    sides: dict[str, Callable[[], object]] = {
        "bare": lambda: forward(learned, batches),
        "door": lambda: learned.embed(case.data),
        "command": lambda: embed_command(model, case.file, folder / "embedded.parquet", quiet=True),
        "decode": lambda: decoded(learned, case.data),
    }
    wall: dict[str, list[float]] = {name: [] for name in sides}
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for k in range(rounds + 1):
        for name, work in sides.items():
            began, used = time.perf_counter(), time.process_time()
            work()
            if k:  # the first warms up
                wall[name].append(time.perf_counter() - began)
                spent[name].append(time.process_time() - used)
    shutil.rmtree(model)
    print(f"{case.name}: done", flush=True)
    row: dict[str, object] = {"case": case.name, "samples": many, "bare, samples a CPU second": many / statistics.median(spent["bare"])}
    row["decode alone, CPU s for 1,000"] = 1000 * statistics.median(spent["decode"]) / many
    for name in ("door", "command"):
        for clock, times in (("CPU", spent), ("wall", wall)):
            row[f"{name} / bare, {clock}"] = statistics.median(b / a for a, b in zip(times[name], times["bare"], strict=True))
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], help="Cases whose name holds one of these.")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(io.StringIO()):
        chosen = [c for c in cases(Path(folder)) if not asked.only or any(name in c.name for name in asked.only)]
        rows = [measured(case, Path(folder), asked.rounds) for case in chosen]
    load = f"Load of the machine before {before:.1f}, after {os.getloadavg()[0]:.1f}; threads {asked.threads}; torch {torch.__version__}."
    write(asked.out, "tacit embed", f"{__doc__}\n{load}", [("share of the bare forward rate", rows)])


if __name__ == "__main__":
    main()
