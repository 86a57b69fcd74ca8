"""`fanlight status`: what `run` would do, or why one image is or is not current."""

from collections import Counter

import click

from fanlight.place import result_key
from fanlight.reconcile import RESULT_LIMIT, document_of
from tools.places import Access, Side, access_options, check_apart, default_output
from tools.plan import check, checks
from tools.shown import shown


@click.command()
@click.argument("source")
@click.argument("key", required=False)
@click.option("--out", "-o", help="Where the results are. [default: SOURCE-results]")
@click.option("--list", "list_keys", is_flag=True, help="Name every image that is not current.")
@access_options
def command(
    source: str, key: str | None, out: str | None, *, list_keys: bool, access: Access
) -> int:
    """Count the images under SOURCE by state, or explain one KEY.

    \b
    classified, rejected   the result is true of the image: nothing to do
    stale                  the image has changed since
    missing                there is no result yet
    refused                the key can have no result

    Exit code 0 if there is nothing to do, else 1.
    """
    out = out or default_output(source)
    check_apart(source, out)
    images, results = Side.images(source, access), Side.results(out, access)
    if key is not None:
        return _explain(key, images, results)
    counts: Counter[str] = Counter()
    left = 0
    for found in checks(images, results):
        counts[found.state] += 1
        left += not found.current
        if list_keys and not found.current:
            click.echo(f"{found.state}\t{shown(found.key)}")
    for state in sorted(counts):
        click.echo(f"{counts[state]:>10,} {state}")
    click.echo(f"{sum(counts.values()):>10,} images; run would work on {left:,}")
    return 1 if left else 0


def _explain(key: str, images: Side, results: Side) -> int:
    """`key` may be given whole or relative to SOURCE."""
    if images.place.relative(key) is None:
        key = images.place.prefix + key
    meta = images.store.head(key)
    if meta is None:
        click.echo(f"image    {shown(key)}: there is none")
        return 1
    click.echo(f"image    {shown(key)}\n         {meta.size:,} bytes, version {meta.version}")
    found = check(meta, images, results)
    if found.state != "refused":
        target = result_key(images.place.relative(key) or "", results.place)
        result = results.store.get(target, RESULT_LIMIT)
        click.echo(f"result   {shown(target)}{'' if result else ': there is none'}")
        document = document_of(result)
        if document:
            model = document["model"]
            click.echo(f"model    {shown(str(model['name']))} {shown(str(model['version']))}")
    click.echo(f"state    {found.state}{f': {shown(found.reason)}' if found.reason else ''}")
    return 0 if found.current else 1
