"""The classify function with two faults, which some pictures bring out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tools.template import Function

CRASH = b"crash"
"""What the content begins with that crashes its decoder, as a fault in C code does."""

KILL = "kill"
"""What a key holds whose event ends the instance, as too much memory does."""

_CODE = f"""
import ctypes
import os
import sys

sys.path.insert(0, {{code!r}})
import classify


def initializer(context):
    classify.initializer(context)
    instance = classify._instance
    decode = instance.answerer.decode

    def fragile(data, limits):
        if data.startswith({CRASH!r}):
            ctypes.string_at(0)
        return decode(data, limits)

    instance.answerer = instance.answerer.decoding(fragile)


def handler(event, context):
    if {KILL.encode()!r} in event:
        os._exit(3)
    return classify.handler(event, context)


def idle(event, context):
    pass
"""


def fragile(function: Function, folder: Path, **changes: Any) -> Function:
    """`function` with code in `folder` that is its own and has these faults.

    Its handler may be changed to `fragile.idle`, which does nothing.
    """
    if not (folder / "fragile.py").exists():
        (folder / "fragile.py").write_text(_CODE.format(code=str(function.code)))
        (folder / "models").symlink_to(function.code / "models")
    faulty = {
        "code": folder,
        "handler": "fragile.handler",
        "initializer": "fragile.initializer",
        "pre_stop": None,
    }
    return replace(function, **{**faulty, **changes})
