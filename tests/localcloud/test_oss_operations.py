"""Every operation of oss2 against the local OSS endpoint, as the table in the docs has it."""

import inspect
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import oss2
import oss2.models as m
import pytest

from tests.localcloud.oss_cases import CASES, Scene
from tools.localcloud.oss import Credentials, OssEndpoint

SERIALS = itertools.count()
DOCS = Path(__file__).parents[2] / "docs" / "local-cloud.md"


@dataclass(frozen=True)
class Row:
    name: str
    supported: bool
    remark: str


def rows() -> list[Row]:
    found = re.findall(r"^\| `(\w+\.\w+)` \| (supported|refused) \|(.*)\|$", DOCS.read_text(), re.M)
    return [Row(name, kind == "supported", remark.strip()) for name, kind, remark in found]


ROWS = rows()
SUPPORTED = [row.name for row in ROWS if row.supported]
REFUSED = [row for row in ROWS if not row.supported]


def requesting(kind: type) -> set[str]:
    """The public methods of an oss2 class that send a request, themselves or through another."""
    methods = dict(inspect.getmembers(kind, inspect.isfunction))
    sending = {"_do", "_do_url"}
    while True:
        found = {name for name, method in methods.items() if sending & {*method.__code__.co_names}}
        if found <= sending:
            return {f"{kind.__name__}.{name}" for name in found if not name.startswith("_")}
        sending |= found


def test_the_table_lists_every_operation() -> None:
    """Each public method of oss2 that makes a request has one row, and there are no others."""
    names = [row.name for row in ROWS]

    assert sorted(names) == sorted({*requesting(oss2.Service), *requesting(oss2.Bucket)})
    assert CASES.keys() == {*SUPPORTED}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[OssEndpoint]:
    with OssEndpoint([Credentials("id", "secret")]) as endpoint:
        yield endpoint


@pytest.fixture
def scene(endpoint: OssEndpoint, tmp_path: Path, request: pytest.FixtureRequest) -> Scene:
    version = getattr(request, "param", oss2.AUTH_VERSION_4)
    return Scene(endpoint.url, f"case-{next(SERIALS)}", tmp_path, version)


@pytest.mark.parametrize("scene", [oss2.AUTH_VERSION_1, oss2.AUTH_VERSION_4], indirect=True)
@pytest.mark.parametrize("name", SUPPORTED)
def test_what_is_supported_does_its_thing(scene: Scene, name: str) -> None:
    """The operation does what it is for, signed either way, and answers what oss2 can read."""
    CASES[name](scene)


# What a refused method is to be called with; every other required argument is "x".
ARGUMENTS: dict[str, dict[str, Any]] = {
    "Service.put_resource_pool_requester_qos_info": {"qos_configuration": m.QoSConfiguration()},
    "Bucket.delete_object_versions": {
        "keylist_versions": m.BatchDeleteObjectVersionList([m.BatchDeleteObjectVersion("x", "v")])
    },
    "Bucket.set_bucket_storage_capacity": {"user_qos": m.BucketUserQos(1)},
    "Bucket.put_async_fetch_task": {"task_config": m.AsyncFetchTaskConfiguration("u", "x")},
    "Bucket.put_bucket_inventory_configuration": {
        "inventory_configuration": m.InventoryConfiguration("x")
    },
    "Bucket.init_bucket_worm": {"retention_period_days": 1},
    "Bucket.complete_bucket_worm": {"worm_id": "x"},
    "Bucket.extend_bucket_worm": {"worm_id": "x", "retention_period_days": 1},
    "Bucket.put_bucket_replication": {"rule": m.ReplicationRule("x", "other", "oss-cn-beijing")},
    "Bucket.put_bucket_cname": {"input": m.PutBucketCnameRequest("example.com")},
    "Bucket.put_bucket_callback_policy": {"callbackPolicy": []},
    "Bucket.put_bucket_https_config": {
        "httpsConfig": SimpleNamespace(tls_enabled=True, tls_version=[])
    },
    "Bucket.create_access_point": {"accessPoint": m.CreateAccessPointRequest("x")},
    "Bucket.put_bucket_requester_qos_info": {"qos_configuration": m.QoSConfiguration()},
}


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.name)
def test_what_is_refused_is_refused_by_name(scene: Scene, row: Row) -> None:
    """The operation is answered with 501 NotImplemented, and the request that is not spoken."""
    owner, _, name = row.name.partition(".")
    method = getattr(scene.service if owner == "Service" else scene.bucket, name)
    needed = [p.name for p in inspect.signature(method).parameters.values() if p.default is p.empty]
    arguments = {**dict.fromkeys(needed, "x"), **ARGUMENTS.get(row.name, {})}
    if "filename" in arguments:
        arguments["filename"] = str(scene.folder / "x")

    with pytest.raises(oss2.exceptions.ServerError) as refused:
        method(**arguments)

    assert (refused.value.status, refused.value.code) == (501, "NotImplemented")
    assert refused.value.message == f"Not spoken by this endpoint: {row.remark.replace('`', '')}."
