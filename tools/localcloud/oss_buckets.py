"""The operations of OSS on buckets: making, removing, listing."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import datetime

from tools.localcloud.oss_objects import Service
from tools.localcloud.oss_request import coder, from_xml, keys_to_delete, number, texts, to_xml
from tools.localcloud.oss_types import Entry, OssError, Request, Response, Xml

_Pairs = list[tuple[str, Xml]]
_OWNER: Xml = [("ID", "localcloud"), ("DisplayName", "localcloud")]


def create(service: Service, request: Request) -> Response:
    """PutBucket; the storage class in the body is of no consequence here."""
    service.store.create_bucket(request.bucket)
    return Response()


def delete(service: Service, request: Request) -> Response:
    """DeleteBucket, of an empty bucket."""
    service.store.delete_bucket(request.bucket)
    return Response(204)


def info(service: Service, request: Request) -> Response:
    """GetBucketInfo."""
    created = service.store.bucket_created(request.bucket)
    about = _bucket(request.bucket, created, service.region)
    about += [("Owner", _OWNER), ("AccessControlList", [("Grant", "private")])]
    return Response(200, {}, to_xml("BucketInfo", [("Bucket", about)]))


def list_all(service: Service, request: Request) -> Response:
    """GetService: the buckets."""
    prefix, marker = request.query.get("prefix", ""), request.query.get("marker", "")
    limit = number(request.query, "max-keys", 100, 1, 1000)
    created = service.store.buckets()
    names = [name for name in created if name.startswith(prefix) and name > marker]
    shown = names[:limit]
    result: _Pairs = [
        ("Owner", _OWNER),
        ("IsTruncated", "true" if len(names) > limit else "false"),
        ("NextMarker", shown[-1] if len(names) > limit else ""),
        ("Buckets", [("Bucket", _bucket(n, created[n], service.region)) for n in shown]),
    ]
    return Response(200, {}, to_xml("ListAllMyBucketsResult", result))


def list_objects(service: Service, request: Request) -> Response:
    """ListObjects (version 1) and ListObjectsV2."""
    query, coded = request.query, coder(request.query)
    version_2 = "list-type" in query
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    limit = number(query, "max-keys", 100, 1, 1000)
    after = _after(query) if version_2 else query.get("marker", "")
    page = service.store.page(request.bucket, prefix, delimiter, after, limit)
    count = str(len(page.entries) + len(page.prefixes))
    result: _Pairs = [
        ("Name", request.bucket),
        ("EncodingType", query.get("encoding-type", "")),
        ("Prefix", coded(prefix)),
        ("Delimiter", coded(delimiter)),
        ("MaxKeys", str(limit)),
        ("IsTruncated", "true" if page.last else "false"),
        ("KeyCount", count) if version_2 else ("Marker", coded(after)),
    ]
    if page.last and version_2:
        token = urlsafe_b64encode(page.last.encode()).decode()
        result.append(("NextContinuationToken", coded(token)))
    elif page.last:
        result.append(("NextMarker", coded(page.last)))
    owned = not version_2 or query.get("fetch-owner") == "true"
    owner: _Pairs = [("Owner", _OWNER)] if owned else []
    result += [("Contents", _contents(entry, coded) + owner) for entry in page.entries]
    result += [("CommonPrefixes", [("Prefix", coded(name))]) for name in page.prefixes]
    return Response(200, {}, to_xml("ListBucketResult", result))


def delete_objects(service: Service, request: Request) -> Response:
    """DeleteMultipleObjects."""
    root = from_xml(request.body.read())
    keys = keys_to_delete(request.body)
    service.store.delete(request.bucket, keys)
    if "true" in texts(root, "Quiet"):
        return Response()
    coded = coder(request.query)
    result: _Pairs = [("EncodingType", request.query.get("encoding-type", ""))]
    result += [("Deleted", [("Key", coded(key))]) for key in keys]
    return Response(200, {}, to_xml("DeleteResult", result))


def _after(query: Mapping[str, str]) -> str:
    token = query.get("continuation-token")
    if not token:
        return query.get("start-after", "")
    try:
        return b64decode(token, b"-_", validate=True).decode()
    except ValueError:
        raise OssError(400, "InvalidArgument", "The continuation token is incorrect.") from None


def _contents(entry: Entry, coded: Callable[[str], str]) -> _Pairs:
    return [
        ("Key", coded(entry.key)),
        ("LastModified", entry.last_modified),
        ("ETag", f'"{entry.etag}"'),
        ("Type", entry.kind),
        ("Size", str(entry.size)),
        ("StorageClass", "Standard"),
    ]


def _bucket(name: str, created: datetime, region: str) -> _Pairs:
    return [
        ("Name", name),
        ("CreationDate", created.strftime("%Y-%m-%dT%H:%M:%S.000Z")),
        ("Location", f"oss-{region}"),
        ("Region", region),
        ("ExtranetEndpoint", f"oss-{region}.aliyuncs.com"),
        ("IntranetEndpoint", f"oss-{region}-internal.aliyuncs.com"),
        ("StorageClass", "Standard"),
    ]
