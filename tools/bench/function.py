"""The deployed function in this process, warm, and the sets of pictures that go through it."""

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import click

import classify
from fanlight.bundle import Bundle
from fanlight.errors import FanlightError
from tools.bench.cloud import BUCKET, OssProcess
from tools.bench.networks import DIGITS
from tools.bench.pictures import photo
from tools.events import oss_event
from tools.models import MODELS, find_model
from tools.samples import FOLDER

PRODUCTS = "products"
SMALL, LARGE = (548, 365), (4000, 3000)
"""Width and height of 0.2 and of 12 megapixels."""

Handle = Callable[..., None]


@dataclass(frozen=True)
class Subject:
    """A bundle's folder, and encoded pictures for it by their names."""

    bundle: Path
    pictures: Mapping[str, bytes]


def digits(bundle: Path = DIGITS) -> Subject:
    """A model that finds a character, with a plain digit and one on a sheet of paper."""
    names = ("7-00000.png", "pasted-7-00000.jpg")
    return Subject(bundle, {name: (FOLDER / name).read_bytes() for name in names})


def photographs(bundle: Path) -> Subject:
    """Any other model, with a small JPEG and a camera's."""
    return Subject(bundle, {
        f"{width}x{height}.jpg": photo(width, height) for width, height in (SMALL, LARGE)
    })  # fmt: skip


def subjects(models: tuple[str, ...]) -> tuple[list[Subject], dict[str, str]]:
    """Of the models named, or of digits and products; and what is not at hand, with the remedy."""
    chosen, missing = bundles(models)
    return [_subject(bundle) for bundle in chosen], missing


def bundles(models: tuple[str, ...]) -> tuple[list[Path], dict[str, str]]:
    """The folders of `subjects`."""
    if models:
        return [find_model(name) for name in models], {}
    try:
        return [DIGITS, find_model(PRODUCTS)], {}
    except click.UsageError:
        remedy = f"it is not in {MODELS.name}/: fanlight model get {PRODUCTS}"
        return [DIGITS], {PRODUCTS: remedy}


def _subject(bundle: Path) -> Subject:
    glyph = Bundle.read(bundle).input.resize == "glyph"
    return digits(bundle) if glyph else photographs(bundle)


@contextmanager
def warm_function(cloud: OssProcess, bundle: Path, key: str) -> Iterator[Handle]:
    """What handles an event for `key`, as the platform would call it, once it is initialized.

    FanlightError from the call unless it writes a new result, or the key becomes what the call
    says. What it logs goes nowhere.
    """
    event = json.dumps(oss_event(BUCKET, key)).encode()
    context = SimpleNamespace(request_id="bench", function=SimpleNamespace(timeout=300))

    def handle(wanted: str = "classified") -> None:
        counts = classify.handler(event, context)["counts"]
        if counts != {wanted: 1}:
            raise FanlightError(f"{key} was to be {wanted}, and became {counts}")

    with _environment(cloud.settings(bundle)), redirect_stdout(io.StringIO()):
        classify.initializer(context)
        yield handle


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
