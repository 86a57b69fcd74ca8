"""A bucket behind the real endpoint that counts what it is asked, and the command line on it."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import oss2
import pytest

from fanlight.document import to_bytes
from tools.cli import fanlight
from tools.localcloud.oss import Credentials, OssEndpoint
from tools.samples import pictures

REGION = "cn-hangzhou"
DIGITS = [path.read_bytes() for path in pictures() if path.suffix == ".png"]


@dataclass
class OssWorld:
    """The bucket `shop`: images below `in/`, results `out/`, dead letters `failed/`.

    `asked`: requests by method, `LIST` for listings; `paths`: of all of them, with their queries.
    """

    bucket: oss2.Bucket
    asked: Counter[str] = field(default_factory=Counter)
    paths: list[str] = field(default_factory=list)

    def image(self, name: str, data: bytes | None = None) -> None:
        self.bucket.put_object(f"in/{name}", DIGITS[0] if data is None else data)

    def letter(self, number: int, key: str) -> str:
        place = f"failed/2026-11-26/r-{number}.json"
        self.bucket.put_object(place, to_bytes({
            "schema": "fanlight.failure/1", "request_id": "r", "function": "f", "condition": "c",
            "attempts": 4, "source": {"bucket": "shop", "key": key}, "suspected": False,
            "error": {"type": "OSError", "message": "it broke"}, "event": {},
        }))  # fmt: skip
        return place

    def keys(self, prefix: str) -> list[str]:
        found = oss2.ObjectIteratorV2(self.bucket, prefix=prefix)
        return [item.key for item in found]


@contextmanager
def oss_world(data: Path | None = None) -> Iterator[OssWorld]:
    """The endpoint, as long as the block lasts."""
    asked: Counter[str] = Counter()
    paths: list[str] = []

    def counted(method: str, path: str, *_: Any) -> None:
        paths.append(path)
        asked["LIST" if "list-type=2" in path else method] += 1

    keys = Credentials("id", "secret")
    with OssEndpoint([keys], region=REGION, data=data, meddle=counted) as endpoint:
        endpoint.create_bucket("shop")
        auth = oss2.AuthV4("id", "secret")
        bucket = oss2.Bucket(auth, endpoint.url, "shop", region=REGION)
        with pytest.MonkeyPatch.context() as environment:
            for name, value in (("ALIBABA_CLOUD_ACCESS_KEY_ID", "id"), ("FC_REGION", REGION),
                                ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret"),
                                ("FANLIGHT_OSS_ENDPOINT", endpoint.url)):  # fmt: skip
                environment.setenv(name, value)
            yield OssWorld(bucket, asked, paths)


def told(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON of a command, run in this process."""
    file = tmp_path / "told.json"
    file.unlink(missing_ok=True)
    code = fanlight.main([*arguments, "--json", str(file)], standalone_mode=False)
    return code, json.loads(file.read_text())
