"""A Ray cluster of two nodes on this machine does what the local engine does."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import oss2
import pytest

from fanlight.answer import Choices
from fanlight.errors import ConfigError
from fanlight.folder_names import TEMPORARY
from fanlight.result import Source
from fanlight.store_folder import FolderStore
from tests.fakes import FolderJob, answer_as
from tools.engine import ENDED, Job
from tools.engine import run as run_here
from tools.engine_ray import run
from tools.localcloud import oss
from tools.models import MODELS
from tools.places import Access
from tools.samples import pictures

ray = pytest.importorskip("ray", reason="needs the ray extra")
pytestmark = pytest.mark.ray

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20}
OWN = oss.Credentials("own", "hidden")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[oss.OssEndpoint]:
    with oss.OssEndpoint([OWN]) as endpoint:
        endpoint.create_bucket("pictures")
        yield endpoint


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of a CPU each, which have keys that this process has not."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", OWN.access_key_id)
        patch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", OWN.access_key_secret)
        head = {"include_dashboard": False, **NODE}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        cluster.add_node(**NODE)
    yield cluster
    cluster.shutdown()


def accidents(source: Source, data: bytes | None) -> dict[str, Any]:
    """An answer for most images; one always ends its process, one does so the first time."""
    if data == b"kill":
        os._exit(9)
    if data and data.startswith(b"/") and not (once := Path(data.decode())).exists():
        once.touch()
        os._exit(9)
    document: dict[str, Any] = answer_as("m")(source, data)
    return document


@dataclass(frozen=True)
class Rough(FolderJob):
    """A job whose answers are `accidents`."""

    def answer(self, source: Source, data: bytes | None) -> dict[str, Any]:
        return accidents(source, data)


def job(kind: type[Job], folder: Path) -> Job:
    (folder / "in").mkdir(exist_ok=True)
    return kind(str(folder / "in"), str(folder / "out"), MODELS / "digits", Choices(), Access())


def documents(folder: Path) -> dict[str, bytes]:
    """All results; what was ended in the middle of a write has left a file that is none."""
    files = (path for path in folder.iterdir() if not path.name.startswith(TEMPORARY))
    return {path.name: path.read_bytes() for path in files}


def filled(folder: Path, count: int) -> list[str]:
    """Write samples, each several times, and something that is no image."""
    folder.mkdir()
    samples = [path for path in pictures() if path.stat().st_size < 10_000]
    names = [f"{number:04d}.png" for number in range(count)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(samples[number % len(samples)].read_bytes())
    (folder / names[-1]).write_text("no image")
    return names


def test_results_are_those_of_the_local_engine(cluster: Any, tmp_path: Path) -> None:
    """Every key has one outcome, and every document is what this machine would have written."""
    names = filled(tmp_path / "in", 300)
    asked = job(Job, tmp_path)

    outcomes = list(run(asked, iter(names), cluster.address, None))
    local = replace(asked, out=str(tmp_path / "here"))
    here = list(run_here(local, names, 1))

    def sorted_by_key(outcomes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        told = [{k: v for k, v in outcome.items() if k != "result"} for outcome in outcomes]
        return sorted(told, key=lambda outcome: str(outcome["key"]))

    assert sorted_by_key(outcomes) == sorted_by_key(here)
    assert documents(tmp_path / "out") == documents(tmp_path / "here")
    assert not ray.is_initialized()


def test_keys_of_a_bucket_are_the_nodes_own(
    cluster: Any, endpoint: oss.OssEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no access key where the run is started, nodes use theirs."""
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID", raising=False)
    names = filled(tmp_path / "in", 40)
    auth = oss2.AuthV4(OWN.access_key_id, OWN.access_key_secret)
    bucket = oss2.Bucket(auth, endpoint.url, "pictures", region="cn-hangzhou")
    for name in names:
        bucket.put_object(f"in/{name}", (tmp_path / "in" / name).read_bytes())
    access = Access(endpoint.url, "cn-hangzhou")
    places = ("oss://pictures/in/", "oss://pictures/out/")

    asked = Job(*places, MODELS / "digits", Choices(), access)
    outcomes = list(run(asked, [f"in/{name}" for name in names], cluster.address, 2))

    assert Counter(o["outcome"] for o in outcomes) == {"classified": 39, "rejected": 1}
    results = {item.key for item in oss2.ObjectIteratorV2(bucket, prefix="out/")}
    assert results == {f"out/{name}.json" for name in names}


def test_what_ends_an_actor_costs_others_nothing(cluster: Any, tmp_path: Path) -> None:
    """An image that ends each actor fails alone; one over which an actor ended once is done."""
    contents = {f"{number:03d}": b"fine" for number in range(150)}
    contents |= {"031": b"kill", "090": str(tmp_path / "once").encode()}
    asked = job(Rough, tmp_path)
    for name, data in contents.items():
        (tmp_path / "in" / name).write_bytes(data)

    outcomes = list(run(asked, sorted(contents), cluster.address, None))

    assert sorted(outcome["key"] for outcome in outcomes) == sorted(contents)
    failed = {o["key"]: o["reason"] for o in outcomes if o["outcome"] == "failed"}
    assert failed == {"031": ENDED}
    found = {meta.key for meta in FolderStore(tmp_path / "out", escaped=True).list("")}
    assert found == {f"{key}.json" for key in contents.keys() - {"031"}}


def test_a_run_that_is_stopped_leaves_the_cluster_free(cluster: Any, tmp_path: Path) -> None:
    """Closing it ends its actors and its connection, and the next run does the rest."""
    names = filled(tmp_path / "in", 600)
    asked = job(Job, tmp_path)
    stopped = run(asked, names, cluster.address, None)
    first = next(stopped)
    stopped.close()  # type: ignore[attr-defined]

    rest = list(run(asked, names, cluster.address, None))

    assert first["outcome"] == "classified"
    assert len(rest) == 600
    done = Counter(outcome["outcome"] for outcome in rest)
    assert 0 < done["unchanged"] < 600
    assert done["failed"] == 0


def test_a_run_is_stopped_in_order_by_sigterm(tmp_path: Path) -> None:
    """As on other engines, with a summary: Ray would print a stack and leave by itself."""
    filled(tmp_path / "in", 2000)
    command = [sys.executable, "-m", "tools", "run", "in", "-m", "digits", "--engine", "ray",
               "--address", "local", "-p", "1", "--json", "told.json"]  # fmt: skip
    with (tmp_path / "errors").open("wb") as errors:
        stopped = subprocess.Popen(command, cwd=tmp_path, stderr=errors, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 100
    while not any(tmp_path.glob("in-results/*.json")) and time.monotonic() < end:
        time.sleep(0.05)
    stopped.terminate()

    assert stopped.wait(60) == 130
    assert (tmp_path / "errors").read_text().startswith("stopping; run again to go on\n")
    assert json.loads((tmp_path / "told.json").read_text())["interrupted"]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nonsense"])
def test_a_cluster_that_is_not_there_is_told(tmp_path: Path, address: str) -> None:
    """The address stands in the error, with what else could be done, and nothing is waited for."""
    asked = job(Job, tmp_path)

    with pytest.raises(ConfigError, match=f"no Ray cluster at {address}: .*; give --address"):
        list(run(asked, ["a.png"], address, None))
    assert list((tmp_path / "out").iterdir()) == []


def test_without_keys_no_cluster_is_needed(tmp_path: Path) -> None:
    """Nothing to do is done without a connection."""
    assert list(run(job(Job, tmp_path), [], "127.0.0.1:1", None)) == []


def test_a_node_that_ends_costs_time_alone(cluster: Any, tmp_path: Path) -> None:
    """Half-way a node is killed: every key has its true result, and none fails."""
    names = filled(tmp_path / "in", 800)
    asked = job(Job, tmp_path)
    node = next(node for node in cluster.list_all_nodes() if not node.is_head())

    outcomes = []
    for outcome in run(asked, names, cluster.address, None):
        outcomes.append(outcome)
        if len(outcomes) == 300:
            cluster.remove_node(node, allow_graceful=False)

    assert sorted(outcome["key"] for outcome in outcomes) == names
    assert {outcome["outcome"] for outcome in outcomes} <= {"classified", "rejected", "unchanged"}
    here = replace(asked, out=str(tmp_path / "here"))
    list(run_here(here, names, 1))
    assert documents(tmp_path / "out") == documents(tmp_path / "here")
