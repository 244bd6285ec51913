"""Records: the ledger and the model card from Python; the command line's `ledger` and `card` are these."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tacit.app.loading import MODEL
from tacit.app.naming import require_known, several
from tacit.app.proving import LEDGER, REPORT, write_card
from tacit.contracts.catalog import names
from tacit.contracts.errors import DataError, ModelError, SinkError

if TYPE_CHECKING:
    from tacit.app.learned import LearnedEncoder

FORMS = (".csv", ".md", ".html")


def read_ledger(
    place: str | Path,
    *,
    protocol: str | Sequence[str] = (),
    dataset: str | Sequence[str] = (),
    everything: bool = False,
    out: str | Path | None = None,
) -> list[Any]:
    """Every number that was measured, as a list of `tacit.ledger.result.Result` in the order of arrival.

    place: a ledger file, or a folder that has one; protocol, dataset: only these (a name, several with commas, a list); everything: every row, not
    the newest of each measurement alone; out: written there, too: FILE.csv, .md, or .html (a page with plots). Raises DataError where there is no
    ledger, UnknownName for a protocol that there is not and for a data set that it has no row of, SinkError for another ending or where it cannot be
    written.
    """
    from tacit.ledger.store import Ledger

    path = Path(place) / LEDGER if Path(place).is_dir() else Path(place)
    if not path.is_file():
        raise DataError(f"there is no ledger at {path}.", "`tacit evaluate` makes one beside its model.")
    if out is not None and Path(out).suffix not in FORMS:
        raise SinkError(f"{out}: a ledger is not written to files that end in {Path(out).suffix!r}.", "Use .csv, .md or .html.")
    store = Ledger(path)
    there = {"protocol": {*store.values("protocol"), *names("protocol")}, "dataset": set(store.values("dataset"))}
    asked = {"protocol": several(protocol), "dataset": several(dataset, there["dataset"])}
    require_known("protocol", asked["protocol"], there["protocol"])
    require_known("data set of this ledger", asked["dataset"], there["dataset"])
    where: dict[str, Any] = {k: v for k, v in asked.items() if v}
    rows = store.query(**where) if everything else store.newest(**where)
    if out is not None:
        _write(rows, path, Path(out))
    return rows


def card(model: LearnedEncoder | str | Path) -> str:
    """The model card as Markdown, written anew from the facts and the ledger in the model's folder, beside it as card.md and card.html.

    Raises ModelError where the folder holds no encoder of samples or was altered, a LearnedEncoder has no folder, or it cannot be written.
    """
    folder = Path(model) if isinstance(model, str | Path) else model.model.folder
    if folder is None:
        raise ModelError("this encoder has no folder, and a card is written from what lies there.", "Save it first: encoder.save(FOLDER).")
    text, _ = write_card(folder)
    return text.read_text("utf-8")


def _write(rows: list[Any], path: Path, out: Path) -> None:
    from tacit.export.model_folder import put
    from tacit.ledger.ledger_page import as_html
    from tacit.ledger.tables import as_csv, as_markdown

    if out.suffix == ".html":
        entries, notes = _entries(rows, path.parent, out.resolve().parent)
        put(out, as_html(f"Ledger of {path.resolve().parent.name}", rows, entries, notes).encode())
    else:
        put(out, (as_csv if out.suffix == ".csv" else as_markdown)(rows).encode())


def _entries(rows: list[Any], folder: Path, seen_from: Path) -> tuple[dict[str, Any], list[str]]:
    """({model: what its folder knows}, notes) of the models in the ledger's folder and one below that rows are of, or that won a comparison there."""
    from tacit.export.model_folder import facts
    from tacit.ledger.ledger_page import Entry

    folder, found, notes = folder.resolve(), dict[str, Entry](), list[str]()
    of, compared = {r.model for r in rows}, any(r.protocol == "compare" for r in rows)
    for one in [folder, *sorted(p for p in folder.iterdir() if p.is_dir())]:
        try:
            if not (one / "model.json").is_file():
                continue
            about, reported = facts(one), (one / REPORT).is_file()
        except ModelError as e:
            notes.append(f"{one.name}: {e}")
            continue
        except OSError as e:  # perhaps another's folder, which may not be looked into
            notes.append(f"{one.name}: cannot be read: {e.strerror or e}")
            continue
        model = about["sha256"][:16]
        if model in of or (compared and one == folder / MODEL):
            there = quote(os.path.relpath(one / REPORT, seen_from).replace(os.sep, "/")) if reported else ""
            found[model] = Entry(one.name, there, about.get("learning", {}).get("curve", []))
    return found, notes
