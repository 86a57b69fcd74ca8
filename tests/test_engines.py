"""Which engine gets what, and what each refuses; the engines themselves have tests of their own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from click import UsageError

from fanlight.answer import Choices
from fanlight.place import Place
from fanlight.store import Meta
from tests.fakes import MemoryStore
from tests.test_settings import KNOWN
from tools.engine import Job
from tools.engines import Means, engine_of
from tools.models import MODELS
from tools.places import Access, Side
from tools.plan import Look
from tools.progress import Progress
from tools.runs import Run, Totals
from tools.settings import Settings
from tools.template import project_template

ACCESS = Access("http://127.0.0.1:1", "cn-hangzhou")
SETTINGS = Settings("oss://shop/in/", "oss://shop/out/", "oss://shop/failed/", "models/digits",
                    ACCESS, deployed=KNOWN)  # fmt: skip


@dataclass
class Module:
    """An engine that does nothing and tells what it was asked."""

    names: list[str] = field(default_factory=list)
    asked: tuple[Any, ...] = ()
    keys: list[str] = field(default_factory=list)

    def load(self, name: str) -> "Module":
        self.names.append(name)
        return self

    def Lane(self, **fields: Any) -> dict[str, Any]:  # noqa: N802 - as the module calls it
        return fields

    def run(self, *asked: Any) -> Iterator[dict[str, Any]]:
        """The keys are the first or the second argument that can be iterated and is no lane."""
        self.asked = tuple(one for one in asked if not isinstance(one, Iterator))
        for one in asked:
            if isinstance(one, Iterator):
                for key in one:
                    self.keys.append(key)
                    yield {"key": key, "outcome": "failed" if key == "in/b" else "classified",
                           "reason": "broken"}  # fmt: skip


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")


def test_ray_gets_the_job_and_its_cluster() -> None:
    """As the local engine's, with the address and how many actors."""
    module = Module()
    means = Means("ray", address="ray://head:10001", processes=3)

    list(engine_of(means, SETTINGS, remake=True, load=module.load)(iter(["in/a"])))

    job = Job("oss://shop/in/", "oss://shop/out/", MODELS / "digits", Choices(), ACCESS,
              remake=True)  # fmt: skip
    assert module.names == ["tools.engine_ray"]
    assert (module.asked, module.keys) == ((job, "ray://head:10001", 3), ["in/a"])


@pytest.mark.parametrize(("named", "function"), [(None, "f-backfill"), ("mine", "mine")])
def test_fc_gets_a_lane(named: str | None, function: str) -> None:
    """The template's function for backfills unless one is named, with all three places."""
    module = Module()
    means = Means("fc", function=named, endpoint="http://invoke", concurrency=7)

    list(engine_of(means, SETTINGS, remake=False, load=module.load)(iter(["in/a", "in/b"])))

    (lane,) = module.asked
    assert {side: lane.pop(side).place for side in ("images", "results", "failed")} == {
        "images": Place("shop", "in/"),
        "results": Place("shop", "out/"),
        "failed": Place("shop", "failed/"),
    }
    assert lane == {"function": function, "endpoint": "http://invoke", "access": ACCESS,
                    "concurrency": 7}  # fmt: skip
    assert (module.names, module.keys) == (["tools.engine_fc"], ["in/a", "in/b"])


def test_a_rate_holds_for_every_engine() -> None:
    """Keys reach the engine through the pace, all of them and in order."""
    module = Module()

    engine = engine_of(Means("ray", rate=1000.0), SETTINGS, remake=False, load=module.load)
    list(engine(["in/a", "in/b", "in/c"]))

    assert module.keys == ["in/a", "in/b", "in/c"]


@pytest.mark.parametrize(
    ("settings", "remake", "message"),
    [
        (SETTINGS, True, "take local or ray to move"),
        (replace(SETTINGS, chosen=("--top-k",)), False, "leave out --top-k"),
        (replace(SETTINGS, deployed=None), False, "name the --function"),
        (replace(SETTINGS, out="oss://shop/elsewhere/"), False, "leave out --out"),
        (replace(SETTINGS, source="photos", deployed=replace(KNOWN, out="o"), out="o"), False,
         "are to be oss:// places"),
    ],
)  # fmt: skip
def test_what_a_function_cannot_do_is_refused(
    settings: Settings,
    remake: bool,  # noqa: FBT001 - pytest passes it by name
    message: str,
) -> None:
    """Its own settings decide on answers and places, and it leaves true results alone."""
    module = Module()

    with pytest.raises(UsageError, match=message):
        engine_of(Means("fc"), settings, remake=remake, load=module.load)
    assert module.names == []


@pytest.mark.parametrize(
    ("endpoint", "message"), [("127.0.0.1:9601", "write http://"), ("", "OSS is on this machine")]
)
def test_functions_are_not_invoked_at_a_guess(endpoint: str, message: str) -> None:
    """Keys of the local cloud never go to the region's own endpoint, nor does a bare host."""
    with pytest.raises(UsageError, match=message):
        engine_of(Means("fc", endpoint=endpoint), SETTINGS, remake=False, load=Module().load)


def test_a_model_is_asked_for() -> None:
    """Processes here need one; which there are, or which places have one, is told."""
    without = replace(SETTINGS, model=None, deployed=None, template=project_template())

    with pytest.raises(UsageError, match=r"'--model'.*; the inputs in template.yml are oss://fan"):
        engine_of(Means(), without, remake=False)
    with pytest.raises(UsageError, match=r"'--model': name one of .*digits.*, or a bundle's fold"):
        engine_of(Means(), replace(without, source="photos"), remake=False)


def test_a_function_of_the_template_has_to_fit() -> None:
    """A sweep takes what it is sent and classifies none of it."""
    means = Means("fc", function="fanlight-digits-sweep", endpoint="http://invoke")
    settings = replace(SETTINGS, template=project_template())

    with pytest.raises(UsageError, match=r"fanlight-digits-sweep: its handler is sweep\.handler"):
        engine_of(means, settings, remake=False, load=Module().load)


def test_what_any_engine_says_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Outcomes by kind, failures by name, whatever engine did the work."""
    images = MemoryStore("shop")
    for key in ("in/a", "in/b", "in/c"):
        images.put(key, b"", if_absent=False)
    sides = Side(images, Place("shop", "in/")), Side(MemoryStore("shop"), Place("shop", "out/"))
    totals = Totals(None)
    run = Run(*sides, None, totals, Progress(terminal=False))

    def engine(keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        return Module().run(iter(keys))

    run.work(engine)

    assert totals.counts == {"classified": 2, "failed": 1}
    assert totals.wanted == {"missing": 3}
    assert capsys.readouterr().err == "failed: in/b: broken\n"


class Endless(MemoryStore):
    """A bucket with more keys than anybody waits for; `first` is where its listing begins."""

    def __init__(self, form: str, first: int) -> None:
        super().__init__("shop")
        self._form, self._first = form, first
        self.listed = 0

    def list(self, prefix: str, after: str = "") -> Iterator[Meta]:
        for number in range(self._first, 3_000_000):
            self.listed += 1
            yield Meta(self._form.format(number), 1, "", "")


def test_a_run_that_is_stopped_lists_no_further() -> None:
    """Although everything after its only key is done, so that the work would hear of nothing."""
    images, results = Endless("in/{:07d}", 0), Endless("out/{:07d}.json", 1)
    sides = Side(images, Place("shop", "in/")), Side(results, Place("shop", "out/"))
    run = Run(*sides, None, Totals(None), Progress(terminal=False), Look(deep=False), ahead=True)

    def engine(keys: Iterable[str]) -> Iterator[dict[str, Any]]:
        for key in keys:
            yield {"key": key, "outcome": "classified"}
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.work(engine)

    assert run.totals.counts["classified"] == 1
    assert images.listed < 3_000_000
