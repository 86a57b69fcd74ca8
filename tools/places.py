"""Folders and oss:// places given on the command line, opened as stores."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from fanlight.errors import ConfigError
from fanlight.place import SCHEME, Place
from fanlight.store import Store
from fanlight.store_folder import FolderStore

PATIENCE = 120.0
"""Seconds for which a request is repeated before its key counts as failed."""


_OF_REGION = "by FC_REGION or --region"
"""What names an endpoint that is a region's own."""


@dataclass(frozen=True)
class Access:
    """How OSS is reached. It holds no keys: each process asks for its own (`tools.credentials`)."""

    endpoint: str = ""
    region: str = ""


@dataclass(frozen=True)
class Side:
    """A place and the store it is in."""

    store: Store
    place: Place

    @classmethod
    def images(cls, text: str, access: Access, side: int | None = None) -> "Side":
        """Open the place that holds images: a folder, or `oss://bucket/prefix/`.

        `side`: OSS makes them smaller before they are read, see `store_resized`.
        """
        if text.startswith(SCHEME):
            return cls._oss(text, access, side)
        folder = _folder_of(text)
        if not folder.is_dir():
            what = "is a file; name the folder it is in" if folder.exists() else "does not exist"
            raise click.UsageError(f"{text} {what}")
        return cls._folder(FolderStore(folder, escaped=False))

    @classmethod
    def results(cls, text: str, access: Access) -> "Side":
        """Open the place that holds results; a folder is made when the first is written."""
        if text.startswith(SCHEME):
            return cls._oss(text, access)
        return cls._folder(FolderStore(_folder_of(text), escaped=True))

    @classmethod
    def _folder(cls, store: FolderStore) -> "Side":
        return cls(store, Place(store.name, ""))

    @classmethod
    def _oss(cls, text: str, access: Access, side: int | None = None) -> "Side":
        from fanlight.store_oss import OssStore
        from fanlight.store_resized import ResizedStore
        from tools.credentials import signing_and_retry
        from tools.patience import line_to

        place = place_of(text)
        if not access.region:
            raise click.UsageError("name the bucket's region: --region cn-hangzhou, or FC_REGION")
        endpoint = access.endpoint or f"https://oss-{access.region}.aliyuncs.com"
        setting = "FANLIGHT_OSS_ENDPOINT or --endpoint" if access.endpoint else _OF_REGION
        line = line_to(endpoint, setting, PATIENCE)
        credentials, retry = signing_and_retry(os.environ, line)
        kind = partial(ResizedStore, side=side) if side else OssStore
        store = kind(
            place.bucket,
            endpoint=endpoint,
            region=access.region,
            credentials=credentials,
            retry=retry,
        )
        return cls(store, place)


def _folder_of(text: str) -> Path:
    """The folder that a person means; UsageError for a place of another kind, such as s3://."""
    if "://" in text:
        raise click.UsageError(f"{text}: name a folder or oss://bucket/prefix/")
    return Path(text)


def place_of(text: str) -> Place:
    """The place that a person means by `oss://bucket/prefix`: the slash at its end may be missing.

    UsageError when it is not spelled so.
    """
    try:
        return Place.parse(text if text.endswith("/") else f"{text}/")
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def default_output(source: str) -> str:
    """Beside the source, never inside it: results would be taken for images by the next run."""
    if source.startswith(SCHEME):
        place = place_of(source)
        if not place.prefix:
            raise click.UsageError("SOURCE is a whole bucket; say with --out where results go")
        return f"{SCHEME}{place.bucket}/{place.prefix.rstrip('/')}-results/"
    path = Path(os.path.realpath(source))
    return str(path.with_name(f"{path.name}-results"))


def check_apart(source: str, out: str) -> None:
    """Refuse places of which one lies in the other."""
    if source.startswith(SCHEME) != out.startswith(SCHEME):
        return
    if source.startswith(SCHEME):
        first, second = place_of(source), place_of(out)
        overlap = first.holds(second) or second.holds(first)
    else:
        real = Path(os.path.realpath(source)), Path(os.path.realpath(out))
        overlap = real[0].is_relative_to(real[1]) or real[1].is_relative_to(real[0])
    if overlap:
        raise click.UsageError(
            f"results in {out} would mix with the images in {source}; choose another --out"
        )


def check_letters(source: str, failed: str | None) -> None:
    """Refuse a place of dead letters inside that of images, which would be taken for some."""
    if not failed or source.startswith(SCHEME) != failed.startswith(SCHEME):
        return
    if source.startswith(SCHEME):
        inside = place_of(source).holds(place_of(failed))
    else:
        inside = Path(os.path.realpath(failed)).is_relative_to(os.path.realpath(source))
    if inside:
        raise click.UsageError(
            f"dead letters in {failed} would be taken for images of {source}; choose another "
            "--failed"
        )


def access_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--endpoint` and `--region`, as one `access` argument."""

    @click.option(
        "--region", envvar="FC_REGION", default="", help="Region of the bucket, for oss:// places."
    )
    @click.option(
        "--endpoint",
        envvar="FANLIGHT_OSS_ENDPOINT",
        default="",
        help="OSS endpoint; by default the region's public one.",
    )
    @wraps(command)
    def wrapper(*args: Any, endpoint: str, region: str, **kwargs: Any) -> Any:
        return command(*args, access=Access(endpoint, region), **kwargs)

    return wrapper
