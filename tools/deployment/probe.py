"""Small requests to OSS that tell what a deployment would meet, and what each refusal means."""

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeVar

import oss2
import oss2.exceptions
import requests
import urllib3

from fanlight.archive import Archive
from fanlight.store_oss import Credentials, signing

T = TypeVar("T")

Progress = Callable[[str, int], AbstractContextManager[Any]]
"""A label and how many bytes are to come -> something with `update(bytes)`."""

Keep = Callable[[bytes], object]

_CONNECT, _READ = 4.0, 20.0
"""Seconds. Nobody waits two minutes to hear that a name is misspelled."""
_CHUNK = 1024 * 1024
_OFFICIAL = re.compile(r"(?:.*\.)?oss-(?P<region>[a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com")
_KEYS = "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"

# OSS's error code -> what kind of refusal it is, and what to do.
_REFUSALS = {
    "InvalidAccessKeyId": ("credentials", f"OSS does not know this access key; check {_KEYS}"),
    "SignatureDoesNotMatch": ("credentials", "the secret is not this access key's; check "
                              "ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
    "SecurityTokenExpired": ("credentials", "the temporary keys have expired; get new ones"),
    "InvalidSecurityToken": ("credentials", "the security token is not these keys'; check "
                             "ALIBABA_CLOUD_SECURITY_TOKEN"),
    "RequestTimeTooSkewed": ("credentials", "this machine's clock is wrong; set it"),
    "NoSuchBucket": ("bucket", "there is no such bucket; create it in the functions' region, or "
                     "correct vars.bucket"),
    "NoSuchKey": ("missing", "there is no such object"),
    "AccessDenied": ("permission", "permission denied"),
}  # fmt: skip
_ELSEWHERE = "the bucket is in another region; it has to be in the functions' own"
_SIGNED_FOR = "OSS expects another region in the signature; set --region to the endpoint's own"
EVERYWHERE = ("credentials", "region", "endpoint")
"""Kinds of refusal that every other request would meet too."""


class Refused(Exception):
    """OSS did not do it. `kind`: one of `EVERYWHERE`, `bucket`, `permission`, `missing`, `other`.

    Its text says what to do, and holds nothing of the request that was signed.
    """

    def __init__(self, kind: str, advice: str) -> None:
        super().__init__(advice)
        self.kind = kind


@dataclass(frozen=True)
class Prober:
    """Asks one endpoint as the holder of `keys`. Every method raises Refused."""

    endpoint: str
    region: str
    keys: Credentials
    session: oss2.Session = field(default_factory=oss2.Session)

    def reach(self) -> None:
        """Whether OSS answers there, whatever it says."""
        try:
            answer = requests.get(self.endpoint, timeout=(_CONNECT, _READ), allow_redirects=False)
        except (requests.RequestException, ValueError) as error:
            raise Refused("endpoint", _unreachable(self.endpoint, error)) from None
        answer.close()
        if "x-oss-request-id" not in answer.headers:
            raise Refused("endpoint", f"what answers at {self.endpoint} (status "
                          f"{answer.status_code}) is not OSS; check --endpoint")  # fmt: skip

    def read(self, bucket: str, key: str) -> None:
        """Whether the object may be read, be it there or not. A HEAD would not say why not."""
        try:
            self._ask(lambda: self._open(bucket).get_object(key)).resp.response.close()
        except Refused as refused:
            if refused.kind != "missing":
                raise

    def list(self, bucket: str, prefix: str) -> None:
        """Whether what is below the prefix may be listed."""
        self._ask(lambda: self._open(bucket).list_objects_v2(prefix, max_keys=1))

    def write(self, bucket: str, key: str) -> None:
        """Write an empty object."""
        self._ask(lambda: self._open(bucket).put_object(key, b""))

    def delete(self, bucket: str, key: str) -> None:
        """Remove it again."""
        self._ask(lambda: self._open(bucket).delete_object(key))

    def digest(
        self, archive: Archive, progress: Progress, keep: Keep | None = None, room: float = inf
    ) -> str:
        """The SHA-256 of the bytes that are there, in hexadecimal; read a piece at a time.

        `keep` is given each piece; `room`: how many bytes it can take.
        """
        return self._ask(lambda: self._digest(archive, progress, keep, room))

    def _digest(self, archive: Archive, progress: Progress, keep: Keep | None, room: float) -> str:
        answer = self._open(archive.bucket).get_object(archive.key)
        if answer.content_length > room:
            answer.resp.response.close()
            raise Refused("other", f"{answer.content_length:,} bytes are more than the disk here "
                          "has room for; set TMPDIR to another one")  # fmt: skip
        stream, sha256, size = answer.resp.response.raw, hashlib.sha256(), 0
        with progress(archive.key, answer.content_length) as bar:
            while piece := stream.read(_CHUNK, decode_content=False):
                sha256.update(piece)
                if keep:
                    keep(piece)
                size += len(piece)
                bar.update(len(piece))
        if size != answer.content_length:
            raise Refused("other", f"{size:,} of {answer.content_length:,} bytes came; try again")
        return sha256.hexdigest()

    def _open(self, bucket: str) -> Any:
        return oss2.Bucket(signing(self.keys), self.endpoint, bucket, region=self.region,
                           session=self.session, connect_timeout=(_CONNECT, _READ),
                           enable_crc=False)  # fmt: skip

    def _ask(self, request: Callable[[], T]) -> T:
        try:
            return request()
        except (oss2.exceptions.ClientError, ValueError) as error:
            raise Refused("other", str(getattr(error, "body", error))) from None
        except _LOST as error:
            raise Refused("endpoint", _unreachable(self.endpoint, error)) from None
        except oss2.exceptions.OssError as error:
            raise _refused(error) from None


_LOST = (
    oss2.exceptions.RequestError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
)


def region_of(endpoint: str) -> str | None:
    """The region an endpoint of Alibaba Cloud's names; None for any other."""
    found = _OFFICIAL.fullmatch(endpoint.partition("://")[2].split("/")[0].split(":")[0])
    return found["region"] if found else None


def _refused(error: Any) -> Refused:
    """By code; some codes stand for several things that only the message tells apart."""
    message = str(error.message or "").lower()
    if "signing region" in message:
        kind, advice = "region", _SIGNED_FOR
    elif "specified endpoint" in message:
        kind, advice = "bucket", _ELSEWHERE
    else:
        code = error.code or f"status {error.status}"
        kind, advice = _REFUSALS.get(code, ("other", f"OSS answered {code}"))
    return Refused(kind, f"{advice} (request {error.request_id})")


def _unreachable(endpoint: str, error: Exception) -> str:
    """By the type of the error alone: its text can be a page, and names the same endpoint."""
    name = type(getattr(error, "exception", error)).__name__
    inside = "-internal" in endpoint
    hint = "an -internal one answers only inside its region" if inside else "is it spelled right?"
    return f"{endpoint} does not answer ({name}); {hint}"
