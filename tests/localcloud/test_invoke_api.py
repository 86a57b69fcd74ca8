"""The invoke API, through Function Compute's own SDK over HTTP, and by hand for what is odd."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import oss2
import pytest
import requests
from alibabacloud_fc20230330.client import Client
from alibabacloud_fc20230330.models import (
    InvokeFunctionHeaders,
    InvokeFunctionRequest,
    InvokeFunctionResponse,
)
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.runtime import RuntimeOptions

from tools.events import oss_event
from tools.localcloud.acs3 import ApiError, ApiRequest, verify
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.credentials import Credentials, Keyring
from tools.localcloud.invoke_api import MAX_PAYLOAD
from tools.localcloud.options import Options
from tools.template import from_source, project_template, read_template

BUCKET = "fanlight-demo"
CODE = """
import os

def handler(event, context):
    print("asked", context.request_id)
    if event == b"raise":
        raise KeyError("x")
    if event == b"exit":
        print("leaving")
        os._exit(3)
    if event == b"chatter":
        print("x" * 5000)
    return event[:100] + b" seen"
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One function, `echo`, that answers what it is told."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "echo.py").write_text(CODE)
    template = from_source(read_template(project_template()))
    echo = replace(template.functions[0], name="echo", code=folder, handler="echo.handler",
                   initializer=None, pre_stop=None, triggers=(), on_failure=None)  # fmt: skip
    with LocalCloud(replace(template, functions=(echo,)), Options(instances=1)) as cloud:
        yield cloud


def client(cloud: LocalCloud, *, secret: str | None = None, key_id: str | None = None) -> Any:
    return Client(
        Config(
            access_key_id=key_id or cloud.keys.access_key_id,
            access_key_secret=secret or cloud.keys.access_key_secret,
            endpoint=cloud.invoke_url,
            region_id="cn-hangzhou",
        )
    )


def invoke(
    sdk: Any, name: str, body: bytes, *, qualifier: str | None = None, **headers: str
) -> InvokeFunctionResponse:
    return sdk.invoke_function_with_options(
        name,
        InvokeFunctionRequest(body=body, qualifier=qualifier),
        InvokeFunctionHeaders(**headers),
        RuntimeOptions(),
    )


def refusal(error: pytest.ExceptionInfo[ClientException]) -> tuple[int, str]:
    return error.value.status_code, error.value.code


def test_a_synchronous_invocation_answers_what_the_handler_returned(cloud: LocalCloud) -> None:
    """The body is the handler's value, and the request id is the one the handler saw."""
    answer = invoke(
        client(cloud), "echo", b"hello", qualifier="LATEST",
        x_fc_invocation_type="Sync", x_fc_log_type="Tail",
    )  # fmt: skip

    assert (answer.status_code, answer.body.read()) == (200, b"hello seen")
    request_id = answer.headers["x-fc-request-id"]
    assert base64.b64decode(answer.headers["x-fc-log-result"]).decode() == f"asked {request_id}\n"
    assert "x-fc-error-type" not in answer.headers


def test_nothing_but_the_name_is_needed(cloud: LocalCloud) -> None:
    """Without headers, qualifier and body it is a synchronous invocation without a log."""
    answer = client(cloud).invoke_function("echo", InvokeFunctionRequest())

    assert (answer.status_code, answer.body.read()) == (200, b" seen")
    assert "x-fc-log-result" not in answer.headers


@pytest.mark.parametrize("endpoint", ["http://{}", "{}"])
def test_an_endpoint_is_taken_with_and_without_its_scheme(cloud: LocalCloud, endpoint: str) -> None:
    """Both ways of telling the SDK of a plain HTTP endpoint work."""
    config = Config(
        access_key_id=cloud.keys.access_key_id,
        access_key_secret=cloud.keys.access_key_secret,
        endpoint=endpoint.format(cloud.invoke_url.removeprefix("http://")),
        protocol="http",
    )

    assert invoke(Client(config), "echo", b"a").body.read() == b"a seen"


@pytest.mark.parametrize(("event", "kind", "log"), [
    (b"raise", "KeyError", "asked {}\n"),
    (b"exit", "ProcessExited", "asked {}\nleaving\n"),
])  # fmt: skip
def test_a_function_error_is_told_in_a_header(
    cloud: LocalCloud, event: bytes, kind: str, log: str
) -> None:
    """The status is 200 all the same; the body is the error document, the log is there too."""
    answer = invoke(client(cloud), "echo", event, x_fc_log_type="Tail")

    assert answer.status_code == 200
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert json.loads(answer.body.read())["errorType"] == kind
    told = base64.b64decode(answer.headers["x-fc-log-result"]).decode()
    assert told == log.format(answer.headers["x-fc-request-id"])


def test_the_log_is_its_last_four_kilobytes(cloud: LocalCloud) -> None:
    """A longer log loses its beginning."""
    answer = invoke(client(cloud), "echo", b"chatter", x_fc_log_type="Tail")

    assert base64.b64decode(answer.headers["x-fc-log-result"]) == b"x" * 4095 + b"\n"


def test_an_asynchronous_invocation_leaves_its_result_in_the_bucket() -> None:
    """The answer is 202 and empty; what the function writes is there soon after."""
    key = "input/digits/one.png"
    page = np.full((200, 160), 240, np.uint8)
    cv2.line(page, (80, 40), (80, 160), 20, 14)
    template = from_source(read_template(project_template()))
    functions = tuple(replace(function, triggers=()) for function in template.functions)
    with LocalCloud(replace(template, functions=functions), Options(instances=1)) as cloud:
        auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
        cloud.endpoint.create_bucket(BUCKET)
        bucket = oss2.Bucket(auth, cloud.endpoint.url, BUCKET, region="cn-hangzhou")
        bucket.put_object(key, bytes(cv2.imencode(".png", page)[1]))
        event = json.dumps(oss_event(BUCKET, key)).encode()
        answer = invoke(client(cloud), "fanlight-digits", event, x_fc_invocation_type="Async")
        assert cloud.drain()
        result = json.loads(bucket.get_object("output/digits/one.png.json").read())

    assert (answer.status_code, answer.body.read()) == (202, b"")
    assert uuid.UUID(answer.headers["x-fc-request-id"])
    assert result["predictions"][0]["label"] == "1"


def test_an_unknown_function_is_not_found(cloud: LocalCloud) -> None:
    """The refusal names what the template has, and carries the request's id."""
    with pytest.raises(ClientException) as error:
        invoke(client(cloud), "no such/function", b"")

    assert refusal(error) == (404, "FunctionNotFound")
    assert "the template has echo" in error.value.message
    assert uuid.UUID(error.value.request_id)


@pytest.mark.parametrize(
    ("qualifier", "code"), [("3", "VersionNotFound"), ("prod", "AliasNotFound")]
)
def test_there_is_only_the_latest_version(cloud: LocalCloud, qualifier: str, code: str) -> None:
    """A published version or an alias is something a template does not make."""
    with pytest.raises(ClientException) as error:
        invoke(client(cloud), "echo", b"", qualifier=qualifier)

    assert refusal(error) == (404, code)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"secret": "wrong"}, "SignatureNotMatch"),
        ({"key_id": "nobody"}, "InvalidAccessKeyID"),
        ({"key_id": "role-id-0", "secret": "role-secret-0"}, "InvalidAccessKeyID"),
    ],
    ids=["secret", "id", "role without its token"],
)
def test_a_stranger_is_refused(cloud: LocalCloud, keys: dict[str, str], code: str) -> None:
    """Neither the id alone nor the secret alone opens anything, nor a role without its token."""
    with pytest.raises(ClientException) as error:
        invoke(client(cloud, **keys), "echo", b"")

    assert refusal(error) == (403, code)


def test_a_role_may_invoke(cloud: LocalCloud) -> None:
    """Temporary credentials work with their security token."""
    config = Config(access_key_id="role-id-0", access_key_secret="role-secret-0",
                    security_token="role-token-0", endpoint=cloud.invoke_url)  # fmt: skip

    assert invoke(Client(config), "echo", b"a").body.read() == b"a seen"


@pytest.mark.parametrize("kind", ["Sync", "Async"])
def test_the_largest_payload_is_the_platforms(cloud: LocalCloud, kind: str) -> None:
    """An event of just the limit is taken; one byte more is refused."""
    most = MAX_PAYLOAD[kind]
    if kind == "Async":  # the larger one is too slow a test for what it would show
        assert invoke(client(cloud), "echo", b"x" * most,
                      x_fc_invocation_type=kind).status_code == 202  # fmt: skip
    with pytest.raises(ClientException) as error:
        invoke(client(cloud), "echo", b"x" * (most + 1), x_fc_invocation_type=kind)

    assert refusal(error) == (400, "EntityTooLarge")


@pytest.mark.parametrize(
    "header", [{"x_fc_invocation_type": "Later"}, {"x_fc_log_type": "All"}], ids=str
)
def test_an_unknown_choice_is_refused(cloud: LocalCloud, header: dict[str, str]) -> None:
    """A type that the platform does not have is not taken for another."""
    with pytest.raises(ClientException) as error:
        invoke(client(cloud), "echo", b"", **header)

    assert refusal(error) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/2023-03-30/functions/echo/invocations"),
        ("POST", "/2023-03-30/functions/echo"),
        ("POST", "/2023-03-30/functions/a/b/invocations"),
        ("POST", "/2016-08-15/services/s/functions/echo/invocations"),
        ("DELETE", "/2023-03-30/functions/echo"),
    ],
)
def test_what_is_not_supported_says_what_is(cloud: LocalCloud, method: str, path: str) -> None:
    """Any other path or method is not found, and the answer tells the one there is."""
    answer = requests.request(method, cloud.invoke_url + path, timeout=10)

    assert answer.status_code == 404
    assert answer.json() == {
        "RequestId": answer.headers["X-Fc-Request-Id"],
        "Code": "PathNotSupported",
        "Message": f"'{path}' against '{method}' is not supported: "
        "POST /2023-03-30/functions/{name}/invocations is",
    }


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "AccessDenied"),
        ("OSS local-id:abc", "AccessDenied"),
        ("ACS3-HMAC-SHA256", "InvalidAccessKeyID"),
        ("ACS3-HMAC-SHA256 Credential=local-id", "SignatureNotMatch"),
        ("ACS3-HMAC-SHA256 Credential=local-id,SignedHeaders=host,Signature=\xe9,,=",
         "SignatureNotMatch"),
    ],
)  # fmt: skip
def test_an_unsigned_request_is_refused(
    cloud: LocalCloud, authorization: str | None, code: str
) -> None:
    """No signature, another scheme and a mangled header are all refused."""
    url = f"{cloud.invoke_url}/2023-03-30/functions/echo/invocations"
    headers = {"Authorization": authorization} if authorization else {}

    answer = requests.post(url, b"x", headers=headers, timeout=10)

    assert (answer.status_code, answer.json()["Code"]) == (403, code)


def signed() -> ApiRequest:
    """A request signed by hand: the signature was calculated with openssl."""
    return ApiRequest("POST", "/a%2Fb", {"q": "x y~"}, {
        "host": "h",
        "x-acs-date": "2026-01-01T00:00:00Z",
        "authorization": "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;x-acs-date,"
        "Signature=61cf55696a5629da870dd79a10aa9f69b00fadb8902eb43977aa1cba191af12e",
    }, b"body")  # fmt: skip


SIGNED_AT = 1767225600.0  # that x-acs-date
KEYS = Keyring([Credentials("id", "secret")])


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"path": "/a/b"},
        {"query": {"q": "x y"}},
        {"body": b"other"},
        {"headers": {**signed().headers, "host": "other"}},
        {"headers": {**signed().headers, "x-acs-action": "unsigned"}},
    ],
    ids=str,
)
def test_a_signature_is_for_one_request(change: dict[str, Any]) -> None:
    """What was signed verifies; a change of any part of it, or an addition, does not."""
    verify(signed(), KEYS, SIGNED_AT)

    with pytest.raises(ApiError) as error:
        verify(replace(signed(), **change), KEYS, SIGNED_AT)

    assert (error.value.status, error.value.code) == (403, "SignatureNotMatch")


@pytest.mark.parametrize("way", [-1, 1], ids=["early", "late"])
def test_a_signature_is_for_a_quarter_of_an_hour(way: int) -> None:
    """A request is good from 15 minutes before its date until 15 minutes after it."""
    verify(signed(), KEYS, SIGNED_AT + way * 900)

    with pytest.raises(ApiError) as error:
        verify(signed(), KEYS, SIGNED_AT + way * 901)

    assert (error.value.status, error.value.code) == (400, "InvalidTimeStamp.Expired")


@pytest.mark.parametrize(
    ("headers", "signature", "code"),
    [
        ({"host": "h"}, "8e37d3c0896de71fa8b8058f138d2198907bdbdff0ff1cdd08c543b982357fea",
         "MissingRequiredHeader"),
        ({"host": "h", "x-acs-date": "yesterday"},
         "28b2556f4b428dfc70e68772b96d99db9eb3df857a7f6e7021cda11137a27ff2",
         "InvalidTimeStamp.Format"),
    ],
    ids=["none", "no date"],
)  # fmt: skip
def test_a_signed_request_says_when(headers: dict[str, str], signature: str, code: str) -> None:
    """A request that is signed, but with no date or none that can be read, is refused."""
    fields = f"Credential=id,SignedHeaders={';'.join(headers)},Signature={signature}"
    request = replace(signed(), headers={**headers, "authorization": f"ACS3-HMAC-SHA256 {fields}"})

    with pytest.raises(ApiError) as error:
        verify(request, KEYS, SIGNED_AT)

    assert (error.value.status, error.value.code) == (400, code)


def test_expired_credentials_invoke_nothing() -> None:
    """What was good a second ago is refused once its time is over."""
    keys = Keyring([Credentials("id", "secret", expires=SIGNED_AT + 1)])
    verify(signed(), keys, SIGNED_AT)

    with pytest.raises(ApiError) as error:
        verify(signed(), keys, SIGNED_AT + 1)

    assert (error.value.status, error.value.code) == (400, "InvalidSecurityToken.Expired")


def test_reserved_instances_are_the_most_there_are(cloud: LocalCloud, tmp_path: Path) -> None:
    """Asynchronous events wait for their turn, a synchronous one is refused with 429."""
    (tmp_path / "echo.py").write_text(
        "import time\ndef handler(event, context):\n    print('in')\n    time.sleep(0.1)\n"
        "    print('out')\n"
    )
    lines: list[str] = []
    one = replace(cloud.template.functions[0], code=tmp_path, reserved=1)
    options = Options(instances=3, on_line=lambda _, line: lines.append(line))
    with LocalCloud(replace(cloud.template, functions=(one,)), options) as other:
        assert invoke(client(other), "echo", b"").status_code == 200
        for _ in range(3):
            invoke(client(other), "echo", b"", x_fc_invocation_type="Async")
        while len(lines) < 3:
            time.sleep(0.01)
        with pytest.raises(ClientException) as error:
            invoke(client(other), "echo", b"")
        assert other.drain()

    assert refusal(error) == (429, "ResourceExhausted")
    assert lines == ["in", "out"] * 4


def test_stopping_closes_the_port(cloud: LocalCloud) -> None:
    """The invoke API ends with its cloud, and starts again with it at the same port."""
    other = LocalCloud(cloud.template)
    other.start()
    url = other.invoke_url
    assert requests.get(url, timeout=10).status_code == 404
    other.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)
    with other:
        assert requests.get(url, timeout=10).status_code == 404


def test_a_taken_port_leaves_nothing_open(cloud: LocalCloud) -> None:
    """When the invoke API cannot start, neither does the endpoint."""
    taken = int(cloud.invoke_url.rpartition(":")[2])
    other = LocalCloud(cloud.template, Options(invoke_port=taken))

    with pytest.raises(OSError, match="in use"):
        other.start()

    with pytest.raises(requests.ConnectionError):
        requests.get(other.endpoint.url, timeout=10)
