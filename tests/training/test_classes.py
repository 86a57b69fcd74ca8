import pytest

from fanlight.errors import ConfigError
from tools.training.classes import Picture, Survey, survey


def test_each_folder_is_a_class() -> None:
    """Files belong to the first folder of their path; hidden ones and loose ones to none."""
    names = [
        "LICENSE",
        "cat/",
        "cat/1.jpg",
        "cat/old/2.jpg",
        "cat/.DS_Store",
        ".git/x",
        "dog/3.jpg",
    ]

    assert survey(names) == Survey(
        ("cat", "dog"),
        (Picture("cat/1.jpg", "cat"), Picture("cat/old/2.jpg", "cat"), Picture("dog/3.jpg", "dog")),
        None,
        (),
    )


@pytest.mark.parametrize("held", ["validation", "val", "test"])
def test_a_division_that_is_there_is_used(held: str) -> None:
    """With train/ and validation/ (val/, test/) beside each other, the classes are in these."""
    names = ["train/a/1.png", "train/b/2.png", f"{held}/a/3.png", f"{held}/b/4.png", "extra/5.png"]

    assert survey(names) == Survey(
        ("a", "b"),
        (Picture("train/a/1.png", "a"), Picture("train/b/2.png", "b")),
        (Picture(f"{held}/a/3.png", "a"), Picture(f"{held}/b/4.png", "b")),
        (f"only train and {held} are used, not extra",),
    )


def test_train_and_test_can_be_classes() -> None:
    """Folders called train and test that hold pictures, not folders, are classes like others."""
    assert survey(["train/1.png", "test/2.png", "car/3.png"]).classes == ("car", "test", "train")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "and there is none"),
        (["cat/1.jpg"], "and there is only cat"),
        (["a\nb/1.jpg", "cat/1.jpg"], r"'a\nb': a class is called as its folder"),
        ([" a/1.jpg", "cat/1.jpg"], "' a': a class is called as its folder"),
        ([f"{n}/1.jpg" for n in range(1_001)], "1,001 folders are no classes"),
        (
            ["train/a/1", "train/b/1", "val/a/1", "val/c/1"],
            "same classes: 'b' is only in train, 'c' is only in val.",
        ),
    ],
)
def test_refuses_what_cannot_be_learned(names: list[str], message: str) -> None:
    """One class, an odd name, too many folders, or two divisions that differ: each is told."""
    with pytest.raises(ConfigError) as refused:
        survey(names)

    assert message in str(refused.value)
