"""Verifies who signed a request to the platform's API: ACS3-HMAC-SHA256.

Source: "V3 request structure and signature" in the Alibaba Cloud SDK reference, and what
alibabacloud-tea-openapi 0.4.6 sends. The codes of refusals are those of "Error codes" in the
Function Compute reference; it has none for dates and expired tokens, so those have the codes
that all of the platform's APIs share. Nonces are not remembered: within the window of its date a
request may come twice.
"""

import hashlib
import hmac
import time
from calendar import timegm
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from tools.localcloud.credentials import Credentials, Keyring

MAX_SKEW = 15 * 60
"""Seconds by which x-acs-date may differ from the endpoint's clock."""

_SCHEME = "ACS3-HMAC-SHA256"


class ApiError(Exception):
    """A refusal, as the platform words it: HTTP status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True)
class ApiRequest:
    """One request. The path is as sent; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


def verify(request: ApiRequest, keys: Keyring, now: float) -> None:
    """Raise the ApiError that the platform would answer unless one of `keys` signed this.

    `now`: seconds since 1970, what dates and expiries are held against.
    """
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    fields = {name.strip(): value for name, _, value in (f.partition("=") for f in rest.split(","))}
    if scheme != _SCHEME:
        raise ApiError(403, "AccessDenied", f"The request must be signed with {_SCHEME}.")
    credentials = _find(keys, fields.get("Credential", ""), request.headers)
    signed = fields.get("SignedHeaders", "").split(";")
    canonical = hashlib.sha256(_canonical(request, signed)).hexdigest()
    expected = hmac.new(
        credentials.access_key_secret.encode(), f"{_SCHEME}\n{canonical}".encode(), hashlib.sha256
    ).hexdigest()
    complete = all(name in signed for name in request.headers if _must_be_signed(name))
    given = fields.get("Signature", "").encode("latin-1")
    if not (hmac.compare_digest(expected.encode(), given) and complete):
        raise ApiError(
            403,
            "SignatureNotMatch",
            "The signature is not the one calculated here: check the access key secret and how "
            "the request is signed.",
        )
    if credentials.expired(now):
        raise ApiError(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
    _check_date(request.headers.get("x-acs-date", ""), now)


def _find(keys: Keyring, key_id: str, headers: Mapping[str, str]) -> Credentials:
    token = headers.get("x-acs-security-token", "")
    found = keys.get(key_id, token)
    if found is None:
        with_token = " with that security token" if token else ""
        raise ApiError(403, "InvalidAccessKeyID", f"invalid access key ID '{key_id}'{with_token}")
    return found


def _check_date(date: str, now: float) -> None:
    if not date:
        message = "required HTTP header x-acs-date was not specified"
        raise ApiError(400, "MissingRequiredHeader", message)
    try:
        signed_at = timegm(time.strptime(date, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        message = "Specified time stamp or date value is not well formatted."
        raise ApiError(400, "InvalidTimeStamp.Format", message) from None
    if abs(now - signed_at) > MAX_SKEW:
        message = "Specified time stamp or date value is expired."
        raise ApiError(400, "InvalidTimeStamp.Expired", message)


def _must_be_signed(name: str) -> bool:
    return name == "host" or name.startswith("x-acs-")


def _canonical(request: ApiRequest, signed: Sequence[str]) -> bytes:
    query = sorted((quote(k, safe="~"), quote(v, safe="~")) for k, v in request.query.items())
    return "\n".join(
        [
            request.method,
            request.path,
            "&".join(f"{name}={value}" for name, value in query),
            "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed),
            ";".join(signed),
            # Of the body that came, not of the one that x-acs-content-sha256 speaks of.
            hashlib.sha256(request.body).hexdigest(),
        ]
    ).encode("latin-1")
