"""What one process of an engine does: opens places and model once, then reconciles keys."""

import gc
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from fanlight.errors import ConfigError, FanlightError, StaleCredentials
from fanlight.reconcile import Reconciler
from fanlight.together import each, in_turns
from fanlight.work import describe
from tools.ending import end_with_parent
from tools.together import together

if TYPE_CHECKING:  # engines start this, so the import would go round in a circle
    from tools.engine import Job

Worked = tuple[list[dict[str, Any]], float]
"""Outcomes, and the seconds they took."""

_process: tuple[Reconciler, bool] | FanlightError | None = None


def start(job: "Job") -> None:
    """Load the model once in this process, on one thread: the processes are the parallelism.

    What is wrong with it is raised where work is asked for: here, it would end the pool unsaid.
    """
    global _process  # noqa: PLW0603 - a pool's initializer can leave its work nowhere else
    end_with_parent()
    try:
        _process = job.reconciler(threads=1), job.remote
    except FanlightError as error:
        _process = error
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent is to tell of it
        _process = FanlightError(f"{type(error).__name__}: {error}")
    gc.collect()
    gc.freeze()  # what is loaded stays; to look through it again and again takes time


def work(keys: list[str]) -> Worked:
    """Reconcile keys in this process, one of many. Raises what was wrong at its start."""
    assert _process is not None  # noqa: S101 - start was called first
    if isinstance(_process, FanlightError):
        raise _process
    reconciler, remote = _process
    return timed(reconciler, keys, remote=remote)


def timed(reconciler: Reconciler, keys: list[str], *, remote: bool) -> Worked:
    """Reconcile keys. `remote`: over a network, so that requests are to overlap."""
    began = time.perf_counter()
    outcomes = _reconcile(reconciler, keys, remote=remote)
    return outcomes, time.perf_counter() - began


def _reconcile(reconciler: Reconciler, keys: list[str], *, remote: bool) -> list[dict[str, Any]]:
    if not remote:
        return together(reconciler, keys, _one)
    reconciler = replace(reconciler, answer=in_turns(reconciler.answer))
    became = dict(each(partial(_one, reconciler), keys, reconciler.threads))
    return [became[key] for key in keys]


def _one(reconciler: Reconciler, key: str) -> dict[str, Any]:
    try:
        return describe(reconciler.reconcile(key))
    except (ConfigError, StaleCredentials):  # every key after it would end the same way
        raise
    except FanlightError as error:
        return {"key": key, "outcome": "failed", "reason": str(error)}
    except Exception as error:  # noqa: BLE001 - one image must not end a run of a million
        reason = f"{type(error).__name__}: {error}"
        return {"key": key, "outcome": "failed", "reason": reason}
