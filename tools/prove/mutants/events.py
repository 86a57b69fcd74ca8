"""Events in, failures out: nothing is lost between the two, and nothing runs for ever."""

from tools.prove.mutants.mutant import Mutant

_WORLD = "tests/prove/test_world.py"
_WORK = "functions/fanlight/work.py"

MUTANTS = (
    Mutant(
        "a transient error is swallowed", _WORK,
        '"outcome": "failed", "reason": str(error)}', '"outcome": "ignored", "reason": str(error)}',
        (_WORLD,),
    ),
    Mutant(
        "failures do not fail the invocation", _WORK,
        '    if "failed" in counts:\n', "    if False:\n",
        (_WORLD,),
    ),
    Mutant(
        "one bad record costs the others their results", _WORK,
        "bad, records = error, error.records", "bad, records = error, ()",
        ("tests/test_work.py",),
    ),
    Mutant(
        "an image that ends its decoder costs its neighbours their results", _WORK,
        "if apart and len(records) > 1", "if apart and len(records) > 99",
        ("tests/localcloud/test_cloud.py",),
    ),
    Mutant(
        "a failure that names no key has no letter", "functions/fanlight/failure.py",
        "for source in certain or sources", "for source in certain",
        (_WORLD,),
    ),
    Mutant(
        "the letters of one failure replace each other", "functions/deadletter.py",
        "{name}-{number}.json", "{name}.json",
        (_WORLD,),
    ),
    Mutant(
        "a letter is only logged", "functions/deadletter.py",
        "        store.put(key, to_bytes(letter), if_absent=True)  # a letter never changes\n", "",
        (_WORLD,),
    ),
    Mutant(
        "results may be written into the input", "functions/fanlight/config.py",
        "if source and place and source.holds(place):", "if False:",
        ("tests/test_config.py",),
    ),
    Mutant(
        "the input may lie among the results", "functions/fanlight/config.py",
        "elif source and place and place.holds(source):", "elif False:",
        ("tests/test_config.py",),
    ),
    Mutant(
        "events from elsewhere are followed", "functions/fanlight/event.py",
        "    if record.bucket != place.bucket:\n", "    if False:\n",
        ("tests/test_event.py",),
    ),
)  # fmt: skip
