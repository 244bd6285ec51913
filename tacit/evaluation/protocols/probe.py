"""Linear probe: how well labels can be read off linearly, with all labels there are. Layers, poolings and strengths in one pass.

Ridge on standardised readings, and logistic regression on the reading that ridge is best on; strength, and from 200 labels on reading
and which of the two, are chosen on held-out training labels, the test is touched once. Alain and Bengio,
"Understanding intermediate layers using linear classifier probes", 2016.
"""

from __future__ import annotations

from tacit.evaluation.contestant import Contestant, Frozen
from tacit.evaluation.protocol import Finding, Protocol, measured
from tacit.evaluation.setting import Setting


class Probe(Protocol):
    """Every contestant, the supervised one too, with the same labels."""

    def run(self, setting: Setting, ours: Frozen, rungs: list[Contestant]) -> Finding:
        answers, choices = {}, {}
        for contestant in (ours, *rungs):
            answer = contestant.probed(setting)
            if answer is not None:
                answers[contestant.name, contestant.title] = answer.scores
                choices[contestant.name] = answer.choice
        results, sentence = measured("probe", setting, answers, f"with all {len(setting.train):,} labels", choices)
        return Finding(results, sentence)
