"""Places, and the way from an image's key to its result's."""

from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanlight.errors import ConfigError, KeyRefused
from fanlight.place import MAX_KEY_BYTES, Place, other_spellings, result_key

OUTPUT = Place("b", "output/digits/")
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.parametrize("text", ["oss://b/", "oss://b/input/", "oss://b/in put/识别/"])
def test_a_place_is_spelled_as_it_was_read(text: str) -> None:
    """Reading a place and writing it gives the same text."""
    assert str(Place.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' is not a place; write oss://bucket/prefix/"),
        ("b/input/", "'b/input/' is not a place; write oss://bucket/prefix/"),
        ("s3://b/input/", "'s3://b/input/' is not a place; write oss://bucket/prefix/"),
        ("oss://", "'oss://' is not a place; write oss://bucket/prefix/"),
        ("oss://b", "'oss://b' is not a place; write oss://bucket/prefix/"),
        ("oss:///input/", "'oss:///input/' is not a place; write oss://bucket/prefix/"),
        ("oss://b//", "'oss://b//': a prefix must not start with a slash"),
        ("oss://b/input", "'oss://b/input' must end with a slash: oss://b/input/"),
    ],
)
def test_a_misspelled_place_says_how_to_spell_it(text: str, message: str) -> None:
    """The error quotes what was given and says what to write."""
    with pytest.raises(ConfigError) as caught:
        Place.parse(text)

    assert str(caught.value) == message


def test_a_place_holds_itself_and_what_lies_below() -> None:
    """Holding goes by bucket and whole segments of the prefix."""
    place = Place("b", "input/")
    others = [place, Place("b", "input/a/"), Place("b", ""), Place("b", "input2/"),
              Place("c", "input/")]  # fmt: skip

    assert [place.holds(other) for other in others] == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("key", "rest"),
    [
        ("input/7.png", "7.png"),
        ("input//7.png", "/7.png"),
        ("input/../7.png", "../7.png"),
        ("input/input/7.png", "input/7.png"),
        ("input/", None),
        ("input/folder/", None),
        ("input", None),
        ("other/7.png", None),
    ],
)
def test_relative_keys_are_what_follows_the_prefix(key: str, rest: str | None) -> None:
    """A key under the prefix loses it once; folders and what is elsewhere have none."""
    assert Place("b", "input/").relative(key) == rest


def test_a_result_keeps_the_whole_name() -> None:
    """Pictures that differ only in their extension never share a result."""
    assert result_key("a/7.png", OUTPUT) == "output/digits/a/7.png.json"
    assert result_key("a/7.jpg", OUTPUT) == "output/digits/a/7.jpg.json"


@given(keys=st.sets(KEYS, min_size=2))
def test_two_keys_never_share_a_result(keys: set[str]) -> None:
    """As many images, as many results."""
    assert len({result_key(key[:200], OUTPUT) for key in keys}) == len({k[:200] for k in keys})


def test_a_result_key_may_be_as_long_as_oss_allows() -> None:
    """1,023 bytes pass; one more is refused with both sizes and what to do."""
    room = MAX_KEY_BYTES - len("output/digits/.json")

    assert len(result_key("x" * room, OUTPUT)) == MAX_KEY_BYTES
    with pytest.raises(KeyRefused) as caught:
        result_key("é" + "x" * (room - 1), OUTPUT)
    assert str(caught.value) == (
        "the result's key would have 1024 bytes, OSS allows 1023; "
        "shorten the image's key or the output prefix"
    )


@pytest.mark.parametrize(
    ("key", "others"),
    [
        ("7.png", []),
        ("a+b.png", ["a b.png"]),
        ("a%20b.png", ["a b.png"]),
        ("a+b%20c.png", ["a b c.png", "a+b c.png"]),
        ("100%.png", []),
        ("%FF.png", []),
    ],
)
def test_only_an_encoded_key_has_other_spellings(key: str, others: list[str]) -> None:
    """Both ways of encoding are undone; what does not decode to text is left alone."""
    assert other_spellings(key) == others


@given(key=KEYS.filter(lambda key: "\ufffd" not in key))
def test_the_true_key_is_among_the_spellings_of_its_encoding(key: str) -> None:
    """However a key was URL-encoded on its way, it is found again."""
    for encoded in (quote(key), quote(key, safe=""), quote_plus(key)):
        assert key in [encoded, *other_spellings(encoded)]
