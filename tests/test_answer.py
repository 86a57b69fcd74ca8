"""From an image to the document of each task, and what may be chosen apart from the model."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import result
from fanlight.answer import Answerer, Choices, decide
from fanlight.backends import Tensor
from fanlight.bundle import Bundle, Input
from fanlight.config import Limits
from fanlight.errors import ConfigError, FanlightError, ModelMismatch
from fanlight.model import SCORE_PLACES, Model, Prediction, top
from fanlight.result import Source
from fanlight.thresholds import Threshold
from tests.test_model import Fixed, drawn_one

SCHEMA = json.loads(Path(result.__file__).with_name("result.schema.json").read_bytes())
SOURCE = Source("b", "k.png", "v", "e", 1)
CLASSIFIER = Bundle(
    folder=Path(), name="m", version="1", task="classification", format="onnx", file="m.onnx",
    input=Input(8, 8, 3, "stretch", (0.0,) * 3, (1.0,) * 3), activation="softmax", top_k=2,
    labels=("safe", "nsfw", "gore"), digest="sha256:" + "0" * 64,
)  # fmt: skip
MODERATOR = replace(
    CLASSIFIER,
    task="moderation",
    thresholds={"nsfw": Threshold(0.2, 0.8), "gore": Threshold(0.5, 0.5)},
)
EMBEDDER = replace(CLASSIFIER, task="embedding", labels=())


def document(bundle: Bundle, scores: list[float], choices: Choices = Choices()) -> dict[str, Any]:  # noqa: B008 - frozen
    model = Model(bundle, Fixed(bundle.input.shape, scores))
    made = Answerer(model, choices)(SOURCE, drawn_one())
    jsonschema.validate(made, SCHEMA)
    return {key: made[key] for key in ("predictions", "decision", "embedding") if key in made}


def test_a_classifier_has_predictions_alone() -> None:
    """As many as the bundle says, or as are chosen."""
    best = {"index": 1, "label": "nsfw", "score": 0.75}

    assert document(CLASSIFIER, [0.25, 0.75, 0.0], Choices(top_k=1)) == {"predictions": [best]}
    assert document(CLASSIFIER, [0.25, 0.75, 0.0]) == {
        "predictions": [best, {"index": 0, "label": "safe", "score": 0.25}]
    }


@pytest.mark.parametrize(
    ("scores", "decision"),
    [
        ([0.9, 0.1, 0.0], "allow"),
        ([0.8, 0.2, 0.0], "review"),
        ([0.2, 0.8, 0.0], "block"),
        ([0.5, 0.0, 0.5], "block"),
        ([0.21, 0.3, 0.49], "review"),
        ([0.8, 0.19999999, 0.0], "review"),
    ],
)
def test_a_moderator_decides(scores: list[float], decision: str) -> None:
    """The worst that any label asks for; a score counts as the result shows it, rounded."""
    assert document(MODERATOR, scores)["decision"] == decision


def test_thresholds_can_be_chosen() -> None:
    """Those that are set stand in the place of all of the bundle's own."""
    strict = Choices(thresholds={"nsfw": Threshold(0.05, 0.1)})

    assert document(MODERATOR, [0.8, 0.15, 0.05], strict)["decision"] == "block"
    assert document(MODERATOR, [0.1, 0.0, 0.9], strict)["decision"] == "allow"
    assert strict.recipe(MODERATOR) != Choices().recipe(MODERATOR)


def test_who_shrinks_is_part_of_the_recipe() -> None:
    """A result of a picture that OSS made smaller is told from one of the stored picture."""
    assert Choices(oss_resize=True).recipe(MODERATOR) != Choices().recipe(MODERATOR)


@pytest.mark.parametrize(
    ("bundle", "problem"),
    [
        (CLASSIFIER, "FANLIGHT_THRESHOLDS do not fit model m: its task is classification"),
        (
            MODERATOR,
            "FANLIGHT_THRESHOLDS do not fit model m: thresholds name 'porn', labels.txt does not",
        ),
    ],
)
def test_thresholds_for_another_model_are_refused(bundle: Bundle, problem: str) -> None:
    """What would never decide anything is a wrong setting, not a silent one."""
    choices = Choices(thresholds={"porn": Threshold(0.2, 0.8)})

    with pytest.raises(ConfigError) as caught:
        document(bundle, [1.0, 0.0, 0.0], choices)

    assert str(caught.value) == problem


def test_an_embedder_gives_the_point_itself() -> None:
    """Every value, as little-endian float32 in base64, to the last bit."""
    values = [0.5, -1.25, 3.0e-8, 7.0]

    (embedding,) = document(EMBEDDER, values).values()

    data = base64.b64decode(embedding["base64"])
    assert (embedding["dim"], embedding["dtype"]) == (4, "float32")
    assert np.frombuffer(data, "<f4").tolist() == np.asarray(values, np.float32).tolist()


def test_a_rejected_upload_is_never_allowed() -> None:
    """Where there is no picture to judge there is a reason, and no decision."""
    model = Model(MODERATOR, Fixed(MODERATOR.input.shape, [1.0, 0.0, 0.0]))

    made = Answerer(model, Choices(Limits(max_bytes=10)))(SOURCE, None)

    jsonschema.validate(made, SCHEMA)
    assert (made["status"], made["reason"]["code"]) == ("rejected", "too_many_bytes")
    assert "decision" not in made


@given(score=st.floats(0, 1), review=st.floats(0, 1), block=st.floats(0, 1))
def test_decisions_only_get_stricter(score: float, review: float, block: float) -> None:
    """A higher score never leads to a milder decision."""
    thresholds = {"x": Threshold(*sorted((review, block)))}
    order = ["allow", "review", "block"]

    worse = decide({"x": min(1.0, score + 0.1)}, thresholds)

    assert order.index(worse) >= order.index(decide({"x": score}, thresholds))


class Fickle:
    """A back end whose answers are sound at first, as when it is loaded, and then are not."""

    def __init__(self, shape: tuple[int, ...], *answers: list[float]) -> None:
        self.input_shape: tuple[int | None, ...] = shape
        self._answers = [np.asarray(answer, np.float32) for answer in answers]

    def run(self, tensor: Tensor) -> dict[str, Tensor]:
        return {"output_0": self._answers.pop(0)}


@pytest.mark.parametrize(
    ("bundle", "answer"),
    [
        (MODERATOR, [0.9, 0.1, float("nan")]),
        (CLASSIFIER, [float("inf"), 0.0, 0.0]),
        (EMBEDDER, [float("nan"), 0.0, 0.0]),
        (EMBEDDER, [float("-inf"), 0.0, 0.0]),
        (MODERATOR, [7.0, -3.0, 2.0]),
    ],
)
def test_what_is_no_answer_is_a_failure(bundle: Bundle, answer: list[float]) -> None:
    """Values that are no numbers, or no shares, end in an error, never in "allow"."""
    model = Model(bundle, Fickle(bundle.input.shape, [0.0, 1.0, 0.0], answer))

    with pytest.raises(FanlightError, match=r"not a number|no shares"):
        Answerer(model, Choices())(SOURCE, drawn_one())


def test_an_embedding_has_a_size_that_can_be_read_back() -> None:
    """A feature map is not stored in place of an embedding."""
    with pytest.raises(ModelMismatch, match="65537 values, an embedding 65536 at most"):
        Model(EMBEDDER, Fixed(EMBEDDER.input.shape, [0.0] * 65_537))


@given(
    scores=st.lists(
        st.floats(0, 1, width=32) | st.integers(0, 40).map(lambda step: 0.3 + step * 1e-7),
        min_size=2,
        max_size=60,
    ),
    count=st.integers(1, 5) | st.integers(1, 70),
)
def test_the_best_are_those_of_the_plain_definition(scores: list[float], count: int) -> None:
    """Choosing before rounding gives what rounding all and sorting them gives, ties and all."""
    tensor = np.asarray(scores, np.float32)
    labels = tuple(f"label {index}" for index in range(len(scores)))

    rounded = [round(float(score), SCORE_PLACES) for score in tensor]
    order = sorted(range(len(rounded)), key=lambda index: (-rounded[index], index))

    plain = [Prediction(index, labels[index], rounded[index]) for index in order[:count]]
    assert top(tensor, labels, count) == plain
