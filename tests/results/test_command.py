"""`fanlight results`, as it is typed."""

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import cv2
import numpy as np
import oss2
import pytest
from rich.console import Console
from rich.table import Table

from fanlight.document import to_bytes
from fanlight.errors import ConfigError
from tests.results.made import classified, failed, rejected
from tools.commands.results import command
from tools.localcloud.oss import Credentials, OssEndpoint
from tools.results import table
from tools.results.origin import Origin, origin
from tools.results.output import replacing
from tools.results.read import Found
from tools.results.rows import row_of
from tools.shown import shown
from tools.template import project_template

Results = Callable[..., str]


@pytest.fixture
def results(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
            ) -> Results:  # fmt: skip
    """Runs the command in a folder of its own; what it prints, after its exit code."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        code = command.main(list(arguments), standalone_mode=False)
        printed = capfd.readouterr()
        return f"{code}\n{printed.out}{printed.err}"

    return run


def fill(folder: Path, count: int) -> None:
    """Results in a folder: sevens, less and less sure."""
    folder.mkdir()
    for number in range(count):
        document = classified(f"{number:04}.png", ("7", 1 - number / 10_000), ("1", 0.0001))
        document["source"]["key"] = f"{number:04}.png"
        (folder / f"{number:04}.png.json").write_bytes(to_bytes(document))


def test_a_file_is_written_and_counted(results: Results, tmp_path: Path) -> None:
    """--output takes every form; standard output stays empty and the count is told beside it."""
    fill(tmp_path / "answers", 3)

    assert results("answers", "--to", "csv", "-o", "a.csv") == "0\n3 rows in a.csv\n"
    assert results("answers", "--to", "jsonl", "-o", "a.jsonl") == "0\n3 rows in a.jsonl\n"
    assert results("answers", "--to", "parquet", "-o", "a.parquet", "--rows", "prediction") == (
        "0\n6 rows in a.parquet\n"
    )
    assert results("answers", "-o", "a.txt") == "0\n3 rows in a.txt\n"

    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    lines = list(map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines()))
    assert [row["key"] for row in rows] == ["0000.png", "0001.png", "0002.png"]
    assert [row["score"] for row in rows] == [str(line["predictions"][0]["score"])
                                              for line in lines]  # fmt: skip
    assert (tmp_path / "a.parquet").read_bytes()[-4:] == b"PAR1"
    assert len((tmp_path / "a.txt").read_text().splitlines()) == 4


def test_a_line_that_is_no_json_is_named(results: Results, tmp_path: Path) -> None:
    """What JSON cannot say, as an unknown field may hold it, is passed over by name."""
    fill(tmp_path / "answers", 1)
    odd = {**classified("x", ("7", 0.5)), "note": float("nan")}
    (tmp_path / "answers" / "odd.json").write_text(json.dumps(odd))

    told = results("answers", "--to", "jsonl", "-o", "a.jsonl")

    assert told == "0\nnot a result: odd.json\n1 row in a.jsonl\n"
    assert results("answers", "--to", "csv", "-o", "a.csv") == "0\n2 rows in a.csv\n"


def test_no_control_character_reaches_a_terminal(results: Results, tmp_path: Path) -> None:
    """A line is the same JSON with them escaped, those of eight bits and DEL too."""
    (tmp_path / "answers").mkdir()
    made = classified("x", ("\x9b31m\x7f\x1b]0;\x07", 0.5), note="\x85")
    (tmp_path / "answers" / "x.json").write_bytes(to_bytes(made))

    for form in ("jsonl", "csv", "table"):
        told = results("answers", "--to", form)
        assert [char for char in told if char != "\n" and not char.isprintable()] == []
        if form == "jsonl":
            assert json.loads(told.splitlines()[1]) == made


def test_filters_are_options(results: Results, tmp_path: Path) -> None:
    """Each option narrows what comes out; one given twice takes either."""
    fill(tmp_path / "answers", 30)

    def found(*options: str) -> int:
        told = results("answers", "--to", "jsonl", *options)
        return len(told.splitlines()) - 1

    assert found("--max-score", "0.9975") == 5
    assert found("--label", "7", "--label", "2") == 30
    assert found("--label", "1") == 0
    assert found("--label", "1", "--any") == 30
    assert found("--key", "001") == 10
    assert found("--key", "*9.png") == 3
    assert found("--status", "rejected") == 0
    assert found("--since", "1h") == 30
    assert found("--until", "1h") == 0
    assert found("--decision", "block") == 0


def test_the_page_has_the_pictures_beside_it(results: Results, tmp_path: Path) -> None:
    """Images are looked for where a run has read them; --compare takes the results of another."""
    fill(tmp_path / "photos-results", 2)
    fill(tmp_path / "others", 1)
    other = classified("x", ("8", 0.9))
    other["source"]["key"] = "0001.png"
    (tmp_path / "others" / "0001.png.json").write_bytes(to_bytes(other))
    (tmp_path / "photos").mkdir()
    cv2.imwrite(str(tmp_path / "photos" / "0001.png"), np.full((30, 40), 200, np.uint8))
    page = ("photos-results", "--to", "html", "-o", "page.html")

    assert results(*page) == "0\n2 images in page.html\n"
    assert (tmp_path / "page.html").read_text().count("data:image") == 1
    assert results(*page, "--compare", "others") == (
        "0\ncompared: 2 that both have a result for\n1 image in page.html\n"
    )
    assert "without pictures" in results("others", *page[1:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "nowhere is no folder"),
        (["answers", "--to", "parquet"], "name the file that --to parquet writes with --output"),
        (["answers", "--to", "html"], "name the file that --to html writes with --output"),
        (["answers", "--to", "csv", "-o", "answers/a.csv"], "would be taken for one"),
        (["answers", "--to", "csv", "-o", "."], "is a folder; name a file in it"),
        (["answers", "--compare", "answers"], "--compare is for --to html"),
        (["answers", "--since", "tomorrow"], "write 2h, 3d, 2026-11-25"),
        (["answers", "--until", ""], "write 2h, 3d, 2026-11-25"),
        (
            ["answers", "--images", "photos", "--to", "csv", "-o", "photos/a.csv"],
            "is among the images, and would be taken for one",
        ),
        (["answers", "--failed", "nowhere"], "nowhere is no folder"),
        (["s3://answers/a"], "s3://answers/a: name a folder or oss://bucket/prefix/"),
        (["answers", "--images", "s3://a"], "s3://a: name a folder or oss://bucket/prefix/"),
        (["answers", "--min-score", "90"], "90.0 is not in the range 0<=x<=1"),
        (["answers", "--max-score", "nan"], "nan is not a finite number"),
        (["answers", "--min-score", "0.9", "--max-score", "0.1"], "above --max-score"),
        (["answers", "--rows", "prediction"], "--rows is for --to csv and --to parquet"),
        (["answers", "--to", "jsonl", "--rows", "prediction"], "--rows is for --to csv and"),
        (["answers", "--to", "csv", "-o", "none/a.csv"], "--output none/a.csv: there is no folder"),
        (
            ["oss://fanlight-demo/input/digits/a"],
            "oss://fanlight-demo/input/digits/a is an input; its results are under "
            "oss://fanlight-demo/output/digits/a/",
        ),
        (
            [
                "answers",
                "--to",
                "html",
                "-o",
                "a.html",
                "--compare",
                "oss://fanlight-demo/input/products/",
            ],
            "is an input; its results are under oss://fanlight-demo/output/products/",
        ),
        (
            ["oss://fanlight-demo/failed/2026-11-26/"],
            "holds dead letters; see them with: results oss://fanlight-demo/output/digits/ "
            "--status failed, and so for oss://fanlight-demo/output/moderation/, ",
        ),
        (["answers", "--template", "nowhere.yml"], "'nowhere.yml' does not exist"),
    ],
)
def test_wrong_usage_is_told(
    results: Results, tmp_path: Path, options: list[str], message: str
) -> None:
    """What cannot be meant is refused before anything is read or written."""
    fill(tmp_path / "answers", 1)
    (tmp_path / "photos").mkdir()

    with pytest.raises(click.UsageError, match=message):
        results(*options)


def test_without_pyarrow_it_says_what_to_install(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the extra is not installed, Parquet names it."""
    fill(tmp_path / "answers", 1)
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ConfigError, match=r"parquet extra: .* -m pip install"):
        results("answers", "--to", "parquet", "-o", "a.parquet")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """Interrupted, the old file is as it was; replaced, it keeps its mode and the links to it."""
    old, link = tmp_path / "a.csv", tmp_path / "link.csv"
    old.write_text("old")
    old.chmod(0o640)
    link.symlink_to(old)

    def interrupted() -> None:
        with replacing(link) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert old.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [old, link]

    with replacing(link) as temporary:
        temporary.write_text("new")
    assert (link.is_symlink(), old.read_text()) == (True, "new")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert sorted(tmp_path.iterdir()) == [old, link]


def test_a_pipe_is_written_to_and_stays(results: Results, tmp_path: Path) -> None:
    """What is no file, such as /dev/null or a pipe, is never replaced by one."""
    fill(tmp_path / "answers", 2)
    os.mkfifo(tmp_path / "pipe")
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append((tmp_path / "pipe").read_text()),
                              daemon=True)  # fmt: skip
    reader.start()

    results("answers", "--to", "csv", "-o", "pipe")
    reader.join(10)

    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert len(heard[0].splitlines()) == 3


def test_ctrl_c_leaves_nothing_half_done(tmp_path: Path) -> None:
    """Stopped while it writes, it ends with 130 and leaves no part of a file."""
    fill(tmp_path / "answers", 1)
    for number in range(1, 20_000):  # a second of reading, should this process not get its turn
        os.link(tmp_path / "answers" / "0000.png.json", tmp_path / "answers" / f"{number}.json")
    (tmp_path / "out").mkdir()
    arguments = [sys.executable, "-m", "tools", "results", "answers", "--to", "csv"]
    process = subprocess.Popen([*arguments, "-o", "out/a.csv"], cwd=tmp_path,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    until = time.monotonic() + 60
    while not any((tmp_path / "out").iterdir()) and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)

    assert process.returncode == 130
    assert told.strip() == "interrupted"
    assert list((tmp_path / "out").iterdir()) == []


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    """`| head` ends it in silence."""
    fill(tmp_path / "answers", 500)
    line = f"{sys.executable} -m tools results answers --to jsonl | head -n 2"

    ended = subprocess.run(["bash", "-c", line], cwd=tmp_path, text=True, capture_output=True,
                           check=False, timeout=60)  # fmt: skip

    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ended.stdout.splitlines()) == 2


def test_the_table_comes_in_pieces_of_one_width(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows: one header, columns that stay, nothing that steers a terminal."""
    monkeypatch.setattr(table, "_AT_ONCE", 20)
    documents = [
        rejected("\x1b[31m.png", message="no\nimage\x9b"),
        {**failed("x"), "status": "failed", "letter": {"date": "2026-11-25"}},
        {**failed(None), "status": "failed", "letter": {"settled": True}},
        *(classified(f"{n:05}.png", ("label", 0.5), ("other", 0.25)) for n in range(50)),
    ]
    path = tmp_path / "table.txt"

    with path.open("wb") as file:
        count = table.write(
            (Found(document, row_of(document, "", 0.0)) for document in documents), file
        )
    lines = [line.rstrip() for line in path.read_text().splitlines()]

    assert count == 53
    assert sum(line.startswith("image ") for line in lines) == 1
    assert (
        len({line.index("0.5000") for line in lines if ".png  " in line and "other" in line}) == 1
    )
    text = "\n".join(lines)
    assert [char for char in text if not char.isprintable() and char != "\n"] == []
    assert "input/\\x1b[31m.png" in text
    assert "TransientError: no answer (4 attempts, 2026-11-25)" in " ".join(text.split())
    assert "(no image)" in text
    assert "failed, settled" in text


@pytest.mark.parametrize("width", [60, 200])
def test_rows_that_fit_are_as_rich_would_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Wide and combining characters take the room that they take on a terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    documents = [
        classified(key, ("长颈鹿", 0.5), ("e\u0301t\u00e9", 0.25)) for key in ("a", "长🦒")
    ]
    rows = [row_of(document, "", 0.0) for document in documents]
    path, expected = tmp_path / "table.txt", Table(*table._HEADER, box=None, pad_edge=False)
    for row in rows:
        expected.add_row(*(shown(cell) for cell in table.cells(row)))

    with path.open("wb") as file:
        table.write(map(Found, documents, rows), file)

    with (tmp_path / "rich.txt").open("w", encoding="utf-8") as text:
        Console(file=text, markup=False, highlight=False, emoji=False).print(expected)
    assert path.read_text("utf-8") == (tmp_path / "rich.txt").read_text("utf-8")


def test_a_table_shows_texts_as_they_are(tmp_path: Path) -> None:
    """What the library that draws it would take for a colour, a link or a picture is a text."""
    key, label = "[red]a[/].png", "[b]:skull:[/i]"
    path = tmp_path / "table.txt"

    with path.open("wb") as file:
        table.write([Found({}, row_of(classified(key, (label, 0.5)), "", 0.0))], file)

    text = path.read_text()
    assert f"input/{key}" in text
    assert label in text


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[oss2.Bucket]:
    """The bucket of the project's template, over HTTP, with what the command needs to reach it."""
    with OssEndpoint([Credentials("id", "secret")]) as endpoint:
        endpoint.create_bucket("fanlight-demo")
        monkeypatch.setenv("FANLIGHT_OSS_ENDPOINT", endpoint.url)
        monkeypatch.setenv("FC_REGION", "cn-hangzhou")
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
        auth = oss2.AuthV4("id", "secret")
        yield oss2.Bucket(auth, endpoint.url, "fanlight-demo", region="cn-hangzhou")


def test_dead_letters_of_a_deployed_output_are_in_it(results: Results, bucket: oss2.Bucket) -> None:
    """The template says where they are; each is marked by what is true of its image now."""
    for key in ("input/digits/7.png", "input/digits/late.png"):
        bucket.put_object(key, b"picture")
        source = {"bucket": "fanlight-demo", "key": key}
        bucket.put_object(f"failed/2026-11-25/{key[13:]}.json",
                          to_bytes({**failed(""), "source": source}))  # fmt: skip
    head = bucket.head_object("input/digits/7.png")
    document = classified("x", ("7", 0.9), version=f"{head.etag}-7-{head.last_modified}")
    document["source"] |= {"bucket": "fanlight-demo", "key": "input/digits/7.png"}
    bucket.put_object("output/digits/7.png.json", to_bytes(document))
    place = "oss://fanlight-demo/output/digits"

    shown = results(place)
    lines = results(place, "--to", "jsonl", "--status", "failed").splitlines()[1:]
    without = results(place, "--to", "jsonl", "--label", "7").splitlines()[1:]
    elsewhere = results("oss://fanlight-demo/output/products/")

    assert "failed, settled" in shown
    assert shown.endswith("3 results\n")
    assert {
        line["letter"]["key"]: line["letter"]["settled"] for line in map(json.loads, lines)
    } == {
        "failed/2026-11-25/7.png.json": True,
        "failed/2026-11-25/late.png.json": False,
    }
    assert [json.loads(line) for line in without] == [document]
    assert "\n0 results\n" in elsewhere


def test_a_letter_may_name_what_no_bucket_has(results: Results, bucket: oss2.Bucket) -> None:
    """Whoever may write letters may write anything there: such an image has no result."""
    for number, key in enumerate(["half \ud800", "k" * 2000, "\0", ".."]):
        letter = failed("x", source={"bucket": "fanlight-demo", "key": f"input/digits/{key}"})
        bucket.put_object(f"failed/2026-11-26/{number}.json", to_bytes(letter))

    told = results("oss://fanlight-demo/output/digits/", "--to", "jsonl")

    lines = [json.loads(line) for line in told.splitlines()[1:]]
    assert [line["letter"]["settled"] for line in lines] == [False, False, True, True]


def test_a_place_with_nothing_in_it_is_told(results: Results, bucket: oss2.Bucket) -> None:
    """A misspelt place fails and names the outputs; an output with nothing yet is no failure."""
    bucket.put_object("output/digits/", b"")  # a folder's mark, as a console makes it
    bucket.put_object("output/digits/.sweep", b"{}")

    for place in ("output/digits/", "output/products/a", "output/", ""):
        told = results(f"oss://fanlight-demo/{place}", "--template", str(project_template()))
        assert told.splitlines()[0] == "0"
        assert told.endswith(f"0 results\nno result is under oss://fanlight-demo/{place} yet\n"), (
            told
        )
    with pytest.raises(ConfigError) as misspelt:
        results("oss://fanlight-demo/outptu/")

    assert str(misspelt.value) == (
        "nothing is under oss://fanlight-demo/outptu/; outputs of the template are "
        "oss://fanlight-demo/output/digits/, oss://fanlight-demo/output/moderation/, "
        "oss://fanlight-demo/output/products/"
    )
    assert results("oss://fanlight-demo/outptu/", "--key", "a").startswith("0\n")


def test_a_place_of_something_else_is_told(
    results: Results, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A folder of images fails, with some of them named; a file of results from before stays."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos-results").mkdir()
    for number in range(25):
        (tmp_path / "photos" / f"{number:02}.png").touch()
    (tmp_path / "a.csv").write_text("old")

    with pytest.raises(ConfigError) as images:
        results("photos", "--to", "csv", "-o", "a.csv")
    told = capfd.readouterr().err.splitlines()
    with pytest.raises(ConfigError, match=r"nothing is under photos-results$"):
        results("photos-results")

    assert str(images.value) == (
        "none of the 25 objects under photos is a result; those of its images are in "
        f"{tmp_path / 'photos-results'}"
    )
    assert told == [*(f"not a result: {n:02}.png" for n in range(20)), "not a result: 5 more"]
    assert (tmp_path / "a.csv").read_text() == "old"


def test_a_filter_that_nothing_fits_is_no_failure(results: Results, tmp_path: Path) -> None:
    """Results that are there and not wanted are results."""
    fill(tmp_path / "answers", 2)

    assert results("answers", "--label", "8").startswith("0\n")
    assert results("answers", "--status", "failed").endswith(
        "0 results\nno dead letters of answers are known; where are they: --failed\n"
    )


@pytest.mark.parametrize("file", [None, "a.txt"])
def test_nothing_is_cut_where_there_is_no_terminal(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None
) -> None:
    """A line holds a whole key and a whole reason, and ends with what is told."""
    monkeypatch.delenv("COLUMNS", raising=False)
    (tmp_path / "answers").mkdir()
    documents = [classified("k" * 300, ("7", 0.5)), rejected("字", message="why " * 50)]
    for document in documents:
        name = document["source"]["key"][-1] + ".json"
        (tmp_path / "answers" / name).write_bytes(to_bytes(document))

    told = results("answers", *(["-o", file] if file else []))
    lines = ((tmp_path / file).read_text() if file else told.partition("\n")[2]).splitlines()

    assert lines[:3] == [
        f"image{' ' * 303}label     score   runners-up or reason",
        f"input/{'k' * 300}  7         0.5000",
        f"input/字{' ' * 300}rejected          corrupt: {'why ' * 50}".rstrip(),
    ]


def test_letters_nobody_asked_for_may_be_out_of_reach(
    results: Results, bucket: oss2.Bucket, tmp_path: Path
) -> None:
    """Found by the template and refused, they are told of; asked for and refused, they fail."""
    text = project_template().read_text().replace("${vars.bucket}/${vars.failed}", "no-such-b/f/")
    (tmp_path / "template.yml").write_text(text)
    place = "oss://fanlight-demo/output/digits/"

    told = results(place, "--template", "template.yml")

    assert told.startswith("0\n")
    assert "without dead letters: oss://no-such-b/f/" in told
    with pytest.raises(ConfigError, match="no-such-b"):
        results(place, "--failed", "oss://no-such-b/f/")


@pytest.mark.parametrize("also", [[], ["--compare", "others", "--to", "html", "-o", "a.html"]])
def test_a_folder_that_may_not_be_read_is_told(
    results: Results, tmp_path: Path, also: list[str]
) -> None:
    """Results that may lie behind it are missing, of either place, so the exit code is 1."""
    fill(tmp_path / "answers", 1)
    fill(tmp_path / "others", 1)
    closed = tmp_path / ("others" if also else "answers") / "closed"
    closed.mkdir(mode=0)
    if os.access(closed, os.R_OK):
        pytest.skip("root may read every folder")

    told = results("answers", *also)

    assert told.startswith("1\n")
    assert f"not read: closed/: {closed}: permission denied" in told


def test_what_belongs_to_results_is_found_by_template_or_name(tmp_path: Path) -> None:
    """A part of an output has the same part of the input; else `-results` is taken away."""
    template = project_template()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos-results").mkdir()

    assert origin("oss://fanlight-demo/output/digits/a/", template) == Origin(
        "oss://fanlight-demo/input/digits/a/", "oss://fanlight-demo/failed/", deployed=True
    )
    assert origin("oss://fanlight-demo/output", template) == Origin(deployed=True)
    assert origin("oss://fanlight-demo/outptu", template) == Origin()
    assert origin("oss://b/photos-results", template) == Origin("oss://b/photos/")
    assert origin("oss://b/answers/", tmp_path / "none.yml") == Origin()
    assert origin(str(tmp_path / "photos-results"), template) == Origin(str(tmp_path / "photos"))
    assert origin(str(tmp_path / "photos"), template) == Origin()
