"""`fanlight up --data` and what ends it: kill -9 among uploads, Ctrl-C, a second one beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import oss2
import pytest

from tools.processes import children, lives
from tools.samples import pictures, truth

BUCKET = "fanlight-demo"
UPLOADS = 1000
THREADS = 4
DIGITS = [path for path in pictures() if path.suffix == ".png" and truth(path.name)]


class Up:
    """A running `fanlight up --data`."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "tools", "up", "--port", "0", "--invoke-port", "0",
                   "--no-console", "--data", str(data)]  # fmt: skip
        self.instances: list[int] = []
        self.log = (data.parent / "up.log").open("ab+")
        begin = self.log.seek(0, os.SEEK_END)
        self.process = subprocess.Popen(command, cwd=data.parent, stdout=self.log, stderr=self.log)
        told = b""
        while b"Ctrl-C stops it." not in told:
            assert self.process.poll() is None, told.decode()
            time.sleep(0.05)
            self.log.seek(begin)
            told = self.log.read()
        self.url = told.partition(b"OSS endpoint")[2].split()[0].decode()

    def bucket(self) -> oss2.Bucket:
        auth = oss2.AuthV4("local-id", "local-secret")
        return oss2.Bucket(auth, self.url, BUCKET, region="cn-hangzhou", connect_timeout=10)

    def end(self, number: signal.Signals) -> None:
        self.instances = children(self.process.pid)
        self.process.send_signal(number)
        self.process.wait(60)
        self.log.close()


@contextmanager
def up(data: Path, ended_by: signal.Signals = signal.SIGINT) -> Iterator[Up]:
    running = Up(data)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(ended_by)


def upload(cloud: Up, keys: list[str], enough: int) -> list[str]:
    """Put digits at the keys from several threads; kill the cloud once `enough` are answered.

    Returns the keys whose upload was answered.
    """
    answered = keys[:1]
    reached = Event()
    cloud.bucket().put_object(keys[0], digit(keys[0]).read_bytes())
    wait_for(cloud.bucket(), {result_of(keys[0])})  # an instance is at work when the rest comes

    def put(mine: list[str]) -> None:
        bucket = cloud.bucket()
        for key in mine:
            try:
                bucket.put_object(key, digit(key).read_bytes())
            except oss2.exceptions.OssError:
                reached.set()
                return
            answered.append(key)
            if len(answered) >= enough:
                reached.set()

    with ThreadPoolExecutor(THREADS) as pool:
        for n in range(THREADS):
            pool.submit(put, keys[1 + n :: THREADS])
        assert reached.wait(120)
        if enough < len(keys):
            cloud.end(signal.SIGKILL)
    return answered


def digit(key: str) -> Path:
    """Which picture goes to a key: the number in its name says so."""
    return DIGITS[int(Path(key).stem) % len(DIGITS)]


def result_of(key: str) -> str:
    return f"output/digits/{Path(key).name}.json"


def wait_for(bucket: oss2.Bucket, expected: set[str]) -> None:
    """Wait until there are these results, whatever others."""
    until = time.monotonic() + 120
    found: set[str] = set()
    while not found >= expected and time.monotonic() < until:
        time.sleep(0.1)
        found = {item.key for item in oss2.ObjectIteratorV2(bucket, prefix="output/")}
    assert sorted(expected - found) == []


def test_kill_9_loses_no_upload_that_was_answered(tmp_path: Path) -> None:
    """Killed twice among uploads, started again: each one answered has its result, and it is right.

    None of its instances outlives the process. A client sends again what was not answered.
    """
    keys = [f"input/digits/{n:04}.png" for n in range(UPLOADS)]
    data = tmp_path / "data"
    answered: set[str] = set()
    for share in (UPLOADS // 3, UPLOADS // 3):
        with up(data) as cloud:
            left = [key for key in keys if key not in answered]
            answered.update(upload(cloud, left, share))
        assert 0 < len(answered) < UPLOADS
        assert cloud.instances
        gone(cloud.instances)
    with up(data) as cloud:
        left = [key for key in keys if key not in answered]
        answered.update(upload(cloud, left, len(left)))
        assert sorted(answered) == keys
        bucket = cloud.bucket()
        wait_for(bucket, {result_of(key) for key in keys})

        documents = {key: json.loads(bucket.get_object(result_of(key)).read()) for key in keys}
        letters = list(oss2.ObjectIteratorV2(bucket, prefix="failed/"))

    labels = {key: document["predictions"][0]["label"] for key, document in documents.items()}
    assert labels == {key: truth(digit(key).name) for key in keys}
    assert letters == []


def gone(pids: list[int]) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not any(map(lives, pids)):
            return
        time.sleep(0.02)
    pytest.fail(f"still there: {pids}")


def test_ctrl_c_keeps_what_is_there(tmp_path: Path) -> None:
    """The next `up` on the folder has the objects of the last one, with their results."""
    with up(tmp_path / "data") as cloud:
        cloud.bucket().put_object("input/digits/0001.png", digit("0001.png").read_bytes())
    with up(tmp_path / "data") as cloud:
        bucket = cloud.bucket()
        wait_for(bucket, {"output/digits/0001.png.json"})

        assert bucket.get_object("input/digits/0001.png").read() == digit("0001.png").read_bytes()


def test_a_second_one_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    """It says what is wrong and what to do, and the first goes on."""
    data = tmp_path / "data"
    with up(data) as cloud:
        command = [sys.executable, "-m", "tools", "up", "--port", "0", "--invoke-port", "0",
                   "--no-console", "--data", str(data)]  # fmt: skip
        second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60,
                                check=False)  # fmt: skip
        cloud.bucket().put_object("elsewhere", b"x")

    message = "is in use by another local cloud; stop it or name another folder"
    assert (second.returncode, second.stderr) == (1, f"error: {data} {message}\n")
