"""Thousands of uploads into a local cloud that behaves as badly as one can, and what came of them.

usage: python -m tools.prove.soak [--uploads N] [--seed N] [--spare-uploads]

Pictures are uploaded to the digits function from several threads, some are overwritten, some
deleted, while requests fail, events come twice and late, and instances are killed, all decided by
the seed. Once it is quiet, every object must have a result that is true of it, or a dead letter
that names it, and no key's secret may stand anywhere. Exit code 1 if not.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import oss2

from tools.counted import counted
from tools.localcloud.chaos import Chaos
from tools.localcloud.client import client
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options
from tools.prove.hostile import answerer
from tools.prove.memory import Memory, measured
from tools.prove.verdict import Found, Verdict, found_in, judged, leaks
from tools.samples import pictures
from tools.template import from_source, project_template, read_template

T = TypeVar("T")

THREADS = 4
INSTANCES = 2
IN_FLIGHT = 24
"""Events that may wait before uploads pause: few, so that changes meet the work on what was."""

OVERWRITES, DELETIONS = 0.2, 0.05
"""How often an upload is followed by a change of an object that is there already."""
RECENT = 8
"""Such an object is one of a thread's last few, which are still being worked on."""
BURST = 0.3
"""Seconds at most between the two pictures that replace one: a result is late or stale within."""

TRIES = 8
QUIET = 600.0
"""Seconds after the last upload for everything to be done."""

_INPUT, _OUTPUT, _FAILED = "input/digits/", "output/digits/", "failed/"
_BROKEN = (b"", b"not an image", b"\x89PNG\r\n\x1a\n")
_MARKS = tuple(tenth / 10 for tenth in range(1, 11))


@dataclass
class Printed:
    """What functions print: how often each outcome, and whatever looks like a secret."""

    outcomes: Counter[str] = field(default_factory=Counter)
    leaked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, function: str, line: str) -> None:
        """See `tools.localcloud.instance.OnLine`."""
        try:
            outcome = json.loads(line).get("outcome", "")
        except (ValueError, AttributeError):
            outcome = ""
        with self.lock:
            self.outcomes.update([outcome] if outcome else [])
            self.leaked += leaks(f"a line of {function}", line)


@dataclass
class Soak:
    """A run: the cloud, the pictures that are uploaded, and what was seen on the way."""

    cloud: LocalCloud
    chaos: Chaos
    contents: list[bytes]
    uploads: int
    started: float = field(default_factory=time.monotonic)
    done: Counter[str] = field(default_factory=Counter)
    memory: dict[float, Memory] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self) -> float:
        """Upload everything; returns the seconds that took."""
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(self._upload, range(THREADS)))
        return time.monotonic() - self.started

    def _upload(self, thread: int) -> None:
        """One thread's share of the keys, so that what is done to each is told by the seed."""
        drawn = random.Random(f"{self.chaos.seed} {thread}")  # noqa: S311 - to be repeated
        bucket, keys = self.bucket(), range(thread, self.uploads, THREADS)
        for position, n in enumerate(keys):
            self._pause()
            self._put(bucket, n, drawn)
            recent = keys[max(0, position - drawn.randrange(RECENT))]
            if drawn.random() < OVERWRITES:
                self._put(bucket, recent, drawn, "overwrite")
                time.sleep(drawn.uniform(0, BURST))
                self._put(bucket, recent, drawn, "overwrite")
            elif drawn.random() < DELETIONS:
                gone = _key(recent)
                persist(partial(bucket.delete_object, gone))
                self._count("deletion")

    def _put(self, bucket: oss2.Bucket, n: int, drawn: random.Random, what: str = "upload") -> None:
        content = drawn.choice(self.contents)
        persist(partial(bucket.put_object, _key(n), content))
        self._count(what)

    def _pause(self) -> None:
        while self.cloud.load().unfinished > IN_FLIGHT:
            time.sleep(0.02)

    def _count(self, what: str) -> None:
        with self.lock:
            self.done[what] += 1
            share = self.done["upload"] / self.uploads
            reached = [mark for mark in _MARKS if share >= mark and mark not in self.memory]
            for mark in reached:
                self.memory[mark] = measured()
                print(f"{mark:5.0%}  {self.memory[mark]}", file=sys.stderr, flush=True)

    def bucket(self) -> oss2.Bucket:
        """A person's client, with a session of its own."""
        return client(self.cloud, self.cloud.template.buckets[0], connect_timeout=20)

    def found(self) -> Found:
        """What is in the bucket, read without faults."""
        self.chaos.rest()
        return found_in(self.bucket(), _INPUT, _OUTPUT, _FAILED)


def _key(n: int) -> str:
    return f"{_INPUT}{n:06}.png"


def persist(action: Callable[[], T]) -> T:
    """Try again as a careful client does; the last failure is raised."""
    for n in range(TRIES):
        try:
            return action()
        except (oss2.exceptions.RequestError, oss2.exceptions.ServerError):
            if n == TRIES - 1:
                raise
            time.sleep(0.01 * 2**n)
    raise AssertionError  # not reached


def answers(contents: Iterable[bytes]) -> dict[str, dict[str, Any]]:
    """What the function is to answer for each content, by its ETag, computed in this process."""
    answer = answerer("digits")
    documents = (answer(content) for content in contents)
    return {document["source"]["etag"]: document for document in documents}


def soak(uploads: int, seed: int, *, everyone: bool = True) -> tuple[str, Verdict]:
    """Run it; returns the table and the verdict. `everyone`: see `Chaos`."""
    contents = [path.read_bytes() for path in pictures() if path.suffix in (".png", ".jpg")]
    contents += _BROKEN
    expected = answers(contents)
    printed, chaos = Printed(), Chaos(seed, everyone=everyone)
    options = Options(instances=INSTANCES, on_line=printed, chaos=chaos)
    with LocalCloud(from_source(read_template(project_template())), options) as cloud:
        run = Soak(cloud, chaos, contents, uploads)
        seconds = run.run()
        quiet = cloud.drain(QUIET)
        took = time.monotonic() - run.started
        load, found = cloud.load(), run.found()
    verdict = judged(found, expected, printed.leaked)
    if not quiet:
        verdict.violations.append(f"not quiet {QUIET:g} s after the last upload")
    lines = [
        f"seed          {seed}",
        f"uploads       {uploads:,} in {seconds:.1f} s ({uploads / seconds:.1f}/s), "
        f"{run.done['overwrite']:,} overwrites, {run.done['deletion']:,} deletions",
        f"quiet         after {took:.1f} s",
        f"events        {load.accepted:,}, {load.retried:,} retries, "
        f"{len(found.letters):,} dead letters",
        f"outcomes      {counted(printed.outcomes)}",
        f"faults        {counted(chaos.counts())}",
        *(f"memory {mark:5.0%}  {memory}" for mark, memory in sorted(run.memory.items())),
        str(verdict),
    ]
    return "\n".join(lines), verdict


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.prove.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--uploads", type=int, default=20_000, help="pictures [%(default)s]")
    parser.add_argument("--seed", type=int, default=1, help="which faults [%(default)s]")
    parser.add_argument("--spare-uploads", action="store_true",
                        help="faults for the functions alone: an upload that is sent again has an "
                        "event more, which mends what another left undone")  # fmt: skip
    chosen = parser.parse_args(arguments)
    if chosen.uploads < 1:
        parser.error("--uploads must be at least 1")
    table, verdict = soak(chosen.uploads, chosen.seed, everyone=not chosen.spare_uploads)
    print(table)
    return 1 if verdict.violations or leaks("the table", table) else 0


if __name__ == "__main__":
    sys.exit(main())
