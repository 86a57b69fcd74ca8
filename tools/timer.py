"""Timer triggers, as a template describes them."""

import re
from dataclasses import dataclass
from typing import Any

_EVERY = re.compile(r"@every (?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
_CRON = re.compile(r"(CRON_TZ=\S+ +)?([\w*,/?#-]+ +){5}[\w*,/?#-]+")


@dataclass(frozen=True)
class Timer:
    """When the platform invokes a function by itself.

    `expression`: `@every 60m`, or a cron expression that begins with seconds. `payload`: a text
    that its events carry.
    """

    name: str
    expression: str
    enabled: bool
    payload: str

    @classmethod
    def read(cls, item: dict[str, Any]) -> "Timer":
        """One of a template's triggers; KeyError or TypeError where it is no timer."""
        config = item["triggerConfig"]
        return cls(
            name=str(item["triggerName"]),
            expression=str(config["cronExpression"]).strip(),
            enabled=bool(config["enable"]),
            payload=str(config.get("payload", "")),
        )

    @property
    def seconds(self) -> int | None:
        """The interval of an `@every`; None for a cron expression."""
        found = _EVERY.fullmatch(self.expression)
        if not found:
            return None
        hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds

    @property
    def known(self) -> bool:
        """Whether its expression is one that Function Compute may take."""
        if self.expression.startswith("@"):
            return bool(self.seconds)
        return _CRON.fullmatch(self.expression) is not None
