"""`fanlight demo`: what is in its folder afterwards."""

import json
import shutil
from pathlib import Path

from fanlight.document import to_bytes
from tests.results.made import classified
from tools.commands.demo import command
from tools.samples import FOLDER


def demo(images: Path, out: Path) -> None:
    """Run it in this process, with one function instance."""
    arguments = [str(images), "--out", str(out), "--instances", "1"]
    assert command.main(arguments, standalone_mode=False) == 0


def test_a_folder_holds_the_results_of_the_last_demo(tmp_path: Path) -> None:
    """What an earlier one left there goes; what others put there stays."""
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "out"
    for folder, name in ((first, "7-00000.png"), (second, "0-00003.png")):
        folder.mkdir()
        shutil.copy(FOLDER / name, folder)
    others = {
        "notes.json": b"{}",
        "of-a-folder.png.json": to_bytes(classified("of-a-folder.png", ("7", 0.9))),
        "README.md": b"mine",
    }
    demo(first, out)
    earlier = {path.name for path in out.iterdir()}
    for name, data in others.items():
        (out / name).write_bytes(data)

    demo(second, out)

    assert earlier == {"7-00000.png.json"}
    assert {path.name for path in out.iterdir()} == {"0-00003.png.json", *others}
    assert {name: (out / name).read_bytes() for name in others} == others
    document = json.loads((out / "0-00003.png.json").read_bytes())
    assert document["source"]["key"] == "input/digits/0-00003.png"
