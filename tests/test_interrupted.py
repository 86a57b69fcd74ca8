"""Ctrl-C while OSS does not answer: a run ends all the same, long before requests are given up."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import oss2
import pytest

from tests.oss_world import DIGITS, REGION
from tools.localcloud.oss import Credentials, OssEndpoint

RUN = (sys.executable, "-m", "tools", "run", "oss://shop/in/", "-o", "oss://shop/out/",
       "-m", "digits")  # fmt: skip
LISTING, READING, WORK = "list-type=2", "/out%2F", "/in%2F"


class Silence:
    """Keeps requests waiting whose paths have `part` in them, once there is one."""

    def __init__(self) -> None:
        self.part, self.met, self.over = "", Event(), Event()

    def __call__(self, _method: str, path: str, *_: Any) -> None:
        if self.part and self.part in path:
            self.met.set()
            self.over.wait()


@pytest.fixture
def silence() -> Iterator[Silence]:
    """Of an endpoint whose bucket has a hundred images, half of them with what is no result."""
    silence = Silence()
    keys = Credentials("id", "secret")
    with OssEndpoint([keys], region=REGION, meddle=silence) as endpoint:
        endpoint.create_bucket("shop")
        auth = oss2.AuthV4("id", "secret")
        bucket = oss2.Bucket(auth, endpoint.url, "shop", region=REGION)
        for number in range(100):
            bucket.put_object(f"in/{number:03d}.png", DIGITS[0])
        for number in range(50):
            bucket.put_object(f"out/{number:03d}.png.json", b"{}")
        with pytest.MonkeyPatch.context() as environment:
            for name, value in (("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"), ("FC_REGION", REGION),
                                ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret"),
                                ("FANLIGHT_OSS_ENDPOINT", endpoint.url)):  # fmt: skip
                environment.setenv(name, value)
            yield silence
        silence.over.set()


@pytest.mark.parametrize(
    ("part", "options", "times"),
    [(LISTING, [], 1), (READING, [], 1), (READING, ["--dry-run"], 1), (WORK, ["-p", "1"], 2)],
    ids=["listing", "reading results", "dry run", "images at hand"],
)
def test_ctrl_c_does_not_wait_for_oss(
    silence: Silence, part: str, options: list[str], times: int, tmp_path: Path
) -> None:
    """Once ends what only looks, a second time the images at hand too; it is said in words."""
    silence.part = part
    with (tmp_path / "told").open("w+", encoding="utf-8") as told:
        process = subprocess.Popen([*RUN, *options], stdout=told, stderr=told, env=os.environ)
        try:
            assert silence.met.wait(60)
            for _ in range(times - 1):
                process.send_signal(signal.SIGINT)
                with pytest.raises(subprocess.TimeoutExpired):
                    process.wait(2)
            process.send_signal(signal.SIGINT)
            process.wait(40)  # a request is repeated for 120 s
        finally:
            process.kill()
        told.seek(0)
        text = told.read()

    assert process.returncode == 130
    assert "stopping; run again to go on\n" in text
    assert text.endswith("interrupted\n")
    assert "Traceback" not in text


def test_a_second_ctrl_c_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    """Processes may end what they have at hand, unless that takes them long."""
    (tmp_path / "photos").mkdir()
    for number in range(6000):
        (tmp_path / "photos" / f"{number:04}.png").write_bytes(DIGITS[0])
    results = tmp_path / "photos-results"
    command = [sys.executable, "-m", "tools", "run", "photos", "-m", "digits"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 60
    while not any(results.glob("*.json")) and time.monotonic() < until:
        time.sleep(0.01)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert b"Traceback" not in said
    assert {path.suffix for path in results.iterdir()} == {".json"}
