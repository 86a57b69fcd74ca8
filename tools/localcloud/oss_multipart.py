"""The operations of OSS on a multipart upload."""

from tools.localcloud.body import Body
from tools.localcloud.oss_conditions import range_of
from tools.localcloud.oss_objects import Service, forbids, kept_headers, result_headers
from tools.localcloud.oss_request import coder, copy_source, from_xml, number, texts, to_xml
from tools.localcloud.oss_types import OssError, Request, Response, Stored, Xml, iso_time


def create(service: Service, request: Request) -> Response:
    """InitiateMultipartUpload."""
    headers, forbid = kept_headers(request.headers), forbids(request.headers)
    upload = service.store.multipart.create(request.bucket, request.key, headers, forbid=forbid)
    event = service.events.of(request, "InitiateMultipartUpload")
    service.events.tell_part(request.bucket, request.key, Stored("", 0, 0, 0, headers), event)
    coded = coder(request.query)
    result = [("Bucket", request.bucket), ("Key", coded(request.key)), ("UploadId", upload)]
    return Response(200, {}, to_xml("InitiateMultipartUploadResult", result))


def put_part(service: Service, request: Request) -> Response:
    """UploadPart, or UploadPartCopy if a source is named."""
    if "x-oss-copy-source" in request.headers:
        return _copy_part(service, request)
    return _put_part(service, request, "UploadPart", request.body)


def _copy_part(service: Service, request: Request) -> Response:
    stored, content = service.store.get(*copy_source(request.headers))
    wanted = {"range": request.headers.get("x-oss-copy-source-range", "")}
    span = range_of(wanted, stored.size)  # all of it, if it has not that range
    try:
        part = content if span is None else content.part(span.start, span.stop)
        response = _put_part(service, request, "UploadPartCopy", part)
    finally:
        content.close()
    copied_at = iso_time(int(service.clock()))
    result = [("LastModified", copied_at), ("ETag", response.headers["ETag"])]
    return Response(200, response.headers, to_xml("CopyPartResult", result))


def _put_part(service: Service, request: Request, name: str, body: Body) -> Response:
    part = number(request.query, "partNumber", 0, 1, 10000)
    upload = request.query["uploadId"]
    etag = service.store.multipart.put_part(request.bucket, request.key, upload, part, body)
    stored, event = Stored(etag, body.size, 0, body.crc, {}), service.events.of(request, name)
    service.events.tell_part(request.bucket, request.key, stored, event)
    return Response(200, {"ETag": f'"{etag}"', "x-oss-hash-crc64ecma": str(body.crc)})


def list_uploads(service: Service, request: Request) -> Response:
    """ListMultipartUploads."""
    query, coded = request.query, coder(request.query)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    after = query.get("key-marker", ""), query.get("upload-id-marker", "")
    limit = number(query, "max-uploads", 1000, 1, 1000)
    page = service.store.multipart.uploads(request.bucket, prefix, delimiter, after, limit)
    last_key, last_upload = page.last
    result: list[tuple[str, Xml]] = [
        ("Bucket", request.bucket),
        ("EncodingType", query.get("encoding-type", "")),
        ("Prefix", coded(prefix)),
        ("Delimiter", coded(delimiter)),
        ("KeyMarker", coded(after[0])),
        ("UploadIdMarker", after[1]),
        ("NextKeyMarker", coded(last_key)),
        ("NextUploadIdMarker", last_upload),
        ("MaxUploads", str(limit)),
        ("IsTruncated", "true" if last_key else "false"),
    ]
    for upload in page.uploads:
        about = [("Key", coded(upload.key)), ("UploadId", upload.upload)]
        about += [("StorageClass", "Standard"), ("Initiated", upload.last_modified)]
        result.append(("Upload", about))
    result += [("CommonPrefixes", [("Prefix", coded(name))]) for name in page.prefixes]
    return Response(200, {}, to_xml("ListMultipartUploadsResult", result))


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
    event = service.events.of(request, "CompleteMultipartUpload")
    stored = service.store.multipart.complete(
        request.bucket,
        request.key,
        request.query["uploadId"],
        parts,
        forbid=forbids(request.headers),
        untold=event,
    )
    service.events.tell(request.bucket, request.key, stored, event)
    key = coder(request.query)(request.key)
    result = [("Bucket", request.bucket), ("Key", key), ("ETag", f'"{stored.etag}"')]
    document = to_xml("CompleteMultipartUploadResult", result)
    return Response(200, result_headers(stored), document)


def abort(service: Service, request: Request) -> Response:
    """AbortMultipartUpload."""
    service.store.multipart.abort(request.bucket, request.key, request.query["uploadId"])
    return Response(204)
