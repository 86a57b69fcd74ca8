"""Functions that feed each other: what is written somewhere must not come back to its writer.

Keys are followed as sets, each "starts with this, ends with that". A result's key is the image's
with another prefix and `.json` behind it, so how far one key can travel is known exactly.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fanlight.place import RESULT_SUFFIX, Place
from tools.deployment.settings import Settings
from tools.template import Trigger

WRITE = "ObjectCreated:PutObject"
"""How our functions write: the only event that their own objects can cause."""


ALL = "ObjectCreated:*"
PARTS = frozenset(
    f"ObjectCreated:{name}" for name in ("InitiateMultipartUpload", "UploadPart", "UploadPartCopy")
)
"""Of an object that is not there yet."""
_WHOLE = frozenset(
    f"ObjectCreated:{name}"
    for name in (
        "PutObject", "PostObject", "CopyObject", "AppendObject", "PutSymlink",
        "CompleteMultipartUpload",
    )
)  # fmt: skip


def kinds(trigger: Trigger) -> frozenset[str]:
    """The events a trigger fires on, with `ObjectCreated:*` spelled out."""
    return trigger.events | (_WHOLE | PARTS if ALL in trigger.events else frozenset())


@dataclass(frozen=True)
class Keys:
    """Every key of `bucket` that starts with `prefix` and ends with `suffix`."""

    bucket: str
    prefix: str
    suffix: str

    def within(self, bucket: str, prefix: str, suffix: str) -> "Keys | None":
        """Those that are also in another such set; None if there is none."""
        starts = _longer(self.prefix, prefix, str.startswith)
        ends = _longer(self.suffix, suffix, str.endswith)
        if bucket != self.bucket or starts is None or ends is None:
            return None
        return Keys(bucket, starts, ends)


@dataclass(frozen=True)
class Step:
    """A function that runs because of the one before it, and where it writes then."""

    name: str
    why: str


def loops(every: list[Settings]) -> list[list[Step]]:
    """Each way back to a function from its own write, once; the first step is that function.

    A chain that ends is none. A function that runs when another fails for good is part of a chain.
    """
    found: dict[frozenset[str], list[Step]] = {}
    for start in every:
        for path in _returns(start, every):
            found.setdefault(frozenset(step.name for step in path), path)
    return list(found.values())


def _returns(start: Settings, every: list[Settings]) -> Iterator[list[Step]]:
    """Ways from `start` back to it. None of them passes a function twice.

    A state met before is not entered again: what is skipped so is a way through a function that
    has a way back to itself, which is found when that one is the start.
    """
    seen: set[tuple[str, Keys]] = set()
    stack: list[tuple[Settings, Keys, list[Step]]] = [
        (start, keys, [Step(start.name, "")]) for keys in _all_writes(start)
    ]
    while stack:
        at, keys, path = stack.pop()
        for runs, why, written in _next(at, keys, every):
            step = Step(runs.name, why)
            if runs.name == start.name:
                yield [*path, step]
            elif all(step.name != passed.name for passed in path):
                for more in written:
                    if (runs.name, more) not in seen:
                        seen.add((runs.name, more))
                        stack.append((runs, more, [*path, step]))


def _all_writes(of: Settings) -> list[Keys]:
    """What a function can write at all; one empty set if nothing, as it can still fail."""
    return [Keys(p.bucket, p.prefix, RESULT_SUFFIX) for p in of.writes] or [_NOTHING]


_NOTHING = Keys("", "", "")


def _next(
    at: Settings, keys: Keys, every: list[Settings]
) -> Iterator[tuple[Settings, str, list[Keys]]]:
    """Whom a function's write of `keys`, or its failure, runs, and what these write then."""
    for other in every:
        if other.name == at.function.on_failure:
            yield other, f"{at.name} fails", _all_writes(other)
        for trigger in other.function.triggers:
            fired = keys.within(trigger.bucket, trigger.prefix, trigger.suffix)
            if fired is None or WRITE not in kinds(trigger):
                continue
            why = f"{at.name} writes below {Place(keys.bucket, keys.prefix)}"
            yield other, why, _written(other, fired)


def _written(by: Settings, read: Keys) -> list[Keys]:
    """What a function writes for a key it was run with: nothing if the key is not its input."""
    if by.input is None or by.output is None:
        return _all_writes(by)
    image = read.within(by.input.bucket, by.input.prefix, "")
    if image is None:
        return [_NOTHING]
    prefix = by.output.prefix + image.prefix.removeprefix(by.input.prefix)
    return [Keys(by.output.bucket, prefix, image.suffix + RESULT_SUFFIX)]


def _longer(one: str, other: str, holds: Callable[[str, str], bool]) -> str | None:
    """The stricter of two prefixes or suffixes; None if no text can have both."""
    if holds(one, other):
        return one
    return other if holds(other, one) else None
