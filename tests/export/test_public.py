"""Public weights: what a folder of the transformers library says, our encoder says; what is missing or may run code is refused."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tacit.app.learning_samples import learn_samples
from tacit.app.main import run
from tacit.contracts.errors import MissingPart, ModelError
from tacit.contracts.layout import Samples
from tacit.export import model_folder
from tacit.export.public import read_public
from tacit.learning.recipe import Recipe
from tacit.nets.encoder import Batch

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *["the", "a", "cat", "dog", "sat", "on", "mat", "of", "and", "in"]]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import transformers

    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    config = transformers.BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import transformers

    folder = tmp_path_factory.mktemp("vit")
    config = transformers.ViTConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8)
    transformers.ViTModel(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.2, 0.2]}))
    return folder


def test_pictures_are_embedded_as_the_library_does(vit: Path, tmp_path: Path) -> None:
    import transformers

    model = read_public(str(vit))
    values = np.random.default_rng(0).integers(0, 255, (3, 3, 32, 32), np.uint8)
    with torch.no_grad():
        ours = model.encoder(Batch.of(Samples(values)))
        x = (torch.from_numpy(values) / 255 - torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)) / 0.2
        theirs = transformers.ViTModel.from_pretrained(vit).eval()(pixel_values=x).last_hidden_state
    assert ours.tokens.shape == (3, 16, 16)
    torch.testing.assert_close(ours.tokens, theirs[:, 1:], rtol=1e-4, atol=1e-5)
    model_folder.save(model, tmp_path / "m")
    again = model_folder.load(tmp_path / "m")
    with torch.no_grad():
        torch.testing.assert_close(again.encoder(Batch.of(Samples(values))).pooled, ours.pooled)


def test_texts_are_embedded_and_learning_goes_on(bert: Path, tmp_path: Path) -> None:
    import transformers

    model = read_public(str(bert))
    texts = ["the cat sat on the mat", "a dog"]
    samples, kept, refused = model.modality.arrays(texts, ["0", "1"])
    assert not refused and len(kept) == 2
    with torch.no_grad():
        ours = model.encoder(Batch.of(samples))
        words = transformers.AutoTokenizer.from_pretrained(bert)(texts, padding=True, return_tensors="pt")
        theirs = transformers.BertModel.from_pretrained(bert).eval()(**words).last_hidden_state
    long = int(words["attention_mask"][0].sum())
    torch.testing.assert_close(ours.tokens[0, :long], theirs[0, :long], rtol=1e-4, atol=1e-5)
    pool = [f"{a} {b} sat on the {c}" for a in ("the", "a") for b in ("cat", "dog") for c in ("mat", "cat", "dog")]
    learned = learn_samples(pool, Recipe(pretext={"masked": 1.0}, steps=2, batch=4), tmp_path / "m", f"hf:{bert}", check=False)
    assert learned.model.about["learning"]["steps"] == 2 and learned.width == 16
    assert learned.embed(texts).shape == (2, 16)


def test_incomplete_or_unsafe_folders_are_refused(bert: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    half = tmp_path / "half"
    half.mkdir()
    for file in bert.iterdir():
        (half / file.name).write_bytes(file.read_bytes())
    tensors = load_file(half / "model.safetensors")
    save_file({k: v for k, v in tensors.items() if "layer.1.attention" not in k}, half / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="lacks weights"):
        read_public(str(half))
    (half / "model.safetensors").rename(half / "pytorch_model.bin")
    with pytest.raises(ModelError, match="may run code"):
        read_public(str(half))


def copied(folder: Path, to: Path, **changes: object) -> Path:
    """A copy of a model folder, with other values in its config.json."""
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text())
    (to / "config.json").write_text(json.dumps({**config, **changes}))
    return to


def refused(capfd: pytest.CaptureFixture[str], start: str, place: Path) -> str:
    """What `tacit learn --from hf:… --quiet` says: one line, code 2, and nothing is written."""
    (place / "texts.csv").write_text("text\n" + "".join(f"the cat sat on {i}\n" for i in range(8)))
    capfd.readouterr()
    with pytest.raises(SystemExit) as end:
        run(["learn", str(place / "texts.csv"), "--modality", "text", "--from", f"hf:{start}", "--out", str(place / "m"), "--steps", "2", "--quiet"])
    told = capfd.readouterr().err
    assert end.value.code == 2 and told.startswith("tacit: ") and len(told.strip().splitlines()) == 1, told
    assert not (place / "m").exists()
    return told


def test_damaged_folders_are_one_line_and_nothing_is_written(bert: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    short = copied(bert, tmp_path / "short")
    (short / "model.safetensors").write_bytes((short / "model.safetensors").read_bytes()[:2000])
    assert "header" in (told := refused(capfd, str(short), tmp_path)) and "whole model.safetensors" in told
    told = refused(capfd, str(copied(bert, tmp_path / "wide", hidden_size=24)), tmp_path)
    assert "do not fit config.json" in told and "LayerNorm.bias is [16] in the file, and [24] by the configuration" in told
    assert "cannot be read" in refused(capfd, str(copied(bert, tmp_path / "heads", num_attention_heads=0)), tmp_path)
    assert "hidden_size" in refused(capfd, str(copied(bert, tmp_path / "typed", hidden_size="x")), tmp_path)


@pytest.mark.parametrize("name", ["./none", "no/such/name", "~/no-such-folder-here", "/no/such", "none/", "here/none"])
def test_a_path_without_a_folder_is_not_asked_for_elsewhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", asked)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    with pytest.raises(ModelError, match="there is no such folder"):
        read_public(name)


def cached(folder: Path, cache: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder as a public name whose files were fetched before."""
    from huggingface_hub import constants

    place = cache / f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, place / "snapshots" / ("0" * 40))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def test_a_public_name_is_normalised_as_its_own_file_says(vit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(vit, tmp_path / "cache", "owner/pictures", monkeypatch)
    layout = read_public("owner/pictures").modality.layout
    assert layout.mean == pytest.approx((102.0, 127.5, 153.0)) and layout.deviation == pytest.approx((51.0, 51.0, 51.0))


@pytest.mark.parametrize("named", [False, True])
def test_a_mean_that_had_to_be_assumed_is_said(named: bool, vit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = copied(vit, tmp_path / "bare")
    (bare / "preprocessor_config.json").unlink()
    if named:
        cached(bare, tmp_path / "cache", "owner/bare", monkeypatch)
    told: list[str] = []
    layout = read_public("owner/bare" if named else str(bare), told.append).modality.layout
    assert layout.mean == (127.5, 127.5, 127.5)
    assert len(told) == 1 and "mean [0.5, 0.5, 0.5] and deviation [0.5, 0.5, 0.5]" in told[0]
    with pytest.warns(UserWarning, match=r"preprocessor_config\.json.*mean \[0\.5"):
        read_public(str(bare))


def test_a_broken_package_beside_the_library_is_told(vit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers

    def broken(*_: object, **__: object) -> None:
        try:
            raise RuntimeError("operator torchvision::nms does not exist")
        except RuntimeError as e:
            raise ModuleNotFoundError("Could not import module 'ViTModel'.\nSet the logging verbosity to DEBUG.") from e

    with monkeypatch.context() as patched:
        patched.setattr(transformers.AutoModel, "from_pretrained", broken)
        with pytest.raises(MissingPart, match=r"torchvision::nms does not exist\..*install the one that fits"):
            read_public(str(vit))
    model = read_public(str(vit))
    monkeypatch.setattr(transformers.AutoModel, "from_config", broken)
    with pytest.raises(MissingPart, match="torchvision"):
        type(model.encoder)(model.modality.layout, 0, model.encoder.config)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingPart, match=r"tacit\[hf\]"):
        read_public(str(vit))
