"""The benchmark of shrinking on load: what it picks, what it counts, and what it cuts."""

import io
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fanlight.backends import Tensor
from fanlight.bundle import Bundle, Input
from fanlight.config import Limits
from fanlight.model import Model
from tests.networks import LABELS, document, write_onnx
from tools.bench import shrink
from tools.bench.photos import MOSAIC, Photo, encoded, listed, mosaics, photos, pieces
from tools.bench.shrink import Agreement, agreement, is_shrunk, kinds, speed
from tools.training.metrics import wilson

LIMITS = Limits()


class Scripted:
    """A network of two classes that gives the second one these scores, in turn, and then 0."""

    input_shape: tuple[int | None, ...] = (1, 4, 4, 3)

    def __init__(self, scores: Iterable[float]) -> None:
        self.scores = iter([0.0, *scores])  # a model is run once when it is loaded

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        score = next(self.scores, 0.0)
        return {"scores": np.asarray([1 - score, score], np.float32)}


def model(*scores: float) -> Model:
    spec = Input(4, 4, 3, "stretch", (0.0,) * 3, (1.0,) * 3)
    bundle = Bundle(Path(), "scripted", "1", "classification", "litert", "none", spec, "softmax",
                    1, ("dark", "light"), "sha256:0")  # fmt: skip
    return Model(bundle, Scripted(scores))


def named(name: str, data: bytes = b"", *, progressive: bool = False) -> Photo:
    return Photo(name, name, progressive, data)


def grey(side: int, source: str = "a", *, progressive: bool = False) -> Photo:
    data = encoded(Image.new("RGB", (side, side), "grey"), progressive=progressive)
    return named(source, data, progressive=progressive)


def test_only_what_is_shrunk_is_compared() -> None:
    """A photograph that is decoded in full anyway would agree with itself."""
    assert is_shrunk(grey(24), model(), LIMITS)
    assert not is_shrunk(grey(23), model(), LIMITS)
    assert not is_shrunk(named("a", b"no picture"), model(), LIMITS)


def test_labels_and_scores_are_compared_photograph_by_photograph() -> None:
    """In full, shrunk, moved: a file counts once as changed, however many pieces of it did."""
    scripted = model(0.9, 0.7, 0.9, 0.2, 0.6, 0.2, 0.4, 0.8, 0.6)

    found = agreement([grey(16, "a"), grey(16, "b"), grey(16, "b")], scripted, LIMITS)

    low, high = wilson(1, 3)
    expected = Agreement(photos=3, sources=2, equal=1, low=low, high=high, changed=1, sure=3,
                         sure_equal=1, moved_equal=2, difference=1 / 3, best=1 / 3)  # fmt: skip
    assert vars(found) == pytest.approx(vars(expected), abs=1e-6)


def test_both_ways_are_timed_by_turns() -> None:
    """Each goes first for every other photograph, so that neither always finds a warm cache."""
    ran: list[str] = []
    photographs = [named(name, name.encode()) for name in "xy"]

    found = speed(
        photographs,
        (lambda data: ran.append(f"full {data.decode()}"),
         lambda data: ran.append(f"shrunk {data.decode()}")),
        rounds=2,
    )  # fmt: skip

    assert ran == 2 * ["shrunk x", "full x", "full y", "shrunk y"]
    assert (len(found.full), len(found.shrunk)) == (2, 2)


def test_kinds_are_told_apart_only_where_there_are_two() -> None:
    """The sum of one kind is that kind."""
    baseline, progressive = grey(16), grey(16, progressive=True)

    assert kinds([baseline]) == {"baseline": [baseline]}
    assert kinds([progressive, baseline]) == {
        "baseline": [baseline], "progressive": [progressive], "all": [progressive, baseline],
    }  # fmt: skip


def test_pictures_of_a_folder_are_jpegs(tmp_path: Path) -> None:
    """JPEGs come byte for byte, others encoded anew on white; links and other files do not come."""
    stored = grey(40, progressive=True).data
    (tmp_path / "a.jpg").write_bytes(stored)
    Image.new("RGBA", (40, 40)).save(tmp_path / "b.png")
    (tmp_path / "c.txt").write_text("no picture")
    (tmp_path / "d.jpg").symlink_to(tmp_path / "a.jpg")

    first, second = photos(tmp_path)

    assert first == named("a.jpg", stored, progressive=True)
    assert (second.source, second.progressive) == ("b.png", False)
    with Image.open(io.BytesIO(second.data)) as image:
        assert image.getextrema() == ((255, 255),) * 3


def test_pieces_are_the_pictures_own_pixels(tmp_path: Path) -> None:
    """Squares of all sizes from the least on, each a part of the picture, the same every time."""
    image = Image.effect_noise((80, 70), 90)
    whole = np.asarray(image)

    made = [np.asarray(piece) for piece in pieces(image, 60, 30, 1)]

    again = [np.asarray(piece) for piece in pieces(image, 60, 30, 1)]
    assert all(map(np.array_equal, made, again))
    assert 30 <= min(map(len, made)) < 33
    assert 67 < max(map(len, made)) <= 70
    for piece in made:
        size, width = piece.shape
        windows = np.lib.stride_tricks.sliding_window_view(whole, (size, width))
        assert size == width
        assert (windows == piece).all((2, 3)).any()
    assert list(pieces(image, 60, 71, 1)) == []

    image.save(tmp_path / "a.jpg")
    cut = [(photo.source, photo.progressive) for photo in photos(tmp_path, (), 3, 30)]
    assert cut == [("a.jpg", False), ("a.jpg", False), ("a.jpg", True), ("a.jpg", False)]


def test_a_list_chooses(tmp_path: Path) -> None:
    """Its remarks and empty lines name nothing; what it names and there is not is passed over."""
    for name in ("a.png", "b.png", "c.png"):
        Image.new("RGB", (9, 9)).save(tmp_path / name)
    (tmp_path / "list").write_text("# how to get them\n\nc.png\nd.png\na.png\n")

    names = listed(tmp_path / "list")

    assert names == ["c.png", "d.png", "a.png"]
    assert [photo.name for photo in photos(tmp_path, names)] == ["c.png", "a.png"]


def test_mosaics_are_of_twelve_megapixels_and_of_both_kinds() -> None:
    """Tiles fill the whole of it."""
    made = list(mosaics([grey(900)], 1))

    assert [photo.progressive for photo in made] == [False, True]
    for photo in made:
        with Image.open(io.BytesIO(photo.data)) as image:
            assert image.size == MOSAIC
            low, high = np.asarray(image).min(), np.asarray(image).max()
            assert 120 < low <= high < 136
    with pytest.raises(ValueError, match="made of photographs"):
        next(mosaics([], 1))


@pytest.fixture
def fabrics(tmp_path: Path) -> Path:
    """A bundle of a small network; it needs 64 pixels."""
    folder = tmp_path / "fabrics"
    folder.mkdir()
    write_onnx(folder / "fabrics.onnx")
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in LABELS))
    described = document("onnx", "fabrics.onnx", "nchw")
    (folder / "model.json").write_text(json.dumps(described))
    return folder


def test_the_command_compares_and_times(
    tmp_path: Path, fabrics: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what it compared, and leaves every figure in a file."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "a.jpg").write_bytes(grey(300).data)
    (pictures / "b.jpg").write_bytes(grey(300, progressive=True).data)
    (pictures / "c.jpg").write_bytes(grey(50).data)
    out = tmp_path / "figures.json"

    code = shrink.main([str(pictures), "--model", str(fabrics), "--mosaics", "1", "--rounds", "2",
                        "--json", str(out)])  # fmt: skip
    said = capsys.readouterr().out
    figures = json.loads(out.read_text())

    assert code == 0
    assert said.startswith("2 of 3 photographs are large enough to be shrunk\n")
    assert "all: 2 of 2 labels equal, 100.00% (95% 34.24% to 100.00%)" in said
    assert set(figures) == {"baseline", "progressive", "all", "12 MP baseline",
                            "12 MP progressive"}  # fmt: skip
    assert figures["all"]["photos"] == 2
    assert all(len(kind["decode"]["full"]) == 2 for kind in figures.values())


def test_nothing_to_compare_is_no_success(
    tmp_path: Path, fabrics: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Photographs that are never shrunk show nothing about shrinking."""
    (tmp_path / "a.jpg").write_bytes(grey(50).data)

    assert shrink.main([str(tmp_path), "--model", str(fabrics)]) == 1
    assert "0 of 1 photographs" in capsys.readouterr().out


def test_a_model_without_labels_of_photographs_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Digits are looked for in the picture first, so most photographs have no label."""
    with pytest.raises(SystemExit):
        shrink.main([str(tmp_path), "--model", "digits"])

    assert "digits has no labels for photographs" in capsys.readouterr().err
