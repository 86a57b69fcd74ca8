"""The operations of OSS that are for appendable objects and links, or tell those from others."""

from urllib.parse import quote, unquote_to_bytes

from tools.localcloud.oss_objects import Service, forbids, kept_headers, result_headers
from tools.localcloud.oss_request import check_key, number
from tools.localcloud.oss_types import OssError, Request, Response


def append(service: Service, request: Request) -> Response:
    """AppendObject."""
    if not request.query.get("position"):
        raise OssError(400, "MissingArgument", "AppendObject has to say its position.")
    position = number(request.query, "position", 0, 0, 5 * 1024**3)
    headers = kept_headers(request.headers)
    event = service.events.of(request, "AppendObject", position)
    stored = service.store.append(
        request.bucket, request.key, position, request.body, headers, untold=event
    )
    service.events.tell(request.bucket, request.key, stored, event)
    return Response(200, {**result_headers(stored), "x-oss-next-append-position": str(stored.size)})


def put_symlink(service: Service, request: Request) -> Response:
    """PutSymlink; the target need not be there."""
    if "x-oss-symlink-target" not in request.headers:
        raise OssError(400, "MissingArgument", "PutSymlink has to name its target.")
    target = check_key(unquote_to_bytes(request.headers["x-oss-symlink-target"]))
    headers, forbid = kept_headers(request.headers), forbids(request.headers)
    event = service.events.of(request, "PutSymlink")
    link = service.store.put_symlink(
        request.bucket, request.key, target, headers, forbid=forbid, untold=event
    )
    service.events.tell(request.bucket, request.key, link, event)
    return Response(200, {"ETag": f'"{link.etag}"'})


def get_symlink(service: Service, request: Request) -> Response:
    """GetSymlink: what a link says, whether its target is there or not."""
    target, link = service.store.symlink(request.bucket, request.key)
    headers = {
        "ETag": f'"{link.etag}"',
        "Last-Modified": link.last_modified,
        "x-oss-symlink-target": quote(target, safe=""),
    }
    return Response(200, headers)


def meta(service: Service, request: Request) -> Response:
    """GetObjectMeta: only size, ETag and time, and those of a link itself."""
    try:
        stored = service.store.symlink(request.bucket, request.key)[1]
    except OssError:  # no link; what else it may be comes again
        stored = service.store.head(request.bucket, request.key)
    headers = {
        "ETag": f'"{stored.etag}"',
        "Last-Modified": stored.last_modified,
        "Content-Length": str(stored.size),
    }
    return Response(200, headers)
