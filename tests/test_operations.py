"""The operations guide: both languages say the same, and the logs are as it says."""

import ast
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fanlight.failure import letters
from fanlight.log import Log
from fanlight.place import Place
from fanlight.reconcile import Reconciler
from fanlight.store_folder import FolderStore
from fanlight.sweeping import Sweep
from fanlight.work import Unfinished, handle
from tests.fakes import MemoryStore, answer_as
from tools.events import oss_event

ROOT = Path(__file__).parent.parent
ENGLISH, CHINESE = ((ROOT / "docs" / name).read_text("utf-8")
                    for name in ("operations.md", "operations.zh-CN.md"))  # fmt: skip
FUNCTIONS = ROOT / "functions"

_BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")


def prose(page: str) -> str:
    """A page without its blocks of code."""
    return _BLOCK.sub("", page)


def tables(page: str) -> list[list[list[str]]]:
    """Each table's rows, as cells."""
    found: list[list[list[str]]] = [[]]
    for line in prose(page).splitlines():
        if line.startswith("|"):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
        elif found[-1]:
            found.append([])
    return [table for table in found if table]


def logged() -> Iterator[ast.Call]:
    """Every call in the functions that writes a line of the log."""
    for path in [*FUNCTIONS.glob("*.py"), *FUNCTIONS.glob("fanlight/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                target = ast.unparse(node.func)
                if target in ("log", "self.log") or target.startswith("Log("):
                    yield node


def test_both_languages_show_the_same_code() -> None:
    """Commands, what they print, and queries agree to the letter."""
    blocks = [[block.strip() for block in _BLOCK.findall(page)] for page in (ENGLISH, CHINESE)]

    assert len(blocks[0]) > 8
    assert blocks[0] == blocks[1]


def test_both_languages_name_the_same() -> None:
    """Each command, setting, metric and field that one page has in its text is in the other."""
    english, chinese = (set(_CODE.findall(prose(page))) for page in (ENGLISH, CHINESE))

    assert len(english) > 80
    assert english ^ chinese == set()


def test_both_languages_have_the_same_shape() -> None:
    """As many headings of each level, steps, and paragraphs that begin with what they are about."""
    for pattern in (r"^## ", r"^### ", r"^\d\. ", r"^\*\*", r"^- "):
        english, chinese = (len(re.findall(pattern, prose(page), re.MULTILINE))
                            for page in (ENGLISH, CHINESE))  # fmt: skip
        assert english == chinese, pattern


def test_both_languages_have_the_same_tables() -> None:
    """Row by row, as many cells, with the same code in each."""
    shapes = [[[[sorted(_CODE.findall(cell)) for cell in row] for row in table]
               for table in tables(page)] for page in (ENGLISH, CHINESE)]  # fmt: skip

    assert len(shapes[0]) == 4
    assert shapes[0] == shapes[1]


def described(message: str) -> set[str]:
    """The fields that the guide gives to a line."""
    (fields,) = (table for table in tables(ENGLISH) if table[0][0] == "field")
    return {name for names, where, _ in fields[2:] if where == "all" or f"`{message}`" in where
            for name in _CODE.findall(names)}  # fmt: skip


@pytest.mark.parametrize("call", list(logged()), ids=ast.unparse)
def test_every_line_of_the_log_is_in_the_guide(call: ast.Call) -> None:
    """Each message has a row that says when it is written, and its fields say what they are."""
    assert isinstance(call.args[0], ast.Constant)
    message = str(call.args[0].value)
    (messages,) = (table for table in tables(ENGLISH) if table[0][0] == "message")

    assert f"`{message}`" in [row[0] for row in messages]
    assert {key.arg for key in call.keywords if key.arg} <= described(message)


def test_the_fields_of_a_cold_start_are_in_the_guide() -> None:
    """All that the initializer measures has a row, and no row is of anything else."""
    source = (FUNCTIONS / "classify.py").read_text("utf-8")
    measured = set(re.findall(r'"(\w+_ms|warm_up_failed)"', source))

    assert len(measured) == 6
    assert described("cold start") == {"time", "message", "request_id", *measured}


def test_the_fields_of_keys_are_in_the_guide(tmp_path: Path) -> None:
    """Of images that are classified, ignored or fail, each line's fields all have a row."""
    images, out = FolderStore(tmp_path, escaped=False), FolderStore(tmp_path / "r", escaped=True)
    (tmp_path / "a.png").write_bytes(b"7")
    reconciler = Reconciler(images, Place("b", ""), out, Place("r", ""), answer_as("m"), 1000)
    records = [
        oss_event("b", "a.png"), oss_event("elsewhere", "a.png"), oss_event("b", "../a.png"),
    ]  # fmt: skip
    event = json.dumps({"events": [one["events"][0] for one in records]}).encode()
    stream = io.StringIO()

    with pytest.raises(Unfinished):
        handle(event, reconciler, Log("r-1", stream), lambda: 10.0)

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert {line["outcome"] for line in lines} == {"classified", "ignored", "failed"}
    assert {name for line in lines for name in line} <= described("key")
    assert {"outcome", "reason", "ms", "result"} <= {name for line in lines for name in line}


def test_the_fields_of_a_sweep_are_in_the_guide() -> None:
    """Its line has each field that has a row, and no other."""
    store, stream = MemoryStore(), io.StringIO()
    place = Place(store.name, "in/"), Place(store.name, "out/")
    reconciler = Reconciler(store, place[0], store, place[1], answer_as("m"), 1000)

    Sweep(reconciler, store, store, Log("r-1", stream), lambda: 10.0, lambda _: True).run()

    assert set(json.loads(stream.getvalue())) == described("sweep")


def test_a_dead_letter_holds_what_the_guide_says() -> None:
    """It names the image, the last error and the event, and says whether it is suspected."""
    (letter,) = letters(b"not a failure document")

    for name in ("suspected", "event"):
        assert name in letter
        assert f"`{name}`" in ENGLISH
