"""A node that would give other results than the machine of the run is found before it gives any."""

from dataclasses import replace
from pathlib import Path

import pytest

from fanlight.answer import Choices
from fanlight.bundle import Bundle
from fanlight.errors import ConfigError
from tools.engine import Job
from tools.models import MODELS
from tools.places import Access
from tools.ray_actor import Actor, Expected, installed
from tools.zips import zip_folder

DIGITS = MODELS / "digits"


def expected(marker: Path) -> Expected:
    bundle = Bundle.read(DIGITS)
    return Expected(installed(), bundle.digest, Choices().recipe(bundle), marker)


def said(folder: Path, wanted: Expected, packed: bytes | None = None) -> str:
    """What the actor finds wrong. The files that it unpacks are gone then."""
    zip_folder(DIGITS, folder / "model.zip")
    job = Job(str(folder / "in"), str(folder / "out"), Path("not-here"), Choices(), Access())
    actor = Actor(job, packed or (folder / "model.zip").read_bytes(), wanted)
    error = actor.ready()
    assert type(error) is ConfigError
    assert str(error).startswith("node ")
    return str(error)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "%tmarker").touch()
    return tmp_path


def test_another_version_of_fanlight_is_told(folder: Path) -> None:
    """Both versions are named, and what to install."""
    wanted = replace(expected(folder / "out" / "%tmarker"), fanlight="9.9")

    here = installed() or "of an unknown version"
    assert f"fanlight {here} is here, 9.9 where the run was started" in said(folder, wanted)
    assert "install the same, with its ray extra, on every node" in said(folder, wanted)


def test_another_pipeline_of_the_same_version_is_told(folder: Path) -> None:
    """The recipe that the node arrives at is compared, not only what it is called."""
    wanted = replace(expected(folder / "out" / "%tmarker"), recipe="sha256:other")

    assert "fanlight here would make other results" in said(folder, wanted)


def test_a_model_that_is_not_the_one_is_told(folder: Path) -> None:
    """What has arrived is unpacked and its digest compared; what is no zip is an error of ours."""
    wanted = replace(expected(folder / "out" / "%tmarker"), digest="sha256:other")

    assert "the model did not arrive whole" in said(folder, wanted)
    assert "model.zip is damaged" in said(folder, wanted, b"no zip")


def test_folders_that_the_node_does_not_share_are_told(folder: Path) -> None:
    """A folder of that name is not enough: results would stay where nobody looks for them."""
    wanted = expected(folder / "elsewhere" / "%tmarker")
    other = said(folder, wanted)
    (folder / "in").rmdir()
    none = said(folder, wanted)

    assert f"{folder}/elsewhere is another folder here, or none; every node must" in other
    assert f"{folder}/in is not here; every node must have the folder at the same path" in none
