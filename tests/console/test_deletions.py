"""What is deleted elsewhere goes from the page too, and what hung on it is looked at again."""

import json
from collections.abc import Iterator
from typing import Any

import oss2
import pytest

from fanlight.document import to_bytes
from fanlight.place import Place
from fanlight.retry import Retry
from fanlight.store_oss import OssStore
from tests.console.mendable import BUCKET, Running, listening, mendable, running
from tests.console.test_streams import until
from tests.results.made import classified, failed
from tools.console.documents import Documents
from tools.console.feed import MOST, Feed
from tools.letters import clear
from tools.localcloud.body import Body
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import Stored
from tools.places import Side
from tools.samples import sample

RESULT = to_bytes(classified("a.png", ("7", 0.5)))


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("code")) as everything:
        everything.mend()
        yield everything


def ids(up: Running, kind: str) -> list[str]:
    return [record["id"].removeprefix(f"{BUCKET}/") for record in up.watch.feed.all(kind)]


def test_results_that_are_deleted_go_from_every_page(up: Running) -> None:
    """One by one or many at once, and whoever follows the stream is told."""
    keys = [f"output/digits/{name}.json" for name in "abc"]
    for key in keys:
        up.bucket.put_object(key, RESULT)
    until(lambda: sorted(ids(up, "result")) == keys)
    with listening(up.console.url) as told:
        next(told)
        up.bucket.delete_object(keys[0])
        until(lambda: sorted(ids(up, "result")) == keys[1:])
        first = next(told)["records"]
        up.bucket.batch_delete_objects(keys[1:])
        until(lambda: not ids(up, "result"))

    assert first == [{"kind": "result", "id": f"{BUCKET}/{keys[0]}", "gone": True}]


def test_a_result_that_is_overwritten_with_none_goes(up: Running) -> None:
    """What stands there now is no result."""
    up.bucket.put_object("output/digits/a.json", RESULT)
    until(lambda: "output/digits/a.json" in ids(up, "result"))
    up.bucket.put_object("output/digits/a.json", b"{}")

    until(lambda: "output/digits/a.json" not in ids(up, "result"))


def test_a_letter_that_run_removes_goes(up: Running) -> None:
    """`fanlight run` clears letters whose image is done, through the endpoint as any client."""
    up.bucket.put_object("input/digits/done.png", sample("7-00000.png"))
    up.record("result", lambda found: found["key"] == "input/digits/done.png")
    letter = failed(None, source={"bucket": BUCKET, "key": "input/digits/done.png"})
    for number in range(3):
        up.bucket.put_object(f"failed/2026-11-26/{number}.json", json.dumps(letter))
    until(lambda: len(ids(up, "letter")) == 3)
    keys = up.cloud.keys
    store = OssStore(
        BUCKET, endpoint=up.cloud.endpoint.url, region="cn-hangzhou",
        credentials=oss2.AuthV4(keys.access_key_id, keys.access_key_secret),
        retry=Retry.lasting(20),
    )  # fmt: skip
    images, results, notes = (
        Side(store, Place(BUCKET, prefix))
        for prefix in ("input/digits/", "output/digits/", "failed/")
    )

    assert clear(images, results, notes) == {"cleared": 3}
    until(lambda: not ids(up, "letter"))


def test_a_letter_follows_its_image_and_the_result(up: Running) -> None:
    """Without the result nothing says that it is done; without the image there is nothing to do."""
    key = "input/digits/with space.png"
    letter = failed(None, source={"bucket": BUCKET, "key": key.replace(" ", "%20")})
    up.bucket.put_object(key, sample("7-00000.png"))
    up.record("result", lambda found: found["key"] == key)
    up.bucket.put_object("failed/follows.json", json.dumps(letter))

    def becomes(state: str) -> None:
        up.record("letter", lambda found: (found["key"], found["state"])
                  == ("failed/follows.json", state))  # fmt: skip

    becomes("done")
    result = up.bucket.get_object(f"output/digits/{key[13:]}.json").read()
    up.bucket.delete_object(f"output/digits/{key[13:]}.json")
    becomes("open")
    up.bucket.put_object(f"output/digits/{key[13:]}.json", result)
    becomes("done")
    up.bucket.delete_object(f"output/digits/{key[13:]}.json")
    becomes("open")
    up.bucket.delete_object(key)
    becomes("done")
    up.bucket.delete_object("failed/follows.json")


def test_all_of_many_deletions_are_seen(up: Running) -> None:
    """As many as a page can show, at once, while as many are written."""
    keys = [f"output/digits/many/{number}.json" for number in range(MOST)]
    for key in keys:
        up.bucket.put_object(key, RESULT)
    until(lambda: keys[-1] in ids(up, "result"))
    up.bucket.batch_delete_objects(keys)
    for number in range(600):
        up.bucket.put_object(f"output/digits/none/{number}.json", b"none")

    until(lambda: not set(keys) & set(ids(up, "result")))


class Deleting(Store):
    """A store in which what has been read is deleted before its reader goes on."""

    armed = False

    def get(self, bucket: str, key: str) -> tuple[Stored, Body]:
        found = super().get(bucket, key)
        if self.armed:
            self.delete(bucket, [key])
        return found


@pytest.mark.parametrize("at_the_start", [True, False])
def test_what_is_deleted_while_it_is_read_is_not_shown(
    tmp_path: Any, *, at_the_start: bool
) -> None:
    """It was there when it was looked at, and would be shown for ever."""
    (tmp_path / "code").mkdir()
    template, feed, store = mendable(tmp_path / "code"), Feed(), Deleting(tmp_path / "store")
    store.create_bucket(BUCKET)
    documents = Documents(feed, store, template)
    store.put(BUCKET, "output/digits/a.json", Body(RESULT), {}, forbid=False)
    store.armed = at_the_start
    documents.start()
    if not at_the_start:
        until(lambda: bool(feed.all("result")))
        store.armed = True
        documents.created(BUCKET, "output/digits/a.json")

    until(lambda: not feed.all("result") and feed.after("", 0).place[-2:] != "-0")  # type: ignore[union-attr]
    documents.stop()
    store.close()
    assert store.on_deleted == []
