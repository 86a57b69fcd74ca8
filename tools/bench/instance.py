"""Runs in a new process: one instance of a design, from its start to a few answered events.

usage: python instance.py DESIGN SETUP FIRST-EVENT EVENT...

Standard library only, and no package of ours before the clock has been read. DESIGN is a module
with a handler; SETUP is `initializer` or `handler`: where the design loads its model. Every time
is of CLOCK_MONOTONIC, which all processes of a machine share. The last line is a JSON object, with
the module's MARKS if it has any.
"""

import time

_UP = time.clock_gettime(time.CLOCK_MONOTONIC)

import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from types import SimpleNamespace  # noqa: E402


def main() -> None:
    """Be an instance."""
    design, setup, *events = sys.argv[1:]
    # As the platform has it: the code's folder, not this file's.
    sys.path[0] = os.environ["FC_FUNC_CODE_PATH"]
    context = SimpleNamespace(request_id="bench", function=SimpleNamespace(timeout=300))
    module = importlib.import_module(design)
    imported = ready = _now()
    if setup == "initializer":
        module.initializer(context)
        ready = _now()
    requests = []
    for event in events:
        began = _now()
        module.handler(event.encode(), context)
        requests.append([began, _now()])
    print(json.dumps({"up": _UP, "imported": imported, "ready": ready, "requests": requests,
                      "marks": getattr(module, "MARKS", {})}))  # fmt: skip


def _now() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC)


if __name__ == "__main__":
    main()
