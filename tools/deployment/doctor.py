"""Looks at a deployment one thing after another, as the functions would meet it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from fanlight.errors import ConfigError
from fanlight.place import Place
from fanlight.store_oss import Credentials
from tools.credentials import present
from tools.deployment.account import is_example
from tools.deployment.checks import problems
from tools.deployment.lines import FAIL, OK, SKIP, WARN, Line, judged
from tools.deployment.loops import WRITE
from tools.deployment.models import in_code, in_oss
from tools.deployment.probe import EVERYWHERE, Prober, Progress, Refused, region_of
from tools.deployment.settings import Settings, settings_of
from tools.places import Access
from tools.template import Template, from_source

PROBE = ".fanlight-doctor"
"""Name of the object that is asked for or written. It does not end as a result does."""


@dataclass(frozen=True)
class Examination:
    """A template and how to look at what it describes. `write`: try writes too.

    `chosen`: the names of the functions whose places and models are looked at; None: all. The
    template itself is looked at as a whole. `keys`: the access key, from the environment or what
    it names.
    """

    template: Template
    access: Access
    environ: Mapping[str, str]
    progress: Progress
    write: bool = False
    chosen: frozenset[str] | None = None
    keys: Callable[[Mapping[str, str]], Credentials] = present

    def lines(self) -> Iterator[Line]:
        """Everything, in the order in which one thing rests on another."""
        found = problems(self.template)
        yield from (Line(FAIL, "template", problem) for problem in found)
        if not found:
            yield Line(OK, "template", f"{len(self.template.functions)} functions fit together")
        yield from self._account()
        yield from in_code(settings_of(from_source(self._chosen)))
        yield from self._region()
        try:
            keys = self.keys(self.environ)
        except ConfigError as error:
            yield Line(FAIL, "credentials", str(error))
            yield Line(SKIP, "buckets, places, archives", "without credentials nothing is answered")
        else:
            prober = Prober(self._endpoint, self._region_name, keys)
            try:
                yield from self._online(prober)
            except Refused as refused:
                yield Line(FAIL, refused.kind, str(refused))
                yield Line(SKIP, "what is left", "every request would be refused the same way")
        yield Line(
            SKIP,
            "deployed functions, roles, triggers",
            "they are not read through OSS; `s info -t template.yml` shows what is deployed",
        )

    @property
    def _chosen(self) -> Template:
        functions = tuple(
            one for one in self.template.functions
            if self.chosen is None or one.name in self.chosen
        )  # fmt: skip
        return replace(self.template, functions=functions)

    def _account(self) -> Iterator[Line]:
        """The example's serves on the local cloud, whose endpoint is none of Alibaba Cloud's."""
        if is_example(self.template):
            status = FAIL if region_of(self._endpoint) else WARN
            yield Line(status, "account", f"{self.template.account} is the example's; write your "
                       "account's ID as vars.account before you deploy")  # fmt: skip

    @property
    def _region_name(self) -> str:
        return self.access.region or self.template.region

    @property
    def _endpoint(self) -> str:
        return self.access.endpoint or f"https://oss-{self._region_name}.aliyuncs.com"

    def _region(self) -> Iterator[Line]:
        here, theirs = self._region_name, self.template.region
        named = region_of(self._endpoint)
        if here != theirs:
            yield Line(FAIL, "region", f"--region is {here}, the functions' is {theirs}: a trigger "
                       "needs its bucket and its function in one region")  # fmt: skip
        elif named not in (None, here):
            yield Line(FAIL, "region", f"the endpoint {self._endpoint} is {named}'s, the region is "
                       f"{here}; change one of them")  # fmt: skip
        else:
            yield Line(OK, "region", here)

    def _online(self, prober: Prober) -> Iterator[Line]:
        """What needs OSS. Raises Refused when all that follows would fail the same way."""
        prober.reach()
        yield Line(OK, "endpoint", self._endpoint)
        every = settings_of(self._chosen)
        gone: set[str] = set()
        accepted = False
        for bucket in self._chosen.buckets:
            refused = _refusal(partial(prober.read, bucket, _some_key(bucket, every)))
            if not accepted:
                yield Line(OK, "credentials", "accepted")
                accepted = True
            # Who is refused an object has met a bucket that is there; its places say more.
            if refused and refused.kind != "permission":
                gone.add(bucket)
                yield Line(FAIL, f"bucket {bucket}", str(refused))
            else:
                yield Line(OK, f"bucket {bucket}", "exists")
        yield from self._places(prober, every, gone)
        yield from in_oss(prober, every, gone, self.progress)

    def _places(self, prober: Prober, every: list[Settings], gone: set[str]) -> Iterator[Line]:
        """Where images, results and letters are, once for all functions with the same."""
        seen: set[tuple[Place | None, ...]] = set()
        for one in every:
            for listed in one.lists:
                if listed.bucket not in gone:
                    refused = _refusal(partial(prober.list, listed.bucket, listed.prefix))
                    yield judged(f"{one.name} listing", f"{listed} can be listed", refused,
                                  f"needs oss:ListObjects on {listed}*")  # fmt: skip
            places = (one.input, one.output, one.failed)
            if places in seen:
                continue
            seen.add(places)
            for role, place in (("input", one.input), ("output", one.output)):
                if place and place.bucket not in gone:
                    refused = _refusal(partial(prober.read, place.bucket, place.prefix + PROBE))
                    yield judged(f"{one.name} {role}", f"{place} can be read", refused,
                                  f"needs oss:GetObject on {place}*")  # fmt: skip
            for role, place in (("output", one.output), ("letters", one.failed)):
                if place and place.bucket not in gone:
                    yield from self._write(prober, f"{one.name} {role}", place)

    def _write(self, prober: Prober, subject: str, place: Place) -> Iterator[Line]:
        """Only when asked for, and never where it would be an event for somebody."""
        key = place.prefix + PROBE
        fired = [
            function.name
            for function in self.template.functions
            for trigger in function.triggers
            if trigger.matches(place.bucket, WRITE, key)
        ]
        if not self.write:
            yield Line(SKIP, subject, f"{place}: --write tries to write")
            return
        if fired:
            yield Line(SKIP, subject, f"{place}: a write there would run {', '.join(fired)}")
            return
        refused = _refusal(partial(prober.write, place.bucket, key))
        yield judged(subject, f"{place} can be written", refused,
                      f"needs oss:PutObject on {place}*")  # fmt: skip
        if not refused and _refusal(partial(prober.delete, place.bucket, key)):
            yield Line(SKIP, subject, f"{place}{PROBE} stays: these keys may not delete it, as "
                       "the functions may not; delete it yourself")  # fmt: skip


def _refusal(request: Callable[[], None]) -> Refused | None:
    """Why it was refused, if it was; raises what every other request would meet too."""
    try:
        request()
    except Refused as refused:
        if refused.kind in EVERYWHERE:
            raise
        return refused
    return None


def _some_key(bucket: str, every: list[Settings]) -> str:
    """A key of that bucket that the functions may read, if they may read any."""
    for one in every:
        for place in (one.input, one.output):
            if place and place.bucket == bucket:
                return place.prefix + PROBE
    return next((a.key for one in every for a in one.archives if a.bucket == bucket), PROBE)
