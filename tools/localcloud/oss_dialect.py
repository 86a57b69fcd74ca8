"""Which requests of the OSS API are spoken here: routing, refusals, who may.

Whatever is not in the tables below (a subresource, a parameter, an `x-oss-` header) is refused
by its name with 501 NotImplemented: an ACL that was silently ignored would be worse.
"""

import re
from collections.abc import Mapping

from tools.localcloud import oss_buckets, oss_multipart, oss_objects
from tools.localcloud.oss_objects import OVERRIDES, Operation, Service
from tools.localcloud.oss_types import OssError, Request, Response
from tools.localcloud.permissions import needs
from tools.localcloud.signature import is_signing, verify

_HEADER = re.compile(
    "x-oss-(content-sha256|copy-source|date|forbid-overwrite|metadata-directive|range-behavior"
    "|security-token|meta-.*)|(?!x-oss-).*"
)
_CODED = frozenset(["encoding-type"])
_LIST = _CODED | {"prefix", "delimiter", "max-keys"}
_LIST_V2 = _LIST | {"start-after", "continuation-token", "fetch-owner"}
_LIST_PARTS = _CODED | {"max-parts", "part-number-marker"}
_NONE: frozenset[str] = frozenset()

# (level, method, the parameter that selects the operation): the others it takes, the operation.
_ROUTES: dict[tuple[str, str, str], tuple[frozenset[str], Operation]] = {
    ("service", "GET", ""): (frozenset(["prefix", "marker", "max-keys"]), oss_buckets.list_all),
    ("bucket", "PUT", ""): (_NONE, oss_buckets.create),
    ("bucket", "DELETE", ""): (_NONE, oss_buckets.delete),
    ("bucket", "GET", ""): (_LIST | {"marker"}, oss_buckets.list_objects),
    ("bucket", "GET", "list-type"): (_LIST_V2, oss_buckets.list_objects),
    ("bucket", "GET", "bucketInfo"): (_NONE, oss_buckets.info),
    ("bucket", "POST", ""): (_NONE, oss_objects.post),
    ("bucket", "POST", "delete"): (_CODED, oss_buckets.delete_objects),
    ("object", "PUT", ""): (_NONE, oss_objects.put),
    ("object", "GET", ""): (OVERRIDES, oss_objects.get),
    ("object", "HEAD", ""): (_NONE, oss_objects.head),
    ("object", "HEAD", "objectMeta"): (_NONE, oss_objects.head),
    ("object", "DELETE", ""): (_NONE, oss_objects.delete),
    ("object", "POST", "uploads"): (_CODED, oss_multipart.create),
    ("object", "PUT", "uploadId"): (frozenset(["partNumber"]), oss_multipart.put_part),
    ("object", "GET", "uploadId"): (_LIST_PARTS, oss_multipart.list_parts),
    ("object", "POST", "uploadId"): (_CODED, oss_multipart.complete),
    ("object", "DELETE", "uploadId"): (_NONE, oss_multipart.abort),
}


def answer(service: Service, request: Request) -> Response:
    """Do what the request says; raises OssError for what OSS, or this endpoint, refuses."""
    level = "object" if request.key else "bucket" if request.bucket else "service"
    selectors = [key[2] for key in _ROUTES if key[:2] == (level, request.method)]
    selector = next((name for name in selectors if name in request.query), "")
    taken, operation = _ROUTES.get((level, request.method, selector), (_NONE, None))
    parameters = {name for name in request.query if not is_signing(name)} - taken - {selector}
    headers = {name for name in request.headers if not _is_known(name, request.headers)}
    if operation is None or parameters or headers:
        raise _refusal(request.method, level, parameters, headers)
    if operation is not oss_objects.post:  # a form brings its signature among its fields
        signer = verify(request, service.keys, service.region, service.clock())
        service.authorize(signer, needs((level, request.method, selector), request))
    return operation(service, request)


def _refusal(method: str, level: str, parameters: set[str], headers: set[str]) -> OssError:
    what = [method]
    if parameters:
        what.append("?" + "&".join(sorted(parameters)))
    what.append({"service": "of the service", "bucket": "of a bucket"}.get(level, "of an object"))
    if headers:
        what.append("with " + ", ".join(sorted(headers)))
    return OssError(501, "NotImplemented", f"Not spoken by this endpoint: {' '.join(what)}.")


def _is_known(name: str, headers: Mapping[str, str]) -> bool:
    if name in ("x-oss-acl", "x-oss-object-acl"):
        return headers[name] in ("private", "default")
    return _HEADER.fullmatch(name) is not None
