"""The sweep: a bucket of any size, listed in parts, leaves no image out for good."""

from tools.prove.mutants.mutant import Mutant

_SWEEPING = "functions/fanlight/sweeping.py"
_TESTS = ("tests/test_sweeping.py",)

MUTANTS = (
    Mutant(
        "results come in the order of their images", "functions/fanlight/pairs.py",
        "return later.startswith(name) and later[len(name) :] < _SUFFIX", "return False",
        ("tests/test_pairs.py",),
    ),
    Mutant(
        "a sweep mends what its event is about to", _SWEEPING,
        "        if not self.settled(image):\n", "        if False:\n",
        _TESTS,
    ),
    Mutant(
        "a pass that could not list all keeps no bookmark", _SWEEPING,
        "        if reached != begin:\n", "        if False:\n",
        _TESTS,
    ),
    Mutant(
        "a pass leaves out what comes before its bookmark", _SWEEPING,
        "        yield from (pair for pair in earlier if _order(pair.key) <= first)\n", "",
        _TESTS,
    ),
    Mutant(
        "of too many missing images the first are held", _SWEEPING,
        "        if place < SAMPLE:\n", "        if False:\n",
        _TESTS,
    ),
)  # fmt: skip
