"""The hot loop: events in arrival order through scales, bank, ridge, tails and evidence, compiled.

For each event: read (what was expected, how surprising is this, which features made it so), then learn. The
state after an event depends on the order of events alone, never on how they were cut into batches, since
each event runs the same instructions by itself; solving and reading of sketches is due by counts.
It is long because it is one loop: its parts share the arrays below and are compiled into each other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tacit.heads import bounds, correlation, encode, evidence, normal, ridge, scale, tail, trace
from tacit.heads.borrowing import borrowed
from tacit.heads.compiling import compiled, hot
from tacit.heads.fetching import fetch
from tacit.heads.layout import (
    AGE,
    CHANNELS,
    COUNT,
    CROSSED,
    DULL_99,
    DULL_999,
    EPISODE,
    EVIDENCE,
    GAP,
    HELD,
    HORIZONS,
    JOINTLY,
    LOUDEST,
    PEAK,
    QUIET,
    RING,
    SEASON,
    SINGLY,
    STILL,
    STIRRED,
    TOGETHER,
    VOICES,
    Layout,
)
from tacit.heads.period import FOUND, PHASE, SINCE

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

SOLVE = 32  # events of a key between two solutions of its ridge
WHITEN = 64
YOUNG = 8  # events of a key before its residuals count
NEARBY = 1 << 20  # bytes of keys' rows that the nearer caches hold
BAND = 2.3263  # of a Gaussian: one in a hundred lies outside
LATE = 128.0  # events of a feature, where its key had as many before it: until then it learns at full weight and says nothing
NO_NEWS = 0.01  # of a feature's scale: a spread is taken for no less, or what stood still would never be forgiven a step
AT_MOST = 4.0  # times as many spreads as a value lies off, as a Gaussian surprise: what is small is not strange because it is new
LEVEL = 1.0 - 0.5 ** (1 / 2.0)  # the level looks back 2 events
RECENT = 0.01  # of the mean and spread that a departure is measured by; they are not robust: what just happened is no news
LASTS = 1.0 - 0.5 ** (1 / 32.0)  # the level's statistic is averaged over 32 events: it is what lasts
MOST_SAID = 30.0  # -log p that one event can say: a single monstrous value does not last
VOICE = (0.3, 1.0, 1.0, 1.0)  # of each in the sum
SHORT = 1.0 - 0.5 ** (1 / 20.0)  # the shift's mean looks back 20 events,
AMONG = 0.003  # and is measured against its own mean and spread of some three hundred,
AMONG_FOUR = 1.0 - (1.0 - AMONG) ** 4  # which so smooth a mean need tell only every fourth time
OLD = 64.0  # events of a feature from which on it does
DRIFT = 1.0 - 0.5 ** (1 / 256.0)
WRAP = RING * SOLVE * WHITEN * 128  # counts wrap here, long before float32 loses the unit
TRUST = 5.0  # surprise (-log p) from which on an event teaches less, by its fourth power; a loud one by that of how loud it is
LEAST = 0.05  # but at least this much
WITHIN = 0.02  # and this much while a fault has hold, until it has lasted
PATIENCE = 4000.0  # events, or as many as the key had before it: then the change is taken as the new normal
ABOUT = 0.1  # the least share of a feature that an alert is about: it widens its bounds no more, and opens no other alert
CALM = 40  # events and ...
CALM_SECONDS = 15.0  # ... seconds below half the threshold before a hold ends or an episode closes


MEAN, SCALE, REACH, SEEN, RECENT_MEAN, RECENT_SPREAD, SHIFT, SHIFT_MEAN, SHIFT_SPREAD, BORN = range(10)
BOUNDS = 10  # from here on those of bounds
SCALES = BOUNDS + bounds.SIZE  # rows of a key's scales, float64 since values may be 1e12 + 1e-3


class Pool(NamedTuple):
    """What all keys share. B blocks of F features, C channels."""

    mean: F64  # [B, F]
    scale: F64  # [B, F]
    reach: F64  # [B, F]
    seen: F64  # [B, F]
    least: F64  # [B, F] the smallest value ever
    counts: F32  # [B, C, F, BINS]
    table: F32  # [B, C, F, BINS + 1]
    bands: F32  # [B, F] half-width of the expected band, in sigma
    muted: NDArray[np.bool_]  # [B, F]
    outer: F32  # [OUTER]
    tail: F32  # [OUTER + 1]
    head: F64  # [14] of tail
    peaks: F64  # [evidence.BINS]
    budget: F64  # [HEADER] of evidence
    omega: F64  # [8] angular frequencies of the season, rad/s, the last of four found in the stream or 0; then of period
    trace: F32  # [KEYS, SAMPLES + 1, K] of trace
    trace_when: F64  # [KEYS, SAMPLES + 1]
    trace_marks: F64  # [KEYS, 4]
    episodes: NDArray[np.int64]  # [1] the last episode's id
    clock: F64  # [5] the stream's clock in s, steps out of line, typical step, time of the last event, s that it has gone on


class Scratch(NamedTuple):
    """Room to work in; nothing here outlives an event but the season of its second, which is made again from the second alone."""

    z: F32  # [B, F]
    valid: NDArray[np.bool_]  # [B, F]
    late: NDArray[np.bool_]  # [B, F]
    guess: F32  # [B, F] one step ahead
    spread: F32  # [B, F] its usual error
    residual: F32  # [B, C, F]
    places: NDArray[np.int32]  # [B, C, F] bins of the residuals
    far: F32  # [B, F] residual sixteen steps ahead
    g: F32  # [B, C, F]
    squares: F32  # [B, C, F]
    outside: F64  # [bounds.SETS, B, F] signed, of the value and of its mean
    alone: NDArray[np.bool_]  # [C] one feature says more than all together
    rates: F32  # [M] of the memories
    when: F64  # [1] the second that season holds
    season: F32  # [SEASON] sines and cosines of the time
    work: F32  # [F]
    ahead: F32  # [2F]
    sums: F32  # [I + 2H] of the encoder
    pairs: F32  # [TOGETHER, P]
    target: F32  # [TOGETHER, 2F]
    weight: F32  # [TOGETHER]
    A: F64  # [P, P]
    X: F64  # [P, 2F]
    panel: F64  # [4, P]
    Y: F64  # [F, F]
    Z: F64
    T: F64
    U: F64


class Out(NamedTuple):
    """What comes out, [n] or [n, B*F]."""

    score: F64
    surprise: F64  # q, the sum of the voices: for ranking
    alert: NDArray[np.int64]
    opened: NDArray[np.int8]  # 1 where an episode opens, 2 where one closes, else 0
    low: F32
    middle: F32
    high: F32
    forecast: F32
    shares: F32
    drift: F32
    z: F32
    channel: NDArray[np.int8]  # which channel said most


@hot
def borrow_pool(p: Pool) -> Pool:
    """The same arrays, not counted."""
    return Pool(
        borrowed(p.mean),
        borrowed(p.scale),
        borrowed(p.reach),
        borrowed(p.seen),
        borrowed(p.least),
        borrowed(p.counts),
        borrowed(p.table),
        borrowed(p.bands),
        borrowed(p.muted),
        borrowed(p.outer),
        borrowed(p.tail),
        borrowed(p.head),
        borrowed(p.peaks),
        borrowed(p.budget),
        borrowed(p.omega),
        borrowed(p.trace),
        borrowed(p.trace_when),
        borrowed(p.trace_marks),
        borrowed(p.episodes),
        borrowed(p.clock),
    )


@hot
def borrow_scratch(s: Scratch) -> Scratch:
    """The same arrays, not counted."""
    return Scratch(
        borrowed(s.z),
        borrowed(s.valid),
        borrowed(s.late),
        borrowed(s.guess),
        borrowed(s.spread),
        borrowed(s.residual),
        borrowed(s.places),
        borrowed(s.far),
        borrowed(s.g),
        borrowed(s.squares),
        borrowed(s.outside),
        borrowed(s.alone),
        borrowed(s.rates),
        borrowed(s.when),
        borrowed(s.season),
        borrowed(s.work),
        borrowed(s.ahead),
        borrowed(s.sums),
        borrowed(s.pairs),
        borrowed(s.target),
        borrowed(s.weight),
        borrowed(s.A),
        borrowed(s.X),
        borrowed(s.panel),
        borrowed(s.Y),
        borrowed(s.Z),
        borrowed(s.T),
        borrowed(s.U),
    )


@hot
def borrow_weights(w: encode.Weights) -> encode.Weights:
    """The same arrays, not counted."""
    return encode.Weights(
        borrowed(w.rates),
        borrowed(w.first),
        borrowed(w.first_bias),
        borrowed(w.second),
        borrowed(w.second_bias),
        borrowed(w.out),
        borrowed(w.out_bias),
    )


@hot
def borrow_out(o: Out) -> Out:
    """The same arrays, not counted."""
    return Out(
        borrowed(o.score),
        borrowed(o.surprise),
        borrowed(o.alert),
        borrowed(o.opened),
        borrowed(o.low),
        borrowed(o.middle),
        borrowed(o.high),
        borrowed(o.forecast),
        borrowed(o.shares),
        borrowed(o.drift),
        borrowed(o.z),
        borrowed(o.channel),
    )


@hot
def turn_season(omega: F64, seconds: float, s: Scratch) -> None:
    """Sines and cosines of this time: of the period found at every event, of day and week once a second."""
    if omega[FOUND] > 0.0:
        phase = omega[FOUND] * (seconds - omega[SINCE]) + omega[PHASE]
        s.season[2 * FOUND] = np.float32(math.sin(phase))
        s.season[2 * FOUND + 1] = np.float32(math.cos(phase))
    whole = math.floor(seconds)  # of a day a second is nothing, and many events share it
    if s.when[0] == whole:
        return
    s.when[0] = whole
    for k in range(FOUND):
        s.season[2 * k] = np.float32(math.sin(omega[k] * whole))
        s.season[2 * k + 1] = np.float32(math.cos(omega[k] * whole))


@hot
def read_lane(lane: F32, lay: Layout, n: int, z: F32, guess: F32) -> None:
    """guess := the forecast of this event from the one before; z itself for a key's first event."""
    F = lay.F
    if n < 1:
        for f in range(F):
            guess[f] = z[f]
        return
    for f in range(F):
        guess[f] = lane[lay.near + f]


@hot
def gather(lane: F32, lay: Layout, n: int, s: Scratch) -> None:
    """The pairs that the last TOGETHER events complete, oldest first: features then, changes since at both horizons."""
    F, P, far = lay.F, lay.P, HORIZONS[1]
    for k in range(TOGETHER):
        end = n - TOGETHER + 1 + k
        now = lay.ring + (end % RING) * lay.ring_row
        then = lay.ring + ((end - far) % RING) * lay.ring_row
        after = lay.ring + ((end - far + 1) % RING) * lay.ring_row
        for j in range(P):
            s.pairs[k, j] = lane[then + j]
        for f in range(F):
            s.target[k, f] = lane[after + 1 + f] - lane[then + 1 + f]
            s.target[k, F + f] = lane[now + 1 + f] - lane[then + 1 + f]
        s.weight[k] = lane[now + P + F]


@hot
def learn_lane(
    lane: F32,
    lay: Layout,
    n: int,
    row: int,
    z: F32,
    valid: NDArray[np.bool_],
    dt: float,
    weight: float,
    encoder: encode.Weights,
    s: Scratch,
    forecast: F32,
) -> None:
    """Writes this event's features, learns the pairs that are now complete, solves when due, forecasts from here."""
    F, P, M = lay.F, lay.P, lay.M
    at = lay.ring + (n % RING) * lay.ring_row
    phi = lane[at : at + P]
    phi[0] = np.float32(1.0)
    for f in range(F):
        phi[1 + f] = z[f]
    if lay.hidden > 0:
        encode.step_in(encoder, z, valid, dt, lane[lay.memory : lay.memory + lay.hidden], phi[1 + F : 1 + F + M * F], s.sums)
    else:
        memory = lane[lay.memory : lay.memory + M * F]
        for m in range(M):
            rate = s.rates[m] if n > 0 else np.float32(1.0)
            for f in range(F):
                memory[m * F + f] += rate * (z[f] - memory[m * F + f])
                phi[1 + F + m * F + f] = memory[m * F + f]
    for k in range(SEASON):
        phi[P - SEASON + k] = s.season[k]
    lane[at + P + F] = np.float32(weight)
    weights = lane[lay.weights : lay.weights + P * 2 * F]
    turn = n + row  # spread over keys that come in step, so that they do not all pay with the same event
    if n >= RING - 1 and turn % TOGETHER == TOGETHER - 1:
        gather(lane, lay, n, s)
        gram = lane[lay.gram : lay.gram + P * (P + 1) // 2]
        cross = lane[lay.cross : lay.cross + P * 2 * F]
        ridge.learn_gram(gram, cross, s.pairs, s.target, s.weight, P, 2 * F)
        if n >= RING + 8 and turn // TOGETHER % (SOLVE // TOGETHER) == 0:
            ridge.solve(gram, cross, weights, P, 2 * F, s.A, s.X, s.panel)
    ahead = lane[at + P : at + P + F]
    ridge.predict(weights, phi, s.ahead, P, 2 * F)
    for f in range(F):
        lane[lay.near + f] = s.ahead[f] + z[f]
        ahead[f] = s.ahead[F + f] + z[f]
        forecast[f] = ahead[f]


@hot
def departure(x: float, mean: float, spread: float) -> float:
    """How far x lies from the last hundred events, in their spread; 0 while that is not known."""
    if not spread > 1e-12 * abs(mean):
        return 0.0
    return min(max((x - mean) / spread, -1e8), 1e8)


@hot
def shift(known: F64, x: float, f: int) -> float:
    """Takes x into the short mean; how far that lies from where it lay in the last few hundred events, in its own spread."""
    many = known[SEEN, f]
    if many == 0.0 or scale.is_stray(x, many, known[SHIFT, f]):
        known[SHIFT, f] = x
        return 0.0
    wide = known[RECENT_SPREAD, f]
    most = 1e3 * wide if wide > 0.0 else scale.LEAP * max(abs(known[SHIFT, f]), 1.0)  # one value does not take the next hundreds hostage
    d = min(max(x - known[SHIFT, f], -most), most)
    known[SHIFT, f] += (SHORT if many >= 29.0 else max(SHORT, 1.0 / (many + 1.0))) * d
    return departure(known[SHIFT, f], known[SHIFT_MEAN, f], known[SHIFT_SPREAD, f])


@hot
def learn_recent(known: F64, x: float, f: int, many: float, least: float, mean: int, spread: int) -> None:
    """Mean and spread, at the rate `least` once there are enough events; they are not robust, but no event counts for more than 30 spreads."""
    rate = least if least * (many + 2.0) >= 1.0 else 1.0 / (many + 2.0)
    d = x - known[mean, f] if many > 0 else 0.0
    most = 30.0 * known[spread, f] if known[spread, f] > 0.0 else scale.LEAP * max(abs(known[mean, f]), 1.0)
    d = min(max(d, -most), most)
    known[mean, f] = known[mean, f] + rate * d if many > 0 else x
    known[spread, f] = math.sqrt((1.0 - rate) * (known[spread, f] ** 2 + rate * d * d))


@compiled
def read_sketches(pool: Pool, b: int, f: int, fade: float) -> None:
    """Reads what the residuals of a feature were like into its tables, and how wide its band is."""
    many = tail.read_inner(pool.counts[b, 0, f], pool.table[b, 0, f], fade)
    for c in range(1, VOICES):
        tail.read_inner(pool.counts[b, c, f], pool.table[b, c, f], fade)
    pool.bands[b, f] = np.float32(tail.band(pool.table[b, 0, f], BAND) if many >= tail.FEW else BAND)


@hot
def is_late(known: F64, f: int) -> bool:
    """Whether feature f came when its key was no longer young, unknown of any key, and all that is known of it is a few values."""
    return known[SEEN, f] < LATE and known[BORN, f] > LATE


@hot
def read_block(known: F64, base: F32, lane: F32, lay: Layout, b: int, values: F64, pool: Pool, s: Scratch) -> tuple[int, float]:
    """Scales, forecasts, bounds and Gaussian surprises of one block; returns the key's count of events before, and how far outside one is."""
    F, farthest = lay.F, 0.0
    n = int(base[COUNT])
    z, guess, valid = s.z[b], s.guess[b], s.valid[b]
    before = lay.ring + ((n - 1) % RING) * lay.ring_row
    for f in range(F):
        x = values[b * F + f]
        valid[f] = math.isfinite(x)
        if valid[f] and scale.is_absurd(x, known[SEEN, f], known[MEAN, f]):
            valid[f] = False  # as if it were missing; but it counts: where sixteen are so, they are what is usual
            known[SEEN, f] += 1.0
        if valid[f]:
            if known[SEEN, f] == 0.0:  # never seen here: as it is elsewhere
                elsewhere = pool.seen[b, f] > 0.0
                known[BORN, f] = float(n) if pool.seen[b, f] < LATE else 0.0
                known[MEAN, f] = pool.mean[b, f] if elsewhere else x
                known[SCALE, f] = pool.scale[b, f] if elsewhere else 0.0
            z[f] = np.float32(scale.scaled(x, known[MEAN, f], known[SCALE, f]))
        else:
            z[f] = lane[before + 1 + f] if n > 0 else np.float32(0.0)
    read_lane(lane, lay, n, z, guess)
    then = lay.ring + ((n - HORIZONS[1]) % RING) * lay.ring_row + lay.P
    for f in range(F):
        if abs(guess[f]) > scale.KNEE:  # made in the scale of the event before: no further than anything was
            furthest = np.float32(max(scale.squash(1.5 * known[REACH, f] / max(known[SCALE, f], scale.FLOOR)), scale.KNEE))
            guess[f] = min(max(guess[f], -furthest), furthest)
        level = base[lay.level + f]
        level += np.float32(LEVEL if n > 0 else 1.0) * (z[f] - level)
        base[lay.level + f] = level
        s.residual[b, 0, f] = z[f] - guess[f]
        s.residual[b, 1, f] = (
            np.float32(departure(values[b * F + f], known[RECENT_MEAN, f], known[RECENT_SPREAD, f])) if valid[f] else np.float32(0.0)
        )
        s.far[b, f] = z[f] - lane[then + f] if n >= HORIZONS[1] else np.float32(0.0)
        s.residual[b, 2, f] = np.float32(min(max(scale.unsquash(level), -1e8), 1e8))
        s.residual[b, 3, f] = np.float32(shift(known, values[b * F + f], f)) if valid[f] else np.float32(0.0)
        if valid[f] and known[SEEN, f] > 0.0:
            bounds.follow(known, values[b * F + f], known[SEEN, f], f, BOUNDS)
        grown = known[SEEN, f] >= YOUNG
        s.late[b, f] = False
        s.spread[b, f] = lane[lay.sigma + f] if grown else np.float32(3.0)
        if not (valid[f] and grown):
            for c in range(VOICES):
                s.g[b, c, f] = np.float32(0.0)
            s.outside[0, b, f], s.outside[1, b, f] = 0.0, 0.0
            continue
        s.late[b, f] = is_late(known, f)
        muted = pool.muted[b, f] or s.late[b, f]
        first, second = 0.0, 0.0
        if not muted:
            first = bounds.outside(known, values[b * F + f], known[SEEN, f], f, BOUNDS)
            second = bounds.mean_outside(known, values[b * F + f], known[SEEN, f], f, BOUNDS)
            if first != 0.0 or second != 0.0:
                farthest = max(farthest, abs(first), abs(second))
        s.outside[0, b, f], s.outside[1, b, f] = first, second
        for c in range(VOICES):
            r = s.residual[b, c, f]
            u = float(abs(r))  # the others are in their own spreads already
            if c == 0:
                u /= max(lane[lay.sigma + f], NO_NEWS)
            elif c == 2:
                u /= max(base[lay.level_scale + f], NO_NEWS)
            x = tail.place(u)
            s.places[b, c, f] = int(x)
            g = 0.0 if muted else min(tail.gaussian(x, pool.table, b, c, f), AT_MOST * u)
            s.g[b, c, f] = np.float32(-g if r < 0 else g)
    return n, farthest


@hot
def weigh_block(base: F32, lay: Layout, b: int, s: Scratch, energy: F64, width: F64, greatest: F64) -> None:
    """Adds the block to each channel's energy, number of features and greatest single surprise."""
    F = lay.F
    triangle = F * (F + 1) // 2
    speak = 0.0
    for f in range(F):
        if s.valid[b, f] and not s.late[b, f]:
            speak += 1.0
    for c in range(CHANNELS):
        width[c] += speak
        start = lay.whitener + c * triangle
        correlation.decorrelate(base[start : start + triangle], s.g[b, c], s.work, F)
        for f in range(F):
            w = s.work[f] if s.valid[b, f] else np.float32(0.0)
            s.squares[b, c, f] = w * w
            energy[c] += w * w
            greatest[c] = max(greatest[c], abs(s.g[b, c, f]), abs(w))
    for f in range(F):
        greatest[3] = max(greatest[3], abs(s.g[b, 3, f]))
    width[3] = width[0]


@hot
def learn_block(
    known: F64,
    base: F32,
    lane: F32,
    lay: Layout,
    row: int,
    b: int,
    n: int,
    values: F64,
    dt: float,
    gap: float,
    encoder: encode.Weights,
    weight: float,
    pool: Pool,
    s: Scratch,
    forecast: F32,
) -> float:
    """Everything this event teaches one block; returns its drift, a mean square of moved means. gap: the key's usual seconds between events."""
    F = lay.F
    triangle = F * (F + 1) // 2
    drift = 0.0
    for f in range(F):
        z = s.z[b, f]
        moved = base[lay.drift + f]
        moved += np.float32(DRIFT) * (z - moved)
        base[lay.drift + f] = moved
        drift += moved * moved
        if not s.valid[b, f]:
            continue
        x = values[b * F + f]
        many = known[SEEN, f]
        if scale.is_stray(x, many, known[RECENT_MEAN, f]):  # the first value was none: as if it had not come
            many = 0.0
            known[SEEN, f], known[SCALE, f], known[REACH, f], known[RECENT_SPREAD, f], known[SHIFT_SPREAD, f] = 0.0, 0.0, 0.0, 0.0, 0.0
        late = is_late(known, f)
        taught = 1.0 if late else weight
        if many == 0.0:
            bounds.begin(known, x, f, BOUNDS)
        else:
            bounds.learn(known, x, many, PATIENCE, gap, f, BOUNDS)
            if many == bounds.SPEAKS - 1.0 and bounds.stirred(known, f, BOUNDS):
                base[STIRRED] = 1.0
        if many >= YOUNG:
            for c in range(VOICES):
                pool.counts[b, c, f, s.places[b, c, f]] += np.float32(taught)
        if late and (many == 15.0 or many == 31.0 or many == 63.0 or many == LATE - 1.0):  # it need not wait for the others
            read_sketches(pool, b, f, 1.0)
        lane[lay.sigma + f] = scale.learn_spread(s.residual[b, 0, f], many, taught, lane[lay.sigma + f])
        if n >= HORIZONS[1]:
            lane[lay.sigma + F + f] = scale.learn_spread(s.far[b, f], min(many, n - HORIZONS[1]), taught, lane[lay.sigma + F + f])
        learn_recent(known, x, f, many, RECENT, RECENT_MEAN, RECENT_SPREAD)
        if many < OLD:
            learn_recent(known, known[SHIFT, f], f, many, AMONG, SHIFT_MEAN, SHIFT_SPREAD)
        elif (int(many) + row) % 4 == 0:  # keys that come in step do not all pay with the same event
            learn_recent(known, known[SHIFT, f], f, 0.25 * many, AMONG_FOUR, SHIFT_MEAN, SHIFT_SPREAD)
        base[lay.level_scale + f] = scale.learn_spread(s.residual[b, 2, f], many, taught, base[lay.level_scale + f])
        known[MEAN, f], known[SCALE, f], known[REACH, f] = scale.learn_scale(x, many, taught, known[MEAN, f], known[SCALE, f], known[REACH, f])
        known[SEEN, f] += 1.0
        pool.least[b, f] = min(pool.least[b, f], x)
        if scale.is_stray(x, pool.seen[b, f], pool.mean[b, f]):
            pool.seen[b, f], pool.scale[b, f], pool.reach[b, f], pool.least[b, f] = 0.0, 0.0, 0.0, x
        if many >= 64.0 and int(pool.seen[b, f]) % 16 != 0:  # a key of its own needs the others' scale no more
            pool.seen[b, f] += 1.0
            continue
        pool.mean[b, f], pool.scale[b, f], pool.reach[b, f] = scale.learn_scale(
            x, pool.seen[b, f], taught, pool.mean[b, f], pool.scale[b, f], pool.reach[b, f]
        )
        pool.seen[b, f] += 1.0
    learn_lane(lane, lay, n, row, s.z[b], s.valid[b], dt, weight, encoder, s, forecast)
    if n >= YOUNG:
        for c in range(CHANNELS):
            start = lay.correlation + c * triangle
            correlation.learn_correlation(base[start : start + triangle], s.g[b, c], s.work, n - YOUNG, weight, F)
            if n % WHITEN == (7 * row) % WHITEN or n == 32:
                start_w = lay.whitener + c * triangle
                correlation.whiten(base[start : start + triangle], base[start_w : start_w + triangle], n, F, s.Y, s.Z, s.T, s.U)
    elif n == 0:
        for c in range(CHANNELS):
            at = lay.whitener + c * triangle
            for f in range(F):
                at += f
                base[at] = np.float32(1.0)
                at += 1
    base[COUNT] = np.float32(n + 1 if n + 1 < 2 * WRAP else WRAP)
    return drift / F


@compiled
def refresh(pool: Pool, seen: int, now: float) -> None:
    """Reads the sketches into their tables; due by counts of events over all keys."""
    # twice early on half of it is forgotten: the first readings of a model that knows nothing are no tail
    fade = 1.0 if seen < tail.REFRESH else 0.5 if seen <= 2 * tail.REFRESH else 0.5 ** (tail.REFRESH / tail.HALF_LIFE)
    B, F = pool.mean.shape
    for b in range(B):
        for f in range(F):
            read_sketches(pool, b, f, fade)
    tail.read_outer(pool.outer, pool.tail, pool.head, fade)
    evidence.set_thresholds(pool.peaks, pool.budget, now)


@hot
def tick(clock: F64, seconds: float, seen: int) -> float:
    """The stream's clock after an event: the newest event time, but one that is far off the rest does not move it.

    Far is more than an hour and a hundred typical steps, forwards or backwards; eight such events in a row do move it. How long the stream has
    gone on is the sum of its steps, none longer than an hour or ten typical ones: neither a wrong date nor a long silence counts.
    """
    step = abs(seconds - clock[3])
    if seen == 0:
        clock[0], clock[1], clock[2], clock[3], clock[4] = seconds, 0.0, 0.0, seconds, 0.0
        return seconds
    longest = max(3600.0, 10.0 * clock[2])
    if step > 0.0:
        clock[2] = step if clock[2] == 0.0 else clock[2] * (1.2 if step > clock[2] else 0.9)
    far = max(3600.0, 100.0 * clock[2])
    if abs(seconds - clock[0]) > far:
        clock[1] += 1.0
        if clock[1] >= 8.0:
            clock[0], clock[1] = seconds, 0.0
    else:
        clock[4] += min(max(seconds - clock[0], 0.0), longest)
        clock[0], clock[1], clock[3] = max(clock[0], seconds), 0.0, seconds
    return clock[0]


@hot
def calm(base: F32, events: float) -> bool:
    """Whether so many quiet events of the key are enough: in number, and in seconds where its times tell any."""
    return events >= CALM and (base[GAP] == 0.0 or events * base[GAP] >= CALM_SECONDS)


@hot
def hold(base: F32, height: float, seconds: float, known: bool, head: F64) -> None:
    """Whether a fault has hold of the key: from a threshold of evidence until it has been under half of it for a while."""
    threshold = head[evidence.THRESHOLD]
    if base[HELD] == 0.0 and known and height > threshold:
        base[HELD], base[STILL], base[CROSSED] = 1.0, 0.0, 0.0
        head[evidence.HOLDS] = head[evidence.HOLDS] * math.exp(-max(seconds - head[evidence.LAST], 0.0) / evidence.DAY) + 1.0
        head[evidence.LAST] = max(head[evidence.LAST], seconds)
    elif base[HELD] > 0.0:
        base[CROSSED] += np.float32(1.0)
        base[STILL] = base[STILL] + np.float32(1.0) if height < 0.5 * threshold else np.float32(0.0)
        if calm(base, base[STILL]):
            base[HELD], base[CROSSED] = 0.0, 0.0


@hot
def decide(base: F32, surprise: float, news: float, seconds: float, known: bool, pool: Pool, told: bool, away: bool) -> tuple[int, int]:
    """Evidence, holds, episodes: returns (the open episode's id or 0, 1 where it opens, 2 where one closes).

    told: a feature has just left its bounds, and that may open an alert; away: one that was told is still outside.
    """
    head = pool.budget
    height = evidence.add_evidence(base[EVIDENCE], surprise) if known else 0.0
    head[evidence.EVENTS] += 1.0
    head[evidence.MORE] = max(head[evidence.MORE] - evidence.RISE / evidence.APART, 0.0)
    peak = max(float(base[PEAK]), height)
    if height == 0.0 and base[PEAK] > 0.0:
        if base[PEAK] <= head[evidence.THRESHOLD]:
            evidence.learn_peak(base[PEAK], pool.peaks, head)
        peak = 0.0
    base[EVIDENCE], base[PEAK] = np.float32(height), np.float32(peak)
    hold(base, height, seconds, known, head)
    loud = known and evidence.is_loud(news, head)
    episode = int(base[EPISODE])
    outgrown = base[AGE] >= CALM and news > evidence.LOUDER * base[LOUDEST]
    if told or (loud and height > head[evidence.NEEDED] and (episode == 0 or outgrown)):
        pool.episodes[0] += 1
        base[LOUDEST] = np.float32(max(news, base[LOUDEST]) if episode > 0 else news)
        base[EPISODE], base[QUIET] = np.float32(pool.episodes[0]), 0.0
        base[AGE] = 0.0
        evidence.note_alert(head, seconds)
        return pool.episodes[0], 1
    if episode > 0:
        base[LOUDEST] = max(base[LOUDEST], np.float32(news))
        base[AGE] = min(base[AGE] + np.float32(1.0), np.float32(CALM))
        restless = loud or away or height > max(0.5 * head[evidence.NEEDED], evidence.SETTLED)
        base[QUIET] = np.float32(0.0) if restless else base[QUIET] + np.float32(1.0)
        if calm(base, base[QUIET]):
            base[EPISODE] = 0.0
            return episode, 2
    return episode, 0


@hot
def leave(known: F64, base: F32, lay: Layout, b: int, ask: float, may: int, s: Scratch) -> tuple[float, bool]:
    """How far outside a feature of the block is that opens an alert, 0 where none does; whether one that was told is outside."""
    told, away, stirred = 0.0, False, False
    for f in range(lay.F):
        if s.valid[b, f]:
            first, second = s.outside[0, b, f], s.outside[1, b, f]
            if bounds.tell(known, first, second, ask, may, f, BOUNDS):
                told = max(told, abs(first), abs(second))
            away |= known[BOUNDS + bounds.KEPT, f] > 0.0 and known[BOUNDS + bounds.SINCE, f] == 0.0
        stirred |= bounds.stirred(known, f, BOUNDS)
    base[STIRRED] = np.float32(1.0 if stirred else 0.0)
    return told, away


@hot
def learn_score(first: F32, q: float, calibrated: float, weight: float, lasting: bool, pool: Pool) -> None:
    """What an event teaches the score. While a fault has hold of the key, or its alert is open, the anchors move for this key alone,
    and back at once when it is over: else a fault would keep the score low long after it."""
    tail.learn_outer(q, pool.outer, weight)
    taken = first[HELD] > 0.0 or first[EPISODE] > 0.0
    if taken and not lasting:
        first[DULL_99], first[DULL_999] = tail.moved(float(first[DULL_99]), float(first[DULL_999]), calibrated, 0.0)
        return
    first[DULL_99], first[DULL_999] = 0.0, 0.0
    head = pool.head
    head[tail.SHIFT_99], head[tail.SHIFT_999] = tail.moved(head[tail.SHIFT_99], head[tail.SHIFT_999], calibrated, tail.NEAREST)


@hot
def fetches(slots: NDArray[np.int64], blocks: int, lay: Layout) -> bool:
    """Whether the keys of these events are more than the nearer caches hold; where they are not, asking ahead costs and gains nothing."""
    highest = 0
    for i in range(len(slots)):
        highest = max(highest, slots[i])
    return (highest + 1) * blocks * (8 * SCALES * lay.F + 4 * lay.base + 4 * lay.lane) > NEARBY


@hot
def fetch_rows(known: F64, base: F32, lane: F32, lay: Layout) -> None:
    """Asks for what the event after the next will touch of its key's rows."""
    F = lay.F
    flat = known.reshape(-1)
    fetch(base, 0, lay.base)
    fetch(flat, 0, BOUNDS * F + 2 * F)
    fetch(flat, (BOUNDS + bounds.ROWS) * F, (BOUNDS + bounds.ROWS + 2) * F)
    fetch(flat, (BOUNDS + bounds.MEAN) * F, (BOUNDS + bounds.MEAN + 1) * F)
    fetch(lane, lay.weights, lay.lane)


@hot
def fetch_ring(base: F32, lane: F32, lay: Layout, row: int) -> None:
    """Asks for what the next event will touch of its key's ring, and of its Gram where that is due; its count is here by now."""
    n, width = int(base[COUNT]), lay.ring_row
    if n >= RING - 1 and (n + row) % TOGETHER == TOGETHER - 1:
        fetch(lane, lay.ring, lay.weights)
        return
    for back in (0, 1, HORIZONS[1]):
        at = lay.ring + ((n - back) % RING) * width
        fetch(lane, at, at + width)


@compiled
def run(
    slots: NDArray[np.int64],
    times: NDArray[np.int64],
    values: F64,
    scales: F64,
    base: F32,
    lane: F32,
    last: NDArray[np.int64],
    own: NDArray[np.int64],
    dirty: NDArray[np.uint8],
    seen: int,
    warm: int,
    lay: Layout,
    pool: Pool,
    encoder: encode.Weights,
    s: Scratch,
    out: Out,
) -> int:
    """Events in order: slots [n], times [n] ns, values [n, B*F] with NaN where missing. Returns how many were run.

    last, own: the stream's clock and the event's own time at each slot's newest event, ns. It stops after an event that opens an episode, so that
    what is known of its like can be heard before the next.
    """
    B, F = pool.mean.shape
    values, scales, base, lane = borrowed(values), borrowed(scales), borrowed(base), borrowed(lane)
    pool, s, out, encoder = borrow_pool(pool), borrow_scratch(s), borrow_out(out), borrow_weights(encoder)
    energy, width, greatest = np.zeros(CHANNELS), np.zeros(VOICES), np.zeros(VOICES)
    ahead, speaking, many = fetches(slots, B, lay), 0.0, 0.0
    for i in range(len(slots)):
        slot, seconds = slots[i], times[i] * 1e-9
        if ahead and i + 2 < len(slots):
            for b in range(B):
                row = slots[i + 2] * B + b
                fetch_rows(scales[row], base[row], lane[row], lay)
        if ahead and i + 1 < len(slots) and slots[i + 1] != slot:
            for b in range(B):
                row = slots[i + 1] * B + b
                fetch_ring(base[row], lane[row], lay, row)
        now = tick(pool.clock, seconds, seen)
        gone_on = pool.clock[4]
        if seen == 0:
            refresh(pool, 0, gone_on)
        turn_season(pool.omega, seconds, s)
        energy[:], width[:], greatest[:] = 0.0, 0.0, 0.0
        n, farthest = 0, 0.0
        for b in range(B):
            row = slot * B + b
            n, far = read_block(scales[row], base[row], lane[row], lay, b, values[i], pool, s)
            farthest = max(farthest, far)
            weigh_block(base[row], lay, b, s, energy, width, greatest)
        first = base[slot * B]
        q, aside, best, most = 0.0, 0.0, 0, 0.0
        if width[0] != speaking:
            speaking = width[0]
            many = math.log(2.0 * speaking) if speaking > 0.0 else 0.0  # as many features could have been the greatest, on two sides
        for c in range(VOICES):
            s.alone[c] = False
            if width[c] > 0.0 and n >= YOUNG:
                joint = normal.chi_square_surprise(energy[c], width[c]) if c < CHANNELS else 0.0
                single = normal.minus_log_tail(greatest[c]) - many
                joint, single = min(max(joint, 0.0), MOST_SAID), min(max(single, 0.0), MOST_SAID)
                s.alone[c] = single >= joint
                learn = n >= 2 * YOUNG
                if c == 2:
                    first[JOINTLY] += np.float32(LASTS) * (np.float32(joint) - first[JOINTLY])
                    first[SINGLY] += np.float32(LASTS) * (np.float32(single) - first[SINGLY])
                    part = 0.5 * tail.level_out(float(first[JOINTLY]), 4, pool.head, learn, seen) + 0.5 * float(first[SINGLY])
                elif c == 3:
                    part = VOICE[3] * tail.level_out(single, 5, pool.head, learn, seen)
                else:
                    part = VOICE[c] * max(
                        tail.level_out(joint, 2 * c, pool.head, learn, seen), tail.level_out(single, 2 * c + 1, pool.head, learn, seen)
                    )
                if c < CHANNELS:
                    q += part
                else:  # heard for alerts only: on many features it ranks worse
                    aside += part
                if part > most:
                    best, most = c, part
        surprise = tail.raw_surprise(q, pool.tail, pool.head)
        calibrated = tail.corrected(surprise, pool.head, float(first[DULL_99]), float(first[DULL_999]))
        known = seen >= warm and n >= 2 * YOUNG
        weight = 1.0
        if known:  # what is rare teaches less, and what is loud enough for an alert, whether it is told or not
            dubious = max(surprise / TRUST, (q + aside) / evidence.LOUD)
            if dubious > 1.0:
                weight = max(LEAST, 1.0 / (dubious * dubious * dubious * dubious))
        lasting = first[CROSSED] >= min(PATIENCE, max(n - first[CROSSED], 200.0))
        if first[HELD] > 0.0:  # a fault must not become normal; what lasts as long as all that was known does
            weight = 1.0 if lasting else WITHIN
        out.score[i] = 1.0 - math.exp(-calibrated) if known else np.nan
        out.surprise[i] = q if known else np.nan
        dt = 0.0
        if n > 0 and times[i] > own[slot]:
            dt = min((times[i] - own[slot]) * 1e-9, 1e9)
            step = np.float32(dt)
            rate = np.float32(max(1.0 / n, 0.02))
            first[GAP] += rate * (min(step, 10.0 * first[GAP] if n > 8 else step) - first[GAP])
        last[slot], own[slot] = np.int64(now * 1e9), times[i]
        told, away, ask = 0.0, False, 1.0
        may = bounds.SILENT
        if known:
            may = bounds.FREE if first[EPISODE] == 0.0 else bounds.OPENS if first[AGE] >= CALM else bounds.JOINS
        if farthest > 1.0:
            ask = evidence.asked(pool.budget, gone_on)
        for b in range(B):
            row = slot * B + b
            if farthest > 1.0 or base[row, STIRRED] > 0.0:
                far, there = leave(scales[row], base[row], lay, b, ask, may, s)
                told, away = max(told, far), away | there
        out.alert[i], out.opened[i] = decide(first, surprise, q + aside, gone_on, known, pool, told > 0.0, away)
        if told > 0.0:
            best = VOICES
            out.score[i] = max(out.score[i], 1.0 - math.exp(-bounds.surprise(told, float(n))))
        if known and width[0] > 0.0:
            learn_score(first, q, calibrated, weight, lasting, pool)
        elif n >= YOUNG and width[0] > 0.0:
            tail.learn_outer(q, pool.outer, 1.0)
        out.channel[i] = best
        drift, total = 0.0, 0.0
        for b in range(B):
            row, at = slot * B + b, b * F
            write_block(scales[row], lay, b, at, best, s.alone[best] if best < VOICES else False, pool, s, out, i)
            for f in range(F):
                total += out.shares[i, at + f]
            drift += learn_block(
                scales[row],
                base[row],
                lane[row],
                lay,
                row,
                b,
                n,
                values[i],
                dt,
                float(first[GAP]),
                encoder,
                weight,
                pool,
                s,
                out.forecast[i, at : at + F],
            )
            unscale_forecast(scales[row], F, out.forecast[i, at : at + F])
        if slot < trace.KEYS:
            trace.note_event(s.z, seconds, pool.trace[slot], pool.trace_when[slot], pool.trace_marks[slot])
        for k in range(B * F):
            out.shares[i, k] = out.shares[i, k] / np.float32(total) if total > 0.0 else np.float32(0.0)
            if out.opened[i] == 1 and out.shares[i, k] > ABOUT and scales[slot * B + k // F, BOUNDS + bounds.KEPT, k % F] == 0.0:
                bounds.keep(scales[slot * B + k // F], 0.0, 0.0, k % F, BOUNDS)
                base[slot * B + k // F, STIRRED] = 1.0
        out.drift[i] = np.float32(1.0 - math.exp(0.05 - drift / B)) if drift > 0.05 * B else np.float32(0.0)
        dirty[slot] = 1
        seen += 1
        if seen % tail.REFRESH == 0 or seen in (16, 32, 64, 128):
            refresh(pool, seen, gone_on)
        if out.opened[i] == 1:
            return i + 1
    return len(slots)


@hot
def bounded(x: float) -> np.float32:
    """Within what float32 holds."""
    return np.float32(min(max(x, -3.4e38), 3.4e38))


@hot
def write_block(known: F64, lay: Layout, b: int, at: int, best: int, alone: bool, pool: Pool, s: Scratch, out: Out, i: int) -> None:
    """Expected band in the features' own units, parts of the distance; before anything is learned."""
    for f in range(lay.F):
        k = at + f
        out.z[i, k] = s.z[b, f]
        if best == VOICES:
            told = known[BOUNDS + bounds.KEPT, f] == 1.0  # by this very event
            out.shares[i, k] = math.log1p(max(abs(s.outside[0, b, f]), abs(s.outside[1, b, f]))) if told else 0.0
        else:
            out.shares[i, k] = s.g[b, best, f] ** 2 if alone else s.squares[b, best, f]
        mean, wide, guess = known[MEAN, f], known[SCALE, f], float(s.guess[b, f])
        if known[SEEN, f] == 0.0 and not s.valid[b, f]:
            out.low[i, k], out.middle[i, k], out.high[i, k] = np.nan, np.nan, np.nan
            continue
        half = pool.bands[b, f] * s.spread[b, f]
        positive = 0.0 <= pool.least[b, f] < np.inf
        middle = mean + wide * scale.unsquash(guess)
        out.middle[i, k] = bounded(max(middle, 0.0) if positive else middle)
        far = mean - 1.5 * known[REACH, f], mean + 1.5 * known[REACH, f]  # a band does not promise what was never near
        low = max(mean + wide * scale.unsquash(guess - half), min(far[0], float(out.middle[i, k])))
        out.low[i, k] = min(bounded(max(low, 0.0) if positive else low), out.middle[i, k])
        high = min(mean + wide * scale.unsquash(guess + half), max(far[1], float(out.middle[i, k])))
        out.high[i, k] = max(bounded(high), out.middle[i, k])


@hot
def unscale_forecast(known: F64, F: int, forecast: F32) -> None:
    """The forecast back into the features' own units; NaN for a feature never seen."""
    for f in range(F):
        if known[SEEN, f] == 0.0:
            forecast[f] = np.nan
        else:
            far = 1.5 * known[REACH, f]  # no further than anything was
            forecast[f] = bounded(known[MEAN, f] + min(max(known[SCALE, f] * scale.unsquash(forecast[f]), -far), far))
