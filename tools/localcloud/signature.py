"""Verifies who signed a request: OSS signature versions 1 and 4, in the header or in the URL.

Source: "Include signatures in the Authorization header" and "Include a V4 signature in a URL"
in the OSS API reference, and what oss2 2.19 sends.
"""

import hashlib
import hmac
import re
import time
from base64 import b64encode
from calendar import timegm
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from urllib.parse import quote

from tools.localcloud.oss_types import OssError, Request

# The query parameters that version 1 signs, of those that any operation here takes.
_SUBRESOURCE = re.compile(
    "bucketInfo|continuation-token|delete|objectMeta|partNumber|security-token|uploadId|uploads"
    "|response-.*"
)
_SIGNING = re.compile(
    "OSSAccessKeyId|Expires|Signature|security-token"
    "|x-oss-(additional-headers|credential|date|expires|security-token|signature(-version)?)"
)
_V4 = "OSS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """An access key the endpoint knows; with a security token it is a temporary (STS) one."""

    access_key_id: str
    access_key_secret: str
    security_token: str = ""


def verify(request: Request, known: Sequence[Credentials], region: str) -> Credentials:
    """Which of `known` signed this request; raises the OssError that OSS would answer if none."""
    authorization = request.headers.get("authorization", "")
    token = request.headers.get("x-oss-security-token", "")
    if authorization.startswith(f"{_V4} "):
        fields = dict(re.findall(r"(\w+)=([^,\s]*)", authorization))
        date = request.headers.get("x-oss-date", "")
        return _verify_v4(request, fields, (date, token), known, region)
    if authorization.startswith("OSS "):
        key_id, _, signature = authorization[4:].strip().partition(":")
        date = request.headers.get("x-oss-date") or request.headers.get("date", "")
        return _verify_v1(request, find(known, key_id, token), date, signature)
    if authorization:
        name = authorization.split(" ")[0]
        raise OssError(501, "NotImplemented", f"Signatures of kind {name!r} are not spoken here.")
    if "x-oss-signature" in request.query:
        return _verify_url_v4(request, known, region)
    if "Signature" in request.query:
        return _verify_url_v1(request, known)
    raise OssError(403, "AccessDenied", "The request is not signed.")


def is_signing(parameter: str) -> bool:
    """Whether a query parameter is part of a signed URL, not of what it asks for."""
    return _SIGNING.fullmatch(parameter) is not None


def find(known: Sequence[Credentials], key_id: str, token: str) -> Credentials:
    """The credentials of that id and security token; raises OssError."""
    of_this_id = [one for one in known if one.access_key_id == key_id]
    for one in of_this_id:
        if one.security_token == token:
            return one
    if of_this_id and token:
        raise OssError(403, "InvalidSecurityToken", "The security token you provided is invalid.")
    raise OssError(403, "InvalidAccessKeyId", "The OSS Access Key Id you provided is not known.")


def sign_v1(secret: str, text: bytes) -> str:
    """A version 1 signature: HMAC-SHA1 in base64. Also what signs a form's policy."""
    return b64encode(hmac.new(secret.encode(), text, hashlib.sha1).digest()).decode()


def require_equal(expected: str, given: str) -> None:
    """Raise SignatureDoesNotMatch unless the two signatures are the same."""
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise OssError(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )


def _verify_url_v1(request: Request, known: Sequence[Credentials]) -> Credentials:
    query = request.query
    expires = query.get("Expires", "")
    credentials = find(known, query.get("OSSAccessKeyId", ""), query.get("security-token", ""))
    _verify_v1(request, credentials, expires, query["Signature"])
    _require_unexpired(int(expires) if expires.isdecimal() else 0)
    return credentials


def _verify_v1(
    request: Request, credentials: Credentials, date: str, signature: str
) -> Credentials:
    headers = request.headers
    resource = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    subresources = sorted(item for item in request.query.items() if _SUBRESOURCE.fullmatch(item[0]))
    if subresources:
        resource += "?" + "&".join(f"{k}={v}" if v else k for k, v in subresources)
    signed = _lines({name: v for name, v in headers.items() if name.startswith("x-oss-")})
    start = [request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    text = "\n".join([*start, ""]).encode("latin-1") + signed + resource.encode()
    require_equal(sign_v1(credentials.access_key_secret, text), signature)
    return credentials


def _verify_url_v4(request: Request, known: Sequence[Credentials], region: str) -> Credentials:
    query = request.query
    fields = {
        "Credential": query.get("x-oss-credential", ""),
        "Signature": query["x-oss-signature"],
        "AdditionalHeaders": query.get("x-oss-additional-headers", ""),
    }
    date = query.get("x-oss-date", "")
    token = query.get("x-oss-security-token", "")
    credentials = _verify_v4(request, fields, (date, token), known, region)
    try:
        signed_at = timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
        _require_unexpired(signed_at + int(query.get("x-oss-expires", "")))
    except ValueError:
        raise OssError(400, "InvalidArgument", "x-oss-date or x-oss-expires is invalid.") from None
    return credentials


def _verify_v4(
    request: Request,
    fields: Mapping[str, str],
    date_and_token: tuple[str, str],
    known: Sequence[Credentials],
    region: str,
) -> Credentials:
    date, token = date_and_token
    key_id, _, scope = fields.get("Credential", "").partition("/")
    credentials = find(known, key_id, token)
    if scope != f"{date[:8]}/{region}/oss/aliyun_v4_request":
        message = f"Invalid signing region, date or product in the credential scope {scope!r}."
        raise OssError(400, "InvalidArgument", message)
    canonical = _canonical_v4(request, fields.get("AdditionalHeaders", ""))
    text = "\n".join([_V4, date, scope, hashlib.sha256(canonical).hexdigest()])
    key = reduce(_hmac, scope.split("/"), b"aliyun_v4" + credentials.access_key_secret.encode())
    require_equal(_hmac(key, text).hex(), fields.get("Signature", ""))
    return credentials


def _canonical_v4(request: Request, additional: str) -> bytes:
    path = f"/{request.bucket}/{request.key}" if request.bucket else "/"
    query = sorted(
        (quote(name, safe=""), quote(value, safe=""))
        for name, value in request.query.items()
        if name != "x-oss-signature"
    )
    extra = additional.split(";") if additional else []
    headers = {
        name: value
        for name, value in request.headers.items()
        if name.startswith("x-oss-") or name in ("content-type", "content-md5") or name in extra
    }
    return b"\n".join(
        [
            request.method.encode(),
            quote(path).encode(),
            "&".join(f"{k}={v}" if v else k for k, v in query).encode(),
            _lines(headers),
            ";".join(sorted(extra)).encode(),
            request.headers.get("x-oss-content-sha256", "UNSIGNED-PAYLOAD").encode("latin-1"),
        ]
    )


def _lines(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{k}:{v}\n" for k, v in sorted(headers.items())).encode("latin-1")


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _require_unexpired(expires: int) -> None:
    if expires < time.time():
        raise OssError(403, "AccessDenied", "Request has expired.")
