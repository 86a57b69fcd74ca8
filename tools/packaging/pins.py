"""Which version of each library is packaged: constraints.txt, read for the target's Python."""

from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from fanlight.errors import ConfigError
from tools.packaging.target import Target

_CONSTRAINTS = Path(__file__).parent.parent.parent / "constraints.txt"


def read_pins(target: Target, constraints: Path = _CONSTRAINTS) -> dict[str, str]:
    """Canonical name -> version. ConfigError for a line that is no pin."""
    return parse_pins(constraints.read_text("utf-8").splitlines(), target)


def parse_pins(lines: Iterable[str], target: Target) -> dict[str, str]:
    """The pins whose markers hold on the target; a later line wins."""
    pins: dict[str, str] = {}
    for line in lines:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            requirement = Requirement(text)
            (version,) = (one.version for one in requirement.specifier if one.operator == "==")
        except (InvalidRequirement, ValueError):
            raise ConfigError(f"constraints.txt: {text!r} is no pin; write name==version") from None
        if requirement.marker is None or requirement.marker.evaluate(target.markers):
            pins[canonicalize_name(requirement.name)] = version
    return pins


def pinned(names: Iterable[str], pins: dict[str, str]) -> dict[str, str]:
    """The versions of `names`; ConfigError tells which have none."""
    missing = [name for name in names if name not in pins]
    if missing:
        raise ConfigError(f"constraints.txt has no version of {', '.join(missing)}; add name==...")
    return {name: pins[name] for name in names}
