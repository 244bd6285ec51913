"""Tables of every kind: which column holds the samples is found and said; rows that do not fit stand as errors in their places."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image as Pillow

from tacit.connect.labels import read_labels, require_classes
from tacit.connect.open_pool import open_pool
from tacit.contracts.errors import DataError


def png(value: int) -> bytes:
    held = io.BytesIO()
    Pillow.new("L", (8, 8), value).save(held, "PNG")
    return held.getvalue()


TEXT = 'id,topic,text,label\n7,a,a long enough sentence,x\n9,b,"another one, quoted\nover two lines",y\n'


def test_texts_of_a_csv(write):
    pool = open_pool(write("t.csv", TEXT))
    assert pool.modality == "text" and pool.names == ["7", "9"] and pool.read([1]) == ["another one, quoted\nover two lines"]
    assert pool.columns["label"].tolist() == ["x", "y"] and "column 'text'" in pool.notes[0]
    assert open_pool(write("u.csv", TEXT), column="topic").read([0]) == ["a"]
    with pytest.raises(DataError, match=r"no column 'nothing'.*id, topic, text, label"):
        open_pool(write("u.csv", TEXT), column="nothing")


def test_rows_that_do_not_fit_stay_in_their_places(write):
    pool = open_pool(write("t.csv", "id,text\n1,a first sentence\n2,a second, unquoted\n3,a third sentence\n"))
    assert pool.names == ["1", "row 2", "3"]
    first, bad, third = pool.read([0, 1, 2])
    assert (first, third) == ("a first sentence", "a third sentence") and isinstance(bad, OSError) and "3 values" in str(bad)
    pool = open_pool(write("t.jsonl", '{"text": "a first sentence"}\nbroken\n{"text": "a third sentence"}\n[1]\n'))
    assert [isinstance(s, OSError) for s in pool.read(range(4))] == [False, True, False, True] and "2 rows do not fit" in " ".join(pool.notes)
    with pytest.raises(DataError, match="no JSON"):
        open_pool(write("u.jsonl", "broken\nbroken\n"))


@pytest.mark.parametrize(
    ("name", "content"), [("t.csv", ""), ("t.csv", "id,text\n"), ("t.jsonl", ""), ("t.parquet", "PAR1"), ("t.csv", b"\0\1\2" * 9)]
)
def test_tables_without_rows_are_refused(write, name, content):
    with pytest.raises(DataError):
        open_pool(write(name, content))


def test_a_document_of_ten_megabytes_in_a_csv(write):
    pool = open_pool(write("t.csv", f"id,text\n1,{'word ' * 2_000_000}\n2,short one here\n"))
    assert len(pool.read([0])[0]) == 10_000_000


def test_paths_are_relative_to_the_table(write, tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(png(i))
    pool = open_pool(write("t.csv", "path,site\n0.png,a\n2.png,b\nnowhere.png,b\n"))
    assert pool.modality == "image" and pool.names == ["0.png", "2.png", "nowhere.png"] and pool.columns["site"].tolist() == ["a", "b", "b"]
    there, missing = pool.read([1, 2])
    assert there == png(2) and isinstance(missing, OSError)
    with pytest.raises(DataError, match=r"names '0\.png' twice"):
        open_pool(write("t.csv", "path\n0.png\n0.png\n"))


def test_series_in_long_form_are_ordered_by_time(write):
    rows = [("b", 2, 20), ("a", 1, 1), ("b", 1, 10), ("a", 3, 3), ("a", 2, 2), ("b", 3, "")]
    pool = open_pool(write("t.csv", "unit,time,x\n" + "".join(f"{a},{b},{c}\n" for a, b, c in rows)))
    assert pool.names == ["b", "a"] and pool.read([1])[0].ravel().tolist() == [1, 2, 3]
    assert np.array_equal(pool.read([0])[0].ravel(), [10, 20, np.nan], equal_nan=True)
    days = "".join(f"{u},{d:02d}/03/2024,{d}\n" for d in (15, 1, 20, 3) for u in "ab")
    pool = open_pool(write("u.csv", "series,date,x\n" + days))
    assert pool.read([0])[0].ravel().tolist() == [1, 3, 15, 20]


def test_series_in_wide_form_and_as_one_recording(write):
    head = ",".join(f"t{i}" for i in range(5))
    pool = open_pool(write("w.csv", f"id,{head},label\n1,1,2,3,4,5,0\n2,6,7,8,,10,1\n"))
    assert pool.names == ["1", "2"] and pool.read([0])[0].shape == (5, 1)
    assert np.array_equal(pool.read([1])[0].ravel(), [6, 7, 8, np.nan, 10], equal_nan=True) and pool.columns["label"].tolist() == [0, 1]
    pool = open_pool(write("r.csv", "time,a,b\n" + "".join(f"{i},{i},{-i}\n" for i in range(50))))
    assert len(pool) == 1 and pool.read([0])[0].shape == (50, 2) and "one recording of 2 channels" in pool.notes[0]


def test_words_among_numbers_are_counted(write):
    pool = open_pool(write("r.csv", "time,a,b\n" + "".join(f"{i},{'broken' if i == 450 else i},{-i}\n" for i in range(500))))
    assert any("'a': 1 values are no numbers" in note and "'broken'" in note for note in pool.notes)


def test_numbers_without_a_head(write):
    rows = [f"{unit} {cycle} {unit * 10 + cycle} 0.5  \n" for unit in (1, 2) for cycle in range(1, 5)]
    pool = open_pool(write("t.txt", "".join(rows)))
    assert pool.names == ["1", "2"] and pool.read([1])[0][:, 0].tolist() == [21, 22, 23, 24]


def test_frames_and_lists_of_dicts(write):
    import pandas
    import polars
    import pyarrow

    columns = {"key": [5, 6], "text": ["a long sentence", "another sentence"]}
    rows = [{"key": k, "text": t} for k, t in zip(*columns.values(), strict=True)]
    for source in (pandas.DataFrame(columns), polars.DataFrame(columns), pyarrow.table(columns), columns, rows):
        pool = open_pool(source)
        assert pool.read([1]) == ["another sentence"] and pool.modality == "text" and pool.columns["key"].tolist() == [5, 6]
    assert open_pool(pandas.Series(["one", "two"])).read([1]) == ["two"]
    assert open_pool(polars.Series(["one", "two"])).read([1]) == ["two"]
    with pytest.raises(DataError, match="differ in length"):
        open_pool({"a": [1, 2], "text": ["x"]})


def test_parquet_with_pictures_and_series(tmp_path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"image": [{"bytes": png(3), "path": None}, {"bytes": png(4), "path": None}]}), tmp_path / "i.parquet")
    pool = open_pool(tmp_path / "i.parquet")
    assert pool.modality == "image" and pool.read([1]) == [png(4)]
    pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2], "values": [[1.0, 2.0, 3.0], [4.0, 5.0]]}), tmp_path / "s.parquet")
    pool = open_pool(tmp_path / "s.parquet")
    assert pool.modality == "series" and pool.names == ["1", "2"] and [s.shape for s in pool.read([0, 1])] == [(3, 1), (2, 1)]


@pytest.mark.parametrize("form", ["stream", "file"])
def test_a_data_set_of_the_hub_on_disk(tmp_path, form):
    import pyarrow

    def save(folder, words):
        folder.mkdir(parents=True)
        table = pyarrow.table({"text": words, "label": [0] * len(words)})
        opener = pyarrow.ipc.new_stream if form == "stream" else pyarrow.ipc.new_file
        with pyarrow.OSFile(str(folder / "data-00000-of-00001.arrow"), "wb") as file, opener(file, table.schema) as writer:
            writer.write_table(table)
        (folder / "cache-1.arrow").write_bytes(b"not data")
        (folder / "dataset_info.json").write_text("{}")
        (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))

    save(tmp_path / "both/train", ["first sentence", "second sentence"])
    save(tmp_path / "both/test", ["third sentence"])
    (tmp_path / "both/dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    pool = open_pool(tmp_path / "both/train")
    assert pool.read([1]) == ["second sentence"] and pool.columns["label"].tolist() == [0, 0]
    with pytest.raises(DataError, match=r"2 splits.*both/test, .*both/train"):
        open_pool(tmp_path / "both")
    (tmp_path / "both/test/data-00000-of-00001.arrow").write_bytes(b"cut")
    with pytest.raises(DataError, match="no whole data set"):
        open_pool(tmp_path / "both/test")


# ------------------------------------------------------------------ labels
@pytest.fixture
def photos(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(png(1))
    return open_pool(tmp_path / "photos")


def test_labels_by_name_count_what_fits_one_side_only(photos, write):
    labels = read_labels(write("l.csv", "path,label,site\nb/3.png,x,n\na/1.png,y,m\nnowhere.png,y,m\n"), photos)
    assert labels.rows.tolist() == [0, 2] and labels.values.tolist() == ["y", "x"] and labels.codes.tolist() == [1, 0]
    assert labels.missing == ("nowhere.png",) and labels.unlabelled == ("a/2.png",) and labels.columns["site"].tolist() == ["m", "n"]
    said = " ".join(labels.notes)
    assert "1 of 3 labels name no sample here: nowhere.png" in said and "1 of 3 samples have no label: a/2.png" in said


def test_names_may_lack_folders_and_endings(photos, write):
    assert read_labels(write("l.csv", "file,label\n3.png,x\n1.png,y\n"), photos).rows.tolist() == [0, 2]
    labels = read_labels(write("l.csv", "id,label\n3,x\n1,y\n"), photos)
    assert labels.rows.tolist() == [0, 2] and "names are compared without folders and endings" in labels.notes


def test_labels_of_every_form(write, tmp_path):
    pool = open_pool(["one", "two", "three"])
    np.savez(tmp_path / "l.npz", train=np.array([[1], [0], [1]]), test=np.array([1]))
    for source in ([1, 0, 1], np.array([1.0, 0, 1]), {"0": 1, "1": 0, "2": 1}, write("l.txt", "1\n0\n1\n"), f"{tmp_path / 'l.npz'}:train"):
        labels = read_labels(source, pool)
        assert labels.kind == "class" and labels.values.tolist() == ["1", "0", "1"] and labels.classes == ("0", "1"), source
    few = read_labels([None, "a", float("nan")], pool)
    assert few.rows.tolist() == [1]


def test_class_folders_are_labels_only_when_asked(photos):
    assert read_labels("column:folder", photos).values.tolist() == ["a", "a", "b"]
    with pytest.raises(DataError, match=r"no column 'x'.*folder"):
        read_labels("column:x", photos)


def test_numbers_are_classes_or_quantities():
    pool = open_pool([f"text {i}" for i in range(200)])
    assert read_labels(np.arange(200) % 3, pool).kind == "class"
    assert read_labels(np.arange(200) / 7, pool).kind == "number"
    assert read_labels(np.arange(200), pool).kind == "number"
    assert read_labels(np.arange(200) % 20, pool, kind="number").values.dtype == np.float64
    assert read_labels(np.arange(200) % 11, pool).classes == tuple(map(str, range(11)))


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("path,label\nc.png,x\nd.png,y\n", r"no label fits.*c\.png, d\.png; the samples are called a/1\.png"),
        ("path,label\na/1.png,x\na/1.png,y\n", r"several labels: a/1\.png"),
        ("path,p,q\na/1.png,x,y\n", r"no column .* is called label.*path, p, q"),
        ("path,label\na/1.png,\n", "no label fits"),
        ("label\n1\n2\n", "2 labels without names for 3 samples"),
    ],
)
def test_labels_that_do_not_fit_are_an_error(photos, write, content, match):
    with pytest.raises(DataError, match=match):
        read_labels(write("l.csv", content), photos)


def test_labels_of_other_data_are_told_or_refused(write):
    pool = open_pool([f"text {i}" for i in range(400)])  # called 0 to 399

    def rows(fit, strange):
        return write("l.csv", "id,label\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in (*range(fit), *range(1000, 1000 + strange))))

    with pytest.raises(DataError, match=r"only 3 of 500 labels name a sample here, and only 3 of 400 .*Labels name 1000, .*keep only the labels"):
        read_labels(rows(3, 497), pool)
    doubted = read_labels(rows(100, 400), pool)
    assert doubted.notes[0] == (
        "only 100 of 500 labels name a sample here, and only 100 of 400 samples are named by a label: are these labels of other data?"
    )
    assert len(doubted) == 100 and any("400 of 500 labels name no sample here" in note for note in doubted.notes)
    for fit, strange in ((10, 0), (10, 10), (200, 9800)):  # few labels, half of them, or those of a larger collection
        assert not any("other data" in note for note in read_labels(rows(fit, strange), pool).notes)


def test_one_class_and_more_classes_than_samples():
    pool = open_pool(["a", "b", "c", "d"])
    with pytest.raises(DataError, match="one class"):
        require_classes(read_labels(["x"] * 4, pool))
    with pytest.raises(DataError, match="4 classes for 4 labelled samples"):
        require_classes(read_labels(["x", "y", "z", "w"], pool))
    require_classes(read_labels(["x", "y", "x", "y"], pool))
    with pytest.raises(DataError, match="there are no labels at nowhere"):
        read_labels("nowhere.csv", pool)


def test_a_folder_of_tables_is_recordings(tmp_path):
    for k, name in enumerate(["valve/1.csv", "valve/2.csv", "README.txt", "labels/1.csv"]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("time,a,b\n" + "".join(f"{t},{t * k},{t}\n" for t in range(30)))
    (tmp_path / "other.csv").write_text("time,a\n1,2\n3,4\n")
    pool = open_pool(tmp_path, value_columns=("b", "a"))
    assert pool.names == ["other.csv", "valve/1.csv", "valve/2.csv"] and pool.columns["folder"].tolist() == ["", "valve", "valve"]
    bad, series = pool.read([0, 2])
    assert isinstance(bad, OSError) and "no column 'b'" in str(bad) and series.shape == (30, 2) and series[2].tolist() == [2, 2]
    assert len(open_pool(tmp_path, window=10, stride=10)) == 7
