"""What an estimate is of: images that are listed or given, and what one of them takes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from fanlight.config import DEFAULT_MAX_BYTES
from fanlight.errors import FanlightError
from fanlight.store import Meta
from tools.bench.report import document
from tools.estimate.listing import fetched, listed
from tools.estimate.measured import Measured, from_document, read_measured
from tools.estimate.sample import measure
from tools.models import find_model
from tools.places import Access, Side

__all__ = ["Work", "given", "listed_in", "measured_here", "read_measured"]

_EVERY = 100_000
"""Images between two words on how far the listing is."""
_SEED = 1


@dataclass(frozen=True)
class Work:
    """How many images, and their bytes together; where they are listed, some to be measured."""

    images: int
    size: int
    notes: tuple[str, ...]
    side: Side | None = None
    chosen: tuple[Meta, ...] = ()


def given(images: int | None, size: int) -> Work:
    """As told on the command line."""
    return Work(images or 0, size, ("number and sizes: given, nothing was listed",))


def listed_in(source: str, access: Access, sample: int) -> Work:
    """From a listing of a folder or an oss:// place; UsageError when it is empty."""
    side = Side.images(source, access)
    found = listed(side, sample, DEFAULT_MAX_BYTES, _SEED, _progress())
    if not found.images:
        raise click.UsageError(f"there is no image under {source}")
    notes = ["number and sizes: of everything listed, as if nothing had a result yet"]
    if found.over:
        notes.append(
            f"{found.over:,} have more than {DEFAULT_MAX_BYTES:,} bytes: they are refused without "
            "being read, and yet count as any other"
        )
    return Work(found.images, found.size, tuple(notes), side, found.chosen)


def measured_here(work: Work, model: str | None, batch: int, keep: Path | None) -> Measured:
    """Run the function on the images that were chosen, and keep what it took in a file."""
    assert work.side is not None  # noqa: S101 - for the type checker
    bundle = find_model(model or "")
    pictures = fetched(work.side, work.chosen, DEFAULT_MAX_BYTES)
    if not pictures:
        raise FanlightError(
            f"none of the {len(work.chosen)} images chosen could be measured: they are gone, or "
            f"have more than {DEFAULT_MAX_BYTES:,} bytes; name another SOURCE, or give --measured"
        )
    if keep is not None:
        keep.parent.mkdir(parents=True, exist_ok=True)  # what is wrong is told before measuring
    click.echo(f"measuring {len(pictures)} of the images here, with {bundle.name}", err=True)
    told = document(measure(pictures, bundle, keys=batch))
    if keep is not None:
        keep.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", "utf-8")
        click.echo(f"written: {keep}", err=True)
    return from_document(told, "what was measured")


def _progress() -> Callable[[int], None]:
    def tell(images: int) -> None:
        if images % _EVERY == 0:
            click.echo(f"listed {images:,}", err=True)

    return tell
