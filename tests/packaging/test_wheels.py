"""Where libraries come from."""

from pathlib import Path

import pytest

from fanlight.errors import ConfigError
from tools.packaging.target import Target
from tools.packaging.wheels import cache_folder, cached, fetch


def test_the_cache_gives_the_best_file(tmp_path: Path) -> None:
    """Of one version's files the nearest to the target is taken; others' files are passed over."""
    nearest = "some_lib-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    for name in (nearest, "some_lib-1.0-py3-none-any.whl", "some_lib-1.1-py3-none-any.whl",
                 "some_lib-1.0.tar.gz", "other-1.0-py3-none-any.whl", "notes.txt"):  # fmt: skip
        (tmp_path / name).touch()

    found = [cached(tmp_path, "some-lib", "1.0", Target(python)) for python in ("3.12", "3.10")]
    assert found == [tmp_path / nearest, tmp_path / "some_lib-1.0-py3-none-any.whl"]
    assert cached(tmp_path, "some-lib", "2.0", Target("3.12")) is None
    assert cached(tmp_path / "none", "some-lib", "1.0", Target("3.12")) is None


def test_what_is_cached_is_not_asked_for(tmp_path: Path) -> None:
    """A second run needs no registry: nothing is downloaded, and nothing said."""
    pins = {"fanlight-no-such-library": "1.0", "oss2": "0.0.1"}
    files = {
        "fanlight-no-such-library": tmp_path / "fanlight_no_such_library-1.0-py3-none-any.whl",
        "oss2": tmp_path / "oss2-0.0.1.tar.gz",
    }
    for file in files.values():
        file.touch()
    said: list[str] = []

    assert fetch(pins, Target("3.12"), tmp_path, said.append) == files
    assert said == []


def test_an_unreachable_registry_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says what is missing and what to do, and the cache holds no scrap."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    said: list[str] = []

    with pytest.raises(ConfigError) as raised:
        fetch({"fanlight-no-such-library": "1.0"}, Target("3.10"), tmp_path, said.append)
    assert "fanlight-no-such-library==1.0" in str(raised.value)
    assert str(raised.value).endswith(
        "Is the package registry reachable? Else change the version in constraints.txt."
    )
    assert said == ["downloading for Python 3.10: fanlight-no-such-library==1.0"]
    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_where_caches_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """XDG_CACHE_HOME decides, as it does for other programs."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_folder() == tmp_path / "fanlight" / "wheels"
