"""Runner: source → model → sinks, with checkpoints, journal, history and learning around it.

Order after each micro-batch: the sinks take the insights with the source's position; now and then they flush and then the
state is saved with the same position. A sink may run ahead of the state, never behind: after a kill the
events between are scored again, bit by bit the same, and a sink that is unique by position has them once.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tacit.contracts.episode import VERDICTS, Episode
from tacit.contracts.errors import BadRecord, ModelError, TacitError, UnknownName
from tacit.contracts.events import Events
from tacit.contracts.insight import Insights
from tacit.contracts.sink import Sink
from tacit.contracts.source import Position, Source
from tacit.live.aligning import align
from tacit.live.checkpoint import Arrays, Checkpoints, sound
from tacit.live.folder import describe
from tacit.live.journal import Entry, Journal
from tacit.live.model import LiveModel, empty
from tacit.live.own_use import OwnUse
from tacit.live.resuming import begin, go_on
from tacit.live.silence import Silence
from tacit.live.storing import collect, features_of, put_back

if TYPE_CHECKING:
    from tacit.live.learning import Learning

BATCH = 2048
EVERY = 5.0  # seconds between two checkpoints


class Runner:
    """One stream, live. `make(features)` builds a model that has seen nothing; `watchers` are shown insights and episodes."""

    def __init__(
        self,
        source: Source,
        make: Callable[[Any], LiveModel],
        sinks: Sequence[Sink] = (),
        folder: Path | None = None,
        learning: Learning | None = None,
        show: Callable[[Insights], None] | None = None,
        tell: Callable[[Episode], None] | None = None,
        about: dict[str, Any] | None = None,
        every: float = EVERY,
    ) -> None:
        self.source, self.make, self.sinks, self.folder = source, make, list(sinks), folder
        self.learning, self.show, self.tell, self.every, self.about = learning, show, tell, every, about or {}
        self.model: LiveModel | None = None
        self.checkpoints = Checkpoints(folder) if folder else None
        self.journal = Journal(folder / "journal.jsonl" if folder else None)
        self.started, self.events, self.late = time.time(), 0, 0
        self.rate: deque[tuple[float, int]] = deque(maxlen=64)
        self.delays: deque[float] = deque(maxlen=2048)
        self.silence, self.own = Silence(), OwnUse(source.machine, learning)
        self.ended = self.stopping = False  # stopping is set from a signal: the loop ends between two micro-batches
        self._resumed = False  # the source goes on where an earlier run stood
        self._apart = False  # source, model and sinks may stand at different events: no state is saved
        if self.learning:
            self.learning.stopping = lambda: self.stopping
        self._saved, self._mail = time.monotonic(), deque[tuple[int, str]]()
        if self.checkpoints:
            self.checkpoints.claim()
            try:
                self._restore(self.checkpoints)
            except BaseException:
                self.checkpoints.release()
                raise
        if not self._resumed:
            begin(self.source, self.sinks)

    def step(self, timeout: float = 0.2) -> Insights | None:
        """One micro-batch: None once the source has ended, else its insights (perhaps none)."""
        with self._together(self.source.replayable):  # what a poll that failed had read must come again, where it can
            insights = self._move(timeout)
        if insights is not None and self.checkpoints and time.monotonic() - self._saved > self.every and not self.checkpoints.writing():
            self.save()
        return insights

    @contextmanager
    def _together(self, apart: bool = True) -> Iterator[None]:
        """Whole, or the run saves no state any more: after an error or a second Ctrl-C within, the next run goes on from the last one."""
        before, self._apart = self._apart, self._apart or apart
        try:
            yield
        except BadRecord:  # of a poll under --strict, which leaves the source as it was before
            self._apart = before
            raise
        self._apart = before

    def _move(self, timeout: float) -> Insights | None:
        self.read_mail()
        seen = self.model.seen if self.model else 0
        limit = BATCH
        for due in (self.journal.until_next(seen), self.learning.until_next(seen) if self.learning else None):
            if due is not None and due > 0:
                limit = min(limit, due)
        start = self.source.position() if self.model is None and self.checkpoints else {}
        events = self.source.poll(limit, timeout)
        if events is None:
            self.ended = True
            return None
        if self.model is None and not len(events):
            return empty(events)
        with self._together():
            return self._take(events, start)

    def _take(self, events: Events, start: Position) -> Insights:
        """Through model, sinks and whoever watches; start: where the source stood before them, asked for a new model only."""
        began = time.monotonic()
        if self.model is None:
            self.adopt(self.make(events.features))
            self.save(wait=True, position=start)  # before anything is written: a kill from here on finds where to begin
        assert self.model is not None
        events = align(events, self.model.features)
        insights = self.model.process(events)
        if len(events):
            after = self.source.position() if any(sink.positions for sink in self.sinks) else {}
            for sink in self.sinks:
                sink.write(self.source.name, insights, after)
            if self.show:
                self.show(insights)
            self.own.see(self.model, insights)
            self._pass_on()
            self.silence.see(insights)
            self.events += len(events)
            self.late += int(events.late.sum())
            self.rate.append((began, len(events)))
            self.delays.append(time.monotonic() - began)
        self.journal.apply_due(self.model.seen, self._apply)
        if self.learning:
            self.learning.turn(self.model, self.journal)
            self._pass_on()
        return insights

    def adopt(self, model: LiveModel) -> None:
        """Go on with this one: new, stored, or learned elsewhere in this process."""
        self.model = model
        self.silence.go_on(model)
        self.own.attach(model)
        if self.learning:
            self.learning.attach(model)

    def _pass_on(self) -> None:
        assert self.model is not None
        for episode in self.model.episodes.take_changed():
            if self.tell:
                self.tell(episode)

    def post(self, episode: int, verdict: str) -> dict[str, Any]:
        """Feedback from another thread: checked at once, takes hold before the next event. Raises TacitError."""
        if self.model is None:
            raise TacitError("There is no episode yet.", "Wait for the first alert.")
        if verdict not in VERDICTS:
            raise UnknownName("verdict", verdict, VERDICTS)
        self.model.episodes.check(episode)
        self._mail.append((episode, verdict))
        return {"episode": episode, "verdict": verdict}

    def read_mail(self) -> None:
        """What was posted takes hold; `step` and `close` ask for themselves. From the thread that steps. Raises OSError."""
        while self._mail and self.model is not None:
            episode, verdict = self._mail.popleft()
            if episode not in self.model.episodes.all:  # it gave way since it was posted
                continue
            entry = {"at": self.model.seen, "what": "feedback", "episode": episode, "verdict": verdict}
            with self._together():
                self.journal.note(entry)
                self._apply(entry)
                self._pass_on()

    def _apply(self, entry: Entry) -> None:
        assert self.model is not None
        if entry["what"] == "feedback":
            self.model.feedback(int(entry["episode"]), str(entry["verdict"]))
        elif self.learning:
            self.learning.apply(self.model, entry)

    def save(self, wait: bool = False, position: Position | None = None) -> None:
        """Flush the sinks, then hand the state to the writer; not where it would be ahead of a sink. Raises SinkError, ModelError."""
        for sink in self.sinks:
            sink.flush()
        if self.checkpoints and self.model is not None and (position is not None or not self._apart):
            self.checkpoints.wait()
            with self._together():  # what has changed counts as saved from the moment it is collected
                self._hand_over(self.checkpoints, self.model, self.source.position() if position is None else position)
            if wait:
                self.checkpoints.wait()
        self._saved = time.monotonic()

    def _hand_over(self, checkpoints: Checkpoints, model: LiveModel, position: Position) -> None:
        full = checkpoints.wants_full() or model.reformed
        arrays, meta = collect(model, full)
        meta.update(source=self.source.name, position=position, journal=self.journal.applied, events=self.events, late=self.late)
        if self.learning:
            more, meta["learning"] = self.learning.state(full)
            arrays.update(more)
        about = describe(model, {**self.about, "source": self.source.name, "notes": self.source.notes}, meta) if self.about else b""
        checkpoints.save(arrays, meta, full, about)

    def _restore(self, checkpoints: Checkpoints) -> None:
        loaded = checkpoints.load()
        if not self.source.replayable:
            self.journal.rewind(len(self.journal.entries))  # what it speaks of after the state will not come again
        if loaded is not None:
            with sound(checkpoints.folder):
                self._put_back(*loaded, checkpoints.folder.parent)

    def _put_back(self, parts: list[Arrays], meta: dict[str, Any], folder: Path) -> None:
        model = self.make(features_of(meta))
        put_back(model, parts, meta, folder)
        known = meta["source"] == self.source.name
        if known:
            self._resumed = True
            go_on(self.source, self.sinks, meta["position"])
        same = known and self.source.replayable
        if same:
            self.events, self.late = int(meta["events"]), int(meta["late"])
        self.adopt(model)
        if self.learning and "learning" in meta:
            self.learning.restore(model, parts, meta["learning"])
        self.journal.rewind(int(meta["journal"]) if same else len(self.journal.entries))
        self.journal.apply_due(model.seen, self._apply)
        if self.learning:
            self.learning.turn(model, self.journal)

    def close(self) -> None:
        """Everything safe on the disk, everything let go; also after an error or Ctrl-C."""
        problems: list[Exception] = []
        for act in (self.read_mail, lambda: self.save(wait=True), *(s.close for s in self.sinks), self.source.close):
            try:
                act()
            except (TacitError, OSError) as e:
                problems.append(e)
        if self.checkpoints:
            self.checkpoints.release()
        if self.learning:
            self.learning.close()
            if self.model is not None:
                self.model.onlooker = self.model.forgotten = None
        if problems:
            raise problems[0] if isinstance(problems[0], TacitError) else ModelError(str(problems[0]))
