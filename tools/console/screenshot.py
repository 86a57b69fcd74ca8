"""Makes the picture of the console in the README: `python -m tools.console.screenshot FILE`.

A local cloud of its own is given the sample digits and two files that are no digits, and a picture
for a task whose model is not there. What is shown is what came of it.
"""

import io
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import click
from PIL import Image

from fanlight.errors import ConfigError
from tools.console.console import Console
from tools.console.watch import Watch
from tools.extras import installing
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.samples import pictures
from tools.template import Function, Template, from_source, project_template, read_template

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE = 60.0
_COLOURS = 128


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--width", type=int, default=1280, show_default=True, help="CSS pixels.")
@click.option("--height", type=int, default=960, show_default=True)
@click.option("--scale", type=float, default=1.4, show_default=True, help="Of the picture to it.")
@click.option("--scheme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@click.option("--language", default="en-GB", show_default=True)
def command(  # noqa: PLR0913 - a command has one argument an option, passed by name
    file: Path, *, width: int, height: int, scale: float, scheme: Literal["light", "dark"],
    language: str,
) -> None:  # fmt: skip
    """Write the picture to FILE, a PNG of few colours."""
    watch = Watch()
    options = Options(first_pause=0.1, on_line=watch.line, on_news=watch.news)
    with (
        LocalCloud(_template(), options) as cloud,
        Console(cloud, watch) as console,
        browser() as chromium,
    ):
        page = chromium.new_page(
            viewport={"width": width, "height": height},
            device_scale_factor=scale,
            color_scheme=scheme,
            locale=language,
        )
        page.goto(console.url)
        _work(page, cloud)
        shot = Image.open(io.BytesIO(page.screenshot()))
    file.parent.mkdir(parents=True, exist_ok=True)
    shot.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
    click.echo(f"{file}: {shot.width} x {shot.height}, {file.stat().st_size:,} bytes")


@contextmanager
def browser(*options: str) -> Iterator[Any]:
    """This machine's Chromium, without a window; ConfigError where there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise ConfigError(f"a browser is driven with Playwright: {installing('browser')}") from None
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        raise ConfigError("there is no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *options])
        try:
            yield chromium
        finally:
            chromium.close()


def _template() -> Template:
    """The project's, whose products have no model, as before `fanlight model get products`."""
    template = from_source(read_template(project_template()))
    return replace(template, functions=tuple(map(_without_model, template.functions)))


def _without_model(function: Function) -> Function:
    if function.resource != "products":
        return function
    return replace(function, environment={
        **function.environment, "FANLIGHT_MODEL": "models/products-to-be",
    })  # fmt: skip


def _work(page: Any, cloud: LocalCloud) -> None:
    """What a person does, and then a moment until it is drawn."""
    samples = pictures()
    with tempfile.TemporaryDirectory() as folder:
        notes, cut = Path(folder) / "notes.png", Path(folder) / "half-uploaded.jpg"
        notes.write_text("milk, eggs, bread")
        cut.write_bytes(samples[-1].read_bytes()[:900])
        page.locator("#target option").nth(1).wait_for(state="attached")
        first, last = map(str, samples[:-12]), map(str, samples[-12:])
        page.set_input_files("#files", [*first, str(notes), str(cut), *last])
        page.locator(f".card >> nth={len(samples) + 1}").wait_for()
        page.select_option("#target", index=1)
        page.set_input_files("#files", str(samples[-1]))
        page.locator(".letter").wait_for()
    cloud.drain(_PATIENCE)
    page.select_option("#target", index=0)
    page.wait_for_timeout(600)


if __name__ == "__main__":
    command()
