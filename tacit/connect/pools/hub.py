"""Hub: a Hugging Face data set on disk, as `save_to_disk` leaves it: arrow files beside dataset_info.json and state.json.

Read with pyarrow from a memory map, without the `datasets` package. Several splits are told as FOLDER/SPLIT.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tacit.connect.file_bytes import as_path
from tacit.connect.file_listing import held_by
from tacit.connect.pool_wishes import PoolWishes
from tacit.connect.table_files import arrow_columns
from tacit.connect.table_pool import TablePool
from tacit.contracts.errors import DataError, MissingPart


class Hub(TablePool):
    """source: the folder. Pictures are read from the column that holds their bytes."""

    def __init__(self, source: Any, wishes: PoolWishes | None = None) -> None:
        self.source, self.wishes = source, wishes or PoolWishes()
        folder = _split(Path(source))
        self._hold(arrow_columns(_table(folder)), {}, self.wishes, folder, str(source))

    @classmethod
    def accepts(cls, source: Any) -> bool:
        path = as_path(source)
        return path is not None and path.is_dir() and held_by(path) == "hub"


def _split(folder: Path) -> Path:
    if not (folder / "dataset_dict.json").is_file():
        return folder
    splits = sorted(p.parent.name for p in folder.glob("*/dataset_info.json"))
    if len(splits) != 1:
        raise DataError(f"{folder} holds {len(splits)} splits.", f"Say which: {', '.join(f'{folder}/{s}' for s in splits)}.")
    return folder / splits[0]


def _table(folder: Path) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise MissingPart("reading a Hugging Face data set needs pyarrow.", "pip install 'tacit[table]'") from error
    files = sorted(folder.glob("*.arrow"))
    try:
        state = folder / "state.json"
        if state.is_file():  # names the files that count, in their order: others may be caches
            files = [folder / f["filename"] for f in json.loads(state.read_text("utf-8"))["_data_files"]]
        if not files:
            raise DataError(f"{folder} holds no arrow file.")
        tables = []
        for file in files:
            held = pyarrow.memory_map(str(file))
            try:
                tables.append(pyarrow.ipc.open_stream(held).read_all())
            except pyarrow.ArrowInvalid:  # the other of arrow's two forms of a file
                tables.append(pyarrow.ipc.open_file(held).read_all())
        return pyarrow.concat_tables(tables)
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{folder} is no whole data set: {error}.", "Save it again with save_to_disk.") from error
