"""What cannot work, or would go on for ever, in a template: over all its functions together.

`fanlight.config` checks one function's settings when it starts, and so does `settings` before; the
rest here is what no function can see alone.
"""

from collections.abc import Iterator
from itertools import combinations, pairwise

from fanlight.place import Place
from tools.deployment.account import account_problems
from tools.deployment.entry import entry_problems
from tools.deployment.limits import beyond_limits
from tools.deployment.loops import ALL, PARTS, Keys, Step, kinds, loops
from tools.deployment.settings import Settings, settings_of
from tools.template import Template, Trigger

MAX_TRIGGERS = 10
"""Native triggers a bucket takes."""

_SHORTEST = 60
"""Seconds. In the console, intervals are whole minutes."""


def problems(template: Template, *, entries: bool = True) -> list[str]:
    """Every problem of a template, each with its remedy; empty if there is none.

    No network is asked: what only the cloud knows is `fanlight doctor`'s. `entries`: handlers and
    runtimes too, for which `package` refuses one function and makes the others.
    """
    every = settings_of(template)
    rings = loops(every)
    found = [f"{one.name}: {problem}" for one in every for problem in one.problems]
    found += [_loop(ring) for ring in rings]
    found += account_problems(template)
    for one in every:
        if entries:
            found += [f"{one.name}: {problem}" for problem in entry_problems(one.function)]
        found += [f"{one.name}: {problem}" for problem in beyond_limits(one.function)]
        found += [f"{one.name}: {problem}" for problem in _triggers(one, template.region)]
        found += [f"{one.name}: {problem}" for problem in _timers(one)]
    found += _names(template, every)
    found += _overlapping_triggers(every)
    found += _read_by_others(every, rings)
    found += _written_twice(every)
    return found


def _loop(ring: list[Step]) -> str:
    way = "; ".join(f"{after.why}, so {after.name} runs" for _, after in pairwise(ring))
    return (
        f"loop: {' -> '.join(step.name for step in ring)}: {way}. It would go on for ever: give "
        "one of them another output prefix, or another trigger"
    )


def _triggers(one: Settings, region: str) -> Iterator[str]:
    for trigger in one.function.triggers:
        place = f"trigger {trigger.name} on {_shown(trigger)}"
        often = sorted(trigger.events & (PARTS | {ALL}))
        if often:
            yield (
                f"{place} fires for every part of a multipart upload; instead of "
                f"{', '.join(often)} name PutObject, PostObject, CopyObject and "
                "CompleteMultipartUpload"
            )
        if trigger.region != region:
            yield f"{place}: its bucket is in {trigger.region}, the function in {region}; move one"
        if trigger.prefix.startswith("/"):
            yield f"{place}: a prefix must not start with a slash; no key does"
        if one.input and Place(trigger.bucket, trigger.prefix) != one.input:
            yield (
                f"{place} is not FANLIGHT_INPUT {one.input}; other keys would be ignored, or "
                "never be told of: make them the same"
            )
        if one.input and trigger.suffix:
            yield (
                f"{place} has the suffix {trigger.suffix!r}; write suffix: '' so that every image "
                "has a result, and what is none is rejected with a reason"
            )


def _timers(one: Settings) -> Iterator[str]:
    function = one.function
    for timer in function.timers:
        if not timer.known:
            yield (
                f"timer {timer.name}: {timer.expression!r} is no time; write @every 60m, or six "
                "fields that begin with seconds, 0 0 4 * * *"
            )
        elif timer.seconds is not None and timer.seconds < _SHORTEST:
            yield f"timer {timer.name}: {timer.expression} is too often; timers go by the minute"
    if one.lists and function.retries:
        yield (
            f"maxAsyncRetryAttempts is {function.retries}; write 0, since what failed in a sweep "
            "is tried by the next"
        )
    if one.lists and function.reserved != 1:
        yield (
            "two sweeps would run at a time when one takes long; write concurrencyConfig: "
            "{reservedConcurrency: 1}"
        )


def _names(template: Template, every: list[Settings]) -> Iterator[str]:
    names = [one.name for one in every]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{name}: two functions of the template have this functionName; rename one"
    for one in every:
        arn = one.function.on_failure_arn
        home = f"acs:fc:{template.region}:{template.account}:functions/"
        if not arn.startswith("acs:fc:"):  # none, or a queue or an event bus
            continue
        if one.function.on_failure not in names:
            yield (
                f"{one.name}: onFailure names {arn}, which is no function of the template; use "
                f"one of {', '.join(names)}"
            )
        elif not arn.startswith(home):
            yield f"{one.name}: onFailure {arn} is elsewhere; write {home}{one.function.on_failure}"


def _overlapping_triggers(every: list[Settings]) -> Iterator[str]:
    """The platform refuses two such, and one upload would be classified twice."""
    native = [(one.name, trigger) for one in every for trigger in one.function.triggers]
    for bucket in sorted({trigger.bucket for _, trigger in native}):
        count = sum(trigger.bucket == bucket for _, trigger in native)
        if count > MAX_TRIGGERS:
            yield (
                f"bucket {bucket} has {count} triggers, OSS takes {MAX_TRIGGERS}; use another "
                "bucket, or EventBridge"
            )
    for (one, first), (other, second) in combinations(native, 2):
        keys = Keys(first.bucket, first.prefix, first.suffix)
        if keys.within(second.bucket, second.prefix, second.suffix) and (
            kinds(first) & kinds(second)
        ):
            yield (
                f"{one} and {other}: the triggers on {_shown(first)} and {_shown(second)} overlap, "
                "which OSS refuses; give them prefixes of which none starts with the other"
            )


def _read_by_others(every: list[Settings], rings: list[list[Step]]) -> Iterator[str]:
    """Results and letters below an input would be taken for images."""
    told = {(a.name, b.name) for ring in rings for a, b in pairwise(ring)}
    for reader in every:
        for writer in every:
            for place in writer.writes:
                if reader.input and _overlap(place, reader.input):
                    if (writer.name, reader.name) in told:
                        continue
                    yield (
                        f"{writer.name} writes to {place}, and {reader.name} takes what is below "
                        f"{reader.input} for images; choose places of which none holds the other"
                    )


def _written_twice(every: list[Settings]) -> Iterator[str]:
    """Keys of two writers must not meet, save those of two that give the same results."""
    for one, other in combinations(every, 2):
        pairs = [(one.output, other.output), (one.output, other.failed), (one.failed, other.output)]
        for first, second in pairs:  # letters carry their request's id, so they never meet
            if first and second and _overlap(first, second) and not _same_work(one, other):
                inner = second if first.holds(second) else first
                yield (
                    f"{one.name} and {other.name} both write below {inner}; "
                    "give each its own prefix, of which none holds the other"
                )


def _same_work(one: Settings, other: Settings) -> bool:
    """Two that read and write the same places, of which a trigger runs one at most."""
    return (
        one.input is not None
        and (one.input, one.output) == (other.input, other.output)
        and not (one.function.triggers and other.function.triggers)
    )


def _overlap(one: Place, other: Place) -> bool:
    return one.holds(other) or other.holds(one)


def _shown(trigger: Trigger) -> str:
    return str(Place(trigger.bucket, trigger.prefix))
