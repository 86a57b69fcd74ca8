"""Packages, tried: unpacked as the platform does it, and run by a bare interpreter."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fanlight.errors import ConfigError
from fanlight.place import SCHEME, Place
from tools.events import oss_event
from tools.localcloud.client import client
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.instance import Answer
from tools.localcloud.options import Options
from tools.samples import sample
from tools.template import Function, Template


def unpacked(template: Template, folder: Path) -> Template:
    """Unpack each function's zip below `folder`; the same template, its code there.

    For `LocalCloud(unpacked(...), python=str(bare_python(...)))`. ConfigError where a zip is
    missing.
    """
    return replace(
        template,
        functions=tuple(_unpacked(function, folder) for function in template.functions),
    )


def _unpacked(function: Function, folder: Path) -> Function:
    code = folder / function.resource
    try:
        with zipfile.ZipFile(function.code) as package:
            package.extractall(code)
    except OSError:
        raise ConfigError(
            f"{function.code} is not there; run `fanlight package {function.resource}`"
        ) from None
    return replace(function, code=code)


def find_python(version: str) -> Path | None:
    """An interpreter of a version such as `3.12`: this one, one on PATH, or one of pyenv's."""
    name = f"python{version}"
    on_path = shutil.which(name)
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/{name}"))
    candidates = [Path(sys.executable), *([Path(on_path)] if on_path else []), *pyenv]
    return next((path for path in candidates if _version(path) == version), None)


def need_python(version: str) -> Path:
    """The same; ConfigError if there is none."""
    if python := find_python(version):
        return python
    raise ConfigError(
        f"there is no Python {version} here; install one, or leave out --try and --bytecode"
    )


def _version(python: Path) -> str:
    """What an interpreter says it is; nothing where it does not run, as a shim may not."""
    ask = "import sysconfig; print(sysconfig.get_python_version())"
    try:
        answer = subprocess.run([python, "-I", "-S", "-c", ask], capture_output=True, text=True,
                                timeout=10, check=False)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip()


def bare_python(version: str, folder: Path) -> Path:
    """A command, written to `folder`, that runs Python without any installed package.

    -S leaves site-packages out, -I the environment and the working folder: what is imported then
    is the standard library and the package. ConfigError if there is no such Python.
    """
    python = need_python(version)
    command = folder / f"bare-python{version}"
    command.write_text(f'#!/bin/sh\nexec "{python}" -I -S -u "$@"\n', "utf-8")
    command.chmod(0o755)
    return command


def tried(template: Template, python: str, say: Callable[[str], None]) -> list[str]:
    """Invoke each function in a local cloud, cold; what failed, one line a function.

    A function with an input gets a sample picture in its bucket and an event of that, a sweep an
    empty bucket; any other, the document of a failed invocation. Models and libraries in OSS are
    not at hand here, so functions that need them are passed over.
    """
    functions = tuple(
        # Without triggers and retries, so that the answer to the event below is all there is.
        replace(function, triggers=(), timers=(), retries=0, on_failure=None)
        for function in template.functions
        if _complete(function, say)
    )
    failures = []
    options = Options(python=python, instances=1)
    with LocalCloud(replace(template, functions=functions), options) as cloud:
        for function in functions:
            if function.handler.startswith("sweep."):
                answer, told = cloud.invoke(function.name, _TIMER), "it swept"
            elif "FANLIGHT_INPUT" in function.environment:
                answer, told = _classified(cloud, function)
            else:
                answer, told = cloud.invoke(function.name, _FAILED), "a failure was filed"
            if answer.ok:
                say(f"  {function.resource}: {told}")
            else:
                failures.append(f"{function.resource}: {answer.payload}")
    return failures


_SAMPLE = "7-00000.png"

_FAILED = json.dumps({
    "requestContext": {"requestId": "try", "functionArn": "", "condition": "try",
                       "approximateInvokeCount": 1},
    "requestPayload": json.dumps(oss_event("try", _SAMPLE)),
    "responsePayload": json.dumps({"errorType": "Try", "errorMessage": "a trial"}),
}).encode()  # fmt: skip


_TIMER = json.dumps({"triggerTime": "", "triggerName": "try", "payload": ""}).encode()


def _complete(function: Function, say: Callable[[str], None]) -> bool:
    settings = [function.environment.get(name, "") for name in ("FANLIGHT_MODEL", "FANLIGHT_LIBS")]
    if any(setting.startswith(SCHEME) for setting in settings):
        say(f"  {function.resource}: not tried, part of it is in OSS")
        return False
    return True


def _classified(cloud: LocalCloud, function: Function) -> tuple[Answer, str]:
    source = Place.parse(function.environment["FANLIGHT_INPUT"])
    output = Place.parse(function.environment["FANLIGHT_OUTPUT"])
    key = source.prefix + _SAMPLE
    data = sample(_SAMPLE)
    client(cloud, source.bucket).put_object(key, data)
    event = json.dumps(oss_event(source.bucket, key, size=len(data))).encode()
    answer = cloud.invoke(function.name, event)
    if not answer.ok:
        return answer, ""
    stored = client(cloud, output.bucket).get_object(f"{output.prefix}{_SAMPLE}.json")
    result = json.loads(stored.read())
    best = result.get("predictions", [{}])[0].get("label", "")
    return answer, f"{_SAMPLE} is {result['status']} {best}".rstrip()
