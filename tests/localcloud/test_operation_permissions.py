"""Each OSS operation takes the permissions that OSS asks for it, and no others."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import oss2
import oss2.models
import pytest
import requests

from tests.localcloud.policies import ACCOUNT, ALL, HOME, REGION, Document, policy
from tools.localcloud.oss import Credentials, OssEndpoint
from tools.localcloud.oss_dialect import ROUTES
from tools.localcloud.permissions import ACTIONS

OWNER = Credentials("owner-id", "owner-secret")
ROLE = Credentials("some-role-id", "some-role-secret", "some-role-token")


class Scene:
    """An endpoint with an object `a` and an upload of `parts`, and a role without permissions."""

    def __init__(self, *documents: Document) -> None:
        self.endpoint = OssEndpoint(
            [OWNER, ROLE], region=REGION, account=ACCOUNT,
            policies={ROLE.access_key_id: documents},
        )  # fmt: skip
        self.endpoint.start()
        self.endpoint.create_bucket("bbb")
        self.endpoint.create_bucket("empty")
        owner = self._bucket(oss2.AuthV4(OWNER.access_key_id, OWNER.access_key_secret))
        owner.put_object("a", b"content")
        owner.append_object("log", 0, b"x")
        owner.put_symlink("a", "link")
        self.upload = owner.init_multipart_upload("parts").upload_id
        self.etag = owner.upload_part("parts", self.upload, 1, b"x").etag
        self.auth = oss2.StsAuth(ROLE.access_key_id, ROLE.access_key_secret, ROLE.security_token,
                                 auth_version=oss2.AUTH_VERSION_4)  # fmt: skip
        self.role = self._bucket(self.auth)

    def other(self, name: str) -> Any:
        return oss2.Bucket(self.auth, self.endpoint.url, name, region=REGION)

    def _bucket(self, auth: Any) -> Any:
        return oss2.Bucket(auth, self.endpoint.url, "bbb", region=REGION)

    def post_form(self) -> None:
        document = json.dumps({"expiration": "2099-01-01T00:00:00.000Z", "conditions": []})
        encoded = oss2.utils.b64encode_as_string(document)
        fields = {
            "key": "new", "policy": encoded, "OSSAccessKeyId": ROLE.access_key_id,
            "x-oss-security-token": ROLE.security_token,
            "signature": oss2.utils.b64encode_as_string(_hmac(ROLE.access_key_secret, encoded)),
        }  # fmt: skip
        answer = requests.post(f"{self.endpoint.url}/bbb", data=fields,
                               files={"file": ("n", b"x")}, timeout=20)  # fmt: skip
        if answer.status_code == 403:
            raise _Refused(answer.text)
        answer.raise_for_status()


class _Refused(Exception):
    """A form was answered with 403."""


def _hmac(secret: str, text: str) -> bytes:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()


def signed_get(scene: Scene) -> None:
    answer = requests.get(scene.role.sign_url("GET", "a", 60), timeout=20)
    if answer.status_code == 403:
        raise _Refused(answer.text)
    answer.raise_for_status()


@dataclass(frozen=True)
class Operation:
    """One request of a role: its route, how to make it, and the (action, resource) it takes."""

    name: str
    route: tuple[str, str, str]
    step: Callable[[Scene], Any]
    needed: list[tuple[str, str]]


BUCKET = f"{HOME}:bbb"
GET_A = ("GetObject", f"{BUCKET}/a")
PUT_NEW, PUT_PARTS = ("PutObject", f"{BUCKET}/new"), ("PutObject", f"{BUCKET}/parts")
OPERATIONS = [
    Operation("ListBuckets", ("service", "GET", ""),
              lambda s: oss2.Service(s.auth, s.endpoint.url, region=REGION).list_buckets(),
              [("ListBuckets", f"{HOME}:*")]),
    Operation("PutBucket", ("bucket", "PUT", ""),
              lambda s: s.other("ccc").create_bucket(), [("PutBucket", f"{HOME}:ccc")]),
    Operation("DeleteBucket", ("bucket", "DELETE", ""),
              lambda s: s.other("empty").delete_bucket(), [("DeleteBucket", f"{HOME}:empty")]),
    Operation("ListObjects", ("bucket", "GET", ""),
              lambda s: s.role.list_objects(), [("ListObjects", BUCKET)]),
    Operation("ListObjectsV2", ("bucket", "GET", "list-type"),
              lambda s: s.role.list_objects_v2(), [("ListObjects", BUCKET)]),
    Operation("GetBucketInfo", ("bucket", "GET", "bucketInfo"),
              lambda s: s.role.get_bucket_info(), [("GetBucketInfo", BUCKET)]),
    Operation("ListMultipartUploads", ("bucket", "GET", "uploads"),
              lambda s: s.role.list_multipart_uploads(), [("ListMultipartUploads", BUCKET)]),
    Operation("PostObject", ("bucket", "POST", ""), Scene.post_form, [PUT_NEW]),
    Operation("DeleteMultipleObjects", ("bucket", "POST", "delete"),
              lambda s: s.role.batch_delete_objects(["a", "new"]),
              [("DeleteObject", f"{BUCKET}/a"), ("DeleteObject", f"{BUCKET}/new")]),
    Operation("PutObject", ("object", "PUT", ""),
              lambda s: s.role.put_object("new", b"x"), [PUT_NEW]),
    Operation("CopyObject", ("object", "PUT", ""),
              lambda s: s.role.copy_object("bbb", "a", "new"), [GET_A, PUT_NEW]),
    Operation("UpdateObjectMeta", ("object", "PUT", ""),
              lambda s: s.role.update_object_meta("a", {"x-oss-meta-b": "c"}),
              [GET_A, ("PutObject", f"{BUCKET}/a")]),
    Operation("GetObject", ("object", "GET", ""),
              lambda s: s.role.get_object("a").read(), [GET_A]),
    Operation("GetObject by signed URL", ("object", "GET", ""), signed_get, [GET_A]),
    Operation("GetObject through a link", ("object", "GET", ""),
              lambda s: s.role.get_object("link").read(), [("GetObject", f"{BUCKET}/link")]),
    Operation("HeadObject", ("object", "HEAD", ""),
              lambda s: s.role.head_object("a"), [GET_A]),
    Operation("GetObjectMeta", ("object", "HEAD", "objectMeta"),
              lambda s: s.role.get_object_meta("a"), [GET_A]),
    Operation("DeleteObject", ("object", "DELETE", ""),
              lambda s: s.role.delete_object("a"), [("DeleteObject", f"{BUCKET}/a")]),
    Operation("AppendObject", ("object", "POST", "append"),
              lambda s: s.role.append_object("log", 1, b"x"), [("PutObject", f"{BUCKET}/log")]),
    Operation("PutSymlink", ("object", "PUT", "symlink"),
              lambda s: s.role.put_symlink("a", "new"), [PUT_NEW]),
    Operation("GetSymlink", ("object", "GET", "symlink"),
              lambda s: s.role.get_symlink("link"), [("GetObject", f"{BUCKET}/link")]),
    Operation("InitiateMultipartUpload", ("object", "POST", "uploads"),
              lambda s: s.role.init_multipart_upload("new"), [PUT_NEW]),
    Operation("UploadPart", ("object", "PUT", "uploadId"),
              lambda s: s.role.upload_part("parts", s.upload, 1, b"x"), [PUT_PARTS]),
    Operation("UploadPartCopy", ("object", "PUT", "uploadId"),
              lambda s: s.role.upload_part_copy("bbb", "a", None, "parts", s.upload, 2),
              [GET_A, PUT_PARTS]),
    Operation("ListParts", ("object", "GET", "uploadId"),
              lambda s: s.role.list_parts("parts", s.upload),
              [("ListParts", f"{BUCKET}/parts")]),
    Operation("CompleteMultipartUpload", ("object", "POST", "uploadId"),
              lambda s: s.role.complete_multipart_upload(
                  "parts", s.upload, [oss2.models.PartInfo(1, s.etag)]), [PUT_PARTS]),
    Operation("AbortMultipartUpload", ("object", "DELETE", "uploadId"),
              lambda s: s.role.abort_multipart_upload("parts", s.upload),
              [("AbortMultipartUpload", f"{BUCKET}/parts")]),
]  # fmt: skip


def test_every_operation_has_its_action() -> None:
    """There is no request that is answered without a permission, and none that is not tried."""
    assert ACTIONS.keys() == ROUTES.keys() == {one.route for one in OPERATIONS}
    assert [ACTIONS[one.route] for one in OPERATIONS] == [
        f"oss:{one.needed[-1][0]}" for one in OPERATIONS
    ]


Start = Callable[..., Scene]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts scenes, and ends them after the test."""
    with ExitStack() as stack:

        def started(*documents: Document) -> Scene:
            scene = Scene(*documents)
            stack.callback(scene.endpoint.stop)
            return scene

        yield started


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_each_operation_takes_its_permissions(operation: Operation, start: Start) -> None:
    """With exactly these it works; with everything but one of them it is 403 AccessDenied."""
    needed = operation.needed
    exact = policy(*(("Allow", f"oss:{action}", resource) for action, resource in needed))
    operation.step(start(exact))
    for action, resource in needed:
        scene = start(policy(ALL, ("Deny", f"oss:{action}", resource)))
        with pytest.raises((oss2.exceptions.AccessDenied, _Refused)) as refused:
            operation.step(scene)
        assert f"No policy allows oss:{action} on {resource}." in str(refused.value)


def test_head_is_refused_and_a_missing_key_is_missing(start: Start) -> None:
    """HEAD answers 403; with oss:GetObject alone a key that is not there answers 404."""
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        start(policy()).role.head_object("a")
    assert (refused.value.status, refused.value.code) == (403, "AccessDenied")

    scene = start(policy(("Allow", "oss:GetObject", "acs:oss:*:*:bbb/*")))
    assert not scene.role.object_exists("missing")
    with pytest.raises(oss2.exceptions.NoSuchKey):
        scene.role.get_object("missing")
