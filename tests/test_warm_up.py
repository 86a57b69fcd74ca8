"""The warm-up: after it nothing is left to import, and a failure of it is only told."""

import json
import os
import subprocess
import sys
from typing import Any

from fanlight.answer import Answerer, Choices
from fanlight.model import Model
from fanlight.result import Source
from fanlight.warm_up import pictures, warm_up
from tests.localcloud.served import served
from tests.test_model import drawn_one
from tools.events import oss_event
from tools.models import MODELS
from tools.template import SOURCE

_FIRST_REQUEST = """
import json, sys
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
import classify
early = [name for name in ("numpy", "cv2", "PIL") if name in sys.modules]
context = SimpleNamespace(request_id="1", function=SimpleNamespace(timeout=60))
classify.initializer(context)
before = set(sys.modules)
opened = []
import socket
connect = socket.socket.connect
socket.socket.connect = lambda self, place: (opened.append(place), connect(self, place))[1]
counts = classify.handler(sys.argv[2].encode(), context)["counts"]
late = sorted(set(sys.modules) - before)
needless = sorted(before & set(sys.argv[3:]))
print(json.dumps({"early": early, "late": late, "needless": needless, "counts": counts,
                  "opened": opened}))
"""


_NEEDLESS = ("Crypto.Cipher.AES", "aliyunsdkcore.client", "fanlight.apart", "fanlight.install",
             "numpy.ma", "tensorflow", "onnxruntime")  # fmt: skip


def test_the_first_request_finds_everything_ready() -> None:
    """It imports nothing and opens no connection, and nothing is there that only others need.

    Nor does the module import what knows pixels: downloads begin before that.
    """
    with served() as bucket:
        bucket.put_object("input/a.png", drawn_one())
        environment = {
            **os.environ, "FANLIGHT_INPUT": "oss://pictures/input/",
            "FANLIGHT_OUTPUT": "oss://pictures/output/", "FANLIGHT_MODEL": "models/digits",
            "FANLIGHT_OSS_ENDPOINT": bucket.endpoint, "FC_FUNC_CODE_PATH": str(SOURCE),
            "FC_REGION": "cn-hangzhou", "ALIBABA_CLOUD_ACCESS_KEY_ID": "id",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret", "ALIBABA_CLOUD_SECURITY_TOKEN": "",
        }  # fmt: skip
        event = json.dumps(oss_event("pictures", "input/a.png"))
        starts = []
        for _ in range(3):
            bucket.delete_object("output/a.png.json")
            run = subprocess.run(
                [sys.executable, "-c", _FIRST_REQUEST, str(SOURCE), event, *_NEEDLESS],
                env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert run.returncode == 0, run.stderr
            starts.append(json.loads(run.stdout.splitlines()[-1]))
            # On a busy machine the two requests that open connections may not have overlapped.
            if not starts[-1]["opened"]:
                break

    assert starts[-1].pop("opened") == []
    assert starts[-1] == {
        "early": [], "late": [], "needless": [], "counts": {"classified": 1},
    }  # fmt: skip


class Watched(Answerer):
    """Keeps what it answered."""

    def __init__(self, model: Model) -> None:
        super().__init__(model, Choices())
        self.given: list[dict[str, Any]] = []

    def __call__(self, source: Source, data: bytes | None) -> dict[str, Any]:
        self.given.append(super().__call__(source, data))
        return self.given[-1]


def test_it_goes_all_the_way() -> None:
    """Each of its pictures reaches the network, for digits too, and they are of three formats."""
    answerer = Watched(Model.load(MODELS / "digits"))

    told = warm_up(answerer, pictures())

    assert told == ""
    assert [(one["status"], one["source"]["format"]) for one in answerer.given] == [
        ("classified", "png"), ("classified", "jpeg"), ("classified", "webp"),
    ]  # fmt: skip


class Broken(Answerer):
    """Has no answer."""

    def __call__(self, source: Source, data: bytes | None) -> dict[str, Any]:
        raise RuntimeError("no answer")


def test_a_failure_is_told_and_not_raised() -> None:
    """An instance that could not be warmed up still serves."""
    broken = Broken(Model.load(MODELS / "digits"), Choices())

    assert warm_up(broken, pictures()) == "RuntimeError: no answer"
