"""Keys as file names: one to one, and never a way out of the folder."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fanlight.folder_names import TEMPORARY, from_path, to_path

AWKWARD = st.sampled_from(
    ["/", "//", ".", "..", "%", "%2E", "%2F", "%+", "%t1", "\\", "\0", ".json", ".json/", "a", "é"]
)
KEYS = st.one_of(
    st.text(min_size=1, max_size=60),
    st.lists(AWKWARD, min_size=1, max_size=8).map("".join),
    st.builds(lambda part, times: part * times, AWKWARD, st.integers(1, 500)),
)


@given(key=KEYS)
@example(key="%" * 400)
@example(key="/" * 400)
@example(key="x" * 179 + "%")
@example(key="x" * 179 + "..")
@example(key="." * 400)
@example(key="a%2F/b")
@example(key="x.json%2F/y")
@example(key="\udcff")
def test_a_path_gives_its_key_back(key: str) -> None:
    """Whatever the key, its path is read back as the same key."""
    assert from_path(to_path(key)) == key


@given(key=KEYS)
@example(key="/etc/passwd")
@example(key="in/../../secret")
@example(key="x" * 178 + "😀" * 100)
@example(key="." * 182 + "/" + "." * 181)
def test_every_segment_is_a_plain_file_name(key: str) -> None:
    """No segment of a path is one that leads elsewhere, that is too long, or a temporary file's."""
    for segment in to_path(key).split("/"):
        assert segment not in ("", ".", "..")
        assert "\0" not in segment
        assert "\\" not in segment
        assert len(segment.encode("utf-8", "surrogateescape")) <= 255
        assert not segment.startswith(TEMPORARY)


@given(keys=st.sets(KEYS, min_size=2, max_size=10))
def test_two_keys_never_share_a_path(keys: set[str]) -> None:
    """As many keys, as many paths."""
    assert len({to_path(key) for key in keys}) == len(keys)


NAMES = st.text(st.sampled_from("ab./%"), max_size=8).map(lambda name: name + ".json")


@settings(max_examples=50, deadline=None)
@given(keys=st.sets(NAMES, min_size=1, max_size=8))
@example(keys={"a.json", "a.json/b.json", "a.json/b.json/c.json"})
@example(keys={".json", "/.json", "//.json", ".json/.json"})
@example(keys={"a.json", "a.json%2F.json", "a.json/.json"})
def test_results_stand_beside_each_other(keys: set[str]) -> None:
    """Any set of keys that end with `.json` can be files of one folder at the same time."""
    with TemporaryDirectory() as folder:
        for key in sorted(keys):
            path = Path(folder, to_path(key))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(key, "utf-8")
        found = [path for path in Path(folder).rglob("*") if path.is_file()]

        assert {from_path(path.relative_to(folder).as_posix()) for path in found} == keys
        assert {path.read_text("utf-8") for path in found} == keys


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("digits/7.png.json", "digits/7.png.json"),
        ("..", "%2E%2E"),
        ("../a", "%2E%2E/a"),
        ("/a", "%/a"),
        ("a//b", "a/%/b"),
        ("a/", "a/%"),
        ("100%", "100%25"),
        ("a\\b\0", "a%5Cb%00"),
        ("a.json/b.json", "a.json%2F/b.json"),
        ("x" * 181, "x" * 180 + "%+/x"),
        ("手写/七.png", "手写/七.png"),
    ],
)
def test_names_stay_as_they_are_where_they_can(key: str, path: str) -> None:
    """Ordinary names are not touched, and each escape is the one the module promises."""
    assert to_path(key) == path
