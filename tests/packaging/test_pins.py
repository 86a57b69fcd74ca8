"""The versions that are packaged."""

from pathlib import Path

import pytest

from fanlight.errors import ConfigError
from tools.packaging.build import library_names
from tools.packaging.components import BACKENDS, IMAGES, OSS
from tools.packaging.pins import parse_pins, pinned, read_pins
from tools.packaging.target import PYTHONS, Target

LINES = """
# a comment
numpy==2.2.6; python_version < "3.11"
numpy==2.5.5; python_version >= "3.12"   # the newest
Only_Windows==1; sys_platform == "win32"
Any_Name==1.0.post1
""".splitlines()


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ("3.12", {"numpy": "2.5.5", "any-name": "1.0.post1"}),
        ("3.10", {"numpy": "2.2.6", "any-name": "1.0.post1"}),
    ],
)
def test_markers_are_read_for_the_target(python: str, expected: dict[str, str]) -> None:
    """A pin counts where its marker holds on the target, whatever Python reads it."""
    assert parse_pins(LINES, Target(python)) == expected


@pytest.mark.parametrize("line", ["numpy", "numpy>=2", "numpy>=2,<3", "-r other.txt"])
def test_what_is_no_pin_is_refused(line: str) -> None:
    """A line that does not name one version is refused, and quoted."""
    with pytest.raises(ConfigError, match="is no pin; write name==version"):
        parse_pins([line], Target("3.12"))


def test_a_constraint_overrules_our_own_pin(tmp_path: Path) -> None:
    """What constraints.txt says of a library goes before what is written in the module."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("crcmod-plus==9.9\n")

    assert read_pins(Target("3.12"), constraints)["crcmod-plus"] == "9.9"


def test_missing_pins_are_named_together() -> None:
    """Every library without a version is in the message."""
    with pytest.raises(ConfigError, match=r"no version of a, c; add name=="):
        pinned(["a", "b", "c"], {"b": "1"})


@pytest.mark.parametrize("python", PYTHONS)
def test_every_library_has_a_version(python: str) -> None:
    """Whatever a function or FANLIGHT_LIBS can need is pinned for both Pythons."""
    names = {*OSS, *IMAGES, *BACKENDS["litert"], *BACKENDS["onnx"], *library_names("tensorflow")}

    assert set(pinned(names, read_pins(Target(python)))) == names
