"""View advice: which views would destroy what these pictures show: decided from the unlabelled pictures alone, each with its reason.

flip: were left and right alike, a mirrored picture would lie as near to the other pictures as the picture itself, and it would be nearer in
one case of two. Where the own one is nearer far more often, left and right mean something (digits, letters, chest X-rays).
colour, gray: pictures without colour have none to change. crop: where a whole thing stands on a plain ground, a small piece of it is another
thing (or ground alone): crops then keep at least half. Nearest neighbours as in Cover & Hart, "Nearest neighbor pattern classification", 1967.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LOOKED_AT = 2000  # pictures
ASKED = 500  # of them are compared with the others
FEWEST = 40  # with fewer pictures nothing is decided
SIDE = 16  # they are compared at this side
CERTAIN = 0.6  # share of own pictures that are nearer, beyond its interval, that makes a flip a change of meaning
SAME = 2.0  # levels of 255 by which channels may differ and still be gray: lossy files do
PLAIN = 4.0  # deviation of the levels along the border of a plain ground
WHOLE = 0.5  # least area of crops of whole things


@dataclass(frozen=True)
class ViewAdvice:
    """forbidden: {view: why not}; options: of the views' constructor, with `reasons` by option; figures: what was measured."""

    forbidden: dict[str, str] = field(default_factory=dict)
    options: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)


def advise(pictures: NDArray[np.uint8], rng: np.random.Generator) -> ViewAdvice:
    """pictures: [B, C, H, W], unlabelled. The same generator gives the same advice."""
    if len(pictures) < FEWEST:
        return ViewAdvice(reasons={"": f"{len(pictures)} pictures are too few to judge views by"})
    some = pictures[np.sort(rng.permutation(len(pictures))[:LOOKED_AT])]
    forbidden: dict[str, str] = {}
    options: dict[str, float] = {}
    reasons: dict[str, str] = {}
    share, spread = own_nearer(some, rng)
    figures = {"own_nearer_than_mirrored": round(share, 3)}
    if share - 2 * spread > CERTAIN:
        forbidden["flip"] = f"left and right differ here: {share:.0%} of the pictures lie nearer to the others than their mirror images do"
    if some.shape[1] == 3:
        coloured = float(np.mean(np.ptp(some.astype(np.float32), axis=1).mean((1, 2)) > SAME))
        figures["coloured"] = round(coloured, 3)
        if coloured < 0.01:
            forbidden["colour"] = forbidden["gray"] = "these pictures have no colour: their three channels are equal"
    plain = plain_ground(some)
    figures["plain_ground"] = round(plain, 3)
    if plain > 0.9:
        options["least"] = WHOLE
        reasons["least"] = f"{plain:.0%} of the pictures show a whole thing on a plain ground: a crop keeps at least {WHOLE:.0%} of the area"
    return ViewAdvice(forbidden, options, reasons, figures)


def own_nearer(pictures: NDArray[np.uint8], rng: np.random.Generator) -> tuple[float, float]:
    """(share of pictures that are nearer to the nearest of the others than their mirror images are, its standard error); ties count half."""
    x = small(pictures)
    x -= x.mean(1, keepdims=True)  # neither light nor contrast shall decide who is near
    x /= np.linalg.norm(x, axis=1, keepdims=True) + 1e-6
    order = rng.permutation(len(x))
    asked, others = x[order[: min(ASKED, len(x) // 3)]], x[order[min(ASKED, len(x) // 3) :]]
    side = round((x.shape[1]) ** 0.5)
    mirrored = asked.reshape(-1, side, side)[:, :, ::-1].reshape(len(asked), -1)
    own, other = (asked @ others.T).max(1), (mirrored @ others.T).max(1)  # cosines: more is nearer
    votes = np.where(own > other + 1e-6, 1.0, np.where(other > own + 1e-6, 0.0, 0.5))
    return float(votes.mean()), float(max(votes.std(), 0.1) / len(votes) ** 0.5)


def small(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[B, C, H, W] → [B, SIDE * SIDE] luma, each place the mean of those it covers."""
    gray = pictures.astype(np.float32).mean(1)
    down, across = (_averages(n) for n in gray.shape[1:])
    reduced: NDArray[np.float32] = (down @ gray @ across.T).reshape(len(gray), -1)
    return reduced


def _averages(size: int) -> NDArray[np.float32]:
    """[SIDE, size]: row i takes the mean of the i-th sixteenth."""
    edges = np.linspace(0, size, SIDE + 1)
    places = np.arange(size)
    shared = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    cover = np.clip(shared, 0, None)
    averages: NDArray[np.float32] = (cover / cover.sum(1, keepdims=True)).astype(np.float32)
    return averages


def plain_ground(pictures: NDArray[np.uint8]) -> float:
    """Share of pictures whose border is of one level and whose inside is not."""
    x = pictures.astype(np.float32).mean(1)
    border = np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], 1)
    return float(np.mean((border.std(1) < PLAIN) & (x.std((1, 2)) > 2 * PLAIN)))
