"""From a new process to the first digit's result, for Fanlight and for the article's design.

Each instance is a new process (instance.py) beside an OSS endpoint in another. It gets the same
picture under several keys, one event each: the first ends the cold start, the others tell how fast
the instance is once warm. Every result is looked at: what answers wrongly has no figures.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oss2

from fanlight.errors import FanlightError
from tools.bench.cloud import BUCKET, FUNCTIONS, OssProcess
from tools.bench.libs import LIBS_KEY
from tools.bench.machine import this_machine
from tools.bench.networks import DIGITS, KERAS_FILE, ONNX, TENSORFLOW
from tools.bench.report import Comparison, Report, Row
from tools.bench.stats import alternating, ratios, spread
from tools.events import oss_event
from tools.samples import FOLDER, truth

SAMPLE = FOLDER / "7-00000.png"
EVENTS = 21
"""The first and twenty more."""

PARTS = ("interpreter", "fetch", "imports", "model load", "first inference", "warm-up",
         "event to result")  # fmt: skip
COLUMNS = (*PARTS, "total", "first request", "warm request")

OURS = "fanlight, LiteRT"
IN_INITIALIZER, IN_HANDLER = "the article, in the initializer", "the article, in the handler"
FETCHED = "the article, TensorFlow fetched as a zip"
BARE = "its bare libraries"

BUDGET = {"interpreter": 0.15, "imports": 0.45, "model load": 0.03, "first inference": 0.01,
          "warm-up": 0.1, "event to result": 0.03}  # fmt: skip
"""Seconds that each part of OURS may take: some twice what it took on 2 cores of an AMD EPYC."""

_PATIENCE = 600.0
_INSTANCE = Path(__file__).with_name("instance.py")
_BARE_IMPORTS = """
import time
clock = lambda: time.clock_gettime(time.CLOCK_MONOTONIC)
up = clock()
import cv2, numpy, oss2, PIL.Image, PIL.PngImagePlugin
import ai_edge_litert.interpreter
print(up, clock())
"""

Progress = Callable[[], None]


@dataclass(frozen=True)
class Design:
    """`module` has its handler; `setup`: `initializer` or `handler`, where it loads its model."""

    name: str
    module: str
    setup: str
    environment: Mapping[str, str]


def designs(folder: Path, cloud: OssProcess, *, fetched: bool) -> list[Design]:
    """Those that can run with what `write_networks` has put into `folder`."""
    found = [Design(OURS, "classify", "initializer", cloud.settings(DIGITS))]
    for name, bundle in (("fanlight, ONNX", ONNX), ("fanlight, TensorFlow", TENSORFLOW)):
        if (folder / bundle).exists():
            settings = cloud.settings(folder / bundle)
            found.append(Design(name, "classify", "initializer", settings))
    if (folder / KERAS_FILE).exists():
        article = {
            **cloud.settings(DIGITS),
            "BENCH_KERAS": str(folder / KERAS_FILE), "BENCH_BUCKET": BUCKET,
        }  # fmt: skip
        found.append(Design(IN_INITIALIZER, "tools.bench.article", "initializer", article))
        found.append(Design(IN_HANDLER, "tools.bench.article", "handler", article))
        if fetched:
            libs = {**article, "BENCH_LIBS": LIBS_KEY}
            found.append(Design(FETCHED, "tools.bench.article", "handler", libs))
    return found


def cold(cloud: OssProcess, chosen: Sequence[Design], rounds: int, progress: Progress) -> Report:
    """Start an instance of each design in turn; one more round before is not counted."""
    bucket = cloud.bucket()
    keys = [f"input/{number}.png" for number in range(EVENTS)]
    for key in keys:
        bucket.put_object(key, SAMPLE.read_bytes())
    found: dict[str, list[dict[str, float]]] = {design.name: [] for design in chosen}
    bare: list[dict[str, float]] = []
    for number, design in enumerate(alternating(chosen, rounds + 1)):
        output = f"output/{number}/"
        measured = instance(design, keys, output)
        if design.name == OURS:
            bare.append(bare_imports())
        check(bucket, output, len(keys))
        if number >= len(chosen):
            found[design.name].append(measured)
        progress()
    rows = [Row(name, _columns(samples)) for name, samples in {**found, BARE: bare[1:]}.items()]
    return Report("cold", this_machine(), COLUMNS, rows, comparisons(rows), notes=_NOTES)


_NOTES = (
    "total: from before the process is started to the first result's being stored. imports: with "
    "the model's library. warm-up: small pictures answered before the first event. event to "
    "result: the first event, less what of the other columns it did itself. first request: that "
    "event's whole time. warm request: the median of the twenty after.",
    f"{BARE}: what {OURS} needs, imported in a process that does nothing else.",
    "The file cache is warm and bytecode compiled: a round before the first is not counted.",
)


def instance(design: Design, keys: Sequence[str], output: str) -> dict[str, float]:
    """Run one, and take its times apart. FanlightError when it fails."""
    command = [sys.executable, str(_INSTANCE), design.module, design.setup]
    command += [json.dumps(oss_event(BUCKET, key)) for key in keys]
    with tempfile.TemporaryDirectory() as scratch:
        # What Fanlight sets for its own process is not for the others.
        inherited = {name: os.environ[name] for name in os.environ if "OPENBLAS" not in name}
        environment = {
            **inherited, "TF_CPP_MIN_LOG_LEVEL": "3", **design.environment,
            "FANLIGHT_OUTPUT": f"oss://{BUCKET}/{output}", "BENCH_OUTPUT": output,
            "BENCH_SCRATCH": scratch, "PYTHONPATH": str(FUNCTIONS.parent),
        }  # fmt: skip
        spawned = time.clock_gettime(time.CLOCK_MONOTONIC)
        run = subprocess.run(command, cwd=FUNCTIONS, env=environment, capture_output=True,
                             text=True, timeout=_PATIENCE, check=False)  # fmt: skip
    if run.returncode:
        said = (run.stderr.strip().splitlines() or ["nothing"])[-1]
        raise FanlightError(f"{design.name}: the instance failed and said: {said}")
    *logged, last = run.stdout.splitlines()
    told = json.loads(last)
    return parts(spawned, told if told["marks"] else {**told, "marks": marks(told, logged)})


def marks(told: Mapping[str, Any], logged: Sequence[str]) -> dict[str, float]:
    """What the deployed function tells of its start in its log; the rest of it was imports.

    What lies in the bucket is fetched beside its imports, and nothing does here.
    """
    (line,) = (json.loads(line) for line in logged if '"cold start"' in line)
    found = {
        name: line[f"{name}_ms"] / 1000 for name in ("model_load", "first_inference", "warm_up")
    }
    return {**found, "libraries": told["ready"] - told["imported"] - sum(found.values())}


def bare_imports() -> dict[str, float]:
    """Of the libraries that OURS needs, by a new process that does nothing else."""
    spawned = time.clock_gettime(time.CLOCK_MONOTONIC)
    run = subprocess.run([sys.executable, "-c", _BARE_IMPORTS], capture_output=True, text=True,
                         timeout=_PATIENCE, check=True)  # fmt: skip
    up, imported = map(float, run.stdout.split())
    return {"interpreter": up - spawned, "imports": imported - up}


def parts(spawned: float, told: Mapping[str, Any]) -> dict[str, float]:
    """What an instance tells, in seconds for each column. See `_NOTES` for what each one is."""
    taken, requests = told["marks"], told["requests"]
    (began, ended), *later = requests
    found = {
        "interpreter": told["up"] - spawned,
        "imports": told["imported"] - told["up"] + taken["libraries"],
        "model load": taken["model_load"],
        "first inference": taken["first_inference"],
    }
    found |= {column: taken[mark] for column, mark in (("fetch", "fetch"), ("warm-up", "warm_up"))
              if mark in taken}  # fmt: skip
    total = ended - spawned
    found["event to result"] = total - sum(found.values())
    warm = spread([after - before for before, after in later]).median
    return {**found, "total": total, "first request": ended - began, "warm request": warm}


def check(bucket: oss2.Bucket, output: str, count: int) -> None:
    """FanlightError unless there are `count` results that all say what digit the sample is."""
    found = [
        json.loads(bucket.get_object(item.key).read())
        for item in oss2.ObjectIteratorV2(bucket, prefix=output)
    ]
    said = [
        document["predictions"][0]["label"] if "predictions" in document
        else str(document.get("digit")) for document in found
    ]  # fmt: skip
    expected = [truth(SAMPLE.name)] * count
    if said != expected:
        raise FanlightError(f"{output}: {len(said)} results say {sorted(set(said))}")


def comparisons(rows: Sequence[Row]) -> list[Comparison]:
    """Against the article's design and against the warm instance, round by round."""
    by_name = {row.name: row.seconds for row in rows}
    ours = by_name[OURS]
    made = [
        Comparison(f"{name}, total, by that of {OURS}", ratios(by_name[name]["total"],
                   ours["total"]), at_least=wanted)
        for name, wanted in ((IN_INITIALIZER, 5), (IN_HANDLER, 5), (FETCHED, 30))
        if name in by_name
    ]  # fmt: skip
    warm = ratios(ours["first request"], ours["warm request"])
    imports = ratios(ours["imports"], by_name[BARE]["imports"])
    return [
        *made,
        Comparison(f"{OURS}, seconds in all", ours["total"], at_most=0.7),
        *(Comparison(f"{OURS}, seconds of {part}", ours[part], at_most=most)
          for part, most in BUDGET.items()),
        Comparison(f"{OURS}, imports by those of {BARE}", imports, at_most=1.0),
        Comparison(f"{OURS}, first request by a warm one", warm, at_most=1.3),
    ]  # fmt: skip


def _columns(samples: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    return {name: [one[name] for one in samples] for name in COLUMNS if name in samples[0]}
