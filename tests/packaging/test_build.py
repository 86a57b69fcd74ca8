"""A package made of a small function and small libraries."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from fanlight.errors import ConfigError
from tests.packaging.test_contents import wheel
from tools.packaging.build import Built, Part, build, check_compiled, library_names, too_large
from tools.packaging.limits import judged
from tools.packaging.plan import Package
from tools.packaging.report import rows
from tools.packaging.target import Target
from tools.packaging.zipped import packed
from tools.template import project_template, read_template

TARGET = Target("3.12")


@pytest.fixture
def built(tmp_path: Path) -> Built:
    source = tmp_path / "functions"
    (source / "own").mkdir(parents=True)
    (source / "entry.py").write_text("import own\n")
    (source / "own" / "__init__.py").write_text("")
    files = {
        "big": wheel(tmp_path / "big-2.0-py3-none-any.whl", {"big.py": b"x = 1\n" * 1000}),
        "tiny": wheel(tmp_path / "tiny-1.0-py3-none-any.whl", {"tiny.py": b"y = 1\n"}),
    }
    deadletter = read_template(project_template()).functions[-1]
    function = replace(deadletter, code=tmp_path / "out" / "a.zip")
    return build(Package(function, ("entry.py", "own"), ("big", "tiny")), files, TARGET, source)


def test_the_zip_holds_code_and_libraries(built: Built) -> None:
    """Everything lies where it is imported from, and the digest is that of the file."""
    with zipfile.ZipFile(built.path) as made:
        assert made.namelist() == ["big.py", "entry.py", "own/__init__.py", "tiny.py"]
    assert built.sha256 == hashlib.sha256(built.path.read_bytes()).hexdigest()
    assert built.compressed == built.path.stat().st_size
    assert built.size == 6000 + 11 + 6


def test_the_table_adds_up(built: Built) -> None:
    """Its lines sum to the bytes of the zip, and to those it unpacks to."""
    lines = rows(built)

    assert [line[0] for line in lines] == ["3 smaller: big, fanlight, tiny", "names and directory"]
    assert sum(line[2] for line in lines) == built.compressed
    assert sum(line[3] for line in lines) == built.size


def test_large_components_have_their_own_line(built: Built) -> None:
    """What weighs something is listed by name and version."""
    large = replace(built, parts=(Part("numpy", "2.5.5", 13_000_000, 42_000_000),),
                    compressed=13_000_100)  # fmt: skip

    assert rows(large) == [
        ("numpy", "2.5.5", 13_000_000, 42_000_000),
        ("names and directory", "", 100, 0),
    ]


@pytest.mark.parametrize(
    ("paths", "complaint"),
    [
        (["crcmod/__init__.py"], "has no extension module for Python 3.12"),
        (["crcmod/_crcfunext.cpython-310-x86_64-linux-gnu.so"], "is not made for Python 3.12"),
        (["crcmod/_crcfunext.cpython-312-darwin.so"], "is not made for Python 3.12"),
    ],
)
def test_a_library_that_would_be_slow_is_refused(paths: list[str], complaint: str) -> None:
    """A package that lost crcmod's extension, or has another Python's, is never made."""
    with pytest.raises(ConfigError, match=complaint):
        check_compiled("crcmod-plus", paths, TARGET)


@pytest.mark.parametrize("suffix", ["abi3.so", "cpython-312-x86_64-linux-gnu.so"])
def test_a_compiled_library_passes(suffix: str) -> None:
    """Both names of an extension module are right: the stable ABI's and this Python's."""
    check_compiled("crcmod-plus", [f"crcmod/_crcfunext.{suffix}"], TARGET)


def test_more_than_any_region_takes_is_refused() -> None:
    """Over 500 MB there is nothing to deploy to; the message says where the model can go."""
    entry = replace(packed("model", "m", b""), compressed=500_000_001)

    with pytest.raises(ConfigError, match=r"a\.zip would have 500 MB.*`fanlight model publish`"):
        too_large("a.zip", [entry])


def test_the_limits_are_told() -> None:
    """Each limit with the distance to it; a warning where a package cannot go everywhere."""
    assert judged(90_000_000, 250_000_000) == [
        "10.0 MB below 100 MB, 14.9 MB below 100 MiB, 410.0 MB below 500 MB; "
        "unpacked 262.0 MB below 512 MB of disk"
    ]
    warned = judged(120_000_000, 600_000_000)
    assert warned[0].startswith("20.0 MB ABOVE 100 MB, 15.1 MB ABOVE 100 MiB, 380.0 MB below")
    assert [line[:30] for line in warned[1:]] == [
        "! more than 100 MB: it can be ", "! unpacked it needs more disk "]  # fmt: skip


def test_libraries_in_oss_repeat_nothing() -> None:
    """What the function's own package holds is not in the zip of libraries again."""
    names = library_names("tensorflow")

    assert "tensorflow-cpu" in names
    assert not {"numpy", "requests", "six"} & set(names)
