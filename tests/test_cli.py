"""The command line, as a person runs it: in processes of its own, on real files."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
import cv2
import numpy as np
import pytest

from tools.localcloud.cloud import LocalCloud
from tools.places import Access, Side
from tools.template import from_source, project_template, read_template

EVENTS = Path(__file__).parent.parent / "events"


def fanlight(
    *arguments: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools", *map(str, arguments)]
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def draw(folder: Path, count: int) -> None:
    """Write pictures of one stroke each, no two alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        page = np.full((80, 60), 240 - number % 20, np.uint8)
        cv2.line(page, (30, 15), (30 + number % 7, 65), 20, 6)
        cv2.imwrite(str(folder / f"{number:04d}.png"), page)


def left(counted: str) -> int:
    return int(counted.rpartition("run would work on ")[2].strip().replace(",", ""))


def test_run_then_nothing_is_left(tmp_path: Path) -> None:
    """A run gives every image its result; a second one finds them unchanged and writes nothing."""
    draw(tmp_path / "photos" / "a", 5)
    (tmp_path / "photos" / "notes.txt").write_text("no picture")

    first = fanlight("run", "photos", "-m", "digits", cwd=tmp_path)
    written = {p: p.stat().st_mtime_ns for p in (tmp_path / "photos-results").rglob("*.json")}
    second = fanlight("run", "photos", "-m", "digits", cwd=tmp_path)

    assert (first.returncode, second.returncode) == (0, 0)
    assert "6 images" in first.stdout
    assert "5 classified, 1 rejected" in first.stdout
    assert "6 unchanged" in second.stdout
    assert len(written) == 6
    assert written == {
        p: p.stat().st_mtime_ns for p in (tmp_path / "photos-results").rglob("*.json")
    }


def test_only_what_changed_is_done_again(tmp_path: Path) -> None:
    """After one image is replaced and one added, a run works on these two."""
    draw(tmp_path / "photos", 4)
    fanlight("run", "photos", "-m", "digits", cwd=tmp_path)
    (tmp_path / "photos" / "0000.png").write_bytes((tmp_path / "photos" / "0001.png").read_bytes())
    (tmp_path / "photos" / "new.png").write_bytes((tmp_path / "photos" / "0002.png").read_bytes())

    status = fanlight("status", "photos", "--list", cwd=tmp_path)
    again = fanlight("run", "photos", "-m", "digits", cwd=tmp_path)

    assert status.returncode == 1
    assert status.stdout.splitlines()[:2] == ["stale\t0000.png", "missing\tnew.png"]
    assert "2 classified, 3 unchanged" in again.stdout


def test_a_folder_moves_to_another_recipe_when_told(tmp_path: Path) -> None:
    """Other settings change no result by themselves; --only older-recipe makes all anew, once."""
    draw(tmp_path / "photos", 3)
    fanlight("run", "photos", "-m", "digits", cwd=tmp_path)
    draw(tmp_path / "photos", 4)  # the same three, written again, and one that is missing
    again = ("run", "photos", "-m", "digits", "--top-k", "1")

    fanlight("run", "photos", "-m", "digits", "--only", "stale", cwd=tmp_path)
    plain = fanlight(*again, "--only", "missing", cwd=tmp_path)
    first = fanlight(*again, "--only", "older-recipe", cwd=tmp_path)
    second = fanlight(*again, "--only", "older-recipe", cwd=tmp_path)

    assert "1 classified, 3 unchanged" in plain.stdout
    assert "--only older-recipe makes them anew" in plain.stdout
    assert "3 classified, 1 unchanged" in first.stdout
    assert "4 unchanged" in second.stdout
    results = [json.loads(p.read_bytes()) for p in (tmp_path / "photos-results").glob("*.json")]
    assert {len(result["predictions"]) for result in results} == {1}


def test_what_is_not_asked_for_is_left(tmp_path: Path) -> None:
    """With --only, what else there is to do is counted as left and not done."""
    draw(tmp_path / "photos", 2)

    left_alone = fanlight("run", "photos", "-m", "digits", "--only", "stale", cwd=tmp_path)

    assert "2 left" in left_alone.stdout
    assert "2 more are missing or stale; run without --only to do these" in left_alone.stdout
    assert list((tmp_path / "photos-results").glob("*.json")) == []


def test_ctrl_c_loses_nothing(tmp_path: Path) -> None:
    """A run stopped half-way ends with 130; the next one does the rest only.

    A terminal sends Ctrl-C to all processes of it, and only the first is to answer.
    """
    count = 8000  # seconds of work, should this process not get its turn
    draw(tmp_path / "photos", count)
    command = [sys.executable, "-m", "tools", "run", "photos", "-m", "digits", "-p", "2"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    results = tmp_path / "photos-results"
    until = time.monotonic() + 60
    while not any(results.glob("*.json")) and time.monotonic() < until:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)

    done = len(list(results.glob("*.json")))
    before = {path: path.stat().st_mtime_ns for path in results.glob("*.json")}
    status = fanlight("status", "photos", cwd=tmp_path)
    rest = fanlight("run", "photos", "-m", "digits", cwd=tmp_path)

    assert process.returncode == 130
    assert b"Traceback" not in told
    assert 0 < done < count
    assert left(status.stdout) == count - done
    assert rest.returncode == 0
    assert f"{count - done:,} classified, {done:,} unchanged" in rest.stdout
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert sorted(path.name for path in results.iterdir()) == [
        f"{i:04d}.png.json" for i in range(count)
    ]


def test_results_as_json_lines_and_as_a_table(tmp_path: Path) -> None:
    """Both forms show every result; JSON lines are the documents themselves."""
    draw(tmp_path / "photos", 3)
    fanlight("run", "photos", "-m", "digits", "--out", "answers", cwd=tmp_path)

    lines = fanlight("results", "answers", "--to", "jsonl", cwd=tmp_path).stdout.splitlines()
    table = fanlight("results", "answers", cwd=tmp_path).stdout

    stored = [json.loads(p.read_text()) for p in sorted((tmp_path / "answers").glob("*.json"))]
    assert [json.loads(line) for line in lines] == stored
    assert [f"{i:04d}.png" in table for i in range(3)] == [True] * 3


def test_a_key_is_explained(tmp_path: Path) -> None:
    """`status SOURCE KEY` tells the object, its result and whether it is current."""
    draw(tmp_path / "photos", 1)
    before = fanlight("status", "photos", "0000.png", cwd=tmp_path)
    fanlight("run", "photos", "-m", "digits", cwd=tmp_path)
    after = fanlight("status", "photos", "0000.png", cwd=tmp_path)

    assert (before.returncode, after.returncode) == (1, 0)
    assert "state    missing: there is no result" in before.stdout
    assert "model    digits 1.0.0" in after.stdout
    assert "state    classified" in after.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "nowhere", "-m", "digits"], 2, "nowhere does not exist"),
        (["run", "s3://a", "-m", "digits"], 2, "s3://a: name a folder or oss://bucket/prefix/"),
        (["run", ".", "-m", "unheard-of"], 2, "unheard-of is no model"),
        (["run", ".", "-m", "digits", "--out", "./inside"], 2, "choose another --out"),
        (["run", "oss://bucket/in/", "-m", "digits"], 2, "name the bucket's region"),
        (["run", "oss:///in/", "-m", "digits"], 2, "'oss:///in/' is not a place; write oss://"),
        (["run", "."], 2, "Missing option '--model': name one of "),
        (["frobnicate"], 2, "No such command 'frobnicate'."),
        (["rum"], 2, "No such command 'rum'. Did you mean 'run'?"),
        (["model", "creat"], 2, "No such command 'creat'. Did you mean 'create'?"),
        (["replay"], 2, "name an event's file"),
    ],
)
def test_wrong_usage_is_explained(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    """A wrong call ends with its exit code and one message that says what to do."""
    clean = {"FC_REGION": "", "FANLIGHT_OSS_ENDPOINT": ""}

    run = fanlight(*arguments, cwd=tmp_path, env=clean)

    assert run.returncode == code
    assert message in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("open_side", [Side.images, Side.results])
def test_other_schemes_are_no_folders(open_side: Callable[[str, Access], Side]) -> None:
    """A place of another cloud is refused, before a folder gets such a name."""
    with pytest.raises(click.UsageError, match=r"s3://a/b: name a folder or oss://bucket/prefix/"):
        open_side("s3://a/b", Access())


def test_sample_events_replay(tmp_path: Path) -> None:
    """Every good sample gives outcomes and exit code 0; the malformed ones errors, and 1."""
    good = sorted(path for path in EVENTS.glob("*.json") if not path.name.startswith("malformed"))
    bad = sorted(EVENTS.glob("malformed-*.json"))

    replayed = fanlight("replay", *good, cwd=tmp_path)
    refused = fanlight("replay", *bad, cwd=tmp_path)

    assert replayed.returncode == 0, replayed.stdout + replayed.stderr
    assert "error" not in replayed.stdout
    assert replayed.stdout.count("classified") >= 15
    assert "  whole true\n" in replayed.stdout, "the timer's event goes to a sweep"
    assert refused.returncode == 1
    assert refused.stdout.count("  error: ") == len(bad)
    assert "Traceback" not in refused.stdout + refused.stderr


def test_a_made_event_can_be_replayed(tmp_path: Path) -> None:
    """`replay --key --print` makes an event that `replay` then takes."""
    key = "input/digits/手写 1+1.png"
    made = fanlight("replay", "--key", key, "--print", cwd=tmp_path)
    (tmp_path / "event.json").write_text(made.stdout)

    replayed = fanlight("replay", "event.json", cwd=tmp_path)

    assert json.loads(made.stdout)["events"][0]["oss"]["object"]["key"] == key
    assert replayed.returncode == 0
    assert f"classified {key}" in replayed.stdout


def test_a_bucket_is_run_like_a_folder(tmp_path: Path) -> None:
    """`run`, `status` and `results` work on oss:// places, through the real client."""
    draw(tmp_path / "photos", 3)
    template = from_source(read_template(project_template()))
    with LocalCloud(template) as cloud:
        env = {
            "FANLIGHT_OSS_ENDPOINT": cloud.endpoint.url,
            "FC_REGION": "cn-hangzhou",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": cloud.keys.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloud.keys.access_key_secret,
        }
        out = "oss://fanlight-demo/answers/"
        first = fanlight("run", "photos", "-m", "digits", "-o", out, cwd=tmp_path, env=env)
        second = fanlight("run", "photos", "-m", "digits", "-o", out, cwd=tmp_path, env=env)
        lines = fanlight("results", out, "--to", "jsonl", cwd=tmp_path, env=env)
        wrong = {**env, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "not-the-secret"}
        denied = fanlight("run", "photos", "-m", "digits", "-o", out, cwd=tmp_path, env=wrong)

    assert "3 classified" in first.stdout, first.stderr
    assert "3 unchanged" in second.stdout
    assert len(lines.stdout.splitlines()) == 3
    assert denied.returncode == 1
    assert "ALIBABA_CLOUD_ACCESS_KEY_SECRET" in denied.stderr
    assert "not-the-secret" not in denied.stderr


def test_up_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """`up` prints how to reach it, and ends cleanly on Ctrl-C."""
    command = [sys.executable, "-m", "tools", "up", *UP_ANYWHERE]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = ""
    while "Ctrl-C stops it." not in told and (line := process.stdout.readline()):
        told += line
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    assert told.startswith("Console       http://127.0.0.1:")
    assert "\nOSS endpoint  http://127.0.0.1:" in told
    assert "\nInvoke API    http://127.0.0.1:" in told
    assert "oss2.AuthV4" in told
    assert process.returncode == 0


def test_up_serves_no_console_where_none_is_wanted(tmp_path: Path) -> None:
    """With `--no-console` its address is not printed, nor is its port taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "tools", "up", *UP_ANYWHERE, "--console-port", port,
                   "--no-console"]  # fmt: skip
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)

    assert first.startswith("OSS endpoint  http://127.0.0.1:")
    assert process.returncode == 0


UP_PORTS = ["--port", "--invoke-port", "--console-port", "--object-port"]
UP_ANYWHERE = [word for option in UP_PORTS for word in (option, "0")]


def test_up_names_the_options_whose_ports_are_taken(tmp_path: Path) -> None:
    """All ports in use are said in one line, each with the option that chooses another."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        first, second = one.getsockname()[1], other.getsockname()[1]
        ended = fanlight("up", *UP_ANYWHERE, "--port", str(first), "--object-port", str(second),
                         cwd=tmp_path)  # fmt: skip

    assert ended.returncode == 1
    assert ended.stderr == (
        f"error: in use, or not to be had: port {first} (--port), {second} (--object-port); choose "
        "others, 0 takes any that is free\n"
    )


def test_up_wants_two_ports(tmp_path: Path) -> None:
    """One port for both endpoints is wrong usage."""
    ended = fanlight("up", "--port", "9700", "--invoke-port", "9700", cwd=tmp_path)

    assert ended.returncode == 2
    assert "choose two ports" in ended.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_one_failure(tmp_path: Path) -> None:
    """Its neighbours are classified, and the run ends with 1."""
    draw(tmp_path / "photos", 2)
    (tmp_path / "photos" / "closed").mkdir(mode=0)

    ran = fanlight("run", "photos", "-m", "digits", cwd=tmp_path)

    assert ran.returncode == 1
    assert "2 classified, 1 failed" in ran.stdout
    assert "closed" in ran.stderr


def test_a_key_that_can_have_no_result_is_one_failure(tmp_path: Path) -> None:
    """It is told by name and counted as failed, in a first run and in one with nothing else."""
    draw(tmp_path / "photos", 2)
    deep = "/".join("x" * 200 for _ in range(6))
    draw(tmp_path / "photos" / deep, 3)

    first, again = (fanlight("run", "photos", "-m", "digits", cwd=tmp_path) for _ in range(2))

    assert (first.returncode, again.returncode) == (1, 1)
    assert first.stderr.count("failed: ") == again.stderr.count("failed: ") == 3
    assert "the result's key would have" in first.stderr
    assert ": 2 classified, 3 failed" in first.stdout
    assert ": 3 failed, 2 unchanged" in again.stdout
