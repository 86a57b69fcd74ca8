"""What `fanlight up` prints of a template and of invocations, beside what functions print."""

import json
from collections.abc import Iterator

from fanlight.failure import named_failures
from tools.console.places import wanting
from tools.deployment.checks import problems
from tools.localcloud.news import InvocationNews
from tools.template import Template

_LONGEST = 1000
"""Characters of an error: the rest is in the console, and in the dead letter."""

_NEXT = {"retried": "to be tried again", "failed": "failed for good"}


def wrong(template: Template) -> str:
    """What `fanlight policy` would refuse the template for, a line each; empty if it is sound."""
    return "".join(f"\n  {problem}" for problem in problems(template))


def failure(news: object) -> tuple[str, str] | None:
    """The function, and a line on a try of it that ended with an error; None for other news."""
    if not isinstance(news, InvocationNews) or not news.error:
        return None
    after = f" (attempt {news.attempts}, {_NEXT[news.state]})" if news.attempts else ""
    return news.function, f"error {_told(news.error)}{after}"


def _told(error: str) -> str:
    """The platform's document of an error as one line; of several keys, each one's own."""
    try:
        document = json.loads(error)
        kind, message = str(document["errorType"]), str(document["errorMessage"])
    except (ValueError, TypeError, KeyError, RecursionError):
        kind, message = "", error
    each = [f"{key}: {why}" for key, why in named_failures(message).items()]
    line = " ".join(f"{kind}: {'; '.join(each) or message}".removeprefix(": ").split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def invoking(template: Template) -> Iterator[str]:
    """A line for each thing that invokes a function, and for what that function lacks."""
    for function in template.functions:
        output = function.environment.get("FANLIGHT_OUTPUT", "")
        into = f" -> {output}" if output else ""
        for trigger in function.triggers:
            yield f"  oss://{trigger.bucket}/{trigger.prefix} -> {function.name}{into}"
            if wants := wanting(function):
                yield f"    {wants}"
        for timer in function.timers:
            yield f"  {timer.expression} -> {function.name}"
