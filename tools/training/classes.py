"""From the names of files to classes and their pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fanlight.errors import ConfigError
from tools.shown import shown

TRAIN = "train"
HELD = ("validation", "val", "test")
"""What a folder beside `train` is called; the first that is there is used."""

_NAMED = 5
"""Names that a message lists before it says how many more there are."""
_CLASSES = 1000
"""That can be learned; whoever has more folders is taken to have named the wrong place."""


@dataclass(frozen=True)
class Picture:
    """A file by its name in the place, and the class it is an example of."""

    name: str
    label: str


@dataclass(frozen=True)
class Survey:
    """`held` is None where the folder makes no such division. `notes` are for people."""

    classes: tuple[str, ...]
    train: tuple[Picture, ...]
    held: tuple[Picture, ...] | None
    notes: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """Every file there is to read."""
        return [picture.name for picture in (*self.train, *(self.held or ()))]


def survey(names: Iterable[str]) -> Survey:
    """Sort files (`cats/1.jpg`) and folders (`cats/`) into classes; ConfigError if that cannot be.

    Hidden files and folders, and files beside the class folders, are passed over.
    """
    kept = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
    tops = {name.split("/")[0] for name in kept if "/" in name}
    held = next((name for name in HELD if name in tops), None)
    if TRAIN in tops and held and _divided(kept, held):
        train, train_classes = _under(kept, f"{TRAIN}/")
        kept_back, held_classes = _under(kept, f"{held}/")
        if train_classes != held_classes:
            raise ConfigError(_differing(train_classes, held_classes, held))
        others = sorted(tops - {TRAIN, held})
        notes = [f"only {TRAIN} and {held} are used, not {', '.join(others)}"] if others else []
        return Survey(_checked(train_classes), train, kept_back, tuple(notes))
    pictures, classes = _under(kept, "")
    return Survey(_checked(classes), pictures, None, ())


def _divided(names: list[str], held: str) -> bool:
    """Whether both folders hold folders; else they are two classes with these names."""
    return all(
        any(name.startswith(f"{top}/") and name.count("/") > 1 for name in names)
        for top in (TRAIN, held)
    )


def _under(names: list[str], prefix: str) -> tuple[tuple[Picture, ...], set[str]]:
    pictures, classes = [], set()
    for name in names:
        label, slash, rest = name.removeprefix(prefix).partition("/")
        if not name.startswith(prefix) or not slash:
            continue
        classes.add(label)
        if rest and not rest.endswith("/"):
            pictures.append(Picture(name, label))
    return tuple(pictures), classes


def _differing(train: set[str], held: set[str], name: str) -> str:
    missing = [f"{held_name!r} is only in {where}" for held_name, where in (
        *((label, TRAIN) for label in sorted(train - held)),
        *((label, name) for label in sorted(held - train)),
    )]  # fmt: skip
    return (
        f"{TRAIN}/ and {name}/ must have the same classes: {listed(missing)}. Add or remove "
        f"folders, or give {TRAIN}/ alone: part of it is then held out"
    )


def _checked(classes: set[str]) -> tuple[str, ...]:
    odd = [ascii(label) for label in sorted(classes) if not label.isprintable()
           or label != label.strip()]  # fmt: skip
    if odd:
        raise ConfigError(
            f"{listed(odd)}: a class is called as its folder, in printable characters without "
            "spaces at the ends; rename the folder"
        )
    if len(classes) > _CLASSES:
        raise ConfigError(f"{len(classes):,} folders are no classes; {_CLASSES:,} can be learned")
    if len(classes) < 2:
        seen = f"only {', '.join(classes)}" if classes else "none"
        raise ConfigError(
            f"one folder a class is needed, two at least, and there is {seen}; "
            "put each class's pictures into a folder with its name"
        )
    return tuple(sorted(classes))


def listed(items: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(items) - _NAMED:,} more" if len(items) > _NAMED else ""
    return shown(", ".join(items[:_NAMED])) + more
