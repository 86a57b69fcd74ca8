"""What doctor finds, each fault by itself, over HTTP to a local OSS endpoint."""

import hashlib
import socket
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import click
import oss2
import pytest
from click.testing import CliRunner

from fanlight.archive import Archive
from fanlight.bundle import Bundle
from fanlight.runtime import credentials
from tests.deployment.templates import (
    BUCKET,
    DIGITS,
    LETTERS,
    PROJECT,
    classifier,
    listener,
    template,
)
from tests.localcloud.policies import ALL, policy
from tools.commands.doctor import command
from tools.deployment.doctor import PROBE, Examination
from tools.deployment.probe import Prober, Refused, region_of
from tools.localcloud.oss import Credentials, OssEndpoint
from tools.places import Access
from tools.template import SOURCE, Function, Template, project_template
from tools.zips import zip_folder

KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "id",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "not-to-be-shown",
}


def zipped(name: str) -> bytes:
    """A bundle of the code, as it is published."""
    with tempfile.TemporaryDirectory() as scratch:
        zip_folder(SOURCE / "models" / name, Path(scratch, "bundle.zip"))
        return Path(scratch, "bundle.zip").read_bytes()


ZIP = zipped("digits")
SHA256 = hashlib.sha256(ZIP).hexdigest()
SMALL = template(DIGITS, LETTERS)
ARCHIVED = template(
    replace(
        DIGITS,
        environment=DIGITS.environment
        | {
            "FANLIGHT_MODEL": f"oss://models/digits.zip#sha256={SHA256}",
            "FANLIGHT_LIBS": f"oss://models/libs.zip#sha256={SHA256}",
        },
    ),
    LETTERS,
)
DEPLOYED = (
    "skip",
    "deployed functions, roles, triggers",
    "they are not read through OSS; `s info -t template.yml` shows what is deployed",
)

EXAMPLE = (
    "warn",
    "account",
    "1234567890123456 is the example's; write your account's ID as vars.account before you deploy",
)


@pytest.fixture
def endpoint() -> Iterator[OssEndpoint]:
    with OssEndpoint([Credentials("id", "not-to-be-shown"), Credentials("STS", "s", "t")]) as made:
        made.create_bucket(BUCKET)
        made.create_bucket("models")
        yield made


def bucket(endpoint: OssEndpoint, name: str = BUCKET) -> oss2.Bucket:
    auth = oss2.AuthV4("id", "not-to-be-shown")
    return oss2.Bucket(auth, endpoint.url, name, region=PROJECT.region)


def unseen(_label: str, _size: int) -> AbstractContextManager[Any]:
    """Progress that nobody looks at."""
    return nullcontext(SimpleNamespace(update=lambda _size: None))


def examined(
    url: str,
    described: Template = SMALL,
    *,
    region: str = "",
    environ: dict[str, str] | None = None,
    write: bool = False,
) -> list[tuple[str, str, str]]:
    examination = Examination(
        described,
        Access(url, region),
        KEYS if environ is None else environ,
        unseen,
        write=write,
        keys=lambda environ: credentials(None, environ),  # none of this machine's own
    )
    return [(line.status, line.subject, line.detail) for line in examination.lines()]


def failures(lines: list[tuple[str, str, str]]) -> list[tuple[str, str]]:
    return [(subject, detail) for status, subject, detail in lines if status == "fail"]


def one(lines: list[tuple[str, str, str]]) -> tuple[str, str]:
    (failure,) = failures(lines)
    return failure


def test_everything_is_well(endpoint: OssEndpoint) -> None:
    """Each thing looked at has its line, and nothing is written."""
    place = f"oss://{BUCKET}"
    bundle = Bundle.read(SOURCE / "models" / "digits")

    assert examined(endpoint.url) == [
        ("ok", "template", "2 functions fit together"),
        EXAMPLE,
        ("ok", "fanlight-digits model", f"digits {bundle.version}"),
        ("ok", "region", "cn-hangzhou"),
        ("ok", "endpoint", endpoint.url),
        ("ok", "credentials", "accepted"),
        ("ok", f"bucket {BUCKET}", "exists"),
        ("ok", "fanlight-digits input", f"{place}/input/digits/ can be read"),
        ("ok", "fanlight-digits output", f"{place}/output/digits/ can be read"),
        ("skip", "fanlight-digits output", f"{place}/output/digits/: --write tries to write"),
        ("skip", "fanlight-deadletter letters", f"{place}/failed/: --write tries to write"),
        DEPLOYED,
    ]
    assert list(oss2.ObjectIteratorV2(bucket(endpoint))) == []


def test_temporary_keys(endpoint: OssEndpoint) -> None:
    """A role's keys come with a token, and are accepted with it only."""
    keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "STS", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"}
    token = "ALIBABA_CLOUD_SECURITY_TOKEN"

    assert failures(examined(endpoint.url, environ={**keys, token: "t"})) == []
    subject, detail = one(examined(endpoint.url, environ={**keys, token: "x"}))
    assert (subject, detail.startswith("the security token is not these keys'")) == (
        "credentials",
        True,
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ALIBABA_CLOUD_ACCESS_KEY_ID": "x"}, "OSS does not know this access key; check ALIBABA_"),
        ({"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "x"}, "the secret is not this access key's; check AL"),
    ],
)
def test_wrong_keys(endpoint: OssEndpoint, change: dict[str, str], says: str) -> None:
    """Wrong keys are one line, whatever else there would be to ask."""
    lines = examined(endpoint.url, environ=KEYS | change)

    subject, detail = one(lines)
    assert (subject, detail[: len(says)]) == ("credentials", says)
    assert lines[-2:] == [
        ("skip", "what is left", "every request would be refused the same way"),
        DEPLOYED,
    ]


def test_no_keys(endpoint: OssEndpoint) -> None:
    """Without keys the rest is skipped, with the reason."""
    lines = examined(endpoint.url, environ={})

    assert one(lines)[0] == "credentials"
    assert one(lines)[1].startswith("ALIBABA_CLOUD_ACCESS_KEY_ID is not set; ")
    assert ("skip", "buckets, places, archives", "without credentials nothing is answered") in lines


def test_another_region(endpoint: OssEndpoint) -> None:
    """The region of the template, of the command and of the endpoint have to be one."""
    found = failures(examined(endpoint.url, region="cn-beijing"))

    assert [subject for subject, _ in found] == ["region", "region"]
    assert found[0][1].startswith("--region is cn-beijing, the functions' is cn-hangzhou: ")
    assert found[1][1].startswith("OSS expects another region in the signature; set --region")


def test_an_endpoint_of_another_region() -> None:
    """Its name tells its region, before anybody is asked, and the example's account is no use."""
    lines = examined("https://oss-cn-beijing.aliyuncs.com", environ={})

    assert failures(lines)[:2] == [
        EXAMPLE[1:],
        ("region",
        "the endpoint https://oss-cn-beijing.aliyuncs.com is cn-beijing's, the region is "
        "cn-hangzhou; change one of them"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("endpoint_", "region"),
    [
        ("https://oss-cn-hangzhou.aliyuncs.com", "cn-hangzhou"),
        ("http://oss-us-west-1-internal.aliyuncs.com:80/", "us-west-1"),
        ("https://b.oss-ap-southeast-1.aliyuncs.com", "ap-southeast-1"),
        ("http://127.0.0.1:9600", None),
        ("https://pictures.example.com", None),
    ],
)
def test_the_region_in_an_endpoint(endpoint_: str, region: str | None) -> None:
    """Public, internal and bucket's own endpoints name a region; others do not."""
    assert region_of(endpoint_) == region


def test_nobody_there() -> None:
    """An endpoint that refuses connections is one line, and nothing more is tried."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        assert one(examined(url)) == (
            "endpoint",
            f"{url} does not answer (ConnectionError); is it spelled right?",
        )


@pytest.mark.parametrize("url", ["127.0.0.1:9600", "http://", "http://no such host"])
def test_an_endpoint_that_is_none(url: str) -> None:
    """What is no address is said to be so, not a traceback."""
    subject, detail = one(examined(url))

    assert subject == "endpoint"
    assert detail.startswith(f"{url} does not answer (")


def test_a_missing_bucket(endpoint: OssEndpoint) -> None:
    """A bucket that is not there is one line, and its places are not asked for."""
    described = template(
        replace(DIGITS, environment=DIGITS.environment
                | {"FANLIGHT_OUTPUT": "oss://no-such-bucket/output/"}), LETTERS)  # fmt: skip
    lines = examined(endpoint.url, described)

    assert one(lines)[0] == "bucket no-such-bucket"
    assert one(lines)[1].startswith("there is no such bucket; create it in the functions' region")
    assert [subject for status, subject, _ in lines if status == "ok"][-2:] == [
        f"bucket {BUCKET}",
        "fanlight-digits input",
    ]


def test_archives_have_their_digest(endpoint: OssEndpoint) -> None:
    """A model and libraries in OSS are read and compared."""
    bucket(endpoint, "models").put_object("digits.zip", ZIP)
    bucket(endpoint, "models").put_object("libs.zip", ZIP)

    lines = examined(endpoint.url, ARCHIVED)

    assert failures(lines) == []
    assert lines[-4:-1] == [
        ("ok", "fanlight-digits digits.zip", "oss://models/digits.zip has its digest"),
        ("ok", "fanlight-digits model", "digits 1.0.0"),
        ("ok", "fanlight-digits libs.zip", "oss://models/libs.zip has its digest"),
    ]


def test_a_missing_and_a_wrong_archive(endpoint: OssEndpoint) -> None:
    """What is not there, and what is something else, are told apart."""
    bucket(endpoint, "models").put_object("libs.zip", ZIP + b"more")
    other = hashlib.sha256(ZIP + b"more").hexdigest()

    missing, wrong = failures(examined(endpoint.url, ARCHIVED))

    assert missing[0] == "fanlight-digits digits.zip"
    assert missing[1].startswith("there is no such object (request ")
    assert missing[1].endswith("publish it with `fanlight model publish`, or correct the setting")
    assert wrong == (
        "fanlight-digits libs.zip",
        f"oss://models/libs.zip has SHA-256 {other}, the setting says {SHA256}; publish the right "
        "one, or correct the setting",
    )


def test_a_bundle_that_is_not_there(endpoint: OssEndpoint) -> None:
    """A model that the code does not have is named with what to do."""
    environment = DIGITS.environment | {"FANLIGHT_MODEL": "models/nothing"}
    subject, detail = one(
        examined(endpoint.url, template(replace(DIGITS, environment=environment), LETTERS))
    )

    assert (subject, detail) == (
        "fanlight-digits model",
        f"{SOURCE}/models/nothing is no model bundle, it has no model.json; fetch or make it with "
        "`fanlight model`, or change FANLIGHT_MODEL",
    )


def task(name: str, model: str, **settings: str) -> Function:
    """A classifier of its own places, with that model."""
    return classifier(
        name, f"input/{name}/", f"output/{name}/", resource=name,
        settings={"FANLIGHT_MODEL": model, **settings},
    )  # fmt: skip


DIGITS_ZIP = f"oss://models/digits.zip#sha256={SHA256}"
NSFW = '{"nsfw": {"review": 0.2, "block": 0.8}}'


@pytest.mark.parametrize(
    ("function", "status", "detail"),
    [
        (task("digits", DIGITS_ZIP), "ok", "digits 1.0.0"),
        (task("street-signs", DIGITS_ZIP), "ok", "digits 1.0.0"),
        (task("moderation", DIGITS_ZIP), "fail",
         "digits 1.0.0: its task is classification, the function is there for moderation; set "
         "another FANLIGHT_MODEL"),
        (task("signs", DIGITS_ZIP, FANLIGHT_THRESHOLDS=NSFW), "fail",
         "digits 1.0.0: FANLIGHT_THRESHOLDS do not fit model digits: its task is classification; "
         "set another FANLIGHT_MODEL or other FANLIGHT_THRESHOLDS"),
        (task("signs", "models/digits", FANLIGHT_THRESHOLDS=NSFW), "fail",
         "digits 1.0.0: FANLIGHT_THRESHOLDS do not fit model digits: its task is classification; "
         "set another FANLIGHT_MODEL or other FANLIGHT_THRESHOLDS"),
    ],
)  # fmt: skip
def test_the_model_of_each_function(
    endpoint: OssEndpoint, function: Function, status: str, detail: str
) -> None:
    """It is named, in OSS or in the code, and held against the task's name and settings."""
    bucket(endpoint, "models").put_object("digits.zip", ZIP)

    lines = examined(endpoint.url, template(function))

    assert [line for line in lines if line[1].endswith(" model")] == [
        (status, f"{function.name} model", detail)
    ]


def test_tasks_that_share_a_model(endpoint: OssEndpoint) -> None:
    """A move that was meant for one task, and written for all, is seen: it works, and is told."""
    bucket(endpoint, "models").put_object("digits.zip", ZIP)
    sweep = replace(task("digits", DIGITS_ZIP), resource="digits-sweep", name="digits-sweep")

    lines = examined(
        endpoint.url, template(task("digits", DIGITS_ZIP), sweep, task("signs", DIGITS_ZIP))
    )

    assert [line for line in lines if line[1].endswith(" model")] == [
        ("warn", f"{name} model", f"digits 1.0.0, shared with {other}; give each task a "
         "FANLIGHT_MODEL of its own")
        for name, other in (("digits", "signs"), ("signs", "digits"))
    ]  # fmt: skip


def test_another_tasks_model(endpoint: OssEndpoint) -> None:
    """A task whose own model lies in the code, and that has another's, is told of."""
    if not (SOURCE / "models/products/model.json").is_file():
        pytest.skip("models/products has not been fetched")
    bucket(endpoint, "models").put_object("digits.zip", ZIP)

    lines = examined(endpoint.url, template(task("products", DIGITS_ZIP)))

    assert (
        "warn",
        "products model",
        "digits 1.0.0; models/products would be for products",
    ) in lines


def test_a_zip_that_is_no_model(endpoint: OssEndpoint) -> None:
    """Bytes that have the digest and are no bundle would keep every instance from starting."""
    bucket(endpoint, "models").put_object("m.zip", b"no zip")
    digest = hashlib.sha256(b"no zip").hexdigest()
    function = task("signs", f"oss://models/m.zip#sha256={digest}")

    assert one(examined(endpoint.url, template(function))) == (
        "signs model",
        "m.zip is damaged: File is not a zip file; publish a bundle with `fanlight model publish`",
    )


def test_a_zip_that_the_disk_has_no_room_for(endpoint: OssEndpoint) -> None:
    """It is refused before it is read."""
    bucket(endpoint, "models").put_object("m.zip", b"no zip")
    prober = Prober(endpoint.url, PROJECT.region, credentials(None, KEYS))
    archive = Archive("models", "m.zip", "0" * 64)
    kept: list[bytes] = []

    with pytest.raises(Refused, match="6 bytes are more than the disk here has room for"):
        prober.digest(archive, unseen, kept.append, 5)
    prober.digest(archive, unseen, kept.append, 6)

    assert kept == [b"no zip"]


def test_problems_of_the_template(endpoint: OssEndpoint) -> None:
    """Each problem of the template is a line of its own."""
    subject, detail = one(examined(endpoint.url, template(DIGITS)))

    assert subject == "template"
    assert detail.startswith("fanlight-digits: onFailure names acs:fc:")


def test_writing_when_asked(endpoint: OssEndpoint) -> None:
    """With `write`, each place written to is tried and left as it was."""
    lines = examined(endpoint.url, write=True)

    assert failures(lines) == []
    assert lines[-3:-1] == [
        ("ok", "fanlight-digits output", f"oss://{BUCKET}/output/digits/ can be written"),
        ("ok", "fanlight-deadletter letters", f"oss://{BUCKET}/failed/ can be written"),
    ]
    assert list(oss2.ObjectIteratorV2(bucket(endpoint))) == []


def test_writing_never_fires_a_trigger(endpoint: OssEndpoint) -> None:
    """Where a write would be an event, none is made."""
    told = listener("tell", "output/digits/")

    lines = examined(endpoint.url, template(DIGITS, LETTERS, told), write=True)

    assert failures(lines) == []
    assert (
        "skip",
        "fanlight-digits output",
        f"oss://{BUCKET}/output/digits/: a write there would run tell",
    ) in lines


@contextmanager
def strict(*allowed: str, message: str = "denied") -> Iterator[tuple[str, list[str]]]:
    """An OSS in which all is empty and only `METHOD /path` of `allowed` are; and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {unquote(self.path)}")
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fine = any(asked[-1].startswith(one) for one in allowed)
            status, code = (404, "NoSuchKey") if fine else (403, "AccessDenied")
            if fine and self.command != "GET":
                status, code = 200, ""
            body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if code else 0))
            self.send_header("x-oss-request-id", "R")
            self.end_headers()
            self.wfile.write(body if code else b"")

        do_PUT = do_DELETE = do_GET  # noqa: N815 - the names http.server looks for

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def test_a_place_that_may_not_be_read() -> None:
    """A refusal says which permission is lacking on which place of a bucket that is there."""
    with strict(f"GET /{BUCKET}/input/") as (url, _):
        lines = examined(url)

    assert one(lines) == (
        "fanlight-digits output",
        f"permission denied (request R); needs oss:GetObject on oss://{BUCKET}/output/digits/*",
    )
    assert ("ok", f"bucket {BUCKET}", "exists") in lines


def test_a_place_that_may_not_be_listed() -> None:
    """Of a sweep, listing is tried as well, and a refusal says what is lacking."""
    sweep = next(f for f in PROJECT.functions if f.resource == "digits-sweep")
    keys = [Credentials("id", "not-to-be-shown")]
    denied = policy(ALL, ("Deny", "oss:ListObjects", "*"))
    found = []
    for policies in ({}, {"id": [denied]}):
        with OssEndpoint(keys, policies=policies) as refusing:
            refusing.create_bucket(BUCKET)
            found.append(examined(refusing.url, template(DIGITS, sweep, LETTERS)))

    subject = "fanlight-digits-sweep listing"
    assert ("ok", subject, f"oss://{BUCKET}/input/digits/ can be listed") in found[0]
    assert failures(found[0]) == []
    refused = failures(found[1])
    assert [told for told, _ in refused] == [subject] * 2
    needed = f"needs oss:ListObjects on oss://{BUCKET}/output/digits/*"
    assert refused[1][1].endswith(needed)


def test_a_role_that_may_not_delete() -> None:
    """With the functions' own permissions a write is proved, and what stays behind is named."""
    reads = (f"GET /{BUCKET}/input/digits/", f"GET /{BUCKET}/output/digits/")
    writes = (f"PUT /{BUCKET}/output/digits/", f"PUT /{BUCKET}/failed/")
    with strict(*reads, *writes) as (url, asked):
        lines = examined(url, write=True)

    assert failures(lines) == []
    assert (
        "skip",
        "fanlight-deadletter letters",
        f"oss://{BUCKET}/failed/{PROBE} stays: these keys may not delete it, as the functions may "
        "not; delete it yourself",
    ) in lines
    assert not [request for request in asked if request.startswith(f"GET /{BUCKET}/failed/")]


def test_a_place_that_may_not_be_written() -> None:
    """A refused write says which permission is lacking."""
    with strict(f"GET /{BUCKET}/") as (url, asked):
        found = failures(examined(url, write=True))

    assert found == [
        (subject, f"permission denied (request R); needs oss:PutObject on oss://{BUCKET}/{place}*")
        for subject, place in (
            ("fanlight-digits output", "output/digits/"),
            ("fanlight-deadletter letters", "failed/"),
        )
    ]
    assert not [request for request in asked if request.startswith("DELETE")]


def test_a_bucket_of_another_region() -> None:
    """OSS calls it AccessDenied; by its message it is the bucket that is elsewhere."""
    said = "The bucket you are attempting to access must be addressed using the specified endpoint."
    with strict(message=said) as (url, _):
        subject, detail = one(examined(url))

    assert subject == f"bucket {BUCKET}"
    assert detail.startswith("the bucket is in another region; it has to be in the functions' own")


def test_what_answers_is_not_oss() -> None:
    """A web server that is none of OSS's is said to be so."""

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        subject, detail = one(examined(f"http://127.0.0.1:{server.server_port}"))
        server.shutdown()

    assert subject == "endpoint"
    assert detail.endswith("(status 404) is not OSS; check --endpoint")


def run(url: str, path: Path, *functions: str, **environ: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    result: Any = CliRunner().invoke(
        command,
        [*functions, "-t", str(path), "--endpoint", url],
        env=KEYS | {"FC_REGION": ""} | environ,
        standalone_mode=False,
    )
    if isinstance(result.exception, Exception):
        raise result.exception
    return result.return_value, result.stdout, result.stderr


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A template of the digits function and the dead letters'."""
    text = project_template().read_text("utf-8")
    start, rest = text.split("  # Another task:", 1)
    path = tmp_path / "template.yml"
    path.write_text(f"{start}  deadletter:{rest.split('  deadletter:')[1]}", "utf-8")
    return path


def test_the_command(endpoint: OssEndpoint, small: Path) -> None:
    """It prints a line for each thing and a count, exits 0 when nothing failed, else 1."""
    code, output, _ = run(endpoint.url, small)
    assert (code, output.splitlines()[-1]) == (0, "10 ok, 1 warn, 3 skip")
    assert output.splitlines()[0] == "ok    template: 4 functions fit together"

    code, output, _ = run(endpoint.url, small, ALIBABA_CLOUD_ACCESS_KEY_ID="x")
    assert (code, output.splitlines()[-1]) == (1, "4 ok, 1 warn, 1 fail, 2 skip")


def test_the_command_for_some_functions(endpoint: OssEndpoint, tmp_path: Path) -> None:
    """Those named, by either name, and what shares their zip; models of no other are wanted."""
    text = project_template().read_text("utf-8")
    path = tmp_path / "template.yml"
    path.write_text(
        text.replace("  products:", "  shoes:").replace("resources.products", "resources.shoes")
    )

    code, output, _ = run(endpoint.url, path, "digits", "fanlight-deadletter")

    assert (code, output.splitlines()[-1]) == (0, "10 ok, 1 warn, 3 skip")
    assert "ok    fanlight-digits-sweep listing: " in output
    assert "shoes" not in output
    code, output, _ = run(endpoint.url, path)
    assert code == 1
    assert f"fail  fanlight-shoes model: {SOURCE}/models/shoes is no model bundle" in output
    with pytest.raises(click.UsageError, match="the template has no function digitz; it has digi"):
        run(endpoint.url, path, "digitz")


def test_keys_are_never_shown(endpoint: OssEndpoint, small: Path) -> None:
    """Neither a right nor a wrong secret or token appears, whatever goes wrong."""
    wrong = {
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "hidden-1",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "hidden-2",
    }
    outputs = [
        run(endpoint.url, small),
        run(endpoint.url, small, ALIBABA_CLOUD_ACCESS_KEY_SECRET="hidden-1"),
        run(endpoint.url, small, **wrong),
        run("http://127.0.0.1:1", small, **wrong),
    ]

    shown = "".join(text for _, *texts in outputs for text in texts)
    assert [code for code, *_ in outputs] == [0, 1, 1, 1]
    assert [word for word in ("not-to-be-shown", "hidden-") if word in shown] == []


def test_progress_of_a_long_read(endpoint: OssEndpoint, small: Path) -> None:
    """What is being read is told beside the lines that are the answer, not among them."""
    bucket(endpoint, "models").put_object("digits.zip", ZIP)
    setting = f"FANLIGHT_MODEL: oss://models/digits.zip#sha256={SHA256}"
    text = small.read_text("utf-8").replace("FANLIGHT_MODEL: models/${this.name}", setting)
    small.write_text(text, "utf-8")

    code, output, progress = run(endpoint.url, small)

    assert code == 0
    assert "digits.zip: oss://models/digits.zip has its digest\n" in output
    assert ("reading digits.zip" in progress, "reading" in output) == (True, False)
