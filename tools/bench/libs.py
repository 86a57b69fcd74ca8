"""TensorFlow and all that it needs as one zip, as the article has it lie in OSS."""

import re
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from tools.bench.cloud import OssProcess

LIBS_KEY = "libs/tensorflow.zip"


def upload_libs(cloud: OssProcess, folder: Path) -> int:
    """Zip what is installed and put it into the bucket; its size in bytes. Takes minutes."""
    file = folder / "tensorflow.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(installed("tensorflow").items()):
            archive.write(path, name)
    size = file.stat().st_size
    cloud.bucket().put_object_from_file(LIBS_KEY, str(file))
    file.unlink()
    return size


def installed(package: str) -> dict[str, Path]:
    """The files of a package and of all it requires here: the name in site-packages -> the file.

    Without scripts and headers, which are not imported, and without bytecode: a zip unpacked by
    Python has other times, so that Python would compile it anew all the same.
    """
    files: dict[str, Path] = {}
    for name in _closure(package):
        for file in distribution(name).files or ():
            inside = PurePosixPath(file)
            used = not {"..", "include"} & set(inside.parts) and inside.suffix != ".pyc"
            if used:
                files[str(inside)] = Path(str(file.locate()))
    return {name: path for name, path in files.items() if path.is_file()}


def _closure(package: str) -> set[str]:
    """The package and its installed requirements, theirs too; extras are left out."""
    found: set[str] = set()
    waiting = [package]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            required = distribution(name).requires or []
        except PackageNotFoundError:  # for another system, or optional
            continue
        found.add(name)
        wanted = (Requirement(text) for text in required)
        waiting += [
            one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})
        ]
    return found
