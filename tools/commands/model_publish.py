"""`fanlight model publish`: a bundle's zip to OSS, and the setting that names it."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import click
import oss2

from fanlight.archive import Archive
from fanlight.bundle import Bundle
from fanlight.digest import sha256_of
from fanlight.errors import ConfigError, TransientError
from fanlight.model import Model
from fanlight.place import SCHEME, Place
from fanlight.store_oss import signing
from tools.commands.template_option import template_option
from tools.credentials import present
from tools.models import find_model
from tools.places import Access, access_options
from tools.template import read_template
from tools.zips import zip_folder

_PARTS_FROM = 64 * 1024 * 1024
_THREADS = 4
"""Bytes from which on a zip is uploaded in parts, so many at a time."""


@click.command("publish")
@click.argument("bundle")
@click.argument("destination", metavar="OSS://BUCKET/PREFIX/|KEY.zip")
@click.option("--replace", is_flag=True, help="Overwrite another object under that key.")
@template_option
@access_options
def command(bundle: str, destination: str, template: Path, access: Access, *, replace: bool) -> int:
    """Upload BUNDLE as a zip and print the setting that names it, digest and all.

    BUNDLE is a bundle's folder, its name in functions/models, or a zip of libraries as `fanlight
    package --libs` makes it. Below a prefix the object is called NAME-VERSION-DIGEST.zip, so that
    the zips of before stay where they are: to roll back, set the value printed for one of them.

    \b
    fanlight model publish products oss://bucket/models/

    Nothing is published below an input of the template, where it would be taken for an image.
    """
    _check(destination, template)
    with tempfile.TemporaryDirectory() as scratch:
        packed, stem, setting = _packed(bundle, Path(scratch))
        sha256 = sha256_of(packed)
        if destination.endswith("/"):
            destination += f"{stem}-{sha256[:12]}.zip"
        archive = Archive.parse(f"{destination}#sha256={sha256}")
        _upload(packed, archive, access, replace=replace)
    click.echo(f"{setting}: {archive}")
    return 0


def _check(destination: str, template: Path) -> None:
    """UsageError for what no zip can be called, or where it would be taken for an image."""
    bucket, slash, key = destination.removeprefix(SCHEME).partition("/")
    if not destination.startswith(SCHEME) or not bucket:
        raise click.UsageError(f"{destination}: write oss://bucket/models/ or oss://bucket/a.zip")
    if not slash or (key and not key.endswith(("/", ".zip"))):
        raise click.UsageError(f"{destination}: end a prefix with /, or name a .zip")
    if key.startswith("/"):
        raise click.UsageError(f"{destination}: a key must not start with a slash")
    described = read_template(template).functions if template.is_file() else ()
    for function in described:
        if (text := function.environment.get("FANLIGHT_INPUT")) is None:
            continue
        place = Place.parse(text)
        if bucket == place.bucket and key.startswith(place.prefix):
            raise click.UsageError(
                f"{destination} is below {place}, the input of {function.name}: it would be taken "
                "for an image; choose another prefix, such as models/"
            )


def _packed(bundle: str, scratch: Path) -> tuple[Path, str, str]:
    """The zip, what to call it, and the setting it is for."""
    if bundle.endswith(".zip"):
        path = Path(bundle)
        if not path.is_file():
            raise click.UsageError(f"{bundle} does not exist")
        return path, path.stem, "FANLIGHT_LIBS"
    folder = find_model(bundle)
    described = Bundle.read(folder)
    Model.load(folder)  # what does not run here is not worth uploading
    packed = scratch / "bundle.zip"
    zip_folder(folder, packed)
    return packed, f"{described.name}-{described.version}", "FANLIGHT_MODEL"


def _upload(packed: Path, archive: Archive, access: Access, *, replace: bool) -> None:
    """In parts, several at once; an object with the same bytes is left as it is."""
    if not access.region:
        raise ConfigError("name the bucket's region: --region cn-hangzhou, or FC_REGION")
    auth = signing(present(os.environ))
    endpoint = access.endpoint or f"https://oss-{access.region}.aliyuncs.com"
    where = f"oss://{archive.bucket}/{archive.key}"
    try:
        bucket = oss2.Bucket(auth, endpoint, archive.bucket, region=access.region, enable_crc=False)
        if bucket.object_exists(archive.key) and not replace:
            if _same(bucket, archive):
                click.echo(f"{where} is there already", err=True)
                return
            raise ConfigError(
                f"{where} is there and holds other bytes: functions may name them by their digest; "
                "choose another key, or give --replace"
            )
        _send(bucket, packed, archive)
    except oss2.exceptions.RequestError:
        raise TransientError(f"{endpoint} cannot be reached; check --endpoint") from None
    except (oss2.exceptions.ClientError, ValueError):
        raise ConfigError(
            f"bucket {archive.bucket!r} at endpoint {endpoint!r}: one of the two is not spelled "
            "right"
        ) from None
    except oss2.exceptions.OssError as error:  # its own text can hold signed headers
        raise ConfigError(f"{where}: {error.code or error.status}; see fanlight doctor") from None


def _same(bucket: oss2.Bucket, archive: Archive) -> bool:
    digest = hashlib.sha256()
    for chunk in bucket.get_object(archive.key):
        digest.update(chunk)
    return digest.hexdigest() == archive.sha256


def _send(bucket: oss2.Bucket, packed: Path, archive: Archive) -> None:
    size = packed.stat().st_size
    label = f"uploading {size / 1e6:.1f} MB"
    with (
        tempfile.TemporaryDirectory() as records,
        click.progressbar(length=size, label=label, file=sys.stderr) as bar,
    ):
        oss2.resumable_upload(
            bucket, archive.key, str(packed),
            store=oss2.ResumableStore(root=records),
            multipart_threshold=_PARTS_FROM, part_size=_PARTS_FROM // 4, num_threads=_THREADS,
            progress_callback=lambda done, _all: bar.update((done or 0) - bar.pos),
        )  # fmt: skip
