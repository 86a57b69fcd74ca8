"""The promises of the code, each with what it would be without one, and the tests that say so."""

from dataclasses import dataclass

_WORLD = "tests/prove/test_world.py"
_RECONCILE = "tests/test_reconcile.py"
_OSS = "tests/test_store_oss.py"
_CORE = "functions/fanlight/reconcile.py"
_STORE = "functions/fanlight/store_oss.py"
_REFUSALS = "functions/fanlight/refusals.py"
_WORK = "functions/fanlight/work.py"


@dataclass(frozen=True)
class Mutant:
    """`old` stands once in the file at `path`; with `new` in its place one of `tests` fails."""

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]


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
    Mutant(
        "a body cut short is taken", _STORE,
        "    if len(data) != meta.size:\n", "    if False:\n",
        (_OSS,),
    ),
    Mutant(
        "a changed body is taken", _STORE,
        "    if expected and hashlib", "    if False and hashlib",
        (_OSS,),
    ),
    Mutant(
        "a version is an ETag alone", _STORE,
        'return f"{etag}-{size}-{last_modified}"', "return etag",
        (_OSS,),
    ),
    Mutant(
        "a 503 is for good", _REFUSALS,
        "if status >= 500 or code in _BUSY:", "if code in _BUSY:",
        (_OSS,),
    ),
    Mutant(
        "a wrong clock is for good", _REFUSALS,
        '"RequestTimeTooSkewed": TransientError,', "",
        (_OSS,),
    ),
    Mutant(
        "expired credentials are for good", _REFUSALS,
        '"SecurityTokenExpired": StaleCredentials,', "",
        (_OSS,),
    ),
    Mutant(
        "a lost connection is for good", _STORE,
        """                raise TransientError(
                    f"oss://{self.name}/{key}: {self._endpoint} cannot""",
        """                raise KeyRefused(
                    f"oss://{self.name}/{key}: {self._endpoint} cannot""",
        (_OSS,),
    ),
    Mutant(
        "a missing bucket is a missing object", _STORE,
        '                if error.code in ("NoSuchKey", "", None):\n', "                if True:\n",
        (_OSS,),
    ),
    Mutant(
        "a refused first write counts as written", _STORE,
        '                if error.code == "FileAlreadyExists":\n                    return False\n',
        '                if error.code == "FileAlreadyExists":\n                    return True\n',
        (_OSS,),
    ),
    Mutant(
        "an overwrite is settled, whatever was lost", _STORE,
        "        if unanswered and not if_absent:\n", "        if False:\n",
        (_OSS,),
    ),
    Mutant(
        "a 500 leaves an overwrite settled", _STORE,
        "(error.status >= 500 and error.status != 503)", "False",
        (_OSS,),
    ),
    Mutant(
        "a lost connection leaves an overwrite settled", _STORE,
        "            except _NETWORK:\n                unanswered = True\n",
        "            except _NETWORK:\n",
        (_OSS,),
    ),
    Mutant(
        "expired credentials are tried again", "functions/fanlight/retry.py",
        "            except StaleCredentials:", "            except ZeroDivisionError:",
        ("tests/test_retry.py",),
    ),
    Mutant(
        "nothing is tried again in place", "functions/fanlight/retry.py",
        "            except TransientError:\n", "            except ZeroDivisionError:\n",
        ("tests/test_retry.py",),
    ),
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
