"""The operations of OSS on one object, from a parsed request to the store and back."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from tools.localcloud.body import Body
from tools.localcloud.credentials import Credentials, Keyring
from tools.localcloud.oss_conditions import range_of, status_of
from tools.localcloud.oss_events import Events
from tools.localcloud.oss_image import LIMITS, parse, resized
from tools.localcloud.oss_post import read_form
from tools.localcloud.oss_request import copy_source, header_value, to_xml
from tools.localcloud.oss_store import Store
from tools.localcloud.oss_types import OssError, Request, Response, Stored
from tools.localcloud.permissions import Policy, authorize

_KEPT = frozenset(["cache-control", "content-disposition", "content-encoding", "content-type"])
_KEPT |= {"content-language", "expires"}
PROCESS = "x-oss-process"
OVERRIDES = frozenset(f"response-{name}" for name in _KEPT)


@dataclass(frozen=True)
class Service:
    """What the operations work with. `policies`: by access key; without any, all is allowed.

    `clock`: seconds since 1970, by which signatures are stale and credentials expire.
    """

    store: Store
    keys: Keyring
    clock: Callable[[], float]
    region: str
    account: str
    policies: Mapping[str, Sequence[Policy]]
    events: Events

    def authorize(
        self, who: Credentials, needed: Sequence[tuple[str, str]], prefix: str | None = None
    ) -> None:
        """Raise OSS's AccessDenied unless the holder may do each (action, path) of `needed`.

        `prefix`: what a listing is of.
        """
        home = f"oss-{self.region}:{self.account}"
        authorize(self.policies.get(who.access_key_id), needed, home, prefix)


Operation = Callable[[Service, Request], Response]


def put(service: Service, request: Request) -> Response:
    """PutObject, or CopyObject if a source is named."""
    if "x-oss-copy-source" in request.headers:
        return _copy(service, request)
    event = service.events.of(request, "PutObject")
    stored = service.store.put(
        request.bucket,
        request.key,
        request.body,
        kept_headers(request.headers),
        forbid=forbids(request.headers),
        untold=event,
    )
    service.events.tell(request.bucket, request.key, stored, event)
    return Response(200, result_headers(stored))


def _copy(service: Service, request: Request) -> Response:
    anew = request.headers.get("x-oss-metadata-directive", "COPY").upper() == "REPLACE"
    event = service.events.of(request, "CopyObject")
    stored = service.store.copy(
        copy_source(request.headers),
        (request.bucket, request.key),
        kept_headers(request.headers) if anew else None,
        forbid=forbids(request.headers),
        untold=event,
    )
    service.events.tell(request.bucket, request.key, stored, event)
    copied_at = parsedate_to_datetime(stored.last_modified)
    result = [
        ("LastModified", copied_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")),
        ("ETag", f'"{stored.etag}"'),
    ]
    return Response(200, result_headers(stored), to_xml("CopyObjectResult", result))


def post(service: Service, request: Request) -> Response:
    """PostObject; the key and what else other requests say in headers are fields of the form."""
    form = read_form(request, service.keys, service.clock())
    service.authorize(form.signer, [("oss:PutObject", f"{request.bucket}/{form.key}")])
    headers, forbid = kept_headers(form.fields), forbids(form.fields)
    event = service.events.of(request, "PostObject")
    stored = service.store.put(
        request.bucket, form.key, form.content, headers, forbid=forbid, untold=event
    )
    service.events.tell(request.bucket, form.key, stored, event)
    if form.status != 201:
        return Response(form.status, result_headers(stored))
    result = [("Bucket", request.bucket), ("Key", form.key), ("ETag", f'"{stored.etag}"')]
    return Response(201, result_headers(stored), to_xml("PostResponse", result))


def head(service: Service, request: Request) -> Response:
    """HeadObject."""
    stored = service.store.head(request.bucket, request.key)
    status = status_of(stored, request.headers)
    return Response(status, {**_object_headers(stored), "Content-Length": str(stored.size)})


def get(service: Service, request: Request) -> Response:
    """GetObject, whole or a range of it, or made smaller."""
    stored, body = service.store.get(request.bucket, request.key)
    try:
        if PROCESS in request.query:
            return _processed(request.query[PROCESS], stored, body)
        return _answer(request, stored, body)
    except OssError:
        body.close()
        raise


def _processed(process: str, stored: Stored, body: Body) -> Response:
    """Without ETag, MD5 and CRC: those are of what is stored."""
    asked = parse(process)
    if body.size > LIMITS.max_bytes:
        raise OssError(400, "ImageTooLarge", "The source image is too large.")
    picture = resized(body.read(), asked)
    body.close()
    return Response(
        200,
        {
            "Content-Type": picture.type,
            "Last-Modified": stored.last_modified,
            "x-oss-object-type": stored.kind,
        },
        picture.content,
    )


def _answer(request: Request, stored: Stored, body: Body) -> Response:
    status = status_of(stored, request.headers)
    headers = _object_headers(stored)
    headers |= {
        name.removeprefix("response-").title(): header_value(name, value.encode().decode("latin-1"))
        for name, value in request.query.items()
        if name in OVERRIDES
    }
    span = range_of(request.headers, stored.size)
    if status != 200 or span is None:
        return Response(status, headers, body)
    headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{stored.size}"
    return Response(206, headers, body.part(span.start, span.stop))


def delete(service: Service, request: Request) -> Response:
    """DeleteObject; deleting what is not there succeeds too."""
    service.store.delete(request.bucket, [request.key])
    return Response(204)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What an object keeps of the headers it was written with, or of a form's fields.

    Raises InvalidArgument for a value that it could not be read with.
    """
    kept = {
        name: header_value(name, value)
        for name, value in headers.items()
        if name in _KEPT or name.startswith("x-oss-meta-")
    }
    return {"content-type": "application/octet-stream", **kept}


def forbids(headers: Mapping[str, str]) -> bool:
    """Whether an object that is there already must stay."""
    return headers.get("x-oss-forbid-overwrite", "").lower() == "true"


def result_headers(stored: Stored) -> dict[str, str]:
    """What OSS says about the content, in answer to reads and writes alike."""
    headers = {"ETag": f'"{stored.etag}"', "x-oss-hash-crc64ecma": str(stored.crc)}
    if stored.kind == "Normal":
        headers["Content-MD5"] = b64encode(bytes.fromhex(stored.etag)).decode()
    return headers


def _object_headers(stored: Stored) -> dict[str, str]:
    kept = {k if k.startswith("x-oss-") else k.title(): v for k, v in stored.headers.items()}
    if stored.kind == "Appendable":
        kept["x-oss-next-append-position"] = str(stored.size)
    return {
        **kept,
        **result_headers(stored),
        "Last-Modified": stored.last_modified,
        "Accept-Ranges": "bytes",
        "x-oss-object-type": stored.kind,
        "x-oss-storage-class": "Standard",
    }
