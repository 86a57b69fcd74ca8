"""Which pictures are learned from and which are held out, and whether there are enough."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fanlight.errors import ConfigError
from tools.training.classes import Picture, Survey, listed
from tools.training.pictures import Scan

FEWEST = 5
"""Pictures a class must have: with fewer there is nothing to choose a head by."""
FEW = 20
"""With fewer pictures a class, figures say little."""


@dataclass(frozen=True)
class Parts:
    """What is learned from and what is kept back, each picture once and in one of them."""

    classes: tuple[str, ...]
    train: tuple[Picture, ...]
    held: tuple[Picture, ...]
    notes: tuple[str, ...]


def part(found: Survey, scan: Scan, share: float, seed: int) -> Parts:
    """What to train on and what to hold out: the folder's own division, or `share` of each class.

    Each picture counts once, by its content: doubles are dropped, one that is in both parts is
    only trained on, and one that stands in two classes is left out.
    """
    notes = [*found.notes, *_reading_notes(found, scan)]
    torn = _torn(found, scan)
    if torn:
        notes.append(f"left out, since the same picture stands in two classes: {listed(torn)}")
    seen: set[str] = {scan.digests[name] for name in torn}
    readable = [picture for picture in found.train if picture.name in scan.digests]
    train = _once(readable, scan.digests, seen)
    if doubles := len(readable) - len(train) - sum(p.name in torn for p in readable):
        notes.append(f"counted once: {doubles:,} pictures that stand there twice")
    if found.held is None:
        train, held = _divide(train, share, seed)
    else:
        readable = [picture for picture in found.held if picture.name in scan.digests]
        held = _once(readable, scan.digests, seen)
        if moved := len(readable) - len(held) - sum(p.name in torn for p in readable):
            notes.append(
                f"not measured with: {moved:,} held-out pictures that are trained on, "
                "or stand there twice"
            )
    notes += _check_counts(found, train, held)
    return Parts(found.classes, tuple(train), tuple(held), tuple(notes))


def _once(pictures: Iterable[Picture], digests: Mapping[str, str], seen: set[str]) -> list[Picture]:
    kept = []
    for picture in pictures:
        if digests[picture.name] not in seen:
            seen.add(digests[picture.name])
            kept.append(picture)
    return kept


def _torn(found: Survey, scan: Scan) -> list[str]:
    """Names of pictures whose content stands in more than one class."""
    labels = defaultdict(set)
    pictures = [p for p in (*found.train, *(found.held or ())) if p.name in scan.digests]
    for picture in pictures:
        labels[scan.digests[picture.name]].add(picture.label)
    return [p.name for p in pictures if len(labels[scan.digests[p.name]]) > 1]


def _divide(
    pictures: Sequence[Picture], share: float, seed: int
) -> tuple[list[Picture], list[Picture]]:
    """`share` of each class, one at least, is held out; the seed says which."""
    chosen: set[Picture] = set()
    for label in sorted({picture.label for picture in pictures}):
        own = [picture for picture in pictures if picture.label == label]
        order = np.random.default_rng([seed, len(label), *label.encode()]).permutation(len(own))
        chosen.update(own[index] for index in order[: max(1, round(share * len(own)))])
    return (
        [picture for picture in pictures if picture not in chosen],
        [picture for picture in pictures if picture in chosen],
    )


def folds(labels: Sequence[int], count: int, seed: int) -> list[int]:
    """A fold, 0 to `count` - 1, for each picture; each class is spread over them evenly."""
    given = np.asarray(labels)
    out = np.zeros(len(given), int)
    random = np.random.default_rng(seed)
    for label in np.unique(given):
        own = random.permutation(np.flatnonzero(given == label))
        out[own] = np.arange(len(own)) % count
    return [int(fold) for fold in out]


def _reading_notes(found: Survey, scan: Scan) -> list[str]:
    notes = []
    if scan.ignored:
        notes.append(f"passed over, since they are no pictures: {listed(scan.ignored)}")
    if scan.faults:
        told = [f"{name} ({why})" for name, why in sorted(scan.faults.items())]
        notes.append(f"left out, since they cannot be read: {listed(told)}")
    return notes


def _check_counts(found: Survey, train: Sequence[Picture], held: Sequence[Picture]) -> list[str]:
    learned, kept_back = (Counter(p.label for p in pictures) for pictures in (train, held))
    usable = learned if found.held is not None else learned + kept_back
    short = [f"{label} has {usable[label]}" for label in found.classes if usable[label] < FEWEST]
    if short:
        raise ConfigError(
            f"each class needs {FEWEST} pictures that can be read, and better {FEW} or more: "
            f"{listed(short)}. Add pictures, or remove the folder"
        )
    bare = [label for label in found.classes if not kept_back[label]]
    if bare:
        raise ConfigError(
            f"no held-out picture of {listed(bare)} is left to measure with; add some"
        )
    few = [f"{label} ({learned[label]})" for label in found.classes if learned[label] < FEW]
    return [f"fewer than {FEW} pictures to learn from: {listed(few)}"] if few else []
