"""The design of the article that Fanlight began with, written anew for today's TensorFlow.

Libraries and model are loaded by whoever comes first, the initializer or the handler; what is
loaded is kept in the module. Nothing is warmed up, and a result is written whatever stands there.
The model is called directly, which is quicker for one picture than the article's `predict`.
BENCH_KERAS names the model's file, BENCH_OUTPUT where results go. With BENCH_LIBS, the key of a zip
in the bucket, TensorFlow is fetched and unpacked first, as the article does.
"""

import json
import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import oss2

MARKS: dict[str, float] = {}
"""Seconds: `fetch`, `libraries`, `model_load` and `first_inference`; see cold.py."""

_loaded: list[Any] = []


def initializer(context: Any) -> None:
    """Load everything, if that is where the design does it."""
    _load(context)


def handler(event: bytes, context: Any) -> str:
    """Classify the event's one picture, and write what it shows."""
    key = json.loads(event)["events"][0]["oss"]["object"]["key"]
    if not _loaded:
        _load(context)
    bucket = _bucket()
    data = bucket.get_object(key).read()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None  # noqa: S101 - for the type checker
    tensor = cv2.resize(picture, (28, 28)).astype(np.float32).reshape(1, 28, 28, 1) / 255
    began = time.perf_counter()
    scores = _loaded[0](tensor, training=False).numpy()[0]
    MARKS.setdefault("first_inference", time.perf_counter() - began)
    answer = json.dumps({"key": key, "digit": int(scores.argmax()), "score": float(scores.max())})
    bucket.put_object(os.environ["BENCH_OUTPUT"] + key + ".json", answer)
    return answer


def _load(context: Any) -> None:
    if key := os.environ.get("BENCH_LIBS"):
        began = time.perf_counter()
        folder = Path(tempfile.mkdtemp(dir=os.environ["BENCH_SCRATCH"]))
        _bucket().get_object_to_file(key, str(folder / "libs.zip"))
        with zipfile.ZipFile(folder / "libs.zip") as archive:
            archive.extractall(folder)  # the article's own zip: nobody else writes that key
        sys.path.insert(0, str(folder))
        MARKS["fetch"] = time.perf_counter() - began
    began = time.perf_counter()
    import keras
    import tensorflow as tf  # noqa: F401 - Keras would import it later: it is to count here

    MARKS["libraries"] = time.perf_counter() - began
    began = time.perf_counter()
    _loaded.append(keras.models.load_model(os.environ["BENCH_KERAS"]))
    MARKS["model_load"] = time.perf_counter() - began


def _bucket() -> Any:
    environ = os.environ
    auth = oss2.StsAuth(
        environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        environ["ALIBABA_CLOUD_SECURITY_TOKEN"], auth_version=oss2.AUTH_VERSION_4,
    )  # fmt: skip
    return oss2.Bucket(auth, environ["FANLIGHT_OSS_ENDPOINT"], environ["BENCH_BUCKET"],
                       region=environ["FC_REGION"])  # fmt: skip
