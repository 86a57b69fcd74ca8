"""The Ray engine: keys reconciled by actors all over a cluster.

An actor is a process with the model loaded, on one CPU of some node. When one ends, others do what
it had: a result is put only where it is missing or stale, so a key that is done twice costs time
and nothing else.

Access keys are not sent: each node has its own, from its environment or from what renews them there
(`tools.credentials`). What Ray is given to hand out, its dashboard and its logs may show.
"""

import itertools
import os
import signal
import socket
import tempfile
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fanlight.bundle import Bundle
from fanlight.errors import ConfigError
from fanlight.folder_names import TEMPORARY
from fanlight.place import SCHEME
from tools.engine import Chunks, Job
from tools.extras import need_ray
from tools.ray_actor import Actor, Expected, installed
from tools.ray_pool import Pool, Tell
from tools.saying import beside
from tools.zips import zip_folder

_ANSWERS = 10.0
"""Seconds in which a cluster is to take a connection."""


def run(
    job: Job, keys: Iterable[str], address: str, actors: int | None, tell: Tell = beside
) -> Iterator[dict[str, Any]]:
    """Reconcile keys on a Ray cluster and yield what became of each, as `engine.run` does.

    `address`: `host:port`; `ray://host:10001`; `auto` for the cluster that this machine is part of;
    `local` for one that is started here and ends with the run; empty: RAY_ADDRESS, else `auto`.
    `actors`: how many; None for one on each CPU that the cluster has at the time. `tell`: gets a
    sentence while nothing can be done for want of a free CPU.

    ConfigError without a cluster, and when a node cannot do the work. Closing the iterator ends the
    actors.
    """
    keys = iter(keys)
    first = list(itertools.islice(keys, 1))
    if not first:
        return
    need_ray()
    job = replace(job, source=_absolute(job.source), out=_absolute(job.out))
    with _expected(job) as expected, _cluster(address) as ray:
        packed = ray.put(_packed(job.model))
        started = ray.remote(
            num_cpus=1, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
        )(Actor)
        pool = Pool(ray, lambda: started.remote(job, packed, expected), actors, tell)
        yield from pool.work(Chunks(itertools.chain(first, keys)))


@contextmanager
def _cluster(address: str) -> Iterator[Any]:
    """Ray, connected. It says nothing of its own unless RAY_LOG_TO_DRIVER=1."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    where = address or os.environ.get("RAY_ADDRESS") or "auto"
    loud = os.environ.get("RAY_LOG_TO_DRIVER") == "1"
    own = {"include_dashboard": False} if where == "local" else {}
    if not loud:
        # What nodes say as they end goes to stdout, whatever log_to_driver says.
        ray._private.worker.print_to_stdstream = lambda *_, **__: None
    try:
        _reach(where)
        with _terminable():
            ray.init(where, log_to_driver=loud, logging_level="info" if loud else "error", **own)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ConfigError(
            f"no Ray cluster at {where}: {str(error).strip().partition(chr(10))[0]}; give "
            "--address host:port, start one with `ray start --head`, or use --address local"
        ) from None
    try:
        yield ray
    finally:
        with _deaf():
            ray.shutdown()


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM is for whoever had it before: Ray takes it, to print a stack and leave by itself."""
    here = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit:  # it came while Ray had it
        raise KeyboardInterrupt from None
    finally:
        if here:
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _deaf() -> Iterator[None]:
    """Nobody stops this: in the middle of Ray's end that would leave Ray's processes behind."""
    here = threading.current_thread() is threading.main_thread()
    numbers = (signal.SIGINT, signal.SIGTERM) if here else ()
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _reach(where: str) -> None:
    """OSError if nobody answers there: Ray itself would go on trying for minutes."""
    host, colon, port = where.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _ANSWERS).close()


@contextmanager
def _expected(job: Job) -> Iterator[Expected]:
    """What nodes must agree with. By a file in the results' folder they know it is this one."""
    bundle = Bundle.read(job.model)
    marker = None
    if not job.out.startswith(SCHEME):
        marker = Path(job.out, f"{TEMPORARY}{uuid.uuid4().hex}")
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
    try:
        yield Expected(installed(), bundle.digest, job.choices.recipe(bundle), marker)
    finally:
        if marker:
            marker.unlink(missing_ok=True)


def _packed(model: Path) -> bytes:
    """A bundle as the bytes of its zip."""
    with tempfile.TemporaryDirectory() as scratch:
        zip_folder(model, archive := Path(scratch, "model.zip"))
        return archive.read_bytes()


def _absolute(place: str) -> str:
    """An actor is in another working directory."""
    return place if place.startswith(SCHEME) else str(Path(place).absolute())
