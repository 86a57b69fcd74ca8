"""Access keys that are renewed while the command line works, and those that are not."""

import itertools
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import oss2
import pytest

from fanlight.answer import Choices
from fanlight.errors import StaleCredentials, UnknownAccessKey
from fanlight.store_oss import Credentials, OssStore
from tests.rotation import Handing, handing
from tests.test_cli import draw
from tools.credentials import Renewing, Rotating
from tools.engine import Job
from tools.localcloud import oss
from tools.models import MODELS
from tools.patience import Line
from tools.places import Access

OWN = oss.Credentials("own", "own-secret")
IMAGES = 120


@pytest.fixture
def endpoint() -> Iterator[oss.OssEndpoint]:
    with oss.OssEndpoint([OWN]) as endpoint:
        endpoint.create_bucket("pictures")
        yield endpoint


def store(url: str, keys: Rotating, seconds: float = 10) -> OssStore:
    line = Line(url, "ENDPOINT", seconds)
    retry = Renewing(lambda: time.monotonic() + seconds, line=line, keys=keys)
    auth = oss2.ProviderAuthV4(keys)
    return OssStore("pictures", endpoint=url, region="cn-hangzhou", credentials=auth, retry=retry)


def brief(number: int, seconds: float) -> oss.Credentials:
    fields = f"STS.{number}", f"hidden-secret-{number}", f"hidden-token-{number}"
    return oss.Credentials(*fields, time.time() + seconds)


def ours(key: oss.Credentials) -> Credentials:
    return Credentials(key.access_key_id, key.access_key_secret, key.security_token)


def filled(endpoint: oss.OssEndpoint, folder: Path, count: int = IMAGES) -> None:
    """Put drawn pictures under in/ of the bucket."""
    draw(folder, count)
    auth = oss2.AuthV4(OWN.access_key_id, OWN.access_key_secret)
    bucket = oss2.Bucket(auth, endpoint.url, "pictures", region="cn-hangzhou")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda path: bucket.put_object(f"in/{path.name}", path.read_bytes()),
                      sorted(folder.iterdir())))  # fmt: skip


def run(
    endpoint: oss.OssEndpoint, home: Path, *options: str, **keys: str
) -> subprocess.CompletedProcess[str]:
    """`fanlight run` on in/, with these environment variables in place of any keys there are."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ALIBABA_CLOUD_")}
    environment |= {"HOME": str(home), "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", **keys}
    command = [
        *(sys.executable, "-m", "tools", "run", "oss://pictures/in/", "-m", "digits"),
        *("--region", "cn-hangzhou", "--endpoint", endpoint.url, *options),
    ]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def static(key: oss.Credentials) -> dict[str, str]:
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": key.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": key.security_token,
    }


def shows(said: str, server: Handing) -> list[str]:
    """The secrets and tokens that stand in a text."""
    secrets = [
        word for key in server.handed for word in (key.access_key_secret, key.security_token)
    ]
    return [word for word in secrets if word in said]


def test_a_run_outlives_its_keys(endpoint: oss.OssEndpoint, tmp_path: Path) -> None:
    """Keys from ALIBABA_CLOUD_CREDENTIALS_URI expire several times in a run: no image fails."""
    filled(endpoint, tmp_path / "photos", 3 * IMAGES)
    with handing(endpoint, 0.4) as server:
        done = run(endpoint, tmp_path, ALIBABA_CLOUD_CREDENTIALS_URI=server.url)

    assert (done.returncode, shows(done.stdout + done.stderr, server)) == (0, []), done.stderr
    assert f"{3 * IMAGES} images" in done.stdout
    assert f": {3 * IMAGES} classified\n" in done.stdout
    assert done.stderr.count("\n") <= 1
    assert len(server.handed) >= 6  # this process and two more, and each more than once


def test_a_run_with_keys_that_stay_ends_when_they_expire(tmp_path: Path) -> None:
    """One message tells what to do, no image counts as failed, and a run with new keys goes on."""
    key, calls = brief(0, 1e9), itertools.count()

    def expire(*request: Any) -> None:
        del request
        if next(calls) == 4 * IMAGES:  # a third of them are there then, the uploads counted
            served.accept(replace(key, expires=time.time()))

    with oss.OssEndpoint([OWN, key], meddle=expire) as served:
        served.create_bucket("pictures")
        filled(served, tmp_path / "photos")
        ended = run(served, tmp_path, **static(key))
        again = run(served, tmp_path, **static(OWN))

    told = ended.stderr.splitlines()
    assert (ended.returncode, len(told)) == (1, 1), ended.stderr
    assert "SecurityTokenExpired" in told[0]
    assert "run it again with a new key, and it goes on where it was" in told[0]
    assert "failed" not in ended.stdout
    assert "hidden" not in ended.stdout + ended.stderr
    assert again.returncode == 0
    assert f"{IMAGES} images" in again.stdout
    assert "unchanged" in again.stdout


def test_no_key_at_all_names_the_ways_to_have_one(
    endpoint: oss.OssEndpoint, tmp_path: Path
) -> None:
    """Without keys nothing begins; nor with a source that answers badly, which is not shown."""
    with handing(endpoint, 10) as server:
        server.broken = True
        without = run(endpoint, tmp_path)
        broken = run(endpoint, tmp_path, ALIBABA_CLOUD_CREDENTIALS_URI=server.url)

    assert (without.returncode, broken.returncode) == (1, 1)
    assert len(server.handed) == 1
    assert broken.stderr == (
        "error: no access key came from what is set, ALIBABA_CLOUD_CREDENTIALS_URI: see that it "
        "answers with one, or export ALIBABA_CLOUD_ACCESS_KEY_ID and "
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET\n"
    )
    for way in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "aliyun configure", "RAM role", "OIDC",
                "ALIBABA_CLOUD_CREDENTIALS_URI"):  # fmt: skip
        assert way in without.stderr


def test_a_profile_of_the_aliyun_command_will_do(endpoint: oss.OssEndpoint, tmp_path: Path) -> None:
    """A key that stands in ~/.aliyun/config.json is used where the environment has none."""
    filled(endpoint, tmp_path / "photos", 2)
    profile = {"name": "own", "mode": "AK", "access_key_id": OWN.access_key_id,
               "access_key_secret": OWN.access_key_secret}  # fmt: skip
    (tmp_path / ".aliyun").mkdir()
    (tmp_path / ".aliyun" / "config.json").write_text(
        json.dumps({"current": "own", "profiles": [profile]})
    )

    done = run(endpoint, tmp_path)

    assert (done.returncode, "2 classified" in done.stdout) == (0, True), done.stderr


def test_threads_that_share_keys_renew_them_once(endpoint: oss.OssEndpoint) -> None:
    """Many requests are refused for one expired key; one asks for the next, all go on with it."""
    made = [brief(0, -1), brief(1, 1e9)]
    for key in made:
        endpoint.accept(key)
    asked = iter(made)
    keys = Rotating(lambda: lambda: ours(next(asked)))
    shared = store(endpoint.url, keys)

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(shared.head, map(str, range(64))))

    assert found == [None] * 64
    assert keys.last == ours(made[1])


def test_a_write_that_was_refused_is_made_with_the_next_key(endpoint: oss.OssEndpoint) -> None:
    """What was refused for its key was not done, and is done once."""
    made = [brief(0, -1), brief(1, 1e9)]
    for key in made:
        endpoint.accept(key)
    asked = iter(made)
    shared = store(endpoint.url, Rotating(lambda: lambda: ours(next(asked))))

    assert shared.put("a", b"one", if_absent=True)
    found = shared.get("a", 10)
    assert found is not None
    assert found.data == b"one"


def test_a_source_that_remembers_too_long_is_made_anew(endpoint: oss.OssEndpoint) -> None:
    """A key that was withdrawn before its time is not asked for again from what remembers it."""
    good = brief(2, 1e9)
    endpoint.accept(good)
    sources = iter([lambda: Credentials("withdrawn", "secret"), lambda: ours(good)])

    assert store(endpoint.url, Rotating(lambda: next(sources), ticking())).head("a") is None


def test_a_source_that_fails_later_is_no_end(endpoint: oss.OssEndpoint) -> None:
    """The last key is used while it is good; then the source is asked until it answers."""
    made = [brief(0, 1e9), brief(1, 1e9)]
    for key in made:
        endpoint.accept(key)
    answers: Iterator[Any] = iter([ours(made[0]), OSError, OSError, OSError, ours(made[1])])

    def ask() -> Credentials:
        answer = next(answers)
        if answer is OSError:
            raise OSError
        return answer  # type: ignore[no-any-return]

    shared = store(endpoint.url, Rotating(lambda: ask, ticking()))
    assert shared.head("a") is None
    assert shared.head("a") is None  # the source has failed once
    endpoint.accept(replace(made[0], expires=time.time()))
    assert shared.head("a") is None


def test_keys_that_nobody_renews_end_the_work(endpoint: oss.OssEndpoint) -> None:
    """An expired key is waited with for as long as a request may last, a wrong one not at all."""
    expired = brief(0, -1)
    endpoint.accept(expired)

    with pytest.raises(StaleCredentials, match="SecurityTokenExpired"):
        store(endpoint.url, Rotating(lambda: lambda: ours(expired)), 0.2).head("a")
    with pytest.raises(UnknownAccessKey, match="InvalidAccessKeyId"):
        store(endpoint.url, Rotating(lambda: lambda: Credentials("wrong", "key")), 1e9).head("a")


def test_keys_stay_in_their_process() -> None:
    """What is sent to other processes holds none, and what holds some cannot be sent or shown."""
    job = Job("oss://b/in/", "oss://b/out/", MODELS / "digits", Choices(), Access("e", "r"))
    keys = Rotating(lambda: lambda: Credentials("id", "hidden", "hidden"))
    keys.get_credentials()

    assert b"hidden" not in pickle.dumps(job)
    line = Line("http://here", "ENDPOINT", 1)
    assert "hidden" not in f"{keys!r}{vars(keys)}{Renewing(lambda: 0.0, line=line, keys=keys)!r}"
    with pytest.raises(TypeError, match="stay in their process"):
        pickle.dumps(keys)


def ticking() -> Callable[[], float]:
    """A clock on which a minute goes by whenever somebody looks."""
    minutes = itertools.count()
    return lambda: 60.0 * next(minutes)
