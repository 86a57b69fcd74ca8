"""What `fanlight up` prints: of a template that is not sound, and of tries that fail."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import oss2
import pytest
from click.testing import CliRunner

from fanlight.errors import ConfigError
from tests.test_cli import UP_ANYWHERE, fanlight
from tools.commands.up import command
from tools.commands.up_lines import failure, invoking, wrong
from tools.localcloud.cloud import LOCAL_KEYS
from tools.localcloud.news import InstanceNews, InvocationNews, State
from tools.template import from_source, project_template, read_template


def news(state: State, error: str, attempts: int = 1) -> InvocationNews:
    return InvocationNews(state, "fanlight-digits", "r-1", b"{}", attempts, 1.0, error)


def document(kind: str, message: str) -> str:
    return json.dumps({"errorType": kind, "errorMessage": message, "stackTrace": []})


UNFINISHED = json.dumps({"failed": [{"key": "a.png", "error": "no"}, {"key": "b", "error": "x"}]})


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (news("retried", document("ConfigError", "wrong settings:\n  X\n  Y")),
         "error ConfigError: wrong settings: X Y (attempt 1, to be tried again)"),
        (news("failed", document("Unfinished", UNFINISHED), 4),
         "error Unfinished: a.png: no; b: x (attempt 4, failed for good)"),
        (news("failed", document("ConfigError", "no"), 0), "error ConfigError: no"),
        (news("failed", "not\nJSON"), "error not JSON (attempt 1, failed for good)"),
        (news("failed", "x" * 2000, 0), "error " + "x" * 1000 + "..."),
    ],
)  # fmt: skip
def test_a_line_for_a_try_that_failed(told: InvocationNews, line: str) -> None:
    """What went wrong and what follows are one line, of bounded length, whatever the error is."""
    assert failure(told) == ("fanlight-digits", line)


def test_no_line_for_what_went_well() -> None:
    """Neither tries that are done or begun nor instances are told of."""
    for told in (news("done", ""), news("running", ""), InstanceNews("warm", "a", "i")):
        assert failure(told) is None


TOLD = """
  told:
    component: fc3
    props:
      region: ${vars.region}
      functionName: fanlight-told
      runtime: python3.12
      handler: told.handler
      code: ./told
      memorySize: 128
      role: acs:ram::${vars.account}:role/${vars.role}
      triggers:
        - triggerName: results
          triggerType: oss
          sourceArn: acs:oss:${vars.region}:${vars.account}:${vars.bucket}
          triggerConfig:
            events: ['oss:ObjectCreated:PutObject']
            filter: {key: {prefix: '${vars.output}', suffix: .json}}
"""


def test_what_invokes_what(tmp_path: Path) -> None:
    """An arrow leads from each trigger to its function, and on to results where it has some."""
    path = tmp_path / "template.yml"
    path.write_text(project_template().read_text("utf-8") + TOLD, "utf-8")

    lines = list(invoking(from_source(read_template(path))))

    place = "oss://fanlight-demo"
    assert lines[0] == f"  {place}/input/digits/ -> fanlight-digits -> {place}/output/digits/"
    assert "  @every 60m -> fanlight-digits-sweep" in lines
    assert lines[-1] == f"  {place}/output/ -> fanlight-told"


def test_a_sound_template_has_nothing_to_tell() -> None:
    """The project's own is started without a word."""
    assert wrong(read_template(project_template())) == ""


def test_what_is_wrong_is_printed_before_it_serves(tmp_path: Path) -> None:
    """Problems come first, on standard error; then it serves, and tells of each try that fails."""
    text = project_template().read_text("utf-8").replace("fanlight-demo", "pictures")
    text = text[: text.index("  # Another task:")] + text[text.index("  deadletter:") :]
    (tmp_path / "template.yml").write_text(
        text.replace("FANLIGHT_FAILED: oss://${vars.bucket}/${vars.failed}\n        FANLIGHT_MODEL",
                     "FANLIGHT_MAX_PIXELS: 64M\n        FANLIGHT_MODEL")
    )  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "tools", "up", *UP_ANYWHERE, "-t", "template.yml"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        url = next(line for line in process.stdout if line.startswith("OSS endpoint")).split()[-1]
        auth = oss2.AuthV4(LOCAL_KEYS.access_key_id, LOCAL_KEYS.access_key_secret)
        bucket = oss2.Bucket(auth, url, "pictures", region="cn-hangzhou")
        bucket.put_object("input/digits/a.png", b"x")
        line = next(line for line in process.stdout if line.startswith("fanlight-digits  error"))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    bad = "FANLIGHT_MAX_PIXELS: '64M' is not a whole number above 0"
    assert said.splitlines()[:2] == [
        "template.yml has problems, and will not deploy as it is:", f"  fanlight-digits: {bad}",
    ]  # fmt: skip
    assert line == (
        f"fanlight-digits  error ConfigError: wrong settings: {bad} (attempt 1, to be tried "
        "again)\n"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON: "),
        ("[]", "is no policy, it has no Statement; "),
        ('{"functions": []}', "is no policy, it has no Statement; "),
    ],
)
def test_a_policy_that_is_none(tmp_path: Path, text: str, says: str) -> None:
    """The file is named, with what prints a right one."""
    (tmp_path / "policy.json").write_text(text)

    with pytest.raises(ConfigError, match=says):
        CliRunner().invoke(
            command, [*UP_ANYWHERE, "--policy", str(tmp_path / "policy.json")],
            standalone_mode=False, catch_exceptions=False,
        )  # fmt: skip


def test_a_policy_or_none(tmp_path: Path) -> None:
    """A policy that nobody looks at is wrong usage."""
    ended = fanlight("up", "--permissive", "--policy", "p.json", cwd=tmp_path)

    assert ended.returncode == 2
    assert "--policy and --permissive exclude each other" in ended.stderr
