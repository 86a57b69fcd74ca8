"""The proof of a backfill, small, and that it finds what is wrong with one."""

from contextlib import closing
from pathlib import Path

import pytest

from tools.bench.cloud import BUCKET
from tools.localcloud.body import Body
from tools.localcloud.oss_store import Store
from tools.prove.backfill import STOPS, prove
from tools.prove.bucket import Bucket, verdict


def test_a_small_bucket_is_proved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stopped three times and finished: one true result for each object, and figures for all."""
    assert prove(tmp_path, 400, "local")

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "status", *["stopped"] * len(STOPS), "finished", "status", "listing", "memory", "checked",
    ]  # fmt: skip
    assert lines[6].startswith("listing       2 requests for 400 objects, at most 11")
    assert lines[-1].startswith("checked       400 objects; ")
    assert lines[-1].endswith(" writes over HTTP here, 0 violations")


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    """A result too many, one too few, and one of another picture."""
    bucket = Bucket(tmp_path, 20)
    bucket.fill(results=True)
    sound = verdict(bucket)
    with closing(Store(bucket.objects)) as store:
        other = store.get(BUCKET, "output/0000001.png.json")[1].read()
        store.put(BUCKET, "output/0000000.png.json", Body(other), {}, forbid=False)
        store.put(BUCKET, "output/more.json", Body(other), {}, forbid=False)
        store.delete(BUCKET, ["output/0000005.png.json"])

    wrong = verdict(bucket)

    assert sound == []
    assert [line.split(":")[0] for line in wrong] == [
        "output/more.json is nobody's result",
        "input/0000000.png",
        "input/0000005.png",
    ]
