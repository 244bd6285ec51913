"""Episodes: alerts from opening to closing, what people said of them, and what that holds back later.

"expected" on an episode suppresses later ones that look like it: same key, the same features off in the same direction (cosine of the
signed shares over 0.8), at most twice as surprising and twice as far off. They are recorded, not shown. "problem" keeps it a label.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tacit.contracts.episode import OPENING, VERDICTS, Episode, Verdict
from tacit.contracts.errors import TacitError, UnknownName

ALIKE = 0.8
LARGER = 2.0
LEAST = 7.0  # as -log p: less says nothing of how large an alert is that was told by bounds
KEPT = 2_000  # episodes in memory
EARLY = 0.02  # of the time for which the budget allows one alert: so long a stream is young
SLIGHT = 0.05  # of the largest number concerned: who leaves the expected by less is not told of in a young stream
LARGE = 0.1  # a share that makes a reason large
LIKE, MINOR = "like episode", "slight, and the stream has only begun"


class Episodes:
    """All episodes of one stream, newest last."""

    def __init__(self) -> None:
        self.all: dict[int, Episode] = {}
        self.shares: dict[int, dict[str, float]] = {}  # negative where the value lay below what was expected
        self.sizes: dict[int, float] = {}  # how far off at most, in widths of the expected band
        self.open: dict[str, int] = {}
        self.ended: dict[int, None] = {}  # closed ones of which nobody said anything, in the order in which they closed: they give way
        self.expected: dict[int, None] = {}  # those marked so
        self.newest = 0
        self.minor: dict[int, dict[str, float]] = {}  # of those held back as slight: the usual values of their features
        self.excuse: Callable[[dict[str, float]], str] = nothing  # why shares such as these are no alert, or ""
        self.changed: list[Episode] = []  # since the last `take_changed`

    def begin(self, episode: Episode, shares: dict[str, float], size: float = 0.0, usual: dict[str, float] | None = None) -> None:
        """A new episode; suppressed where feedback says that its like was expected, or where there is an excuse for it, or where it is
        slight. usual: {feature: its long mean} while the stream is young, when what is slight is no alert."""
        self.sizes[episode.id] = size
        like = self._expected(episode, shares)
        episode.suppressed = self.excuse(shares) if like is None else f"{LIKE} {like.id}, which was marked as expected"
        if not episode.suppressed and usual and slight(episode.reasons, usual):
            episode.suppressed = MINOR
            self.minor[episode.id] = {name: usual[name] for name, share, *_ in episode.reasons if share >= LARGE}
        self.all[episode.id], self.shares[episode.id] = episode, shares
        self.open[episode.key] = episode.id
        self.newest = max(self.newest, episode.id)
        self.changed.append(episode)
        while len(self.all) > KEPT and self.ended:
            oldest = next(iter(self.ended))
            del self.all[oldest], self.shares[oldest], self.sizes[oldest], self.ended[oldest]

    def _expected(self, episode: Episode, shares: dict[str, float]) -> Episode | None:
        """The newest one like it that was marked as expected and was at least half as surprising."""
        for other in (self.all[id] for id in sorted(self.expected, reverse=True)):
            alike = other.key == episode.key and other.id != episode.id and cosine(shares, self.shares[other.id]) >= ALIKE
            if (
                alike
                and episode.surprise <= LARGER * max(other.surprise, LEAST)
                and self.sizes[episode.id] <= LARGER * max(self.sizes[other.id], 1.0)
            ):
                return other
        return None

    def rise(self, id: int, surprise: float, size: float, sentence: str, reasons: list[tuple[str, float, float, float, float]]) -> None:
        """The open episode has a new peak; what it is about is settled in its first OPENING events."""
        episode = self.all[id]
        larger = size > self.sizes[id]
        episode.surprise, self.sizes[id] = surprise, max(size, self.sizes[id])
        if episode.events <= OPENING and larger:
            episode.sentence, episode.reasons = sentence, reasons
        if episode.suppressed.startswith(LIKE) and self._expected(episode, self.shares[id]) is None:
            episode.suppressed = ""  # it has outgrown what was expected
        self.changed.append(episode)

    def outgrown(self, id: int, now: list[tuple[str, float, float, float, float]]) -> bool:
        """Whether what it was about is slight no longer; now: (name, share, observed, low, high) of the features in `minor`, those that are there."""
        return bool(now) and not slight(now, self.minor[id])

    def show(self, episode: Episode) -> None:
        """It was held back, and is an alert after all."""
        episode.suppressed = ""
        self.minor.pop(episode.id, None)
        self.changed.append(episode)

    def end(self, id: int, when: int) -> None:
        episode = self.all.get(id)
        if episode is not None:
            episode.closed = when
            self.minor.pop(id, None)
            self.open.pop(episode.key, None)
            if episode.feedback is None:
                self.ended[id] = None
            self.changed.append(episode)

    def feedback(self, id: int, verdict: str) -> Episode:
        """What a person says of an episode. Raises UnknownName for another verdict, TacitError for an unknown id."""
        if verdict not in VERDICTS:
            raise UnknownName("verdict", verdict, VERDICTS)
        self.check(id)
        said: Verdict = "expected" if verdict == "expected" else "problem"
        self.all[id].feedback = said
        self.ended.pop(id, None)
        self.expected.pop(id, None)
        if said == "expected":
            self.expected[id] = None
        self.changed.append(self.all[id])
        return self.all[id]

    def check(self, id: int) -> None:
        """Raises TacitError where there is nothing that could be said of this episode any more, or ever."""
        if 0 < id <= self.newest and id not in self.all:
            wrong = f"Episode {id} is too old: of episodes without a verdict the last {KEPT:,} are kept."
            raise TacitError(wrong, f"Say it of a newer one like it; the oldest is {min(self.all)}." if self.all else "Wait for the next alert.")
        if id not in self.all:
            raise TacitError(f"There is no episode {id}.", f"Known are {min(self.all)} to {max(self.all)}." if self.all else "None was opened yet.")

    def take_changed(self) -> list[Episode]:
        changed, self.changed = self.changed, []
        return list({e.id: e for e in changed}.values())

    def state(self) -> dict[str, Any]:
        rows = {"episodes": [e.as_dict() for e in self.all.values()], "shares": {str(i): s for i, s in self.shares.items()}}
        rows["sizes"] = {str(i): s for i, s in self.sizes.items()}
        rows["minor"] = {str(i): usual for i, usual in self.minor.items()}
        return {**rows, "open": dict(self.open), "ended": list(self.ended), "newest": self.newest}

    def restore(self, state: dict[str, Any]) -> None:
        self.all = {}
        for row in state["episodes"]:
            row = dict(row)
            row["reasons"] = [(str(a), float(b), float(c), float(d), float(e)) for a, b, c, d, e in row["reasons"]]
            self.all[int(row["id"])] = Episode(**row)
        self.shares = {int(i): {str(k): float(v) for k, v in s.items()} for i, s in state["shares"].items()}
        self.sizes = {int(i): float(s) for i, s in state["sizes"].items()}
        self.minor = {int(i): {str(k): float(v) for k, v in usual.items()} for i, usual in state.get("minor", {}).items()}
        self.open = {str(k): int(v) for k, v in state["open"].items()}
        self.ended = {int(id): None for id in state["ended"] if int(id) in self.all}
        self.expected = {id: None for id, e in self.all.items() if e.feedback == "expected"}
        self.newest = int(state["newest"])
        self.changed = []


def nothing(shares: dict[str, float]) -> str:
    """No excuse."""
    return ""


def slight(reasons: list[tuple[str, float, float, float, float]], usual: dict[str, float]) -> bool:
    """Whether all large reasons (name, share, observed, low, high) lie within SLIGHT of their band, and within a band's width of their usual value
    where that is known: what was always 69 and is 68 now."""
    far = []
    for name, share, observed, low, high in reasons:
        if share >= LARGE:
            size = max(abs(observed), abs(low), abs(high))
            off = max(observed - high, low - observed, abs(observed - usual.get(name, observed)) - (high - low))
            far.append(off <= SLIGHT * size)
    return bool(far) and all(far)


def cosine(a: dict[str, float], b: dict[str, float]) -> float:
    """Of two sparse vectors, in [-1, 1]; 0 where one is empty."""
    dot = sum(v * b.get(k, 0.0) for k, v in a.items())
    size = (sum(v * v for v in a.values()) * sum(v * v for v in b.values())) ** 0.5
    return dot / size if size > 0 else 0.0
