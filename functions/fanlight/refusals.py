"""What OSS refuses, sorted by whether trying again can help, and what to do about it."""

from fanlight.errors import (
    ConfigError,
    FanlightError,
    KeyRefused,
    StaleCredentials,
    TransientError,
    UnknownAccessKey,
)

_CREDENTIALS = "check ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"
_RENEW = "get a new one with its secret and token; a function has one for each invocation"
ADVICE = {
    "InvalidAccessKeyId": f"OSS does not know this access key; {_CREDENTIALS}",
    "SignatureDoesNotMatch": f"the access key's secret is wrong; {_CREDENTIALS}",
    "RequestTimeTooSkewed": "this machine's clock is wrong; set it",
    "SecurityTokenExpired": f"the temporary access key has expired; {_RENEW}",
    "InvalidSecurityToken": f"this security token is not the access key's, or no more; {_RENEW}",
    "InvalidObjectName": "OSS does not allow this key",
    "InvalidArgument": "OSS refused the request; where it refuses every one, FC_REGION is not the "
    "region of FANLIGHT_OSS_ENDPOINT",
    "NoSuchBucket": "there is no such bucket; check its name (a function's is in FANLIGHT_INPUT "
    "and FANLIGHT_OUTPUT), and that FANLIGHT_OSS_ENDPOINT, or --endpoint, is that of its region",
    "AccessDenied": "permission denied; the role needs oss:GetObject on the input prefix, and "
    "oss:GetObject and oss:PutObject on the output and failed prefixes, and oss:GetObject on the "
    "zips of FANLIGHT_MODEL and FANLIGHT_LIBS; to list, oss:ListObjects on the bucket",
}  # fmt: skip
_KINDS: dict[str, type[FanlightError]] = {
    "RequestTimeTooSkewed": TransientError,  # sent before a sleep, or the clock is about to be set
    "InvalidAccessKeyId": UnknownAccessKey,
    "SecurityTokenExpired": StaleCredentials,
    "InvalidSecurityToken": StaleCredentials,
    "InvalidObjectName": KeyRefused,
    "InvalidArgument": KeyRefused,
}
"""What is not simply a ConfigError, of what there is advice for."""
_BUSY = ("PreconditionFailed", "RequestTimeout", "ConnectionTimeout", "QpsLimitExceeded",
         "Throttling")  # fmt: skip


def refusal(where: str, status: int, code: str) -> FanlightError:
    """Our error for a status and code of OSS's. `where`: the object and the code, for people."""
    if status >= 500 or code in _BUSY:
        return TransientError(where)
    if code in ADVICE:
        return _KINDS.get(code, ConfigError)(f"{where}: {ADVICE[code]}")
    # What is left concerns this object alone, as an archived one: its neighbours go on.
    return KeyRefused(f"{where}: OSS refused the request")
