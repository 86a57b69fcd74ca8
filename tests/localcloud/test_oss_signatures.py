"""Which signatures the local OSS endpoint takes: each version, place and kind of credentials."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import oss2
import oss2.http
import pytest
import requests

from tools.localcloud.oss import Credentials, OssEndpoint

PLAIN = Credentials("id", "secret")
STS = Credentials("STS.id", "hidden", "token")
KEY = "a b/识别+%25"
BODY = b"what only the holder of a key may read"
LASTS = 60  # seconds that a signed URL is good for


class Clock:
    """The true time and a little, as oss2 signs with the true time."""

    offset = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset


@dataclass
class Scene:
    clock: Clock
    endpoint: OssEndpoint


@pytest.fixture(scope="module")
def running() -> Iterator[Scene]:
    clock = Clock()
    with OssEndpoint([PLAIN, STS], clock=clock) as endpoint:
        endpoint.create_bucket("pictures")
        bucket = oss2.Bucket(oss2.Auth("id", "secret"), endpoint.url, "pictures")
        bucket.put_object(KEY, BODY)
        yield Scene(clock, endpoint)


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    """The endpoint at the true time, with both credentials as they were."""
    yield running
    running.clock.offset = 0
    running.endpoint.accept(PLAIN)
    running.endpoint.accept(STS)


@dataclass
class Signed:
    """A request for the object, ready to be sent or spoilt."""

    url: str
    headers: dict[str, str]
    method: str = "GET"

    def send(self) -> requests.Response:
        return requests.request(self.method, self.url, headers=self.headers, timeout=20)


@dataclass(frozen=True)
class Way:
    """How to sign: the version, in the header or in the URL."""

    version: str
    in_url: bool

    def sign(self, scene: Scene, who: Credentials, *, bare: bool = False) -> Signed:
        auth = oss2.make_auth(who.access_key_id, who.access_key_secret, self.version)
        if who.security_token:
            auth = oss2.StsAuth(who.access_key_id, who.access_key_secret, who.security_token,
                                auth_version=self.version)  # fmt: skip
        bucket = oss2.Bucket(auth, scene.endpoint.url, "pictures", region="cn-hangzhou")
        params, headers = {"response-content-type": "a/b"}, {"x-oss-range-behavior": "standard"}
        if bare:
            params, headers = {}, {}
        if self.in_url:
            url = bucket.sign_url("GET", KEY, LASTS, headers=dict(headers), params=params)
            return Signed(url, headers)
        request = oss2.http.Request("GET", bucket._make_url("pictures", KEY), params=params,
                                    headers=headers, region="cn-hangzhou",
                                    product="oss")  # fmt: skip
        auth._sign_request(request, "pictures", KEY)
        url = requests.Request("GET", request.url, params=request.params).prepare().url
        assert url is not None
        return Signed(url, dict(request.headers))


WAYS = [Way(version, in_url) for version in ("v1", "v4") for in_url in (False, True)]
every_way = pytest.mark.parametrize(
    "way", WAYS, ids=lambda way: f"{way.version}-{'url' if way.in_url else 'header'}"
)
either = pytest.mark.parametrize("who", [PLAIN, STS], ids=["plain", "sts"])


def told(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


@every_way
@either
def test_a_good_signature_opens(scene: Scene, way: Way, who: Credentials) -> None:
    """Both versions, in the header and in the URL, with and without a security token."""
    answer = way.sign(scene, who).send()

    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["Content-Type"] == "a/b"


def other_key(signed: Signed) -> None:
    signed.url = signed.url.replace("%2525", "%2526")


def other_query(signed: Signed) -> None:
    signed.url = signed.url.replace("=a%2Fb", "=a%2Fc")


def other_header(signed: Signed) -> None:
    signed.headers["x-oss-range-behavior"] = "other"


def fewer_headers(signed: Signed) -> None:
    del signed.headers["x-oss-range-behavior"]


def content_type(signed: Signed) -> None:
    signed.headers["Content-Type"] = "image/png"


def wrong_secret(who: Credentials) -> Credentials:
    return replace(who, access_key_secret="wrong")


@every_way
@either
@pytest.mark.parametrize(
    "spoil", [other_key, other_query, other_header, fewer_headers, content_type]
)
def test_a_signature_is_for_one_request(
    scene: Scene, way: Way, who: Credentials, spoil: Callable[[Signed], None]
) -> None:
    """Another method, key, parameter or signed header, and it is no signature."""
    signed = way.sign(scene, who)
    spoil(signed)

    assert told(signed.send()) == (403, "SignatureDoesNotMatch")


@every_way
@either
def test_a_signature_is_for_one_method(scene: Scene, way: Way, who: Credentials) -> None:
    """What was signed to read cannot be used to delete."""
    signed = way.sign(scene, who, bare=True)
    assert signed.send().content == BODY

    signed.method = "DELETE"

    assert told(signed.send()) == (403, "SignatureDoesNotMatch")


Change = Callable[[Credentials], Credentials]
STRANGERS: dict[str, tuple[list[Credentials], Change, str]] = {
    "wrong secret": ([PLAIN, STS], wrong_secret, "SignatureDoesNotMatch"),
    "unknown id": ([PLAIN, STS], lambda who: replace(who, access_key_id="who"),
                   "InvalidAccessKeyId"),
    "unknown token": ([STS], lambda who: replace(who, security_token="old"),
                      "InvalidSecurityToken"),
    "token of another": ([PLAIN], lambda who: replace(who, security_token="token"),
                         "InvalidSecurityToken"),
    "no token": ([STS], lambda who: replace(who, security_token=""), "InvalidAccessKeyId"),
}  # fmt: skip


@every_way
@pytest.mark.parametrize("name", STRANGERS)
def test_strangers_are_refused(scene: Scene, way: Way, name: str) -> None:
    """An id, a secret and a token that do not belong together have their codes."""
    whose, change, code = STRANGERS[name]

    for who in whose:
        assert told(way.sign(scene, change(who)).send()) == (403, code)


@every_way
@either
@pytest.mark.parametrize("direction", [-1, 1], ids=["clock behind", "clock ahead"])
def test_a_date_is_good_for_a_quarter_of_an_hour(
    scene: Scene, way: Way, who: Credentials, direction: int
) -> None:
    """A header's date may be 15 minutes off; a URL lasts, and one of version 4 has a beginning."""
    signed = way.sign(scene, who)
    if way.in_url and direction == 1:
        near, far, refusal = LASTS - 10, LASTS + 1, (403, "AccessDenied")
    elif way.in_url:
        near, far, refusal = 890, 902, (403, "AccessDenied")
    else:
        near, far, refusal = 890, 902, (403, "RequestTimeTooSkewed")

    scene.clock.offset = direction * near
    assert signed.send().content == BODY
    scene.clock.offset = direction * far
    answer = signed.send()
    if way == Way("v1", in_url=True) and direction == -1:  # it says when it ends, nothing else
        assert answer.content == BODY
        return
    assert told(answer) == refusal
    if way.in_url and direction == 1:
        assert "<Message>Request has expired.</Message>" in answer.text


@every_way
@either
def test_credentials_expire(scene: Scene, way: Way, who: Credentials) -> None:
    """What a request was signed with may run out while the request is on its way."""
    signed = way.sign(scene, who)
    scene.endpoint.accept(replace(who, expires=time.time() + 20))
    assert signed.send().content == BODY

    scene.clock.offset = 30

    assert told(signed.send()) == (403, "SecurityTokenExpired")


@every_way
def test_credentials_rotate(scene: Scene, way: Way) -> None:
    """New credentials open as soon as they are accepted, the older ones beside them."""
    newer = Credentials(f"STS.{WAYS.index(way)}", "hidden too", "newer token")
    assert told(way.sign(scene, newer).send()) == (403, "InvalidAccessKeyId")

    scene.endpoint.accept(newer)

    assert [way.sign(scene, who).send().content for who in (STS, newer)] == [BODY, BODY]


def test_rotated_credentials_may_do_what_they_are_accepted_with(scene: Scene) -> None:
    """A policy that comes with credentials holds; renewing them without one keeps it."""
    limited = Credentials("STS.limited", "x", "y")
    scene.endpoint.accept(limited, [{"Version": "1", "Statement": []}])
    way = WAYS[0]

    assert told(way.sign(scene, limited).send()) == (403, "AccessDenied")
    scene.endpoint.accept(replace(limited, security_token="z"))
    assert told(way.sign(scene, replace(limited, security_token="z")).send())[0] == 403


@pytest.mark.parametrize("date", ["", "yesterday", "9" * 400])
def test_a_header_signature_needs_a_date(scene: Scene, date: str) -> None:
    """Without a date that can be read nothing is opened, and nothing breaks."""
    refusals = []
    for version, name in (("v1", "date"), ("v4", "x-oss-date")):
        signed = Way(version, in_url=False).sign(scene, PLAIN)
        signed.headers[name] = date
        refusals.append(told(signed.send()))

    assert refusals == [(403, "AccessDenied"), (400, "InvalidArgument")]


@pytest.mark.parametrize("expires", ["", "abc", "1.5", "9" * 5000, "١٢"])
def test_a_url_says_when_it_expires(scene: Scene, expires: str) -> None:
    """An end that is no number is refused, even where it was signed like that."""
    signed = Way("v1", in_url=True).sign(scene, PLAIN)
    signed.url = re.sub("Expires=[0-9]+", f"Expires={expires}", signed.url)
    bucket = oss2.Bucket(oss2.AuthV4("id", "secret"), scene.endpoint.url, "pictures",
                         region="cn-hangzhou")  # fmt: skip
    version_4 = Signed(bucket.sign_url("GET", KEY, expires), {})

    assert told(signed.send()) == (403, "AccessDenied")
    assert told(version_4.send()) == (400, "InvalidArgument")
