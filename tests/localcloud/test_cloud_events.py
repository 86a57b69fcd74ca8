"""An upload whose event did not get as far as the queue, in a whole local cloud."""

import json
from pathlib import Path

import oss2
import pytest

from tests.localcloud.test_restart import notes, noting
from tools.localcloud.cloud import LOCAL_KEYS, LocalCloud
from tools.localcloud.datafolder import DataFolder
from tools.localcloud.options import Options
from tools.localcloud.oss import ObjectCreated, OssEndpoint


def full(made: ObjectCreated) -> None:
    raise RuntimeError("no more room for events")


def test_an_upload_that_never_reached_the_queue_is_run_by_the_next_cloud(tmp_path: Path) -> None:
    """Every function that wants it has its event, once, from the next start on."""
    options = Options(instances=1, data=tmp_path / "data")
    with LocalCloud(noting(tmp_path), options):
        pass
    objects = DataFolder(tmp_path / "data").objects
    with OssEndpoint([LOCAL_KEYS], data=objects, on_created=full) as oss:
        auth = oss2.AuthV4(LOCAL_KEYS.access_key_id, LOCAL_KEYS.access_key_secret)
        bucket = oss2.Bucket(auth, oss.url, "fanlight-demo", region="cn-hangzhou")
        with pytest.raises(oss2.exceptions.ServerError):
            bucket.put_object("input/digits/7.png", b"x")
    for _ in range(2):
        with LocalCloud(noting(tmp_path), options) as cloud:
            assert cloud.drain()

    for name in ("a", "b"):
        (told,) = notes(tmp_path, name)
        assert json.loads(told)["events"][0]["oss"]["object"]["key"] == "input/digits/7.png"
