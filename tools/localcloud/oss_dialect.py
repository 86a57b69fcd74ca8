"""Which requests of the OSS API are spoken here: routing, refusals, who may.

Whatever is not in the table below (a subresource, a parameter, an `x-oss-` header) is refused
by its name with 501 NotImplemented: an ACL that was silently ignored would be worse.
"""

from dataclasses import dataclass

from tools.localcloud import oss_buckets, oss_kinds, oss_multipart, oss_objects
from tools.localcloud.oss_objects import OVERRIDES, PROCESS, Operation, Service
from tools.localcloud.oss_types import OssError, Request, Response
from tools.localcloud.permissions import needs
from tools.localcloud.signature import is_signing, verify

_SIGNED = frozenset(["x-oss-content-sha256", "x-oss-date", "x-oss-security-token"])
_META = "x-oss-meta-"
_ACL = frozenset(["x-oss-acl", "x-oss-object-acl"])
_FORBID = frozenset(["x-oss-forbid-overwrite"])
_WRITE = _FORBID | {_META, "x-oss-object-acl"}
_COPY = frozenset(["x-oss-copy-source", "x-oss-metadata-directive"])
_COPY_PART = frozenset(["x-oss-copy-source", "x-oss-copy-source-range"])

_CODED = frozenset(["encoding-type"])
_LIST = _CODED | {"prefix", "delimiter", "max-keys"}
_LIST_V2 = _LIST | {"start-after", "continuation-token", "fetch-owner"}
_LIST_UPLOADS = _CODED | {"prefix", "delimiter", "max-uploads", "key-marker", "upload-id-marker"}
_LIST_PARTS = _CODED | {"max-parts", "part-number-marker"}


@dataclass(frozen=True)
class Route:
    """An operation, with the parameters and `x-oss-` headers that it takes."""

    operation: Operation
    parameters: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()


# By level, method and the parameter that selects the operation.
ROUTES = {
    ("service", "GET", ""): Route(
        oss_buckets.list_all, frozenset(["prefix", "marker", "max-keys"])
    ),
    ("bucket", "PUT", ""): Route(oss_buckets.create, headers=frozenset(["x-oss-acl"])),
    ("bucket", "DELETE", ""): Route(oss_buckets.delete),
    ("bucket", "GET", ""): Route(oss_buckets.list_objects, _LIST | {"marker"}),
    ("bucket", "GET", "list-type"): Route(oss_buckets.list_objects, _LIST_V2),
    ("bucket", "GET", "bucketInfo"): Route(oss_buckets.info),
    ("bucket", "GET", "uploads"): Route(oss_multipart.list_uploads, _LIST_UPLOADS),
    ("bucket", "POST", ""): Route(oss_objects.post),
    ("bucket", "POST", "delete"): Route(oss_buckets.delete_objects, _CODED),
    ("object", "PUT", ""): Route(oss_objects.put, headers=_WRITE | _COPY),
    ("object", "GET", ""): Route(
        oss_objects.get, OVERRIDES | {PROCESS}, frozenset(["x-oss-range-behavior"])
    ),
    ("object", "HEAD", ""): Route(oss_objects.head),
    ("object", "HEAD", "objectMeta"): Route(oss_kinds.meta),
    ("object", "DELETE", ""): Route(oss_objects.delete),
    ("object", "POST", "append"): Route(
        oss_kinds.append, frozenset(["position"]), _WRITE - _FORBID
    ),
    ("object", "PUT", "symlink"): Route(
        oss_kinds.put_symlink, headers=_WRITE | {"x-oss-symlink-target"}
    ),
    ("object", "GET", "symlink"): Route(oss_kinds.get_symlink),
    ("object", "POST", "uploads"): Route(oss_multipart.create, _CODED, _WRITE),
    ("object", "PUT", "uploadId"): Route(
        oss_multipart.put_part, frozenset(["partNumber"]), _COPY_PART
    ),
    ("object", "GET", "uploadId"): Route(oss_multipart.list_parts, _LIST_PARTS),
    ("object", "POST", "uploadId"): Route(
        oss_multipart.complete, _CODED, _FORBID | {"x-oss-object-acl"}
    ),
    ("object", "DELETE", "uploadId"): Route(oss_multipart.abort),
}


def answer(service: Service, request: Request) -> Response:
    """Do what the request says; raises OssError for what OSS, or this endpoint, refuses."""
    level = "object" if request.key else "bucket" if request.bucket else "service"
    selectors = [key[2] for key in ROUTES if key[:2] == (level, request.method)]
    selector = next((name for name in selectors if name in request.query), "")
    route = ROUTES.get((level, request.method, selector))
    parameters = {name for name in request.query if not is_signing(name)} - {selector}
    headers = set(request.headers)
    if route is not None:
        parameters -= route.parameters
        headers = {name for name in headers if not _takes(route, name, request.headers[name])}
    if route is None or parameters or headers:
        raise _refusal(request.method, level, parameters, headers)
    if route.operation is not oss_objects.post:  # a form brings its signature among its fields
        signer = verify(request, service.keys, service.region, service.clock())
        needed = needs((level, request.method, selector), request)
        service.authorize(signer, needed, request.query.get("prefix"))
    return route.operation(service, request)


def _takes(route: Route, header: str, value: str) -> bool:
    if header.startswith(_META):
        return _META in route.headers
    if header in _ACL and value not in ("private", "default"):
        return False
    return not header.startswith("x-oss-") or header in _SIGNED | route.headers


def _refusal(method: str, level: str, parameters: set[str], headers: set[str]) -> OssError:
    what = [method]
    if parameters:
        what.append("?" + "&".join(sorted(parameters)))
    what.append({"service": "of the service", "bucket": "of a bucket"}.get(level, "of an object"))
    own = sorted(name for name in headers - _SIGNED if name.startswith("x-oss-"))
    if own:
        what.append("with " + ", ".join(own))
    return OssError(501, "NotImplemented", f"Not spoken by this endpoint: {' '.join(what)}.")
