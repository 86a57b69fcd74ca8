"""PostObject: an upload by HTML form, whose policy says what it may write and who allowed it."""

import io
import json
import time
from base64 import b64decode
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.formparser import parse_form_data

from tools.localcloud.body import Body
from tools.localcloud.credentials import Credentials, Keyring
from tools.localcloud.oss_request import check_key
from tools.localcloud.oss_types import OssError, Request
from tools.localcloud.signature import find, require_equal, sign_v1


@dataclass(frozen=True)
class Form:
    """A form whose policy was found to be signed and kept."""

    key: str
    content: Body
    fields: Mapping[str, str]  # names in lower case, values like those of headers
    signer: Credentials
    status: int  # what success is to be answered with


def read_form(request: Request, keys: Keyring, now: float) -> Form:
    """Parse and check the form in the body; raises OssError."""
    fields, filename, content = _parse(request)
    for name in ("x-oss-signature-version", "success_action_redirect"):
        if name in fields:
            raise OssError(501, "NotImplemented", f"Not spoken by this endpoint: {name}.")
    key = fields.get("key", "").replace("${filename}", filename)
    token = fields.get("x-oss-security-token", "")
    if "signature" not in fields or "policy" not in fields:
        raise OssError(403, "AccessDenied", "The form has no policy and signature.")
    credentials = find(keys, fields.get("ossaccesskeyid", ""), token, now)
    signature = sign_v1(credentials.access_key_secret, fields["policy"].encode())
    require_equal(signature, fields["signature"])
    values = {**fields, "key": key, "bucket": request.bucket}
    _check_policy(fields["policy"], values, len(content), now)
    status = fields.get("success_action_status")
    return Form(
        key=check_key(key.encode("utf-8")),
        content=Body(content),
        fields={name: value.encode().decode("latin-1") for name, value in fields.items()},
        signer=credentials,
        status=int(status) if status in ("200", "201") else 204,
    )


def _parse(request: Request) -> tuple[dict[str, str], str, bytes]:
    content_type = request.headers.get("content-type", "")
    if not content_type.startswith("multipart/form-data"):
        raise OssError(400, "MalformedPOSTRequest", "The body must be multipart/form-data.")
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(request.body.size),
        "wsgi.input": io.BytesIO(request.body.read()),
    }
    _, form, files = parse_form_data(environ)
    if "file" not in files:
        raise OssError(400, "InvalidArgument", "The form has no field 'file' with a file name.")
    fields = {name.lower(): value for name, value in form.items()}
    return fields, files["file"].filename or "", files["file"].read()


def _check_policy(encoded: str, values: Mapping[str, str], size: int, now: float) -> None:
    try:
        policy = json.loads(b64decode(encoded))
        expires = timegm(time.strptime(policy["expiration"].partition(".")[0], "%Y-%m-%dT%H:%M:%S"))
        kept = [_is_kept(rule, values, size) for rule in policy["conditions"]]
    except (ArithmeticError, ValueError, LookupError, TypeError, AttributeError):
        raise OssError(400, "InvalidPolicyDocument", "The policy cannot be understood.") from None
    if expires < now:
        raise OssError(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    if not all(kept):
        rule = policy["conditions"][kept.index(False)]
        message = f"Invalid according to Policy: Policy Condition failed: {json.dumps(rule)}"
        raise OssError(403, "AccessDenied", message)


def _is_kept(rule: Any, values: Mapping[str, str], size: int) -> bool:
    if isinstance(rule, dict):
        return all(values.get(name.lower()) == value for name, value in rule.items())
    kind, field, operand = rule
    if kind == "content-length-range":
        return int(field) <= size <= int(operand)
    value = values.get(field.lower().removeprefix("$"), "")
    kept: dict[str, bool] = {
        "eq": value == operand,
        "starts-with": value.startswith(str(operand)),
        "in": value in list(operand),
    }
    return kept[kind]
