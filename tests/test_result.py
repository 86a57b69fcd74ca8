"""The result document: as its schema says, the same every time, and read back or not at all."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight import result
from fanlight.bundle import Bundle
from fanlight.config import Limits
from fanlight.document import to_bytes
from fanlight.errors import Rejected
from fanlight.image import Header
from fanlight.result import REASONS, Source, classified, from_bytes, recipe, rejected, version_of
from fanlight.sniff import FORMATS
from fanlight.thresholds import Threshold
from tests.fakes import answer_as

SCHEMA = json.loads(Path(result.__file__).with_name("result.schema.json").read_bytes())
VALID = jsonschema.Draft202012Validator(SCHEMA)
BUNDLE = Bundle.read(Path(__file__).parents[1] / "functions/models/digits")
SOURCE = Source("b", "in/识别 7.png", "ETAG-274-0", "ETAG", 274)
RECIPE = recipe(BUNDLE, Limits(), 3, {})
MODEL = {"name": "digits", "version": BUNDLE.version, "digest": BUNDLE.digest}
PREDICTIONS = [
    {"index": 7, "label": "7", "score": 0.9987},
    {"index": 2, "label": "2", "score": 0.0007},
]
HEADER = Header("png", 28, 20, 6)
CLASSIFIED = classified(SOURCE, HEADER, BUNDLE, RECIPE, {"predictions": PREDICTIONS})
MODERATED = {**CLASSIFIED, "decision": "review"}
EMBEDDED = classified(
    SOURCE, HEADER, BUNDLE, RECIPE,
    {"embedding": {"dim": 1, "dtype": "float32", "base64": "AACAPw=="}},
)  # fmt: skip


def test_a_classified_image_has_a_document() -> None:
    """Source, model, recipe and predictions are all in it, and nothing else."""
    assert CLASSIFIED == {
        "schema": "fanlight.result/1",
        "status": "classified",
        "source": {
            "bucket": "b",
            "key": "in/识别 7.png",
            "version": "ETAG-274-0",
            "etag": "ETAG",
            "size": 274,
            "format": "png",
            "width": 28,
            "height": 20,
        },
        "model": MODEL,
        "recipe": RECIPE,
        "predictions": [
            {"index": 7, "label": "7", "score": 0.9987},
            {"index": 2, "label": "2", "score": 0.0007},
        ],
    }
    VALID.validate(CLASSIFIED)


@pytest.mark.parametrize("code", REASONS)
def test_a_rejected_object_has_a_document(code: str) -> None:
    """The reason stands where predictions would, for each code there is."""
    document = rejected(SOURCE, Rejected(code, "why"), BUNDLE, RECIPE)

    assert document == {
        "schema": "fanlight.result/1",
        "status": "rejected",
        "source": {
            "bucket": "b",
            "key": "in/识别 7.png",
            "version": "ETAG-274-0",
            "etag": "ETAG",
            "size": 274,
        },
        "model": MODEL,
        "recipe": RECIPE,
        "reason": {"code": code, "message": "why"},
    }
    VALID.validate(document)


def test_schema_and_code_know_the_same_words() -> None:
    """Reasons and formats are listed twice; the lists agree."""
    properties = SCHEMA["properties"]

    assert properties["reason"]["properties"]["code"]["enum"] == list(REASONS)
    assert properties["source"]["properties"]["format"]["enum"] == list(FORMATS)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "rejected"},
        {"status": "maybe"},
        {"predictions": []},
        {"reason": {"code": "empty", "message": "why"}},
        {"recipe": "sha256:0"},
        {"time": "now"},
        {"source": {"bucket": "b", "key": "k", "version": "v", "etag": "", "size": 1}},
    ],
)
def test_the_schema_refuses_what_is_no_result(change: dict[str, Any]) -> None:
    """A document that says two things, too little or too much is not valid."""
    assert not VALID.is_valid({**CLASSIFIED, **change})


def test_a_document_is_read_back() -> None:
    """Written and read, a document is the same; it is one line of UTF-8 that people can read."""
    data = to_bytes(CLASSIFIED)

    assert from_bytes(data) == CLASSIFIED
    assert version_of(from_bytes(data)) == "ETAG-274-0"
    assert data.count(b"\n") == 1
    assert "识别".encode() in data


def test_half_a_surrogate_pair_is_escaped() -> None:
    """A file name that is no Unicode is written all the same, and read back."""
    document = {**CLASSIFIED, "source": {**CLASSIFIED["source"], "key": "\udcff.png"}}

    assert from_bytes(to_bytes(document)) == document


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xff",
        b"{",
        b"null",
        b"[]",
        b'"fanlight.result/1"',
        b"{}",
        b'{"schema": "fanlight.result/1"}',
        b'{"schema": "fanlight.result/1", "source": null}',
        b'{"schema": "fanlight.result/1", "source": {"version": 1}}',
        b'{"schema": "fanlight.result/2", "source": {"version": "v"}}',
        to_bytes(CLASSIFIED)[:-3],
        b"[" * 100_000,
    ],
)
def test_junk_is_no_result(junk: bytes) -> None:
    """What is not a whole result of this schema counts as none."""
    assert from_bytes(junk) is None
    assert version_of(from_bytes(junk)) is None


@given(data=st.binary(max_size=100))
def test_no_bytes_are_an_error(data: bytes) -> None:
    """Reading never raises, whatever stands under a result's key."""
    assert from_bytes(data) is None


def test_a_recipe_names_all_that_changes_an_answer() -> None:
    """The same ingredients have the same name, any other ones another."""
    names = [
        RECIPE,
        recipe(BUNDLE, Limits(max_bytes=1), 3, {}),
        recipe(BUNDLE, Limits(max_pixels=1), 3, {}),
        recipe(BUNDLE, Limits(), 4, {}),
        recipe(BUNDLE, Limits(), 3, {"7": Threshold(0.2, 0.8)}),
        recipe(BUNDLE, Limits(), 3, {"7": Threshold(0.2, 0.9)}),
    ]

    assert recipe(BUNDLE, Limits(), 3, {}) == RECIPE
    assert len(set(names)) == 6


@pytest.mark.parametrize("document", [MODERATED, EMBEDDED])
def test_every_task_has_its_document(document: dict[str, Any]) -> None:
    """A decision stands beside predictions, an embedding in their place, and both are read back."""
    VALID.validate(document)

    assert from_bytes(to_bytes(document)) == document


@pytest.mark.parametrize(
    "document",
    [
        {**CLASSIFIED, "decision": "perhaps"},
        {**EMBEDDED, "predictions": PREDICTIONS},
        {**EMBEDDED, "decision": "allow"},
        {**EMBEDDED, "embedding": {"dim": 1, "dtype": "float16", "base64": "AAA="}},
        {key: value for key, value in EMBEDDED.items() if key != "embedding"},
    ],
)
def test_tasks_do_not_mix(document: dict[str, Any]) -> None:
    """The schema refuses answers that no task gives."""
    assert not VALID.is_valid(document)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "other"},
        {"predictions": []},
        {"predictions": None},
        {"embedding": {}},
        {"model": {}},
        {"source": {"version": "x"}},
    ],
)
def test_half_a_result_counts_as_absent(change: dict[str, Any]) -> None:
    """A document that lacks what readers need is no result, so it is made again."""
    whole = json.loads(to_bytes(answer_as("m")(Source("b", "k", "v", "e", 1), b"x")))

    assert from_bytes(json.dumps(whole).encode()) == whole
    assert from_bytes(json.dumps(whole | change).encode()) is None
