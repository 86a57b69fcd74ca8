"""A model, loaded: the bundle that ships, wrong networks refused, and ties told apart."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from fanlight.backends import Tensor
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.errors import ConfigError, Rejected
from fanlight.image import Header
from fanlight.model import Model, Prediction, top

DIGITS = Path(__file__).parents[1] / "functions/models/digits"


@pytest.fixture(scope="module")
def digits() -> Model:
    return Model.load(DIGITS, threads=1)


class Fixed:
    """A back end that always gives the same scores."""

    def __init__(self, shape: tuple[int, ...], scores: list[float]) -> None:
        self.input_shape: tuple[int | None, ...] = shape
        self._scores = np.asarray(scores, np.float32)

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        assert tensor.shape == self.input_shape
        return {"output_0": self._scores}


def drawn_one() -> bytes:
    """A one, in black on white."""
    image = Image.new("L", (120, 120), 255)
    ImageDraw.Draw(image).line((60, 20, 60, 100), fill=0, width=12)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_the_model_that_ships_reads_a_one(digits: Model) -> None:
    """A stroke is a one, almost certainly, and it comes with its header."""
    header, predictions = digits.classify(drawn_one(), Limits(), 3)

    assert header == Header("png", 120, 120)
    assert predictions[0].label == "1"
    assert predictions[0].score > 0.9
    assert len(predictions) == 3


def test_scores_are_shares(digits: Model) -> None:
    """The scores of all classes are between 0 and 1 and add up to 1."""
    _, predictions = digits.classify(drawn_one(), Limits(), 10)
    scores = [prediction.score for prediction in predictions]

    assert sorted(prediction.index for prediction in predictions) == list(range(10))
    assert scores == sorted(scores, reverse=True)
    assert abs(sum(scores) - 1) < 1e-5


def test_the_same_bytes_have_the_same_answer(digits: Model) -> None:
    """Asked again, and by a model loaded anew, the answer is equal to the last place."""
    again = Model.load(DIGITS, threads=1)

    answers = [model.classify(drawn_one(), Limits(), 10) for model in (digits, digits, again)]

    assert answers[0] == answers[1] == answers[2]


def test_an_empty_sheet_has_nothing_to_read(digits: Model) -> None:
    """Where there is no character, there is a reason instead of a guess."""
    out = io.BytesIO()
    Image.new("L", (64, 64), 255).save(out, "PNG")

    with pytest.raises(Rejected) as caught:
        digits.classify(out.getvalue(), Limits(), 3)

    assert (caught.value.code, caught.value.message) == (
        "nothing_found",
        "there is no character in the picture",
    )


def test_a_network_of_another_shape_is_refused() -> None:
    """A network that takes something else than model.json says is a wrong setting, with both."""
    with pytest.raises(ConfigError) as caught:
        Model(Bundle.read(DIGITS), Fixed((1, 32, 32, 3), [0.1] * 10))

    assert str(caught.value) == (
        "model digits: digits.tflite takes (1, 32, 32, 3), model.json says (1, 28, 28, 1)"
    )


def test_a_network_with_other_classes_is_refused() -> None:
    """As many outputs as labels, or the labels would name the wrong thing."""
    with pytest.raises(ConfigError) as caught:
        Model(Bundle.read(DIGITS), Fixed((1, 28, 28, 1), [0.1] * 11))

    assert str(caught.value) == "model digits: 11 outputs, labels.txt has 10 lines"


def test_a_broken_model_file_is_told(tmp_path: Path) -> None:
    """A file that is no network is named with the bundle it is in."""
    folder = Path(shutil.copytree(DIGITS, tmp_path / "digits"))
    (folder / "digits.tflite").write_bytes(b"not a network")

    with pytest.raises(ConfigError, match=r"^model digits: digits\.tflite cannot be loaded: "):
        Model.load(folder)


def test_logits_become_shares() -> None:
    """A network that ends in logits is answered with their softmax, however large they are."""
    bundle = replace(Bundle.read(DIGITS), activation="logits", labels=("a", "b", "c"))
    scores = Model(bundle, Fixed((1, 28, 28, 1), [1000.0, 1000.0, -1000.0])).scores(
        np.asarray(Image.open(io.BytesIO(drawn_one())), np.uint8)
    )

    assert scores.tolist() == [0.5, 0.5, 0.0]


def test_ties_go_by_index() -> None:
    """Scores equal to six places are in the order of the classes."""
    scores = np.asarray([0.2, 0.3000001, 0.3000002, 0.2], np.float32)

    assert top(scores, ("a", "b", "c", "d"), 3) == [
        Prediction(1, "b", 0.3),
        Prediction(2, "c", 0.3),
        Prediction(0, "a", 0.2),
    ]


@given(
    scores=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20),
    count=st.integers(1, 30),
)
def test_the_best_come_first(scores: list[float], count: int) -> None:
    """No class that is left out has a better score, and no more are given than there are."""
    labels = tuple(map(str, range(len(scores))))

    best = top(np.asarray(scores, np.float32), labels, count)

    assert len(best) == min(count, len(scores))
    keys = [(-prediction.score, prediction.index) for prediction in best]
    assert keys == sorted(keys)
    everything = sorted((round(score, 6) for score in scores), reverse=True)
    assert [prediction.score for prediction in best] == everything[: len(best)]
    assert json.loads(json.dumps([prediction.score for prediction in best])) == everything[:count]
