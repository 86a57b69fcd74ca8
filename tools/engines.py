"""Which engine does the work: processes of this machine, the deployed function, a Ray cluster."""

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import click

from fanlight.cores import cores
from fanlight.place import SCHEME
from tools import engine as local
from tools.inputs import check_function, inputs_named
from tools.models import at_hand
from tools.pace import Pace
from tools.patience import LOOPBACK
from tools.settings import Settings

Engine = Callable[[Iterable[str]], Iterator[dict[str, Any]]]
"""Keys -> what became of each, as `tools.engine.run` yields it."""

NAMES = ("local", "fc", "ray")


@dataclass(frozen=True)
class Means:
    """What an engine may use; what is not for the one that is named is not looked at.

    `address`: of the Ray cluster, see `engine_ray.run`. `function` and `endpoint`: whose
    invocations do the work, and where they are asked for. `concurrency`: of those. `processes`:
    here, or actors.
    """

    engine: str = "local"
    address: str = ""
    function: str | None = None
    endpoint: str = ""
    concurrency: int = 10
    processes: int | None = None
    rate: float | None = None


def engine_of(
    means: Means,
    settings: Settings,
    *,
    remake: bool,
    load: Callable[[str], Any] = importlib.import_module,
) -> Engine:
    """The engine, not started. `remake`: results of another recipe are made anew.

    `load`: imports its module, which may need packages that a run on this machine does not.
    UsageError for what the engine cannot do.
    """
    pace = Pace(means.rate) if means.rate else None
    if means.engine == "fc":
        lane = _lane(means, settings, remake=remake)
        module = load("tools.engine_fc")
        return _paced(partial(module.run, module.Lane(**lane)), pace)
    bundle = settings.bundle()
    if bundle is None:
        raise click.UsageError(f"Missing option '--model': {_no_model(settings)}")
    job = local.Job(
        settings.source, settings.out, bundle, settings.choices, settings.access, remake=remake
    )
    if means.engine == "local":
        return lambda keys: local.run(job, keys, means.processes or cores(), pace)
    run = load("tools.engine_ray").run
    return _paced(lambda keys: run(job, keys, means.address, means.processes), pace)


def _no_model(settings: Settings) -> str:
    if not settings.source.startswith(SCHEME):
        return f"name one of {', '.join(path.name for path in at_hand())}, or a bundle's folder"
    named = inputs_named(settings.template)
    return f"the template has no function for {settings.source}{named}"


def _paced(engine: Engine, pace: Pace | None) -> Engine:
    return engine if pace is None else lambda keys: engine(pace(keys))


def _check_endpoint(invoke: str, oss: str) -> None:
    if invoke and not invoke.startswith(("http://", "https://")):
        raise click.UsageError(f"--invoke-endpoint {invoke}: write http:// or https:// before it")
    if not invoke and urlsplit(oss).hostname in LOOPBACK:
        raise click.UsageError(
            "--engine fc: OSS is on this machine, so say where functions are invoked: "
            "--invoke-endpoint, or FANLIGHT_FC_ENDPOINT as `fanlight up` prints it"
        )


def _lane(means: Means, settings: Settings, *, remake: bool) -> dict[str, Any]:
    """The fields of a Lane: the function's own settings decide how images are answered."""
    known = settings.deployed
    if remake:
        raise click.UsageError(
            "--engine fc leaves results that are true of their images: take local or ray to move "
            "a bucket to another model"
        )
    if settings.chosen:
        raise click.UsageError(
            f"--engine fc answers as the function is set: leave out {', '.join(settings.chosen)}"
        )
    function = means.function or (known.backfill if known else None)
    if function is None:
        raise click.UsageError("--engine fc: name the --function that is to do the work")
    check_function(function, settings.source, settings.out, settings.template)
    if known is not None and settings.out != known.out:
        raise click.UsageError(f"--engine fc: the function writes to {known.out}, leave out --out")
    if not settings.in_oss():
        raise click.UsageError("--engine fc: SOURCE and --out are to be oss:// places")
    _check_endpoint(means.endpoint, settings.access.endpoint)
    return {
        "images": settings.images(),
        "results": settings.results(),
        "failed": settings.letters(),
        "function": function,
        "endpoint": means.endpoint,
        "access": settings.access,
        "concurrency": means.concurrency,
    }
