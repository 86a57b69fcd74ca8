"""An image and its result: read, answered, written and looked at once more."""

from tools.prove.mutants.mutant import Mutant

_WORLD = "tests/prove/test_world.py"
_RECONCILE = "tests/test_reconcile.py"
_CORE = "functions/fanlight/reconcile.py"

MUTANTS = (
    Mutant(
        "no look after the write", _CORE,
        "        if present is None or present.version != meta.version:\n",
        "        if False:\n",
        (_WORLD,),
    ),
    Mutant(
        "the look comes before the write", _CORE,
        """        if not self.results.put(target, to_bytes(document), if_absent=first):
            return None
        # Sent after the write was answered: an overwrite that this one missed shows here.
        present = self.images.head(key)
""",
        """        present = self.images.head(key)
        if not self.results.put(target, to_bytes(document), if_absent=first):
            return None
""",
        (_WORLD,),
    ),
    Mutant(
        "a first write replaces what is there", _CORE,
        "if_absent=first", "if_absent=False",
        ("tests/test_interleavings.py", _RECONCILE),
    ),
    Mutant(
        "a refused first write counts as done", _CORE,
        """if_absent=first):
            return None
""",
        """if_absent=first):
            return Outcome(key, document["status"], target, document)
""",
        (_RECONCILE, _WORLD),
    ),
    Mutant(
        "any result counts as current", _CORE,
        "            if present.version == known:\n", "            if True:\n",
        (_RECONCILE, _WORLD),
    ),
    Mutant(
        "no result counts as current", _CORE,
        "            if present.version == known:\n", "            if False:\n",
        (_RECONCILE,),
    ),
    Mutant(
        "any result that is read at once counts as current", _CORE,
        "        if image.meta.version == known:\n", "        if known:\n",
        (_RECONCILE, _WORLD),
    ),
    Mutant(
        "an image read before a newer result replaces it", _CORE,
        "            if present is None or present.version != image.meta.version:\n",
        "            if False:\n",
        (_RECONCILE,),
    ),
    Mutant(
        "an image that has its result is read", _CORE,
        "self._known(document_of(result())) != meta.version and", "",
        (_RECONCILE,),
    ),
    Mutant(
        "images are read whatever memory they take", "functions/fanlight/budget.py",
        "return not self.used or self.used + size <= self._limit", "return True",
        ("tests/test_budget.py",),
    ),
    Mutant(
        "images that are too large for it all may never be read", "functions/fanlight/budget.py",
        "return not self.used or self.used + size", "return self.used + size",
        ("tests/test_budget.py",),
    ),
    Mutant(
        "two images are decoded at a time", "functions/fanlight/together.py",
        "        with turn:\n", "        if turn:\n",
        ("tests/test_work.py",),
    ),
    Mutant(
        "recipes are never compared", _CORE,
        "self.recipe not in (None, document.get(\"recipe\"))", "False",
        (_WORLD,),
    ),
    Mutant(
        "recipes are always compared", _CORE,
        "self.recipe not in (None, document.get(\"recipe\"))",
        "self.recipe != document.get(\"recipe\")",
        (_RECONCILE,),
    ),
    Mutant(
        "no starting over", _CORE,
        "for _ in range(ATTEMPTS):", "for _ in range(1):",
        (_RECONCILE,),
    ),
    Mutant(
        "starting over without an end", _CORE,
        "for _ in range(ATTEMPTS):", "for _ in range(10**4):",
        (_RECONCILE,),
    ),
    Mutant(
        "giving up in silence", _CORE,
        '        raise TransientError(f"{key} changed',
        '        return Outcome(key, "gone", target)\n        raise TransientError(f"{key} changed',
        (_RECONCILE,),
    ),
    Mutant(
        "half a result counts as one", "functions/fanlight/result.py",
        "return document if whole else None", "return document",
        ("tests/test_result.py",),
    ),
)  # fmt: skip
