"""Which model each function has, and whether it is one that the function can work with.

A model in the code is read where it lies; one in OSS is read whole, checked against its digest and
unpacked as an instance would do it.
"""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shutil import disk_usage

from fanlight.answer import Choices
from fanlight.archive import Archive
from fanlight.bundle import TASKS, Bundle
from fanlight.errors import ConfigError
from fanlight.unzip import unpack
from tools.deployment.lines import FAIL, OK, WARN, Line, judged
from tools.deployment.probe import EVERYWHERE, Prober, Progress, Refused
from tools.deployment.settings import Settings
from tools.template import SOURCE


def in_code(every: list[Settings]) -> Iterator[Line]:
    """The models that are folders of the code, for each function that differs in its settings."""
    for one in _distinct(every):
        if not one.model:
            continue
        folder = one.function.code / one.model
        if not (folder / "model.json").is_file():
            yield Line(FAIL, f"{one.name} model", f"{folder} is no model bundle, it has no "
                       "model.json; fetch or make it with `fanlight model`, or change "
                       "FANLIGHT_MODEL")  # fmt: skip
            continue
        try:
            bundle = Bundle.read(folder)
        except ConfigError as error:
            yield Line(FAIL, f"{one.name} model", f"{error}; fetch or make it with `fanlight "
                       "model`, or change FANLIGHT_MODEL")  # fmt: skip
        else:
            yield _fits(one, bundle, every)


def in_oss(
    prober: Prober, every: list[Settings], gone: set[str], progress: Progress
) -> Iterator[Line]:
    """Models and libraries in OSS, each read once, however many functions name it.

    `gone`: buckets that are not there. Raises Refused when all that follows would fail the same
    way.
    """
    for archive in dict.fromkeys(archive for one in every for archive in one.archives):
        if archive.bucket in gone:
            continue
        users = [one for one in every if archive in one.archives]
        models = [one for one in users if _is_model(one, archive)]
        with tempfile.TemporaryDirectory() as scratch:
            copy = Path(scratch, archive.key.rpartition("/")[2])
            with copy.open("wb") as file:
                read = partial(prober.digest, archive, progress)
                if models:
                    read = partial(read, file.write, disk_usage(scratch).free)
                line = _digested(archive, users, read)
            yield line
            if models and line.status == OK:
                yield from _unpacked(copy, models, every)


def _digested(archive: Archive, users: list[Settings], read: Callable[[], str]) -> Line:
    place = f"oss://{archive.bucket}/{archive.key}"
    subject = f"{', '.join(one.name for one in users)} {archive.key.rpartition('/')[2]}"
    try:
        digest = read()
    except Refused as refused:
        if refused.kind in EVERYWHERE:
            raise
        advice = (
            "publish it with `fanlight model publish`, or correct the setting"
            if refused.kind == "missing"
            else f"needs oss:GetObject on {place}"
        )
        return judged(subject, "", refused, f"{place}: {advice}")
    if digest == archive.sha256:
        return Line(OK, subject, f"{place} has its digest")
    return Line(FAIL, subject, f"{place} has SHA-256 {digest}, the setting says "
                f"{archive.sha256}; publish the right one, or correct the setting")  # fmt: skip


def _unpacked(copy: Path, models: list[Settings], every: list[Settings]) -> Iterator[Line]:
    """What the functions will find in the zip they call their model."""
    try:
        folder = copy.with_name("unpacked")
        unpack(copy, folder)
        bundle = Bundle.read(folder)
    except ConfigError as error:
        yield Line(FAIL, f"{models[0].name} model", f"{error}; publish a bundle with `fanlight "
                   "model publish`")  # fmt: skip
        return
    for one in _distinct(models):
        yield _fits(one, bundle, every)


def _fits(one: Settings, bundle: Bundle, every: list[Settings]) -> Line:
    """The model by name, and whether it can do what settings and the task's name ask for."""
    subject, found = f"{one.name} model", f"{bundle.name} {bundle.version}"
    loaded = one.loaded
    if loaded is not None:
        choices = Choices(loaded.limits, loaded.top_k, loaded.thresholds, loaded.oss_resize)
        try:
            choices.completed(bundle)
        except ConfigError as error:
            return Line(FAIL, subject, f"{found}: {error}; set another FANLIGHT_MODEL or other "
                        "FANLIGHT_THRESHOLDS")  # fmt: skip
    task = one.task
    if task in TASKS and bundle.task != task:
        return Line(FAIL, subject, f"{found}: its task is {bundle.task}, the function is there for "
                    f"{task}; set another FANLIGHT_MODEL")  # fmt: skip
    sharing = {
        other.task for other in every if _model(other) == _model(one) and other.input != one.input
    }
    if sharing:
        return Line(WARN, subject, f"{found}, shared with {', '.join(sorted(sharing))}; give each "
                    "task a FANLIGHT_MODEL of its own")  # fmt: skip
    if bundle.name != task and (SOURCE / "models" / task / "model.json").is_file():
        return Line(WARN, subject, f"{found}; models/{task} would be for {task}")
    return Line(OK, subject, found)


def _distinct(every: list[Settings]) -> Iterator[Settings]:
    """The first of those with the same settings, as a task's lanes have."""
    seen: list[dict[str, str]] = []
    for one in every:
        if one.function.environment not in seen:
            seen.append(one.function.environment)
            yield one


def _is_model(one: Settings, archive: Archive) -> bool:
    return str(archive) == _model(one)


def _model(one: Settings) -> str:
    return one.function.environment.get("FANLIGHT_MODEL", "")
