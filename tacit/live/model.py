"""LiveModel: events in, insights out, everything learned on the way in plain arrays.

process() cuts events where something must happen between two of them (a feature appears, a slot is needed, a sweep
is due), so that the state after an event never depends on how a source cut its batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tacit.contracts.episode import Episode
from tacit.contracts.events import Events, Feature
from tacit.contracts.insight import REASONS, Insights
from tacit.heads import bounds, evidence, period, trace
from tacit.heads.encode import Weights, embedding_width, features_of, no_encoder, scratch_for, state_width
from tacit.heads.layout import AGE, LOUDEST, STIRRED, VOICES, Layout, blocks_for, layout_for
from tacit.live import kernel
from tacit.live.alerting import EARLY, LARGER, LEAST, Episodes
from tacit.live.explaining import beyond, sentence
from tacit.live.keys import SWEEP, Keys
from tacit.live.memory import from_a_line, mute, new_out, new_pool, new_scratch
from tacit.live.rates import to_rates

Onlooker = Callable[[NDArray[np.int64], NDArray[np.int64], kernel.Out, NDArray[np.float64]], None]
LOOK = 2048  # events between two looks for a period; a part of SWEEP
WARM = 128  # events over all keys before scores are given
STATE_BYTES = 8 << 30  # address space for rows; pages are only used when touched
MOST_KEYS = 131_072
TOLD = 0.05  # the least share of a feature that an episode is about


class Shape(NamedTuple):
    """What a model was before it grew wider."""

    features: tuple[Feature, ...]
    layout: Layout
    keys: Keys
    pool: kernel.Pool
    scales: NDArray[np.float64]
    base: NDArray[np.float32]
    lane: NDArray[np.float32]


class LiveModel:
    """The fast path's whole state. `alerts` in a day; `idle` seconds after which a silent key is forgotten."""

    def __init__(self, features: tuple[Feature, ...], alerts: float = 3.0, idle: float = 30 * 86_400.0, sentences: bool = False) -> None:
        self.features: tuple[Feature, ...] = ()
        self.layout: Layout
        self.keys: Keys
        self.pool: kernel.Pool
        self.scales: NDArray[np.float64]
        self.base: NDArray[np.float32]
        self.lane: NDArray[np.float32]
        self.alerts, self.idle, self.sentences = alerts, idle, sentences
        self.seen, self.warm = 0, WARM  # no scores before so many events; again where a feature appears
        self.onlooker: Onlooker | None = None
        self.forgotten: Callable[[NDArray[np.int64]], None] | None = None
        self.episodes = Episodes()
        self.notes: list[str] = []
        self._shape(features)

    # ------------------------------------------------------------------ shape
    def reshape(self, features: tuple[Feature, ...], columns: int) -> None:
        """Arrays for these features in `columns` columns, as a stored model had them; nothing is carried over."""
        self.features = ()
        self._shape(features, columns - len(features))

    def _shape(self, features: tuple[Feature, ...], spare: int = 0) -> None:
        """Arrays for these features, on the simple bank: an encoder was learned for the features before. What goes on, see `_carry`."""
        self.name, self.encoder = "simple", no_encoder()
        self.encoder_files: dict[str, bytes] = {}  # its folder, so that a model can be saved elsewhere
        self.reformed = True  # rows are not what they were in the last checkpoint: the next one is whole
        if self.features:
            spare = -len(features) % 8
        blocks, width = blocks_for(len(features) + spare)
        before = Shape(self.features, self.layout, self.keys, self.pool, self.scales, self.base, self.lane) if self.features else None
        self.features, self.blocks, self.columns = features, blocks, blocks * width
        self.layout = layout_for(width)
        row = 4 * (self.layout.base + self.layout.lane) + 8 * kernel.SCALES * width
        capacity = int(max(16, min(MOST_KEYS, STATE_BYTES // (row * blocks))))
        rows = capacity * blocks
        self.keys = Keys(capacity, self.idle)
        self.scales = from_a_line((rows, kernel.SCALES, width), np.float64)
        self.base = from_a_line((rows, self.layout.base), np.float32)
        self.lane = from_a_line((rows, self.layout.lane), np.float32)
        self.dirty = np.zeros(capacity, np.uint8)
        self.pool = new_pool(blocks, width, self.alerts)
        self.scratch = new_scratch(blocks, self.layout)
        self._counters()
        mute(self.pool, features)
        if before is not None:
            self._carry(before)

    def _counters(self) -> None:
        self.counters = np.array([i for i, f in enumerate(self.features) if f.kind == "counter"], np.int64)
        capacity = self.keys.capacity if len(self.counters) else 1
        self.counted = np.full((capacity, len(self.counters)), np.nan)
        self.counted_at = np.zeros((capacity, len(self.counters)), np.int64)

    def _carry(self, old: Shape) -> None:
        """Scales, spreads, clock, budget and episodes' ids go on into the wider model; its heads start anew, open episodes end.

        Keys keep their order of slots, which a checkpoint holds; that of a dictionary it does not.
        """
        F, before, blocks = self.layout.F, old.layout.F, old.pool.mean.shape[0]
        for name, slot in sorted(old.keys.slots.items(), key=lambda item: item[1]):
            if self.keys.full():
                self.keys.expired += 1
                continue
            new = self.keys.take(name)
            self.keys.last[new], self.keys.own[new] = old.keys.last[slot], old.keys.own[slot]
            for i in range(len(old.features)):
                row, f = new * self.blocks + i // F, i % F
                was, g = slot * blocks + i // before, i % before
                self.scales[row, :, f] = old.scales[was, :, g]
                self.base[row, STIRRED] = 1.0  # whatever is kept of its bounds goes on
                self.base[row, self.layout.level_scale + f] = old.base[was, old.layout.level_scale + g]
                for h in (0, 1):
                    self.lane[row, self.layout.sigma + h * F + f] = old.lane[was, old.layout.sigma + h * before + g]
        self.keys.expired += old.keys.expired
        for i in range(len(old.features)):
            for shared in ("mean", "scale", "reach", "seen", "least"):
                getattr(self.pool, shared)[i // F, i % F] = getattr(old.pool, shared)[i // before, i % before]
            self.pool.counts[i // F, :, i % F] = old.pool.counts[i // before, :, i % before]
        for shared in ("outer", "tail", "head", "peaks", "budget", "episodes", "clock", "omega"):
            getattr(self.pool, shared)[:] = getattr(old.pool, shared)
        self.warm = self.seen + WARM
        now = float(self.pool.clock[0])
        for id in list(self.episodes.open.values()):
            self.episodes.end(id, int(now * 1e9))
        kernel.refresh(self.pool, self.seen, float(self.pool.clock[4]))

    # ------------------------------------------------------------------ events
    def process(self, events: Events) -> Insights:
        """Score and learn all events, in order. Raises nothing for values, however strange."""
        n, total = len(events), len(events.features)
        parts: list[Insights] = []
        at = 0
        while at < n:
            if total > len(self.features):
                fresh = np.isfinite(events.values[at:, len(self.features) :]).any(axis=1)
                first = int(fresh.argmax()) if fresh.any() else n - at
                if first == 0:
                    present = np.isfinite(events.values[at]).nonzero()[0].max() + 1
                    added = events.features[len(self.features) : present]
                    self.notes.append(f"{', '.join(f.name for f in added)} appeared at position {events.positions[at]}: heads start anew")
                    self._shape(events.features[:present])
                    continue
                stop = at + first
            else:
                stop = n
            stop = min(stop, at + LOOK - self.seen % LOOK)
            part = self._run(events, at, stop)
            parts.append(part)
            at += len(part)
            if self.seen % LOOK == 0:
                self._look_for_period()
            if self.seen % SWEEP == 0:
                self._forget(int(self.pool.clock[0] * 1e9))
        return parts[0] if len(parts) == 1 else join(parts, events)

    def _look_for_period(self) -> None:
        """Between two events at a fixed count: what learns beside the live path sees the same season as this one."""
        pool, now = self.pool, float(self.pool.clock[0])
        if period.look(pool.trace, pool.trace_when, pool.trace_marks, pool.omega, now):
            every = 2 * np.pi / pool.omega[period.FOUND]
            self.notes.append(f"a period of {every:.6g} s was found after {self.seen:,} events: it is modelled from here")

    def _slots(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Slots of the longest run of keys that fit; new keys take one. Shorter than keys where a slot must first be freed."""
        slots = self.keys.find(keys)
        for i in (slots < 0).nonzero()[0].tolist():
            key = keys[i]
            slot = self.keys.slots.get(key, -1)
            if slot < 0:
                if self.keys.full():
                    if i > 0:
                        return slots[:i]
                    self._forget(int(self.pool.clock[0] * 1e9))
                    return self._slots(keys)  # keys that come up later in this run may be among those that went
                slot = self.keys.take(key)
            slots[i] = slot
        return slots

    def _forget(self, now: int) -> None:
        gone = self.keys.expire(now)
        if len(gone):
            rows = (gone[:, None] * self.blocks + np.arange(self.blocks)).ravel()
            self.scales[rows], self.base[rows], self.lane[rows] = 0.0, 0.0, 0.0
            traced = gone[gone < trace.KEYS]
            self.pool.trace[traced], self.pool.trace_when[traced], self.pool.trace_marks[traced] = 0.0, 0.0, 0.0
            if len(self.counters):
                self.counted[gone] = np.nan
            for key, id in list(self.episodes.open.items()):
                if key not in self.keys.slots:
                    self.episodes.end(id, now)
            if self.forgotten is not None:
                self.forgotten(rows)
            self.dirty[gone] = 1

    def _run(self, events: Events, at: int, stop: int) -> Insights:
        slots = self._slots(events.keys[at:stop] if at or stop < len(events) else events.keys)
        n, F = len(slots), len(self.features)
        values = events.values[at : at + n]
        if values.shape[1] == self.columns and not len(self.counters):
            values = np.ascontiguousarray(values, np.float64)
        else:
            wide = np.full((n, self.columns), np.nan)
            wide[:, : min(F, values.shape[1])] = values[:, :F]
            values = wide
        times = np.ascontiguousarray(events.times[at : at + n])
        if len(self.counters):
            to_rates(slots, times, values, self.counters, self.counted, self.counted_at)
        out = new_out(n, self.columns)
        self.channels = out.channel
        insights = Insights(
            keys=events.keys[at : at + n],
            times=times,
            positions=events.positions[at : at + n],
            features=self.features,
            observed=values[:, :F],
            score=out.score,
            surprise=out.surprise,
            alert=out.alert,
            low=out.low[:, :F],
            middle=out.middle[:, :F],
            high=out.high[:, :F],
            forecast=out.forecast[:, :F],
            shares=out.shares[:, :F],
            drift=out.drift,
            late=events.late[at : at + n],
            model=self.name,
            sentences={},
        )
        ran = 0
        while ran < n:  # up to each event that opens an episode: what was said of its like counts from the next event on
            stop = ran + self._through(slots[ran:], times[ran:], values[ran:], kernel.Out._make(a[ran:] for a in out))
            if self.sentences:
                for i in range(ran, stop):
                    insights.sentences[i] = self._say(insights, i)
            self._alerts(insights, out.opened, ran, stop)
            ran = stop
        self.watched(slots, times, out, values)
        return insights

    def _through(self, slots: NDArray[np.int64], times: NDArray[np.int64], values: NDArray[np.float64], out: kernel.Out) -> int:
        """How many of these the hot loop has run."""
        ran = int(
            kernel.run(
                slots,
                times,
                values,
                self.scales,
                self.base,
                self.lane,
                self.keys.last,
                self.keys.own,
                self.dirty,
                self.seen,
                self.warm,
                self.layout,
                self.pool,
                self.encoder,
                self.scratch,
                out,
            )
        )
        self.seen += ran
        return ran

    def put_in_place(self, name: str, encoder: Weights, lane: NDArray[np.float32], home: Path) -> None:
        """Promotion or rollback: this encoder and the lanes that stand on it (warmed in shadow) speak from the next event on.

        home: the encoder's folder (not read for "simple").
        """
        hidden = state_width(encoder) if name != "simple" else 0
        self.layout = layout_for(self.layout.F, hidden)
        assert lane.shape == (self.lane.shape[0], self.layout.lane)
        self.lane, self.encoder, self.name = lane, encoder, name
        self.scratch = new_scratch(self.blocks, self.layout, len(scratch_for(encoder)))
        self.reformed = True
        self.encoder_files = {} if name == "simple" else {f.name: f.read_bytes() for f in sorted(home.iterdir())}

    def empty_lane(self, encoder: Weights) -> NDArray[np.float32]:
        """Lanes for this encoder that have learned nothing."""
        return from_a_line((len(self.lane), layout_for(self.layout.F, state_width(encoder)).lane), np.float32)

    def fits(self, encoder: Weights) -> bool:
        """It was learned for features like these."""
        return features_of(encoder) == self.layout.F and embedding_width(encoder) == self.layout.M * self.layout.F

    def watched(self, slots: NDArray[np.int64], times: NDArray[np.int64], out: kernel.Out, values: NDArray[np.float64]) -> None:
        """Shows a run to what learns in the background, if anything does."""
        if self.onlooker is not None:
            self.onlooker(slots, times, out, values)

    # ------------------------------------------------------------------ alerts
    def reasons(self, insights: Insights, i: int) -> list[tuple[str, float, float, float, float]]:
        """The largest shares of row i with what was seen and expected."""
        order = np.argsort(-insights.shares[i], kind="stable")[:REASONS]
        return [
            (
                self.features[j].name,
                float(insights.shares[i, j]),
                float(insights.observed[i, j]),
                float(insights.low[i, j]),
                float(insights.high[i, j]),
            )
            for j in order.tolist()
            if insights.shares[i, j] > 0
        ]

    def _say(self, insights: Insights, i: int) -> str:
        if self.channels[i] == VOICES:
            return beyond(insights.keys[i], self._left(insights, i))
        return sentence(insights.keys[i], self.reasons(insights, i), self.features, int(self.channels[i]))

    def _left(self, insights: Insights, i: int) -> list[tuple[str, str, float, float, float, bool]]:
        """What the features that left their bounds at row i, the newest event, are and kept to: themselves, or where they lie inside their means."""
        slot, F, left = self.keys.slots[insights.keys[i]] * self.blocks, self.layout.F, []
        for j in np.argsort(-insights.shares[i], kind="stable").tolist():
            if insights.shares[i, j] < TOLD:
                break
            known, x = self.scales[slot + j // F, kernel.BOUNDS :, j % F], float(insights.observed[i, j])
            mean = bool(known[bounds.LOW] <= x <= known[bounds.HIGH])
            at, x = (bounds.ROWS, float(known[bounds.MEAN])) if mean else (0, x)
            left.append((self.features[j].name, self.features[j].unit, x, float(known[at + bounds.LOW]), float(known[at + bounds.HIGH]), mean))
        return left

    def _alerts(self, insights: Insights, opened: NDArray[np.int8], start: int, stop: int) -> None:
        """Episodes that open, rise and close in rows start … stop; suppressed ones are taken out of the rows and cost nothing of the budget."""
        rows = start + insights.alert[start:stop].nonzero()[0]
        if not len(rows):
            return
        ways = bands_off(insights, rows)
        sizes = np.abs(np.where(insights.shares[rows] > TOLD, ways, 0.0)).max(axis=1)
        for i, surprise, size, way in zip(rows.tolist(), insights.odds(rows).tolist(), sizes.tolist(), ways, strict=True):
            id = int(insights.alert[i])
            if opened[i] == 2:
                self.episodes.end(id, int(insights.times[i]))
            episode = self.episodes.all.get(id)
            if opened[i] == 1 or episode is None:
                self._give_way(insights, i)
                if self.channels[i] == VOICES:  # told by bounds: what they say of how rare it is cannot be compared with what the score says
                    surprise, way = min(surprise, LEAST), self._sides(insights.keys[i])
                text = insights.sentences.get(i) or self._say(insights, i)
                signed = np.copysign(insights.shares[i], way).tolist()
                shares = {f.name: float(s) for f, s in zip(self.features, signed, strict=True) if abs(s) > TOLD}
                row = Episode(id, insights.keys[i], int(insights.times[i]), int(insights.positions[i]), surprise, text, self.reasons(insights, i))
                self.episodes.begin(row, shares, size, None if self.channels[i] == VOICES else self._usual(row.key))
                insights.sentences[i] = text
                if row.suppressed:
                    evidence.take_back(self.pool.budget)
                    self._make_room(insights.keys[i])
            else:
                episode.events += 1
                if surprise > episode.surprise or size > self.episodes.sizes[id]:
                    insights.sentences[i] = insights.sentences.get(i) or self._say(insights, i)
                    same = (
                        self.features[int(insights.shares[i].argmax())].name in self.episodes.shares[id]
                    )  # else it tells of one that was there before
                    told = (insights.sentences[i], self.reasons(insights, i)) if same else (episode.sentence, episode.reasons)
                    self.episodes.rise(id, max(surprise, episode.surprise), size, *told)
                if id in self.episodes.minor:
                    self._grow(self.episodes.all[id], insights, i)
            if self.episodes.all[id].suppressed:
                insights.alert[i] = 0

    def _grow(self, episode: Episode, insights: Insights, i: int) -> None:
        """An episode that was held back as slight is an alert about event i where what it was about is slight no longer."""
        now = []
        for j, feature in enumerate(self.features):
            if feature.name in self.episodes.minor[episode.id] and np.isfinite(insights.observed[i, j]):
                now.append((feature.name, 1.0, float(insights.observed[i, j]), float(insights.low[i, j]), float(insights.high[i, j])))
        if self.episodes.outgrown(episode.id, now):
            insights.sentences[i] = self._say(insights, i)
            episode.sentence, episode.reasons = insights.sentences[i], self.reasons(insights, i)
            episode.opened, episode.position = int(insights.times[i]), int(insights.positions[i])
            self.episodes.show(episode)

    def _usual(self, key: str) -> dict[str, float] | None:
        """The key's features' long means while stream and key are young. To be asked for the newest event: it looks at what stands now."""
        slot = self.keys.slots[key] * self.blocks
        known = self.scales[slot : slot + self.blocks]
        old = self.pool.clock[4] * self.pool.budget[evidence.BUDGET] >= EARLY * evidence.DAY
        if old or known[:, kernel.SEEN].max() >= bounds.SPEAKS:
            return None
        return {f.name: mean for f, mean in zip(self.features, known[:, kernel.MEAN].ravel().tolist(), strict=False)}

    def _make_room(self, key: str) -> None:
        """The episode that has just opened is held back: another fault need not wait, this one is no louder than expected, and its features are asked
        for no more than before."""
        slot = self.keys.slots[key] * self.blocks
        self.base[slot, AGE] = kernel.CALM
        self.base[slot, LOUDEST] *= LARGER
        for row in self.scales[slot : slot + self.blocks, kernel.BOUNDS :]:
            row[bounds.SIDE, row[bounds.KEPT] == 1.0] *= bounds.PART

    def _sides(self, key: str) -> NDArray[np.float64]:
        """[F]: on which side of its bounds each feature was told last."""
        slot = self.keys.slots[key] * self.blocks
        return self.scales[slot : slot + self.blocks, kernel.BOUNDS + bounds.SIDE].ravel()[: len(self.features)]

    def _give_way(self, insights: Insights, i: int) -> None:
        """An episode that opens while another of its key is open ends that one: it was outgrown."""
        before = self.episodes.open.get(insights.keys[i])
        if before is not None:
            self.episodes.end(before, int(insights.times[i]))

    def feedback(self, id: int, verdict: str) -> Episode:
        """What a person says of episode `id`; changes what comes after."""
        return self.episodes.feedback(id, verdict)

    def drift(self) -> dict[str, float]:
        """How far each feature's last few hundred events lie from its long run, in [0, 1]; the mean over up to 64 keys."""
        rows = rows_in_use(self)[: 64 * self.blocks]
        moved = self.base[rows, self.layout.drift : self.layout.drift + self.layout.F].reshape(-1, self.columns)
        share = 1.0 - np.exp(-np.maximum(moved**2 - 0.05, 0.0))
        return {f.name: float(s) for f, s in zip(self.features, share.mean(axis=0) if len(share) else np.zeros(self.columns), strict=False)}

    @property
    def threshold(self) -> float:
        """Evidence an episode needs now, in units of -log p."""
        return float(self.pool.budget[evidence.NEEDED])


def bands_off(insights: Insights, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """[n, F]: how far these rows' values lie from what was expected, signed, in widths of the expected band; 0 where nothing was expected."""
    wide = (insights.high[rows] - insights.low[rows]).astype(np.float64)
    off = insights.observed[rows] - insights.middle[rows]
    known = np.isfinite(off)
    least = 1e-9 * np.maximum(np.abs(insights.middle[rows]).astype(np.float64), 1.0)  # of a band about what never moved
    return np.where(known, off / np.where(known, np.maximum(wide, least), 1.0), 0.0)


def rows_in_use(model: LiveModel) -> NDArray[np.int64]:
    """Row numbers of all slots that were ever used."""
    return np.arange(len(model.keys.names) * model.blocks, dtype=np.int64)


def join(parts: list[Insights], events: Events) -> Insights:
    """Insights of several runs as one; earlier parts are widened with NaN (shares: 0) where features appeared."""
    if not parts:
        return empty(events)
    features = parts[-1].features
    n, F = sum(len(p) for p in parts), len(features)
    wide: dict[str, Any] = {}
    for name in ("observed", "low", "middle", "high", "forecast", "shares"):
        first = getattr(parts[0], name)
        whole = np.full((n, F), 0.0 if name == "shares" else np.nan, first.dtype)
        at = 0
        for p in parts:
            whole[at : at + len(p), : getattr(p, name).shape[1]] = getattr(p, name)
            at += len(p)
        wide[name] = whole
    for name in ("times", "positions", "score", "surprise", "alert", "drift", "late"):
        wide[name] = np.concatenate([getattr(p, name) for p in parts])
    sentences, at = {}, 0
    for p in parts:
        sentences.update({at + i: s for i, s in p.sentences.items()})
        at += len(p)
    return Insights(keys=[k for p in parts for k in p.keys], features=features, model=parts[-1].model, sentences=sentences, **wide)


def empty(events: Events) -> Insights:
    """No insights, of the events' features."""
    F = len(events.features)
    none, wide = np.empty(0), np.empty((0, F), np.float32)
    return Insights(
        keys=[],
        times=events.times[:0],
        positions=events.positions[:0],
        features=events.features,
        observed=np.empty((0, F)),
        score=none,
        surprise=none,
        alert=np.empty(0, np.int64),
        low=wide,
        middle=wide,
        high=wide,
        forecast=wide,
        shares=wide,
        drift=np.empty(0, np.float32),
        late=np.empty(0, np.bool_),
        model="",
        sentences={},
    )
