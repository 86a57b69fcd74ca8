"""Thousands of images through the slower lane of a local cloud, and what came of each.

usage: python -m tools.prove.fanout [--images N] [--instances N] [--concurrency N] [--retries N]
                                     [--chaos SEED]

A bucket that is full before anything runs: pictures, files that are none, some that crash their
decoder and one that ends its instance. The fc engine sends them to the function of the slower lane
through Function Compute's own client. Each must come out once, with a result that is true of it or
a dead letter that the engine names, with --chaos even while requests fail, events come twice and
instances are killed. Exit code 1 if not.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import oss2

from fanlight.store import Meta, Object, Store, Wanted, always
from tools.counted import counted
from tools.engine_fc import Lane, run
from tools.localcloud.chaos import Chaos
from tools.localcloud.client import client
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.places import Access, Side
from tools.prove.fragile import CRASH, KILL, fragile
from tools.prove.soak import answers, persist
from tools.prove.verdict import Found, Verdict, found_in, judged, leaks
from tools.samples import pictures
from tools.template import Template, from_source, project_template, read_template

TASK = "digits"
_INPUT, _OUTPUT, _FAILED = f"input/{TASK}/", f"output/{TASK}/", "failed/"
_BROKEN = (b"", b"not an image", b"\x89PNG\r\n\x1a\n")
_CRASHING = (CRASH + b" 1", CRASH + b" 2")
_UPLOADS = 4


class Counting:
    """A store that counts what it is asked."""

    def __init__(self, store: Store, requests: Counter[str]) -> None:
        self.name, self.store = store.name, store
        self._requests, self._lock = requests, Lock()

    def head(self, key: str) -> Meta | None:
        """See `Store.head`."""
        self._count("HEAD")
        return self.store.head(key)

    def get(self, key: str, limit: int, wanted: Wanted = always) -> Object | None:
        """See `Store.get`."""
        self._count("GET")
        return self.store.get(key, limit, wanted)

    def put(self, key: str, data: bytes, *, if_absent: bool) -> bool:
        """See `Store.put`."""
        self._count("PUT")
        return self.store.put(key, data, if_absent=if_absent)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._count("DELETE")
        self.store.delete(key)

    def list(self, prefix: str) -> Iterator[Meta]:
        """See `Store.list`; a listing is counted once."""
        self._count("LIST")
        return self.store.list(prefix)

    def _count(self, what: str) -> None:
        with self._lock:
            self._requests[what] += 1


def described(folder: Path, retries: int | None) -> Template:
    """The slower lane of a task, with its faults, and the function that files letters."""
    template = from_source(read_template(project_template()))
    named = {function.resource: function for function in template.functions}
    lane = fragile(named[f"{TASK}-backfill"], folder)
    lane = lane if retries is None else replace(lane, retries=retries)
    return replace(template, functions=(lane, named["deadletter"]))


def contents(images: int) -> dict[str, bytes]:
    """Key -> content: sample pictures over and over, and whatever else a bucket may hold."""
    given = [path.read_bytes() for path in pictures() if path.suffix in (".png", ".jpg")]
    given += _BROKEN
    made = {f"{_INPUT}{n:06}.png": given[n % len(given)] for n in range(images)}
    keys = list(made)
    for n, content in enumerate(_CRASHING, 1):
        made[keys[n * images // (len(_CRASHING) + 1)]] = content
    del made[keys[images // 2]]
    made[f"{_INPUT}{images // 2:06}-{KILL}.png"] = given[0]
    return dict(sorted(made.items()))


def fanout(
    images: int, instances: int, concurrency: int, retries: int | None = None,
    seed: int | None = None,
) -> tuple[str, Verdict]:  # fmt: skip
    """Run it; returns the table and the verdict.

    `retries`: None for the template's. `seed`: which faults are made; None for none.
    """
    full = contents(images)
    expected = answers(full.values())
    with tempfile.TemporaryDirectory() as folder:
        chaos = None if seed is None else Chaos(seed)
        options = Options(instances=instances, first_pause=0.1, chaos=chaos)
        with LocalCloud(described(Path(folder), retries), options) as cloud:
            bucket = client(cloud, cloud.template.buckets[0])
            _fill(bucket, full)
            asked = Counter[str]()
            sides = [_side(cloud, place, asked) for place in (_INPUT, _OUTPUT, _FAILED)]
            lane = Lane(sides[0], sides[1], sides[2], f"fanlight-{TASK}-backfill",
                        cloud.invoke_url, _access(cloud), concurrency)  # fmt: skip
            began = time.monotonic()
            outcomes = list(run(lane, full))
            seconds = time.monotonic() - began
            cloud.drain()
            if chaos:
                chaos.rest()
            load, found = cloud.load(), found_in(bucket, _INPUT, _OUTPUT, _FAILED)
    verdict = judged(found, expected, [])
    verdict.violations += unlike(full, outcomes, found)
    failures = [outcome for outcome in outcomes if outcome["outcome"] == "failed"]
    counts = Counter(outcome["outcome"] for outcome in outcomes)
    lines = [
        f"images        {len(full):,}, {instances} instances, {concurrency} events at a time",
        f"done          in {seconds:.1f} s, {len(full) / seconds:,.0f} images/s",
        f"outcomes      {counted(counts)}",
        f"events        {load.accepted - _failed(found):,}, {load.retried:,} retries, "
        f"{_failed(found):,} failed for good, {len(found.letters):,} dead letters",
        f"asked of OSS  {asked.total() / len(full):.2f} requests an image: {counted(asked)}",
        *(f"failed        {outcome['key']}: {outcome['reason']}" for outcome in failures),
        *([f"faults        {counted(chaos.counts())}"] if chaos else []),
        str(verdict),
    ]
    return "\n".join(lines), verdict


def _fill(bucket: oss2.Bucket, full: dict[str, bytes]) -> None:
    with ThreadPoolExecutor(_UPLOADS) as pool:
        list(pool.map(lambda key: persist(partial(bucket.put_object, key, full[key])), full))


def unlike(full: dict[str, bytes], outcomes: list[dict[str, Any]], found: Found) -> list[str]:
    """What the engine said that is not so."""
    said = Counter(outcome["key"] for outcome in outcomes)
    wrong = [f"{key}: came out {said[key]} times" for key in full if said[key] != 1]
    wrong += [f"{key}: nobody asked for it" for key in said if key not in full]
    for outcome in outcomes:
        key, failed = outcome["key"], outcome["outcome"] == "failed"
        if failed != (KILL in key or full[key] in _CRASHING):
            wrong.append(f"{key}: {outcome}")
        if failed and not any(letter in outcome["reason"] for letter in found.letters):
            wrong.append(f"{key}: no dead letter is named in {outcome['reason']}")
        if not failed and outcome["result"] != _result(key):
            wrong.append(f"{key}: its result is said to be {outcome['result']}")
    return wrong


def _access(cloud: LocalCloud) -> Access:
    return Access(cloud.endpoint.url, cloud.template.region)


def _side(cloud: LocalCloud, prefix: str, asked: Counter[str]) -> Side:
    side = Side.results(f"oss://{cloud.template.buckets[0]}/{prefix}", _access(cloud))
    return Side(Counting(side.store, asked), side.place)


def _failed(found: Found) -> int:
    """Events with a letter. Each was told to the function that files them, as an event more."""
    return len({json.loads(letter)["request_id"] for letter in found.letters.values()})


def _result(key: str) -> str:
    return f"{_OUTPUT}{key.removeprefix(_INPUT)}.json"


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.prove.fanout",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--images", type=int, default=2_000, help="how many [%(default)s]")
    parser.add_argument("--instances", type=int, default=2, help="of the function [%(default)s]")
    parser.add_argument("--concurrency", type=int, default=8, help="events at a time [%(default)s]")
    parser.add_argument("--retries", type=int, help="of a failed event [the template's]")
    parser.add_argument("--chaos", type=int, metavar="SEED", help="make faults, these")
    chosen = parser.parse_args(arguments)
    if min(chosen.images, chosen.instances, chosen.concurrency) < 1 or chosen.images < 20:
        parser.error("--images must be at least 20, the others at least 1")
    os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"] = "local-id"
    os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "local-secret"  # noqa: S105 - it opens nothing
    table, verdict = fanout(
        chosen.images, chosen.instances, chosen.concurrency, chosen.retries, chosen.chaos
    )
    print(table)
    return 1 if verdict.violations or leaks("the table", table) else 0


if __name__ == "__main__":
    sys.exit(main())
