"""What the console says of a dead letter: done when its image is, and not before."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import oss2
import pytest

from fanlight.document import to_bytes
from fanlight.store_oss import object_version
from tests.results.made import classified, failed
from tools.console.documents import Documents
from tools.console.feed import Feed
from tools.letters import LETTER_LIMIT
from tools.localcloud.oss import Credentials, OssEndpoint
from tools.samples import sample
from tools.template import from_source, project_template, read_template

BUCKET, IMAGE, RESULT = "fanlight-demo", "input/digits/a 7.png", "output/digits/a 7.png.json"


@pytest.fixture
def endpoint() -> Iterator[OssEndpoint]:
    with OssEndpoint([Credentials("id", "secret")]) as endpoint:
        endpoint.create_bucket(BUCKET)
        yield endpoint


def classify(bucket: oss2.Bucket, earlier: int = 0) -> None:
    """As the function does it: its result speaks of the object of so many seconds ago."""
    head = bucket.head_object(IMAGE)
    at = head.last_modified - earlier
    version = object_version(head.etag, head.content_length, at)
    document = classified("x", ("7", 0.9), version=version)
    document["source"] |= {"bucket": BUCKET, "key": IMAGE, "etag": head.etag,
                           "size": head.content_length}  # fmt: skip
    bucket.put_object(RESULT, to_bytes(document))


def overwrite(bucket: oss2.Bucket) -> None:
    """Another picture under the same key, after the first had its result."""
    classify(bucket)
    bucket.put_object(IMAGE, sample("1-00002.png"))


def shown(endpoint: OssEndpoint) -> list[dict[str, Any]]:
    """The letters that the console has read when it has begun to tell of any."""
    feed = Feed()
    documents = Documents(feed, endpoint.store, from_source(read_template(project_template())))
    documents.start()
    place = ""
    while not feed.all("letter"):
        batch = feed.after(place, 20)
        assert batch is not None
        assert batch.place != place, "nothing has come"
        place = batch.place
    documents.stop()
    return feed.all("letter")


@pytest.mark.parametrize(
    ("happen", "state"),
    [
        (lambda bucket: None, "open"),
        (classify, "done"),
        (overwrite, "open"),
        (lambda bucket: classify(bucket, 10), "open"),
        (lambda bucket: bucket.put_object(RESULT, b"{}"), "open"),
        (lambda bucket: bucket.delete_object(IMAGE), "done"),
    ],
    ids=["nothing", "classified", "overwritten since", "uploaded again", "no result", "deleted"],
)
@pytest.mark.parametrize("named", [IMAGE, IMAGE.replace(" ", "%20")], ids=["plain", "encoded"])
def test_a_letter_is_done_when_its_image_is(
    endpoint: OssEndpoint, happen: Callable[[oss2.Bucket], None], named: str, state: str
) -> None:
    """A result of bytes that have been replaced settles nothing: the last upload has none.

    Where there is no object of the key as the event spelled it, the image need not be gone.
    """
    auth = oss2.AuthV4("id", "secret")
    bucket = oss2.Bucket(auth, endpoint.url, BUCKET, region="cn-hangzhou")
    bucket.put_object(IMAGE, sample("7-00000.png"))
    letter = failed(None, source={"bucket": BUCKET, "key": named})
    bucket.put_object("failed/2026-11-26/a.json", json.dumps(letter))
    happen(bucket)

    assert [record["state"] for record in shown(endpoint)] == [state]


def test_what_is_too_large_for_a_letter_is_not_read(endpoint: OssEndpoint) -> None:
    """Whoever may write there cannot fill this process's memory; the letter after it is shown."""
    auth = oss2.AuthV4("id", "secret")
    bucket = oss2.Bucket(auth, endpoint.url, BUCKET, region="cn-hangzhou")
    letter = json.dumps(failed(None))
    # Read from the oldest on, and of one second from the last name on.
    bucket.put_object("failed/2026-11-26/b.json", letter + " " * LETTER_LIMIT)
    bucket.put_object("failed/2026-11-26/a.json", letter)

    assert [record["key"] for record in shown(endpoint)] == ["failed/2026-11-26/a.json"]
