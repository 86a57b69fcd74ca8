"""How a local cloud is run; what it runs is in its template."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.localcloud.chaos import Chaos
from tools.localcloud.instance import OnLine, default_python
from tools.localcloud.news import OnNews


def _unheard(_function: str, _line: str) -> None:
    """What functions print goes nowhere."""


@dataclass(frozen=True)
class Options:
    """Each has a default, which is that of the tests and of `fanlight demo`.

    `instances`: the most of one function. `port`, `invoke_port`: of the OSS endpoint and of the
    invoke API; 0 takes any that is free. `python`: the interpreter of the instances. `runtime`: the
    contract of every function, instead of its own. `on_line`: told the function and each line it
    prints. `first_pause`: seconds before the first retry; it doubles with each. `idle_after`:
    seconds after which an instance without requests is ended. `permissive`: functions may do
    anything in OSS; otherwise what `policy` allows, a document as RAM has it, or what `fanlight
    policy` prints for their role. `data`: the folder that
    keeps buckets and queue; None: they are gone when the cloud closes. `chaos`: makes faults
    happen, kills of instances among them. `clock`: seconds since 1970, for the age of events and
    for retries. `on_news`: told what happens to invocations, instances and objects.
    """

    instances: int = 2
    port: int = 0
    invoke_port: int = 0
    python: str = field(default_factory=default_python)
    runtime: str | None = None
    on_line: OnLine = _unheard
    first_pause: float = 1.0
    idle_after: float = 300.0
    permissive: bool = False
    policy: Mapping[str, Any] | None = None
    data: Path | None = None
    chaos: Chaos | None = None
    clock: Callable[[], float] = time.time
    on_news: OnNews | None = None
