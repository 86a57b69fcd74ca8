"""What `run` and `status` work on: options of the command line, and what template.yml says."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fanlight.archive import Archive
from fanlight.bundle import Bundle
from fanlight.config import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS, Limits
from fanlight.place import SCHEME, Place
from fanlight.thresholds import Thresholds, read_thresholds
from tools.cache import cache_below
from tools.inputs import deployed_for, nothing_under, template_for
from tools.models import MODELS, find_model
from tools.places import (
    Access,
    Side,
    access_options,
    check_apart,
    check_letters,
    default_output,
    place_of,
)

if TYPE_CHECKING:  # slow to import, and a folder's status needs none of them
    from fanlight.answer import Choices
    from fanlight.store_oss import OssStore
    from tools.deployed import Deployed


@dataclass(frozen=True)
class Settings:
    """Where images, results and dead letters are, and how images get their answers.

    `limits` to `oss_resize`: see `Choices`. `chosen`: the options given that decide on answers,
    which a deployed function has of its own. `template`: what may speak of `source`.
    """

    source: str
    out: str
    failed: str | None
    model: str | None
    access: Access
    limits: Limits = field(default_factory=Limits)
    top_k: int | None = None
    thresholds: Thresholds | None = None
    oss_resize: bool = False
    deployed: "Deployed | None" = None
    chosen: tuple[str, ...] = ()
    template: Path | None = None

    @property
    def choices(self) -> "Choices":
        """What is set apart from the model."""
        from fanlight.answer import Choices

        return Choices(self.limits, self.top_k, self.thresholds, self.oss_resize)

    def images(self) -> Side:
        """Open the place of the images."""
        return Side.images(self.source, self.access)

    def results(self) -> Side:
        """Open the place of their results."""
        return Side.results(self.out, self.access)

    def letters(self) -> Side | None:
        """Open the place of dead letters, if it is known."""
        return Side.results(self.failed, self.access) if self.failed else None

    def failed_place(self) -> Place | None:
        """Where dead letters are, if that is in OSS."""
        if self.failed is None or not self.failed.startswith(SCHEME):
            return None
        return place_of(self.failed)

    def in_oss(self) -> bool:
        """Whether images and results both are."""
        return self.source.startswith(SCHEME) and self.out.startswith(SCHEME)

    def remote(self) -> bool:
        """Whether images or results are."""
        return self.source.startswith(SCHEME) or self.out.startswith(SCHEME)

    def nothing(self) -> str:
        """That there is not one image, for people."""
        return nothing_under(self.source, self.template, known=self.deployed is not None)

    def bundle(self) -> Path | None:
        """The model's folder; None where no model is named. One in OSS is downloaded, once."""
        if self.model is None:
            return None
        if self.model.startswith(SCHEME):
            from fanlight.install import install

            return install(Archive.parse(self.model), self._bucket, cache_below("models"))
        if "--model" in self.chosen or self.deployed is None:
            return find_model(self.model)
        for root in (self.deployed.code, MODELS.parent):
            if (root / self.model / "model.json").is_file():
                return (root / self.model).resolve()
        raise click.UsageError(
            f"the template's model {self.model} is not here: get or make it (fanlight model list), "
            "or name another with --model"
        )

    def recipe(self) -> str | None:
        """That of the results made now; None where no model is named."""
        bundle = self.bundle()
        return self.choices.recipe(Bundle.read(bundle)) if bundle else None

    def recipe_at_hand(self) -> str | None:
        """As `recipe`, but None too where the template's model is not here, or is a download."""
        if "--model" in self.chosen:
            return self.recipe()
        if self.model is None or self.model.startswith(SCHEME):
            return None
        try:
            return self.recipe()
        except click.UsageError:
            return None

    def check_times(self, *, trusted: bool) -> None:
        """UsageError where times cannot be trusted at all."""
        if trusted and not self.in_oss():
            raise click.UsageError(
                "--trust-times is for oss:// images with oss:// results: a file's time can be set"
            )

    def _bucket(self, name: str) -> "OssStore":
        from fanlight.store_oss import OssStore

        store = Side.images(f"{SCHEME}{name}/", self.access).store
        assert isinstance(store, OssStore)  # noqa: S101 - for the type checker
        return store


trust_times_option = click.option(
    "--trust-times",
    is_flag=True,
    help="Read no result that is newer than its object, and take it to be true. That misses a "
    "result of an earlier object that was written late, by something that was killed before it "
    "looked again; results that were copied there; and what is no result at all. Whether it is of "
    "another recipe is not known.",
)


def settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what it works on, as one `settings` argument."""

    @click.option("--model", "-m", help="A model's name, a bundle's folder, or its zip, "
                  "oss://bucket/key.zip#sha256=... [default: the template's]")  # fmt: skip
    @click.option("--out", "-o", help="Where results go: a folder or oss://. "
                  "[default: the template's, else SOURCE-results]")  # fmt: skip
    @click.option("--failed", metavar="PLACE",
                  help="Where dead letters are. [default: the template's]")  # fmt: skip
    @click.option("--template", "-t", type=click.Path(path_type=Path, exists=True, dir_okay=False),
                  help="For a SOURCE that a function takes uploads from, its settings are those of "
                  "the function, where no option says otherwise. "
                  "[default: the project's template.yml]")  # fmt: skip
    @click.option("--top-k", type=click.IntRange(1),
                  help="Classes in a result. "
                  "[default: the template's, else the model's]")  # fmt: skip
    @click.option("--thresholds", metavar="JSON",
                  help="Of a moderation model, instead of its own: "
                  """'{"nsfw": {"review": 0.2, "block": 0.8}}'""")  # fmt: skip
    @click.option("--max-bytes", type=click.IntRange(1),
                  help=f"[default: the template's, else {DEFAULT_MAX_BYTES}]")  # fmt: skip
    @click.option("--max-pixels", type=click.IntRange(1),
                  help=f"[default: the template's, else {DEFAULT_MAX_PIXELS}]")  # fmt: skip
    @access_options
    @functools.wraps(command)
    def wrapper(
        *args: Any,
        source: str,
        out: str | None,
        failed: str | None,
        template: Path | None,
        access: Access,
        **options: Any,
    ) -> Any:
        given = {name: options.pop(name) for name in _DECIDING}
        given["thresholds"] = _thresholds(given["thresholds"])
        template = template_for(source, template)
        known = deployed_for(source, template)
        settings = merged(source, out, failed, given, access, known)
        return command(*args, settings=replace(settings, template=template), **options)

    return wrapper


_DECIDING = ("model", "top_k", "thresholds", "max_bytes", "max_pixels")
"""Options that can change a result."""


def merged(  # noqa: PLR0913, PLR0917 - what decides
    source: str,
    out: str | None,
    failed: str | None,
    given: dict[str, Any],
    access: Access,
    known: "Deployed | None",
) -> Settings:
    """The options that were given, and for the others what is deployed, or the defaults.

    `given`: those of _DECIDING by name, None for those that were not.
    """
    limits, top_k, thresholds = Limits(), None, None
    if known:
        limits, top_k, thresholds = known.limits, known.top_k, known.thresholds
    out = out or (known.out if known else default_output(source))
    check_apart(source, out)
    failed = failed or (known.failed if known else None)
    check_letters(source, failed)
    return Settings(
        source=source,
        out=out,
        failed=failed,
        model=given["model"] or (known.model if known else None) or None,
        access=Access(access.endpoint, access.region or (known.region if known else "")),
        limits=replace(limits, **{n: given[n] for n in ("max_bytes", "max_pixels") if given[n]}),
        top_k=given["top_k"] or top_k,
        thresholds=thresholds if given["thresholds"] is None else given["thresholds"],
        oss_resize=known is not None and known.oss_resize,
        deployed=known,
        chosen=tuple(f"--{n.replace('_', '-')}" for n in given if given[n] is not None),
    )


def deployed_model(source: str, access: Access) -> str | None:
    """The bundle's folder of the function that takes uploads from there; None if there is none."""
    known = deployed_for(source, template_for(source, None))
    if known is None:
        return None
    bundle = merged(source, None, None, dict.fromkeys(_DECIDING), access, known).bundle()
    return str(bundle) if bundle else None


def _thresholds(text: str | None) -> Thresholds | None:
    try:
        return None if text is None else read_thresholds(json.loads(text))
    except ValueError as error:
        raise click.UsageError(f"--thresholds: {error}") from None
