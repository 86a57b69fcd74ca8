"""`fanlight results`: what came out, as a table, as files for analysis, or as a page."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from fanlight.place import SCHEME
from tools.extras import need_pyarrow
from tools.finite import Finite
from tools.places import Access, Side, access_options
from tools.results import table
from tools.results.columns import IMAGE, PREDICTION
from tools.results.filter import Filter, moment
from tools.results.origin import mistaken
from tools.results.output import opened, replacing
from tools.results.read import Found, documents
from tools.results.reading import Beside, Reading
from tools.results.rows import Row, image_rows, json_text, prediction_rows
from tools.shown import shown
from tools.template import project_template

_FORMS = ("table", "jsonl", "csv", "parquet", "html")


def _moment(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    try:
        return None if value is None else moment(value, time.time())
    except ValueError:
        raise click.BadParameter(
            f"{value!r}: write 2h, 3d, 2026-11-25 or 2026-11-25T08:00"
        ) from None


def _set(kinds: str) -> Any:
    return {"multiple": True, "type": click.Choice(kinds.split())}


@click.command()
@click.argument("place")
@click.option("--to", "form", type=click.Choice(_FORMS), default="table", show_default=True,
              help="A table or a page to look at, or one document a line, or rows.")  # fmt: skip
@click.option("--output", "-o", type=click.Path(path_type=Path, allow_dash=True),
              help="A file to write, whole or not at all. [default: standard output]")  # fmt: skip
@click.option("--rows", "unit", type=click.Choice(["image", "prediction"]), default="image",
              show_default=True, help="csv, parquet: what has a row.")  # fmt: skip
@click.option("--label", multiple=True, help="Only images whose best prediction is this.")
@click.option("--min-score", type=Finite(0, 1), help="Only images whose best score is no less.")
@click.option("--max-score", type=Finite(0, 1), help="Only images whose best score is no more.")
@click.option("--any", "any_prediction", is_flag=True,
              help="Labels and scores may be of any prediction, not only of the best.")  # fmt: skip
@click.option("--status", **_set("classified rejected failed"), help="Only these.")
@click.option("--decision", **_set("allow review block"), help="Only these, of moderation.")
@click.option("--key", default="", metavar="PREFIX|GLOB",
              help="Only images whose key below PLACE begins so, or fits.")  # fmt: skip
@click.option("--since", metavar="WHEN", callback=_moment,
              help="Only results written since then: 2h or 3d ago, or a date.")  # fmt: skip
@click.option("--until", metavar="WHEN", callback=_moment, help="Only results written before.")
@click.option("--failed", help="Where dead letters are. [default: the template's for PLACE]")
@click.option("--images", help="Where the images are. [default: by the template, or PLACE's name]")
@click.option("--template", "-t", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="What is deployed. [default: the project's template.yml]")  # fmt: skip
@click.option("--compare", metavar="OTHER", help="html: only what OTHER's results disagree on.")
@access_options
def command(
    place: str, form: str, output: Path | None, unit: str, failed: str | None, images: str | None,
    template: Path | None, compare: str | None, access: Access, **wanted: Any,
) -> int:  # fmt: skip
    """Show every result under PLACE, a folder or an oss:// prefix.

    \b
    fanlight results photos-results/
    fanlight results photos-results/ --label 7 --max-score 0.9
    fanlight results oss://bucket/output/ --to jsonl | jq .status
    fanlight results oss://bucket/output/ --to parquet --output results.parquet
    fanlight results photos-results/ --to html --output page.html

    What failed after the last retry, and so has no result, is in it with status `failed`, where
    dead letters are known: with --failed, or when template.yml has PLACE as an output. Such a
    letter says `settled` when its image has a true result by now.

    Filters choose images, and several at once must all fit; an option given twice takes either.
    The time of a result is when it was written, as its store tells it. Exit code 0, or 1 when
    something could not be read, or when PLACE is no output of template.yml and holds no result.
    """
    path = None if output in (None, Path("-")) else output
    _check(place, form, path, failed, compare)
    if unit == "prediction" and form not in {"csv", "parquet"}:
        raise click.UsageError("--rows is for --to csv and --to parquet")
    known = template or project_template()
    _check_results(known, place, compare)
    reading = Reading(place, _filter(**wanted), Beside(failed, images, known), access)
    _check_beside(path, reading.images)
    if path or not sys.stdout.isatty():
        reading.watched()
    if form == "html" and path:
        other = reading.compared(compare, access) if compare else None
        title = f"A {place} · B {compare}" if compare else place
        count = _page(title, reading, path, other)
    else:
        count = _WRITE[form](reading, path, unit)
    if path:
        what = _many(count, "image" if form == "html" else "row")
        click.echo(f"{what} in {shown(str(path))}", err=True)
    elif form == "table":
        click.echo(_many(count, "result"))
    return 1 if reading.unread else 0


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _check_results(template: Path, *places: str | None) -> None:
    """UsageError for an input, or a place of dead letters, of the template."""
    for place in places:
        if place and place.startswith(SCHEME) and (told := mistaken(place, template)):
            raise click.UsageError(told)


def _filter(
    label: tuple[str, ...], status: tuple[str, ...], decision: tuple[str, ...],
    min_score: float | None, max_score: float | None, key: str,
    since: float | None, until: float | None, *, any_prediction: bool,
) -> Filter:  # fmt: skip
    if min_score is not None and max_score is not None and min_score > max_score:
        raise click.UsageError("--min-score is above --max-score, so no image can fit")
    return Filter(
        labels=frozenset(label),
        least=min_score,
        most=max_score,
        any_prediction=any_prediction,
        statuses=frozenset(status),
        decisions=frozenset(decision),
        key=key,
        since=since,
        until=until,
    )


def _check(
    place: str, form: str, path: Path | None, failed: str | None, compare: str | None
) -> None:
    """UsageError for what cannot be meant."""
    for folder in (place, failed, compare):
        if folder is None or folder.startswith(SCHEME):
            continue
        if "://" in folder:
            raise click.UsageError(f"{folder}: name a folder or oss://bucket/prefix/")
        if not Path(folder).is_dir():
            raise click.UsageError(f"{folder} is no folder")
        if path and path.resolve().is_relative_to(Path(folder).resolve()):
            raise click.UsageError(
                f"--output {path} is among the documents of {folder}, and would be taken for one"
            )
    if form in {"parquet", "html"} and path is None:
        raise click.UsageError(f"name the file that --to {form} writes with --output")
    if form == "html" and path and path.exists() and not path.is_file():
        raise click.UsageError(f"--output {path} is no file")
    if compare and form != "html":
        raise click.UsageError("--compare is for --to html")
    if form == "parquet":
        need_pyarrow()


def _check_beside(path: Path | None, images: Side | None) -> None:
    """UsageError for a file among the images of a folder."""
    if path and images and path.resolve().as_uri().startswith(f"{images.store.name}/"):
        raise click.UsageError(
            f"--output {path} is among the images, and would be taken for one by the next run"
        )


def _table(reading: Reading, path: Path | None, _: str) -> int:
    if path is None:
        return table.write(reading.found(), None)
    with opened(path) as file:
        return table.write(reading.found(), file)


def _lines(reading: Reading, path: Path | None, _: str) -> int:
    count = 0
    with opened(path) as file:
        for found in reading.found():
            try:
                file.write(f"{json_text(found.document)}\n".encode())
            except (ValueError, RecursionError):  # beyond what JSON can say, such as NaN
                reading.note(f"not a result: {shown(found.row['document'])}")
            else:
                count += 1
    return count


def _csv(reading: Reading, path: Path | None, unit: str) -> int:
    from tools.results import csv

    shape, columns = _SHAPES[unit]
    with opened(path) as file:
        return csv.write(shape(_rows(reading)), columns, file)


def _parquet(reading: Reading, path: Path | None, unit: str) -> int:
    from tools.results import parquet

    assert path is not None  # noqa: S101 - _check has asked for it
    shape, columns = _SHAPES[unit]
    with replacing(path) as temporary:
        return parquet.write(shape(_rows(reading)), columns, temporary)


def _page(title: str, reading: Reading, path: Path, other: Iterator[Found] | None) -> int:
    from tools.gallery import write

    if reading.images is None:
        reading.note("without pictures: name the place of the images with --images")
    with replacing(path) as temporary:
        return write(
            temporary,
            documents(reading.found()),
            reading.images,
            title=title,
            tell=reading.note,
            other=documents(other) if other else None,
        )


def _rows(reading: Reading) -> Iterator[Row]:
    return (found.row for found in reading.found())


_SHAPES = {"image": (image_rows, IMAGE), "prediction": (prediction_rows, PREDICTION)}
_WRITE: dict[str, Callable[[Reading, Path | None, str], int]] = {
    "table": _table,
    "jsonl": _lines,
    "csv": _csv,
    "parquet": _parquet,
}
