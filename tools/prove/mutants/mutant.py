"""One safeguard, and what the code would be without it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`old` stands once in the file at `path`; with `new` in its place one of `tests` fails.

    `tests`: files, or with `::` behind it a test of one; the fewest and fastest that will do.
    """

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]
