"""One reading of a place: its results, then the dead letters about its images."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from fanlight.errors import ConfigError, KeyRefused
from fanlight.place import SCHEME
from fanlight.store_folder import FolderStore
from tools.places import Access, Side
from tools.progress import Progress
from tools.results.filter import Filter
from tools.results.letters import Around, letters
from tools.results.origin import elsewhere, origin
from tools.results.read import Found, results
from tools.shown import shown

_NAMED = 20
"""Objects that are no results which are told one by one."""


@dataclass(frozen=True)
class Beside:
    """What the command line says of places beside the results; None: what `origin` finds."""

    failed: str | None
    images: str | None
    template: Path


class Reading:
    """Reads once; what it passes over is told on standard error.

    `unread`: whether something that may hold results could not be read at all.
    """

    def __init__(self, place: str, chosen: Filter, beside: Beside, access: Access) -> None:
        """Opens all places. Raises ConfigError or UsageError for one that is not spelled right."""
        known = origin(place, beside.template)
        self._place, self._template, self._deployed = place, beside.template, known.deployed
        self._chosen = chosen
        self._side = Side.results(place, access)
        images, failed = beside.images or known.images, beside.failed or known.failed
        self.images = Side.images(images, access) if images else None
        self._failed = Side.results(failed, access) if failed else None
        self._asked = beside.failed is not None
        # Only functions file letters: those about images of a folder have come from a bucket.
        self._bucket = self.images if images and images.startswith(SCHEME) else None
        self._progress: Progress | None = None
        self._passed, self._any = 0, False
        self.unread = False

    def watched(self) -> None:
        """Show how far it is, from now on."""
        self._progress = Progress()

    def note(self, text: str) -> None:
        """Tell, on a line of its own, what is passed over."""
        if self._progress:
            self._progress.note(text)
        else:
            click.echo(text, err=True)

    def found(self) -> Iterator[Found]:
        """Everything that is wanted, in the order of the listings.

        ConfigError in the end where there is no result at all, and none can be expected.
        """
        try:
            if self._chosen.of_results:
                place = self._failed.place if self._failed else None
                yield from results(self._side, self._chosen, self._pass, self._seen, place)
                if self._passed > _NAMED:
                    self.note(f"not a result: {self._passed - _NAMED:,} more")
                self._told_unread(self._side)
            elif self._failed is None:
                self.note(f"no dead letters of {self._place} are known; where are they: --failed")
            for letter in self._letters():
                self._any = True
                yield letter
            self._check_any()
        finally:
            if self._progress:
                self._progress.close()

    def compared(self, other: str, access: Access) -> Iterator[Found]:
        """The results of another place, for the same images."""
        side = Side.results(other, access)

        def found() -> Iterator[Found]:
            yield from results(side, Filter(key=self._chosen.key), self.note)
            self._told_unread(side)

        return found()

    def _letters(self) -> Iterator[Found]:
        if self._failed is None or not self._chosen.of_letters:
            return
        around = Around(self._failed, self._side, self._bucket)
        try:
            yield from letters(around, self._chosen, self.note)
        except (ConfigError, KeyRefused) as error:
            if self._asked:
                raise
            # Whoever may read results need not be allowed to read letters.
            self.note(f"without dead letters: {shown(str(error))}")

    def _pass(self, text: str) -> None:
        """Tell what is no result, as long as it is not too much."""
        self._passed += 1
        if self._passed <= _NAMED:
            self.note(text)

    def _check_any(self) -> None:
        if self._any or self.unread or not self._chosen.of_any_key:
            return
        if self._deployed:
            self.note(shown(f"no result is under {self._place} yet"))
            return
        none = f"none of the {self._passed:,} objects under {self._place} is a result"
        what = none if self._passed else f"nothing is under {self._place}"
        raise ConfigError(what + elsewhere(self._place, self._template))

    def _seen(self, result: Found | None) -> None:
        self._any = self._any or result is not None
        if self._progress:
            self._progress.settled(failed=0)
            self._progress.found()

    def _told_unread(self, side: Side) -> None:
        if isinstance(side.store, FolderStore):
            for folder, reason in side.store.unreadable.items():
                self.unread = True
                self.note(f"not read: {shown(folder)}: {shown(reason)}")
