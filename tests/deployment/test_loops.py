"""Functions that feed each other: found, and nothing else is taken for it."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.deployment.templates import (
    BUCKET,
    LETTERS,
    PROJECT,
    classifier,
    listener,
    template,
    told,
    trigger,
)
from tools.deployment.checks import problems
from tools.template import Function, Template


def ring(of: Template) -> list[str]:
    return [problem for problem in problems(of) if problem.startswith("loop: ")]


def test_two_that_feed_each_other() -> None:
    """A writing where B reads and B where A does is named whole, once, with both prefixes."""
    found = ring(template(classifier("a", "in/", "mid/"), classifier("b", "mid/", "in/x/")))

    assert found == [
        f"loop: a -> b -> a: a writes below oss://{BUCKET}/mid/, so b runs; b writes below "
        f"oss://{BUCKET}/in/x/, so a runs. It would go on for ever: give one of them another "
        "output prefix, or another trigger"
    ]


def test_one_that_feeds_itself() -> None:
    """Writing below its own input is a loop of one."""
    (found,) = ring(template(classifier("a", "in/", "in/out/")))

    assert found.startswith(f"loop: a -> a: a writes below oss://{BUCKET}/in/out/, so a runs.")


def test_a_chain_that_ends() -> None:
    """To be told of new results is no loop, and no problem of any kind."""
    chain = template(classifier("a", "in/", "out/"), listener("tell", "out/"))

    assert problems(chain) == []


def test_a_letter_that_fires_its_sender() -> None:
    """A failure files a letter; a trigger on letters leads back to whoever fails again."""
    letters = replace(LETTERS, environment={"FANLIGHT_FAILED": f"oss://{BUCKET}/failed/"})
    again = told(listener("again", "failed/"), LETTERS.name)

    assert ring(template(letters, listener("told", "failed/"))) == []
    (found,) = ring(template(letters, again))
    assert f"loop: {LETTERS.name} -> again -> {LETTERS.name}: " in found
    assert "so again runs; again fails, so" in found


def test_one_that_is_told_of_its_own_failures() -> None:
    """A function whose failures run itself is a loop without any object."""
    (found,) = ring(template(told(listener("a", "in/"), "a")))

    assert found.startswith("loop: a -> a: a fails, so a runs.")


def test_only_creations_by_put_count() -> None:
    """Our functions write with PutObject, so a trigger on other events never hears of it."""

    def fed(*events: str) -> Template:
        a = classifier("a", "in/", "out/")
        b = classifier("b", "out/", "in/", triggers=(trigger("out/", events=events),))
        return template(a, b)

    assert ring(fed("CompleteMultipartUpload", "CopyObject", "PostObject")) == []
    assert len(ring(fed("*"))) == len(ring(fed("PutObject"))) == 1


def test_results_end_in_json() -> None:
    """A trigger on pictures alone is never fired by a result, one on `.json` is."""

    def fed(suffix: str) -> Template:
        own = classifier("a", "in/", "in/out/", triggers=(trigger("in/", suffix=suffix),))
        return template(own)

    assert ring(fed(".png")) == []
    assert len(ring(fed(".json"))) == len(ring(fed("n"))) == 1


def test_how_far_one_key_can_travel() -> None:
    """Edges of which no key passes all, one after the other, are no loop."""
    a = classifier("a", "top/d/", "mid/a/")
    b = classifier("b", "mid/", "fin/")
    c = classifier("c", "fin/b/", "low/c/")
    d = classifier("d", "low/", "top/")

    # From a's mid/a/... b makes fin/a/..., and c's low/c/... becomes top/c/...: nobody's input.
    assert ring(template(a, b, c, d)) == []
    (found,) = ring(template(a, b, c, replace(d, environment=d.environment | TOP_D)))
    assert found.startswith("loop: b -> c -> d -> a -> b: ")


TOP_D = {"FANLIGHT_OUTPUT": f"oss://{BUCKET}/top/d/"}


def test_every_result_adds_to_the_key() -> None:
    """What ends in `.png.json` becomes `.png.json.json`, which the same suffix does not match."""
    a = classifier("a", "in/", "mid/", triggers=(trigger("in/", suffix=".png.json"),))
    b = classifier("b", "mid/", "in/", triggers=(trigger("mid/", suffix=".png.json"),))

    assert ring(template(a, b)) == []


def test_a_key_that_is_not_its_input_goes_no_further() -> None:
    """A function that is run with a key outside its input writes nothing."""
    a = classifier("a", "in/x/", "mid/z/", triggers=(trigger("in/"),))
    b = classifier("b", "mid/x/", "in/z/", triggers=(trigger("mid/"),))

    assert ring(template(a, b)) == []


def test_another_bucket() -> None:
    """The same prefix of another bucket is another place."""
    own = classifier("a", "in/", "in/out/", triggers=(trigger("in/", bucket="other"),))

    assert ring(template(own)) == []


def test_the_projects_template_has_none() -> None:
    """The template that ships has no problem."""
    assert problems(PROJECT) == []


PIECES = ("a/", "b/")
PREFIXES = ("", *("".join(p) for n in (1, 2) for p in product(PIECES, repeat=n)))
TAILS = ("", *("".join(p) for n in range(1, 7) for p in product(PIECES, repeat=n)))
NAMES = ("f", "g", "h")


@st.composite
def functions(draw: st.DrawFn, name: str) -> Function:
    prefix = st.sampled_from(PREFIXES)
    source = draw(prefix)
    fired = draw(st.one_of(st.just(source), prefix))
    function = classifier(name, source, draw(prefix), triggers=(trigger(fired),))
    other = draw(st.sampled_from((*NAMES, None, None, None)))
    return told(function, other) if other else function


def comes_back(every: Iterable[Function]) -> bool:
    """By brute force: write each key of some length, run who is fired, write what it writes."""
    by_name = {function.name: function for function in every}
    return any(
        back(by_name, start, by_name[start], write(by_name[start]) + tail + "k.json")
        for start in by_name
        for tail in TAILS
    )


def write(function: Function) -> str:
    return function.environment["FANLIGHT_OUTPUT"].removeprefix(f"oss://{BUCKET}/")


def read(function: Function) -> str:
    return function.environment["FANLIGHT_INPUT"].removeprefix(f"oss://{BUCKET}/")


def back(
    by_name: dict[str, Function], start: str, at: Function, key: str | None, left: int = len(NAMES)
) -> bool:
    """Whether `start` runs within as many steps as there are functions. No key: none was written.

    Who runs through a failure may write any key of its own, so all are tried.
    """
    if left == 0:
        return False
    for name, function in by_name.items():
        runs: list[str | None] = []
        if key is not None and key.startswith(function.triggers[0].prefix):
            inside = key.startswith(read(function))
            relative = key[len(read(function)) :]
            runs.append(f"{write(function)}{relative}.json" if inside else None)
        if name == at.on_failure:
            runs += [f"{write(function)}{tail}k.json" for tail in TAILS[: 2**4 - 1]]
        if runs and name == start:
            return True
        if any(back(by_name, start, function, made, left - 1) for made in runs):
            return True
    return False


@settings(max_examples=100, deadline=None)
@given(st.tuples(*(functions(name) for name in NAMES)))
def test_a_loop_is_reported_exactly_when_a_write_comes_back(every: tuple[Function, ...]) -> None:
    """`problems` names a loop if and only if some written key, followed, runs its writer again."""
    assert bool(ring(template(*every))) == comes_back(every)
