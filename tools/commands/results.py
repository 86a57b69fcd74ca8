"""`fanlight results`: read what is under an output prefix."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from fanlight.place import SCHEME
from fanlight.reconcile import RESULT_LIMIT, document_of
from tools.places import Access, Side, access_options
from tools.shown import shown

_RUNNERS_UP = 2
"""Shown in the table; a result holds all."""


@click.command()
@click.argument("place")
@click.option(
    "--to",
    "form",
    type=click.Choice(["table", "jsonl"]),
    default="table",
    show_default=True,
    help="A table to look at, or one JSON document a line.",
)
@access_options
def command(place: str, form: str, access: Access) -> int:
    """Show every result under PLACE, a folder or an oss:// prefix.

    \b
    fanlight results photos-results/
    fanlight results oss://bucket/output/ --to jsonl | jq .status
    """
    if not place.startswith(SCHEME) and not Path(place).is_dir():
        raise click.UsageError(f"{place} is no folder")
    side = Side.results(place, access)
    documents = _documents(side)
    if form == "jsonl":
        for document in documents:
            click.echo(json.dumps(document, ensure_ascii=not _is_text(document)))
    else:
        _table(documents)
    return 0


def _documents(side: Side) -> Iterator[dict[str, Any]]:
    """The results, in the order of the listing; what is none is named and passed over."""
    for meta in side.store.list(side.place.prefix):
        found = side.store.get(meta.key, RESULT_LIMIT) if meta.key.endswith(".json") else None
        document = document_of(found)
        if document is None:
            click.echo(f"not a result: {shown(meta.key)}", err=True)
        else:
            yield document


def _table(documents: Iterator[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("image", "label", "score", "runners-up or reason", box=None, pad_edge=False)
    count = 0
    for document in documents:
        table.add_row(*map(_plain, row(document)))
        count += 1
    Console(markup=False, highlight=False, emoji=False).print(table)
    click.echo(f"{count:,} results")


def row(document: dict[str, Any]) -> tuple[str, str, str, str]:
    """One result in four columns."""
    key = str(document["source"]["key"])
    if document["status"] != "classified":
        reason = document["reason"]
        return key, document["status"], "", f"{reason['code']}: {reason['message']}"
    if "embedding" in document:
        return key, "embedding", "", f"{document['embedding']['dim']} numbers"
    best, *others = document["predictions"]
    rest = ", ".join(f"{item['label']} {item['score']:.4f}" for item in others[:_RUNNERS_UP])
    label = f"{document['decision']}: {best['label']}" if "decision" in document else best["label"]
    return key, str(label), f"{best['score']:.4f}", rest


def _plain(text: str) -> str:
    return shown(text).replace("\n", " ")


def _is_text(document: dict[str, Any]) -> bool:
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
