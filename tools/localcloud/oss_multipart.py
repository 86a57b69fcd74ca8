"""The operations of OSS on a multipart upload."""

from tools.localcloud.oss_objects import Service, announce, forbids, kept_headers, result_headers
from tools.localcloud.oss_request import coder, from_xml, number, texts, to_xml
from tools.localcloud.oss_types import OssError, Request, Response, Xml


def create(service: Service, request: Request) -> Response:
    """InitiateMultipartUpload."""
    headers, forbid = kept_headers(request.headers), forbids(request.headers)
    upload = service.store.multipart.create(request.bucket, request.key, headers, forbid=forbid)
    coded = coder(request.query)
    result = [("Bucket", request.bucket), ("Key", coded(request.key)), ("UploadId", upload)]
    return Response(200, {}, to_xml("InitiateMultipartUploadResult", result))


def put_part(service: Service, request: Request) -> Response:
    """UploadPart."""
    if "x-oss-copy-source" in request.headers:
        raise OssError(501, "NotImplemented", "Not spoken by this endpoint: UploadPartCopy.")
    part = number(request.query, "partNumber", 0, 1, 10000)
    upload = request.query["uploadId"]
    body = request.body
    etag = service.store.multipart.put_part(request.bucket, request.key, upload, part, body)
    return Response(200, {"ETag": f'"{etag}"', "x-oss-hash-crc64ecma": str(body.crc)})


def list_parts(service: Service, request: Request) -> Response:
    """ListParts."""
    query = request.query
    limit = number(query, "max-parts", 1000, 1, 1000)
    marker = number(query, "part-number-marker", 0, 0, 10000)
    page = service.store.multipart.parts(
        request.bucket, request.key, query["uploadId"], marker, limit
    )
    result: list[tuple[str, Xml]] = [
        ("Bucket", request.bucket),
        ("EncodingType", query.get("encoding-type", "")),
        ("Key", coder(query)(request.key)),
        ("UploadId", query["uploadId"]),
        ("PartNumberMarker", str(marker)),
        ("NextPartNumberMarker", page.entries[-1].key if page.entries else str(marker)),
        ("MaxParts", str(limit)),
        ("IsTruncated", "true" if page.last else "false"),
    ]
    for part in page.entries:
        about = [("PartNumber", part.key), ("LastModified", part.last_modified)]
        about += [("ETag", f'"{part.etag}"'), ("Size", str(part.size))]
        result.append(("Part", about))
    return Response(200, {}, to_xml("ListPartsResult", result))


def complete(service: Service, request: Request) -> Response:
    """CompleteMultipartUpload."""
    root = from_xml(request.body.read())
    try:
        numbers = [int(text) for text in texts(root, "PartNumber")]
        parts = list(zip(numbers, texts(root, "ETag"), strict=True))
    except ValueError:
        raise OssError(400, "MalformedXML", "Each part has a number and an ETag.") from None
    if numbers != sorted(set(numbers)):
        raise OssError(400, "InvalidPartOrder", "The parts are not in ascending order.")
    stored = service.store.multipart.complete(
        request.bucket,
        request.key,
        request.query["uploadId"],
        parts,
        forbid=forbids(request.headers),
    )
    announce(service, request, "CompleteMultipartUpload", stored)
    key = coder(request.query)(request.key)
    result = [("Bucket", request.bucket), ("Key", key), ("ETag", f'"{stored.etag}"')]
    document = to_xml("CompleteMultipartUploadResult", result)
    return Response(200, result_headers(stored), document)


def abort(service: Service, request: Request) -> Response:
    """AbortMultipartUpload."""
    service.store.multipart.abort(request.bucket, request.key, request.query["uploadId"])
    return Response(204)
