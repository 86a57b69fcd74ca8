"""A full bucket classified in spite of three interruptions, by more than one engine, and counted.

usage: python -m tools.prove.backfill [--objects N] [--engine local|fc|ray]

The bucket is on the local OSS endpoint, filled with the store's own code: what is proved begins
after that. `status` is to take at most 2 listing requests for each 1,000 objects and 10 in all, and
no more memory than on a tenth of the objects. A run is interrupted three times by SIGINT, with one
process and with two, and finished by the engine that is named, `local` with three processes.
Then there must be exactly one result for each object, true of it. Exit code 1 if not.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fanlight.errors import FanlightError
from tools.bench.cloud import REGION
from tools.bench.filled import INPUT, OUTPUT
from tools.bench.networks import DIGITS
from tools.bench.started import spent
from tools.counted import counted
from tools.engines import NAMES
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.prove.bucket import Bucket, environment, verdict
from tools.template import from_source, read_template

STOPS = ((0.15, 1), (0.4, 2), (0.7, 2))
"""How much is done when a run is interrupted, and how many processes it has."""

FLAT = 1.1
"""Times the memory that ten times the objects may take."""
_FUNCTION = "backfill"
_TOOLS = (sys.executable, "-m", "tools")
_PLACES = (str(INPUT), "--out", str(OUTPUT))
_TEMPLATE = f"""
resources:
  backfill:
    component: fc3
    props:
      region: {REGION}
      functionName: {_FUNCTION}
      runtime: python3.12
      handler: classify.handler
      code: ./build/digits.zip
      memorySize: 1536
      timeout: 120
      environmentVariables:
        FANLIGHT_INPUT: {INPUT}
        FANLIGHT_OUTPUT: {OUTPUT}
        FANLIGHT_MODEL: models/digits
      instanceLifecycleConfig:
        initializer: {{handler: classify.initializer, timeout: 60}}
"""


def status(bucket: Bucket) -> tuple[float, int, str]:
    """Peak memory in MB, listing requests, and what was said, of `status` on it."""
    before = bucket.asked["LIST"]
    with bucket.served() as reach:
        took = spent([*_TOOLS, "status", *_PLACES], reach)
    said = " ".join(str(took["said"]).split())
    return took["peak"] / 1e6, bucket.asked["LIST"] - before, said


def run(
    arguments: list[str], reach: dict[str, str], stops: Bucket | None = None
) -> tuple[int, Any]:
    """Exit code and summary of a run; SIGINT for it as soon as the bucket holds its writes."""
    command = [*_TOOLS, "run", *_PLACES, *arguments, "--json", "-"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env={**os.environ, **reach}, start_new_session=True)  # fmt: skip
    try:
        if stops:
            while process.poll() is None and not stops.holds():
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            stops.release()
        said, errors = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if not said.startswith("{"):
        raise FanlightError(f"a run ended with {process.returncode}: {errors}")
    return process.returncode, json.loads(said)


def interrupted(bucket: Bucket) -> Iterator[str]:
    """Run and stop, three times; a line on each. FanlightError if one could not be stopped."""
    with bucket.served() as reach:
        for part, processes in STOPS:
            bucket.hold(int(part * bucket.count))
            code, summary = run(["-m", str(DIGITS), "-p", str(processes)], reach, bucket)
            if code != 130 or not summary["interrupted"]:
                raise FanlightError(f"a run of {processes} ended with {code} before it was stopped")
            yield (f"stopped       {processes} processes, exit code {code}, "
                   f"{bucket.asked['PUT']:,} writes so far")  # fmt: skip


def finished(bucket: Bucket, engine: str) -> str:
    """Do the rest with the engine, unstopped. FanlightError if any is left."""
    if engine == "fc":
        template = bucket.folder.parent / "template.yml"
        template.write_text(_TEMPLATE)
        described = from_source(read_template(template))
        with LocalCloud(described, Options(data=bucket.folder, permissive=True)) as cloud:
            code, summary = run(
                ["--engine", "fc", "--template", str(template), "--function", _FUNCTION,
                 "--invoke-endpoint", cloud.invoke_url, "--concurrency", "4"],
                environment(cloud.endpoint.url, cloud.keys),
            )  # fmt: skip
    else:
        means = ["-p", "2", "--address", "local"] if engine == "ray" else ["-p", "3"]
        with bucket.served() as reach:
            code, summary = run(["-m", str(DIGITS), "--engine", engine, *means], reach)
    if code:
        raise FanlightError(f"the last run ended with {code}: {summary}")
    return (
        f"finished      by {engine}: {counted(summary['counts'])}; {summary['rate']:,.0f} a second"
    )


def prove(folder: Path, count: int, engine: str) -> bool:
    """All of it, in a folder; prints what was measured, and tells whether it is as promised."""
    bucket, tenth = Bucket(folder / "all", count), Bucket(folder / "tenth", max(count // 10, 1))
    bucket.fill(results=False)
    tenth.fill(results=True)
    small, _, _ = status(tenth)
    before, first, said = status(bucket)
    print(f"status        {said}")
    for line in interrupted(bucket):
        print(line, flush=True)
    print(finished(bucket, engine), flush=True)
    large, second, said = status(bucket)
    print(f"status        {said}")
    most, listed = 2 * count / 1000 + 10, max(first, second)
    print(f"listing       {listed:,} requests for {count:,} objects, at most {most:,.0f}")
    print(f"memory        {small:.1f} MB for {tenth.count:,}, {before:.1f} to {large:.1f} MB for "
          f"{count:,}, at most {FLAT:.1f} times as much")  # fmt: skip
    wrong = verdict(bucket)
    print(f"checked       {count:,} objects; {bucket.asked['PUT']:,} writes over HTTP here, "
          f"{len(wrong)} violations")  # fmt: skip
    print("".join(f"VIOLATION  {line}\n" for line in wrong[:20]), end="")
    return not wrong and listed <= most and max(before, large) <= FLAT * small


def main() -> int:
    """Print what was measured; 1 if anything is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--engine", choices=NAMES, default="local")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` ignores it, for all
    with tempfile.TemporaryDirectory() as name:
        return 0 if prove(Path(name), options.objects, options.engine) else 1


if __name__ == "__main__":
    sys.exit(main())
