"""Function instances against what the platform documents: limits, life, contracts, failures."""

import json
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.localcloud.cloud import LocalCloud
from tools.localcloud.instance import Answer
from tools.localcloud.options import Options
from tools.processes import children, lives
from tools.template import Function, Template, from_source, project_template, read_template

UNEXPECTED = "Process exited unexpectedly before completing request (duration: "


def alone(tmp_path: Path, code: str, **changes: Any) -> Template:
    """One function `f` of `code`, without triggers, retries and destination."""
    (tmp_path / "code.py").write_text(code)
    template = from_source(read_template(project_template()))
    given: dict[str, Any] = {
        "name": "f", "code": tmp_path, "handler": "code.handler", "initializer": None,
        "pre_stop": None, "triggers": (), "on_failure": None, "retries": 0, "timeout": 10.0,
        **changes,
    }  # fmt: skip
    function: Function = replace(template.functions[0], **given)
    return replace(template, functions=(function,))


def answered(template: Template, event: bytes = b"{}", **options: Any) -> Answer:
    with LocalCloud(template, Options(**{"instances": 1, **options})) as cloud:
        return cloud.invoke("f", event)


def error_of(answer: Answer) -> dict[str, Any]:
    assert not answer.ok
    document: dict[str, Any] = json.loads(answer.payload)
    return document


HANDLER = "def handler(event, context):\n"


@pytest.mark.parametrize(
    ("code", "handler", "kind", "message", "trace"),
    [
        (HANDLER + "    raise KeyError('x')", "code.handler", "KeyError", "'x'",
         [['File "{code}"', "line 2", "in handler", "raise KeyError('x')"]]),
        (HANDLER + "    return {1, 2}", "code.handler", "TypeError",
         "{1, 2} is not JSON serializable", None),
        ("def other(): pass", "code.handler", "HandlerNotFound",
         "Handler 'handler' is missing on module 'code'",
         ["AttributeError: module 'code' has no attribute 'handler'"]),
        ("", "absent.handler", "ImportModuleError", "Unable to import module 'absent'",
         ["ModuleNotFoundError: No module named 'absent'"]),
        ("import absent", "code.handler", "ImportModuleError", "Unable to import module 'code'",
         ["ModuleNotFoundError: No module named 'absent'"]),
        ("", "handler", "InvalidHandleName", "Invalid handler 'handler'",
         ["ValueError: 'handler' is not of the form module.function"]),
        ("def handler(event, context)\n    pass", "code.handler", "UserCodeSyntaxError",
         "Syntax error in module 'code'",
         ['File "{code}", line 1', "def handler(event, context)", "SyntaxError: expected ':'"]),
        ("1 / 0", "code.handler", "UserCodeError",
         "Module initialization error: 'division by zero'",
         ["ZeroDivisionError: division by zero"]),
    ],
    ids=["exception", "not JSON", "no function", "no module", "no import", "no dot", "syntax",
         "import fails"],
)  # fmt: skip
def test_a_failure_has_the_runtimes_words(
    tmp_path: Path, code: str, handler: str, kind: str, message: str, trace: list[Any] | None
) -> None:
    """The whole document of each way a function can fail without ending its process."""
    document = error_of(answered(alone(tmp_path, code, handler=handler)))

    if trace is None:  # it goes into the standard library, whose lines are not ours
        trace = document["stackTrace"]
        assert trace
    spelled = json.loads(json.dumps(trace).replace("{code}", str(tmp_path / "code.py")))
    assert document == {"errorMessage": message, "errorType": kind, "stackTrace": spelled}


@pytest.mark.parametrize(
    "ending",
    ["import sys; sys.exit(0)", "import os; os._exit(3)",
     "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"],
    ids=["exit", "_exit", "crash"],
)  # fmt: skip
def test_an_ended_process_has_the_platforms_words(tmp_path: Path, ending: str) -> None:
    """An exit and a crash are one to the platform, whatever the status."""
    document = error_of(answered(alone(tmp_path, f"{HANDLER}    {ending}")))

    assert document["errorMessage"].startswith(UNEXPECTED)
    assert document["errorType"] == "ProcessExited"


@pytest.mark.parametrize(
    ("value", "payload"),
    [
        ("'text'", "text"),
        ("b'bytes'", "bytes"),
        ("None", "null"),
        ("{'a': [1, True]}", '{"a": [1, true]}'),
        ("__import__('decimal').Decimal('1.5')", "1.5"),
        ("__import__('datetime').date(2026, 11, 25)", '"2026-11-25"'),
    ],
)
def test_values_go_out_raw_or_as_json(tmp_path: Path, value: str, payload: str) -> None:
    """Text and bytes as they are, the rest as JSON, with the types the runtime knows."""
    answer = answered(alone(tmp_path, f"{HANDLER}    return {value}"))

    assert (answer.ok, answer.payload) == (True, payload)


def test_a_request_has_its_time(tmp_path: Path) -> None:
    """A request that takes longer is ended with its instance; the next one has a new one."""
    code = "import os, time\n" + HANDLER + "    time.sleep(float(event))\n    return os.getpid()"
    with LocalCloud(alone(tmp_path, code, timeout=3.0), Options(instances=1)) as cloud:
        first = cloud.invoke("f", b"0").payload
        document = error_of(cloud.invoke("f", b"60"))
        second = cloud.invoke("f", b"0").payload

    assert document["errorType"] == "FunctionTimedOut"
    told = r"Function timed out after 3 seconds \(maxMemoryUsage: \d+\.\d\dMB\)"
    assert re.fullmatch(told, document["errorMessage"])
    assert first != second


def test_an_initializer_has_a_time_of_its_own(tmp_path: Path) -> None:
    """Its limit is not that of the requests, in either direction."""
    code = (
        "import time\n" + HANDLER + "    return 'done'\n"
        "def initializer(context):\n"
        "    time.sleep(1.0)\n"
    )
    given = {"initializer": "code.initializer", "timeout": 0.5}

    slow = answered(alone(tmp_path, code, initializer_timeout=0.5, **given))
    in_time = answered(alone(tmp_path, code, initializer_timeout=20.0, **given))

    assert error_of(slow)["errorMessage"].startswith("initialize timed out after 0.5 seconds (")
    assert (in_time.ok, in_time.payload) == (True, "done")


def test_a_failed_initializer_fails_the_request_and_ends_the_instance(tmp_path: Path) -> None:
    """The next request has a new instance, whose initializer runs again."""
    code = (
        "import os, pathlib\n" + HANDLER + "    return 'done'\n"
        "def initializer(context):\n"
        "    seen = pathlib.Path(os.environ['SEEN'])\n"
        "    if not seen.exists():\n"
        "        seen.touch()\n"
        "        raise RuntimeError('the first time')\n"
    )
    template = alone(tmp_path, code, initializer="code.initializer",
                     environment={"SEEN": str(tmp_path / "seen")})  # fmt: skip
    with LocalCloud(template, Options(instances=1)) as cloud:
        first, second = cloud.invoke("f", b""), cloud.invoke("f", b"")

    document = error_of(first)
    assert (document["errorType"], document["errorMessage"]) == ("RuntimeError", "the first time")
    assert (second.ok, second.payload) == (True, "done")


FILL = """
import os, pathlib, tempfile, time

def handler(event, context):
    place = {b"TMPDIR": tempfile.gettempdir(), b"HOME": pathlib.Path.home()}[event]
    with open(pathlib.Path(place, "big"), "wb") as file:
        for _ in range(40):
            file.write(b"x" * 1_000_000)
            file.flush()
            time.sleep(0.02)
    return "done"
"""


@pytest.mark.parametrize("place", [b"TMPDIR", b"HOME"])
def test_the_disk_is_what_the_template_gives(tmp_path: Path, place: bytes) -> None:
    """An instance whose files take more is ended with the platform's words; the log says why."""
    lines: list[str] = []
    answer = answered(alone(tmp_path, FILL, disk_mb=10), place,
                      on_line=lambda _name, line: lines.append(line))  # fmt: skip

    assert error_of(answer)["errorMessage"].startswith(UNEXPECTED)
    (line,) = lines
    assert line.startswith("the process ended: out of disk: ")
    assert line.endswith(" of 10 MB")


def test_a_disk_that_is_large_enough_is_left_alone(tmp_path: Path) -> None:
    """The same files fit into what the platform gives at least."""
    assert answered(alone(tmp_path, FILL), b"TMPDIR").ok


def test_the_disk_goes_with_the_instance(tmp_path: Path) -> None:
    """Each instance has an empty folder, and none is left when the cloud has stopped."""
    code = (
        "import os, pathlib, tempfile\n" + HANDLER + "    place = tempfile.gettempdir()\n"
        "    before = os.listdir(place)\n"
        "    pathlib.Path(place, 'mine').touch()\n"
        "    return [place, before]"
    )
    with LocalCloud(alone(tmp_path, code), Options(instances=1, idle_after=0.1)) as cloud:
        answers = [json.loads(cloud.invoke("f", b"").payload)]
        while Path(answers[0][0]).exists():
            time.sleep(0.02)
        answers.append(json.loads(cloud.invoke("f", b"").payload))

    assert [before for _, before in answers] == [[], []]
    assert [Path(place).exists() for place, _ in answers] == [False, False]


BUSY = """
import os, pathlib, time

def handler(event, context):
    mine = pathlib.Path(os.environ["BUSY"], str(os.getpid()))
    mine.touch(exist_ok=False)
    time.sleep(0.2)
    mine.unlink()
    return os.getpid()
"""


def test_requests_scale_from_none_to_the_limit(tmp_path: Path) -> None:
    """As many instances as requests at once, up to the limit, and one request at a time each."""
    (tmp_path / "busy").mkdir()
    template = alone(tmp_path, BUSY, environment={"BUSY": str(tmp_path / "busy")})
    with LocalCloud(template, Options(instances=3)) as cloud:
        assert _instances() == set()
        with ThreadPoolExecutor(9) as pool:
            answers = list(pool.map(lambda _: cloud.invoke("f", b""), range(9)))
        alive = _instances()

    assert [answer.ok for answer in answers] == [True] * 9
    assert {int(answer.payload) for answer in answers} == alive
    assert len(alive) == 3
    assert _instances() == set()


def test_a_warm_instance_is_used_before_another_is_started(tmp_path: Path) -> None:
    """Requests that follow one another share an instance, whatever the limit."""
    code = "import os\n" + HANDLER + "    return os.getpid()"
    with LocalCloud(alone(tmp_path, code), Options(instances=4)) as cloud:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: cloud.invoke("f", b""), range(20)))
        one_by_one = {cloud.invoke("f", b"").payload for _ in range(20)}

    assert len(one_by_one) == 1


def _instances() -> set[int]:
    """Those of this process."""
    found = set()
    for pid in children():
        with suppress(OSError):  # it has ended meanwhile
            if b"bootstrap.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


CONTRACT = """
import os

def handler(event, context):
    keys = ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            "ALIBABA_CLOUD_SECURITY_TOKEN"]
    return {"context": sorted(vars(context)), "function": sorted(vars(context.function)),
            "environment": [name in os.environ for name in keys]}
"""


@pytest.mark.parametrize(
    ("runtime", "expected"),
    [
        ("python3.12", {
            "context": ["account_id", "function", "log_project", "log_store", "logger", "region",
                        "request_id"],
            "function": ["handler", "memory", "name", "qualifier", "timeout", "version_id"],
            "environment": [True, True, True],
        }),
        ("python3.10", {
            "context": ["account_id", "credentials", "function", "logger", "region", "request_id",
                        "retry_count", "service", "tracing"],
            "function": ["handler", "memory", "name", "timeout"],
            "environment": [False, False, False],
        }),
    ],
)  # fmt: skip
def test_each_contract_has_what_it_promises_and_no_more(
    tmp_path: Path, runtime: str, expected: dict[str, Any]
) -> None:
    """Code that reads credentials where its runtime has none fails here already."""
    answer = answered(alone(tmp_path, CONTRACT), runtime=runtime)

    assert json.loads(answer.payload) == expected


CLOUD = """
import sys, time
from pathlib import Path
from tests.localcloud.test_instances import alone
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.options import Options

code = '''
import os, time

def handler(event, context):
    print(os.getpid(), flush=True)
    time.sleep(float(event))
'''
options = Options(on_line=lambda _name, line: print(line, flush=True))
with LocalCloud(alone(Path(sys.argv[1]), code, timeout=60.0), options) as cloud:
    cloud.invoke("f", b"0")
    if sys.argv[2] == "running":
        cloud.invoke("f", b"60")
    print("frozen", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("state", ["frozen", "running"])
def test_instances_die_with_their_cloud(tmp_path: Path, state: str) -> None:
    """Whatever ends the process of the cloud, none of its instances is left, frozen or not."""
    process = subprocess.Popen([sys.executable, "-c", CLOUD, str(tmp_path), state],
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert process.stdout.readline() == (f"{pid}\n" if state == "running" else "frozen\n")
    assert Path(f"/proc/{pid}").exists()

    process.kill()
    process.communicate()

    until = time.monotonic() + 10
    while lives(pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert not lives(pid)
