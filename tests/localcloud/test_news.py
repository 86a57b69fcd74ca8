"""What a local cloud tells of itself: everything that happens, in the order in which it does."""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from tools.localcloud.cloud import LocalCloud
from tools.localcloud.news import InstanceNews, InvocationNews
from tools.localcloud.options import Options
from tools.localcloud.oss_types import ObjectCreated
from tools.template import from_source, project_template, read_template

CODE = """
def handler(event, context):
    if event == b"bad":
        raise ValueError("no")
    return "done"
"""


def test_each_invocation_is_told_from_one_state_to_the_next(tmp_path: Path) -> None:
    """None is running before it was queued, and a failure is told with its tries and its error."""
    (tmp_path / "some.py").write_text(CODE)
    template = from_source(read_template(project_template()))
    function = replace(template.functions[0], code=tmp_path, handler="some.handler", retries=1,
                       initializer=None, pre_stop=None, on_failure=None)  # fmt: skip
    news: list[InvocationNews | InstanceNews | ObjectCreated] = []
    options = Options(instances=3, first_pause=0.001, on_news=news.append)
    with LocalCloud(replace(template, functions=(function,)), options) as cloud:
        good = [cloud.invoke_async(function.name, b"good") for _ in range(30)]
        bad = [cloud.invoke_async(function.name, b"bad") for _ in range(10)]
        assert cloud.drain()
        cloud.invoke(function.name, b"good")

    invocations, instances = defaultdict(list), defaultdict(list)
    for item in news:
        if isinstance(item, InvocationNews):
            invocations[item.request_id].append((item.state, item.attempts))
        elif isinstance(item, InstanceNews):
            instances[item.instance].append(item.state)
    told = [invocations.pop(request_id) for request_id in (*good, *bad)]
    assert told[:30] == [[("queued", 0), ("running", 0), ("done", 1)]] * 30
    assert told[30:] == [
        [("queued", 0), ("running", 0), ("retried", 1), ("running", 1), ("failed", 2)]
    ] * 10  # fmt: skip
    assert list(invocations.values()) == [[("running", 0), ("done", 0)]]
    errors = {item.error for item in news if isinstance(item, InvocationNews) and item.error}
    assert len(errors) == 1
    assert '"errorType": "ValueError"' in errors.pop()
    assert 1 <= len(instances) <= 3
    for states in instances.values():
        assert states[0] == "cold"
        assert states[1:-1] == ["busy", "warm"] * (len(states) // 2 - 1)
        assert states[-1] == "ended"
