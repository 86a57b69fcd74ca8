"""The sample pictures that ship with the project: see digits/samples/README.md."""

import zlib
from pathlib import Path

FOLDER = Path(__file__).parent / "digits" / "samples"


def pictures(folder: Path = FOLDER) -> list[Path]:
    """Every file below a folder but hidden ones and Markdown, sorted."""
    return sorted(path for path in folder.rglob("[!.]*") if path.is_file() and path.suffix != ".md")


def sample(key: str) -> bytes:
    """A picture for a key: the one of that name, else always the same one of its kind."""
    all_of_them = pictures()
    for path in all_of_them:
        if path.name == Path(key).name:
            return path.read_bytes()
    same = [path for path in all_of_them if path.suffix == Path(key).suffix.lower()] or all_of_them
    return same[zlib.crc32(key.encode()) % len(same)].read_bytes()


def truth(name: str) -> str | None:
    """The digit that a sample's name tells: `7-00000.png`, `pasted-7-00000.jpg`."""
    parts = Path(name).stem.removeprefix("pasted-").split("-")
    return parts[0] if len(parts) == 2 and parts[0].isdigit() and len(parts[0]) == 1 else None
