"""Rung: one step of the null ladder, which a learned encoder must be above. A part is one file in `rungs/`.

constant · raw input · the field's hand-crafted features · PCA · the same encoder untrained · supervised from scratch with the same labels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tacit.contracts.catalog import load, names
from tacit.evaluation.contestant import Contestant
from tacit.evaluation.setting import Setting


class Rung(ABC):
    """title: as verdicts name it; modalities: where it stands, () = everywhere."""

    title: ClassVar[str]
    modalities: ClassVar[tuple[str, ...]] = ()

    def why_not(self, setting: Setting) -> str | None:
        """Why this rung is left out here, or None."""
        modality = setting.train.layout.modality
        return None if not self.modalities or modality in self.modalities else f"{self.title} is not for {modality}"

    @abstractmethod
    def contestant(self, setting: Setting) -> Contestant:
        """Fitted on the training samples (without labels, where it is frozen)."""


def ladder(setting: Setting, wanted: tuple[str, ...] = ()) -> tuple[list[Contestant], dict[str, str]]:
    """(contestants of all rungs that stand here, or of those wanted; {name: reason} of those left out)."""
    standing, left_out = [], {}
    for name in wanted or names("rung"):
        rung: Rung = load("rung", name)()
        if reason := rung.why_not(setting):
            left_out[name] = reason
        else:
            setting.told(rung.title)
            standing.append(rung.contestant(setting))
    return standing, left_out
