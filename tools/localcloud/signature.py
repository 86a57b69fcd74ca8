"""Verifies who signed a request: OSS signature versions 1 and 4, in the header or in the URL.

Sources: "Include signatures in the Authorization header" and "Include a V4 signature in a URL"
in the OSS API reference, its error codes 0002-00000007 (expired token), -235, -236 and -504
(dates), and what oss2 2.19 sends. Which of several faults OSS names first is not documented;
here it is the key, the token, the date of a header, the signature, the expiry of a URL.
"""

import hashlib
import hmac
import re
import time
from base64 import b64encode
from calendar import timegm
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import reduce
from urllib.parse import quote

from tools.localcloud.credentials import Credentials, Keyring
from tools.localcloud.oss_types import OssError, Request

MAX_SKEW = 15 * 60
"""Seconds by which the date of a signed request may differ from the endpoint's clock."""

# The query parameters that version 1 signs, of those that any operation here takes.
_SUBRESOURCE = re.compile(
    "append|bucketInfo|continuation-token|delete|objectMeta|partNumber|position|security-token"
    "|symlink|uploadId|uploads|response-.*"
)
_SIGNING = re.compile(
    "OSSAccessKeyId|Expires|Signature|security-token"
    "|x-oss-(additional-headers|credential|date|expires|security-token|signature(-version)?)"
)
_V4 = "OSS4-HMAC-SHA256"


def verify(request: Request, keys: Keyring, region: str, now: float) -> Credentials:
    """Which of `keys` signed this request; raises the OssError that OSS would answer if none.

    `now`: seconds since 1970, what dates and expiries are held against.
    """
    authorization = request.headers.get("authorization", "")
    token = request.headers.get("x-oss-security-token", "")
    if authorization.startswith(f"{_V4} "):
        fields = dict(re.findall(r"(\w+)=([^,\s]*)", authorization))
        date = request.headers.get("x-oss-date", "")
        credentials = _scoped(fields, (date, token), keys, region, now)
        _require_recent(_iso_time(date), now)
        return _verify_v4(request, fields, date, credentials)
    if authorization.startswith("OSS "):
        key_id, _, signature = authorization[4:].strip().partition(":")
        date = request.headers.get("x-oss-date") or request.headers.get("date", "")
        credentials = find(keys, key_id, token, now)
        _require_recent(_http_time(date), now)
        return _verify_v1(request, credentials, date, signature)
    if authorization:
        name = authorization.split(" ")[0]
        raise OssError(501, "NotImplemented", f"Signatures of kind {name!r} are not spoken here.")
    if "x-oss-signature" in request.query:
        return _verify_url_v4(request, keys, region, now)
    if "Signature" in request.query:
        return _verify_url_v1(request, keys, now)
    raise OssError(403, "AccessDenied", "The request is not signed.")


def is_signing(parameter: str) -> bool:
    """Whether a query parameter is part of a signed URL, not of what it asks for."""
    return _SIGNING.fullmatch(parameter) is not None


def find(keys: Keyring, key_id: str, token: str, now: float) -> Credentials:
    """The credentials of that id and security token, good at that time; raises OssError."""
    found = keys.get(key_id, token)
    if found is None and token and keys.knows(key_id):
        raise OssError(403, "InvalidSecurityToken", "The security token you provided is invalid.")
    if found is None:  # a temporary key without its token is no key at all
        raise OssError(
            403, "InvalidAccessKeyId", "The OSS Access Key Id you provided is not known."
        )
    if found.expired(now):
        message = "The security token you provided has expired."
        raise OssError(403, "SecurityTokenExpired", message)
    return found


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


def _verify_url_v1(request: Request, keys: Keyring, now: float) -> Credentials:
    query = request.query
    expires = query.get("Expires", "")
    key_id, token = query.get("OSSAccessKeyId", ""), query.get("security-token", "")
    credentials = find(keys, key_id, token, now)
    if not re.fullmatch(r"\d{1,12}", expires, re.ASCII):
        raise OssError(403, "AccessDenied", "Invalid date (should be seconds since epoch).")
    _verify_v1(request, credentials, expires, query["Signature"])
    _require_unexpired(int(expires), now)
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


def _verify_url_v4(request: Request, keys: Keyring, region: str, now: float) -> Credentials:
    query = request.query
    fields = {
        "Credential": query.get("x-oss-credential", ""),
        "Signature": query["x-oss-signature"],
        "AdditionalHeaders": query.get("x-oss-additional-headers", ""),
    }
    date = query.get("x-oss-date", "")
    token = query.get("x-oss-security-token", "")
    credentials = _scoped(fields, (date, token), keys, region, now)
    _verify_v4(request, fields, date, credentials)
    signed_at, lasts = _iso_time(date), query.get("x-oss-expires", "")
    if signed_at is None or not re.fullmatch(r"-?\d{1,9}", lasts, re.ASCII):
        raise OssError(400, "InvalidArgument", "x-oss-date or x-oss-expires is invalid.")
    if signed_at > now + MAX_SKEW:
        raise OssError(403, "AccessDenied", "Request is not valid yet.")
    _require_unexpired(signed_at + int(lasts), now)
    return credentials


def _scoped(
    fields: Mapping[str, str],
    date_and_token: tuple[str, str],
    keys: Keyring,
    region: str,
    now: float,
) -> Credentials:
    """The credentials that a version 4 signature names, with the scope it has to have."""
    date, token = date_and_token
    key_id, _, scope = fields.get("Credential", "").partition("/")
    credentials = find(keys, key_id, token, now)
    if scope != f"{date[:8]}/{region}/oss/aliyun_v4_request":
        message = f"Invalid signing region, date or product in the credential scope {scope!r}."
        raise OssError(400, "InvalidArgument", message)
    return credentials


def _verify_v4(
    request: Request, fields: Mapping[str, str], date: str, credentials: Credentials
) -> Credentials:
    scope = fields["Credential"].partition("/")[2]
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


def _iso_time(text: str) -> int | None:
    try:
        return timegm(time.strptime(text, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


def _http_time(text: str) -> int | None:
    try:
        return timegm(parsedate_to_datetime(text).utctimetuple())
    except (TypeError, ValueError, OverflowError):
        return None


def _require_recent(signed_at: int | None, now: float) -> None:
    if signed_at is None:
        raise OssError(403, "AccessDenied", "OSS authentication requires a valid Date.")
    if abs(now - signed_at) > MAX_SKEW:
        message = "The difference between the request time and the current time is too large."
        raise OssError(403, "RequestTimeTooSkewed", message)


def _require_unexpired(expires: int, now: float) -> None:
    if expires < now:
        raise OssError(403, "AccessDenied", "Request has expired.")
