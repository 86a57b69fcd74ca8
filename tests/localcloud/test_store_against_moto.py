"""The local store beside moto's S3: the same requests, the same keys, ETags, sizes and pages.

Where S3 and OSS agree, moto is a second opinion that shares no line with ours.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import boto3
import moto.s3.models
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from tools.localcloud.body import Body
from tools.localcloud.oss_parts import MIN_PART
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import OssError

BUCKET = "compared"
REFUSED = "refused"  # which of several faults is named first differs
# What a step came to: a refusal's code, or whatever the operation tells.
Outcome = Any


class Ours:
    """The store, told in the words of the steps."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.store.create_bucket(BUCKET)

    def put(self, key: str, content: bytes) -> Outcome:
        return self.store.put(BUCKET, key, Body(content), {}, forbid=False).etag

    def copy(self, source: str, target: str) -> Outcome:
        try:
            return self.store.copy((BUCKET, source), (BUCKET, target), {}, forbid=False).etag
        except OssError as error:
            return error.code

    def delete(self, keys: list[str]) -> Outcome:
        self.store.delete(BUCKET, keys)

    def read(self, key: str) -> Outcome:
        try:
            stored, body = self.store.get(BUCKET, key)
        except OssError as error:
            return error.code
        content = body.read()
        body.close()
        return stored.etag, stored.size, content

    def page(self, prefix: str, delimiter: str, after: str, limit: int) -> Outcome:
        page = self.store.page(BUCKET, prefix, delimiter, after, limit)
        entries = [(entry.key, entry.etag, entry.size) for entry in page.entries]
        return entries, list(page.prefixes), bool(page.last)

    def upload(self, key: str, parts: dict[int, bytes], chosen: list[int]) -> Outcome:
        many = self.store.multipart
        upload = many.create(BUCKET, key, {}, forbid=False)
        etags = {n: many.put_part(BUCKET, key, upload, n, Body(parts[n])) for n in parts}
        listed = [
            (int(part.key), part.etag, part.size)
            for part in many.parts(BUCKET, key, upload).entries
        ]
        try:
            named = [(n, etags.get(n, "0" * 32)) for n in chosen]
            return listed, many.complete(BUCKET, key, upload, named, forbid=False).etag
        except OssError:
            many.abort(BUCKET, key, upload)
            return listed, REFUSED


class Moto:
    """moto's S3, told in the same words."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        self.client.create_bucket(Bucket=BUCKET)

    def put(self, key: str, content: bytes) -> Outcome:
        return etag(self.client.put_object(Bucket=BUCKET, Key=key, Body=content))

    def copy(self, source: str, target: str) -> Outcome:
        try:
            answer = self.client.copy_object(
                Bucket=BUCKET,
                Key=target,
                CopySource={"Bucket": BUCKET, "Key": source},
                MetadataDirective="REPLACE",  # else S3 refuses a copy onto itself, and OSS does not
            )
        except self.client.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return etag(answer["CopyObjectResult"])

    def delete(self, keys: list[str]) -> Outcome:
        listed = [{"Key": key} for key in keys]
        self.client.delete_objects(Bucket=BUCKET, Delete={"Objects": listed})

    def read(self, key: str) -> Outcome:
        try:
            answer = self.client.get_object(Bucket=BUCKET, Key=key)
        except self.client.exceptions.ClientError as error:
            return error.response["Error"]["Code"]
        return etag(answer), answer["ContentLength"], answer["Body"].read()

    def page(self, prefix: str, delimiter: str, after: str, limit: int) -> Outcome:
        answer = self.client.list_objects_v2(
            Bucket=BUCKET, Prefix=prefix, Delimiter=delimiter, StartAfter=after, MaxKeys=limit
        )
        entries = [(one["Key"], etag(one), one["Size"]) for one in answer.get("Contents", [])]
        prefixes = [one["Prefix"] for one in answer.get("CommonPrefixes", [])]
        return entries, prefixes, answer["IsTruncated"]

    def upload(self, key: str, parts: dict[int, bytes], chosen: list[int]) -> Outcome:
        place: dict[str, Any] = {"Bucket": BUCKET, "Key": key}
        place["UploadId"] = self.client.create_multipart_upload(**place)["UploadId"]
        etags = {
            n: self.client.upload_part(**place, PartNumber=n, Body=parts[n])["ETag"] for n in parts
        }
        listed = [
            (part["PartNumber"], etag(part), part["Size"])
            for part in self.client.list_parts(**place).get("Parts", [])
        ]
        named = [{"PartNumber": n, "ETag": etags.get(n, f'"{"0" * 32}"')} for n in chosen]
        try:
            answer = self.client.complete_multipart_upload(
                **place, MultipartUpload={"Parts": named}
            )
        except self.client.exceptions.ClientError:
            self.client.abort_multipart_upload(**place)
            return listed, REFUSED
        return listed, etag(answer)


def etag(answer: dict[str, Any]) -> str:
    return str(answer["ETag"]).strip('"').upper()


@pytest.fixture(scope="module")
def small_parts() -> Iterator[None]:
    least = moto.s3.models.S3_UPLOAD_PART_MIN_SIZE
    moto.s3.models.S3_UPLOAD_PART_MIN_SIZE = MIN_PART  # OSS takes smaller parts than S3
    yield
    moto.s3.models.S3_UPLOAD_PART_MIN_SIZE = least


TEXT = st.text(st.sampled_from("ab/é%\U0001f600～"), max_size=5)
# A few keys often, so that steps meet; the others seldom.
KEY = st.sampled_from(["a", "a/b", "a/b/é", "ab", "b"]) | TEXT.filter(
    lambda key: re.fullmatch(r"(?!/).*[^/.]", key)
)
PARTS = st.dictionaries(
    st.integers(1, 4),
    st.sampled_from([b"", b"a", b"b" * MIN_PART, b"c" * (MIN_PART + 1)]),
    max_size=4,
)
CHOSEN = st.lists(st.integers(1, 4), unique=True, min_size=1, max_size=4).map(sorted)
STEP = st.one_of(
    st.tuples(st.just("put"), KEY, st.binary(max_size=3)),
    st.tuples(st.just("copy"), KEY, KEY),
    st.tuples(st.just("delete"), st.lists(KEY, min_size=1, max_size=3, unique=True)),
    st.tuples(st.just("read"), KEY),
    st.tuples(st.just("upload"), KEY, PARTS, CHOSEN),
    st.tuples(
        st.just("page"), TEXT, st.sampled_from(["", "/", "é", "ab"]), TEXT, st.integers(1, 4)
    ),
)


@settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(keys=st.sets(KEY, max_size=8), steps=st.lists(STEP, max_size=12))
def test_the_store_does_what_moto_does(
    small_parts: None, tmp_path_factory: pytest.TempPathFactory, keys: set[str], steps: list[Any]
) -> None:
    """Played on both, every step tells the same, and in the end the same objects are there."""
    with mock_aws(), closing(Store(tmp_path_factory.mktemp("store"))) as store:
        ours, motos = Ours(store), Moto()
        for name, *arguments in [*(("put", key, b"") for key in sorted(keys)), *steps]:
            if name == "copy" and "-" in str(ours.read(arguments[0])[0]):
                continue  # S3 gives a copy of parts an ETag of its own; OSS keeps them
            outcomes = [getattr(one, name)(*arguments) for one in (ours, motos)]
            assert outcomes[0] == outcomes[1], (name, arguments)
        for place in [("", ""), ("", "/"), ("a", "b")]:
            after, more = "", True
            while more:
                shown = ours.page(*place, after, 2)
                assert shown == motos.page(*place, after, 2), (place, after)
                entries, prefixes, more = shown
                after = max(
                    [*prefixes, *(key for key, _, _ in entries)], default="", key=str.encode
                )
