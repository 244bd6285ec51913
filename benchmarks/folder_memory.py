"""Memory while learning from 20 GB: `tacit learn` on a folder of pictures and on one array, in a process of its own, its whole tree watched.

    TACIT_DATA=... python -m benchmarks.folder_memory [--gigabytes 20] [--minutes 1] [--only folder|array] [--place FOLDER] [--out PAGE]

The folder: photos of TACIT_DATA/image_flowers enlarged to 800 x 600, each other in crop, tone and noise, as JPEG. Behind the picture's end each file
is filled up with noughts to 5 MB (a hole in the file, which costs no room on disk and is read like any bytes; decoders stop at the picture's end),
and one in 50 is an uncompressed BMP of 2400 x 1800, 13 MB without a filling. The array: .npy of uint8 [N, 64, 64, 3], tiles of the same photos,
rolled and darkened, all of it written.
Resident memory is summed over the process and its children every quarter of a second, pages of mapped files included, so
that it overstates rather than not. The phase is what the command last said. Limit in the issue: 4 GB. What is made is deleted at the end.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from benchmarks.corpora import home
from benchmarks.tables import write

MEGA, GIGA = 10**6, 10**9
FILLED, EVERY = 5 * MEGA, 50


def photos(many: int) -> Iterator[tuple[Image.Image, np.random.Generator]]:
    """Crops of real photos, each with a generator of its own."""
    with zipfile.ZipFile(home() / "image_flowers" / "images.zip") as archive:
        names = sorted(archive.namelist())
        for i in range(many):
            rng = np.random.default_rng(i)
            whole = Image.open(io.BytesIO(archive.read(names[i % len(names)]))).convert("RGB")
            left, top, side = rng.integers(0, 32), rng.integers(0, 32), rng.integers(80, 96)
            yield whole.crop((left, top, left + side, top + side)), rng


def varied(picture: Image.Image, size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Enlarged, in another tone, with coarse noise."""
    grain = rng.integers(0, 40, (size[1] // 12, size[0] // 12, 3), np.uint8)
    tone = np.asarray(picture.resize(size)).astype(np.float32) * rng.uniform(0.6, 1.0, 3).astype(np.float32)
    return Image.fromarray((tone + np.asarray(Image.fromarray(grain).resize(size), np.float32)).clip(0, 255).astype(np.uint8))


def make_folder(place: Path, size: float) -> int:
    """Files of that size in all; returns their bytes."""
    place.mkdir()
    made, i = 0, 0
    for picture, rng in photos(1 << 30):
        if made >= size:
            return made
        if i % EVERY:
            path = place / f"{i:05}.jpg"
            varied(picture, (800, 600), rng).save(path, quality=85)
            os.truncate(path, FILLED)
        else:
            path = place / f"{i:05}.bmp"
            varied(picture, (2400, 1800), rng).save(path)
        made, i = made + path.stat().st_size, i + 1
    return made


def make_array(path: Path, size: float) -> int:
    """One .npy; returns its bytes."""
    rows = int(size // (64 * 64 * 3))
    tiles: NDArray[np.uint8] = np.stack([np.asarray(p.resize((64, 64))) for p, _ in photos(1024)])
    rng = np.random.default_rng(0)
    with path.open("wb") as out:
        head = {"descr": "|u1", "fortran_order": False, "shape": (rows, 64, 64, 3)}
        np.lib.format.write_array_header_1_0(out, head)
        for at in range(0, rows, len(tiles)):
            rolled = np.roll(tiles[rng.permutation(len(tiles))], tuple(rng.integers(0, 64, 2)), (1, 2))
            (rolled // np.uint8(rng.integers(1, 3)))[: rows - at].tofile(out)
    return path.stat().st_size


def watched(command: list[str]) -> tuple[list[tuple[float, int, str]], int]:
    """(seconds, resident bytes of the whole tree, what was last said) over a run, and its exit code."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said, began, found = ["starting"], time.monotonic(), list[tuple[float, int, str]]()

    def listen() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            if line.strip():
                said.append(line.strip())

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    root = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            held = sum(p.memory_info().rss for p in [root, *root.children(recursive=True)])
        except psutil.NoSuchProcess:
            break
        found.append((time.monotonic() - began, held, said[-1].replace(tempfile.gettempdir(), "")))
        time.sleep(0.25)
    listener.join(5)
    print("\n".join(said), flush=True)
    return found, process.wait()


def rows_of(what: str, size: int, seen: list[tuple[float, int, str]]) -> list[dict[str, object]]:
    """One row a phase, and one of the whole."""
    rows: list[dict[str, object]] = []
    for phase in dict.fromkeys(said for _, _, said in seen):
        part = [(at, held) for at, held, said in seen if said == phase]
        rows.append({"data": what, "after": phase[:60], "seconds": part[-1][0] - part[0][0], "peak resident, GB": max(h for _, h in part) / GIGA})
    whole = {"data": f"{what}, {size / GIGA:.1f} GB", "after": "all of it", "seconds": seen[-1][0]}
    return [*rows, {**whole, "peak resident, GB": max(held for _, held, _ in seen) / GIGA}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=20.0)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--only", choices=("folder", "array"))
    parser.add_argument("--place", type=Path, help="Where 20 GB are free.")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    tables = []
    for what, name, make in (("folder", "photos", make_folder), ("array", "array.npy", make_array)):
        if asked.only not in (None, what):
            continue
        place = Path(tempfile.mkdtemp(dir=asked.place))
        try:
            size = make(place / name, asked.gigabytes * GIGA)
            command = [sys.executable, "-m", "tacit.app.main", "learn", str(place / name), "--pretext", "contrastive", "--out", str(place / "model")]
            seen, code = watched([*command, "--minutes", str(asked.minutes)])
            tables.append((f"{what}, exit code {code}", rows_of(what, size, seen)))
        finally:
            shutil.rmtree(place)
    write(asked.out, "Memory of learning from 20 GB", f"{__doc__}\nMinutes of learning: {asked.minutes:g}.", tables)


if __name__ == "__main__":
    main()
