"""Transfer: one encoder on several labelled sets at once, and what it is worth over all of them.

The linear probe of each, the mean over the sets, and the gain over the best rung paired over the sets.
"""

from __future__ import annotations

import numpy as np

from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.embedding import FrozenEncoder
from tacit.evaluation.protocol import Finding, Protocol
from tacit.evaluation.rung import ladder
from tacit.evaluation.rungs.untrained import readings
from tacit.evaluation.setting import Setting
from tacit.evaluation.verdict import by_draws
from tacit.ledger.result import Result


class Transfer(Protocol):
    """Scores differ in kind between sets only where their metrics do, which the rows tell."""

    def why_not(self, setting: Setting) -> str | None:
        return None if setting.also else "there is one labelled set only; transfer needs others beside it"

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        table: dict[tuple[str, str], list[float]] = {}
        finding = Finding()
        for one in (setting, *setting.also):
            if one is setting or one.encoder is None:
                here: list[Contestant] = [ours, *rungs]
            else:
                here = [readings("ours", "ours", FrozenEncoder(one.encoder), one), *ladder(one, tuple(r.name for r in rungs))[0]]
            for contestant in here:
                if (answer := contestant.probed(one)) is None:
                    continue
                value = one.score(answer.scores)
                table.setdefault((contestant.name, contestant.title), []).append(value)
                finding.rows.append(Result("transfer", one.metric.name, value, contestant.name, contestant.title, unit=one.name, n=len(one.test)))
        sets = 1 + len(setting.also)
        for (name, title), values in table.items():
            if len(values) == sets:
                finding.rows.append(Result("transfer", "mean over sets", float(np.mean(values)), name, title, n=sets, seeds=sets, interval="none"))
        whole = {title: np.array(values) for (name, title), values in table.items() if len(values) == sets and name != "ours"}
        same = len({one.metric.name for one in (setting, *setting.also)}) == 1
        metric = setting.metric.title if same else "the metrics"
        finding.verdict = by_draws(np.array(table["ours", ours.title]), whole, setting.metric.points, metric, f"over {sets} sets")
        by = finding.verdict.by.replace("draws of labels", "sets")
        finding.verdict = finding.verdict._replace(by=by, sentence=finding.verdict.sentence.replace(finding.verdict.by, by))
        return finding
