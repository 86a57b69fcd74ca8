"""What doctor says of one thing it looked at."""

from dataclasses import dataclass

from tools.deployment.probe import Refused

OK, WARN, FAIL, SKIP = "ok", "warn", "fail", "skip"


@dataclass(frozen=True)
class Line:
    """What was looked at, how it is, and what to do or why not.

    `status`: `ok`; `warn`, it works and is hardly what was meant; `fail`; `skip`, not looked at.
    """

    status: str
    subject: str
    detail: str


def judged(subject: str, good: str, refused: Refused | None, remedy: str) -> Line:
    """`good` unless it was refused; then why, with the remedy where one helps."""
    if refused is None:
        return Line(OK, subject, good)
    helps = refused.kind in ("permission", "missing")
    return Line(FAIL, subject, f"{refused}; {remedy}" if helps else str(refused))
