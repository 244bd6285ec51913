"""Pool wishes: what the user says about data to learn from; all else is found in the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tacit.contracts.errors import DataError

MODALITIES = ("image", "series", "text")
COLUMNS = ("column", "path_column", "id_column", "time_column", "value_columns")  # wishes of tables
CALLED = {"column": "--column", "id_column": "--key", "time_column": "--time", "value_columns": "--columns"}  # options of commands


@dataclass(frozen=True)
class PoolWishes:
    """modality: image, series or text. column: the one that holds texts, pictures or series; path_column: names files.

    id_column: names samples (a series in long form: one value a series); time_column: orders a long form.
    value_columns: of series; all numeric ones by default. channels_first: series and pictures in arrays lie as [N, C, …].
    window, stride: long series are cut into windows of that many steps. whole: a .txt file is one sample (True), or one a line (False).
    """

    modality: str | None = None
    column: str | None = None
    path_column: str | None = None
    id_column: str | None = None
    time_column: str | None = None
    value_columns: Sequence[str] = ()
    channels_first: bool | None = None
    window: int | None = None
    stride: int | None = None
    whole: bool | None = None

    def __post_init__(self) -> None:
        if self.modality is not None and self.modality not in MODALITIES:
            raise DataError(f"no modality is called {self.modality!r}.", f"Known here: {', '.join(MODALITIES)}.")
        for name in ("window", "stride"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise DataError(f"{name} = {value} steps.", "Give a positive number of steps.")

    def hold_to(self, listens: Sequence[str], called: str) -> None:
        """Raises DataError where something is wished that data of such a form cannot follow: it would be ignored."""
        for name in (*COLUMNS, "channels_first", "whole"):
            value = getattr(self, name)
            if value not in (None, ()) and name not in listens:
                known = [CALLED.get(n, n) for n in listens]
                follows = f"These data follow {', '.join(known)}." if known else "Leave it out."
                said = ", ".join(value) if isinstance(value, list | tuple) else value
                raise DataError(f"{CALLED.get(name, name)} {said} has no effect on {called}.", follows)
