"""Runs, on any engine: no key is lost, none done is told of that is not, no access key leaves."""

from tools.prove.mutants.mutant import Mutant

_ENGINE = "tools/engine.py"
_RAY = "tools/ray_pool.py"
_RAY_TESTS = ("tests/test_ray_pool.py",)
_LETTERS = "tools/letters.py"
_LETTER_TESTS = ("tests/test_letters.py",)

MUTANTS = (
    Mutant(
        "a result of the same second is trusted", "tools/plan.py",
        "newer = pair.result.modified > pair.image.modified",
        "newer = pair.result.modified >= pair.image.modified",
        ("tests/test_plan.py",),
    ),
    Mutant(
        "a key that can have no result is nobody's failure", "tools/runs.py",
        '            totals.settled["failed"] += 1\n', '            totals.settled["gone"] += 1\n',
        ("tests/test_run.py::test_what_failed_is_counted_and_steers_no_terminal",),
    ),
    Mutant(
        "keys given to a pool that has broken are lost", _ENGINE,
        """            except BrokenProcessPool:
                lost.append(chunk)
        if not running:
""",
        """            except BrokenProcessPool:
                break
        if not running:
""",
        ("tests/test_engine.py::test_keys_that_come_after_their_process_has_ended_are_done",),
    ),
    Mutant(
        "an expired access key fails image after image", "tools/engine_process.py",
        "    except (ConfigError, StaleCredentials):", "    except ZeroDivisionError:",
        ("tests/test_engine.py::test_what_every_key_would_fail_by_ends_the_run",),
    ),
    Mutant(
        "an answer made ahead is given for any version", "tools/together.py",
        "if made is None or known != source:", "if made is None:",
        ("tests/test_together.py::test_an_answer_made_ahead_is_for_its_version_alone",),
    ),
    Mutant(
        "an event is too large for its letter", "tools/fc/batches.py",
        "if names and size + len(_BETWEEN) + len(record) > MOST_BYTES:", "if False:",
        ("tests/fc/test_batches.py",),
    ),
    Mutant(
        "an image overwritten under way is forgotten", "tools/fc/sent.py",
        "        return stale\n", "        return []\n",
        ("tests/fc/test_sent.py",),
    ),
    Mutant(
        "a key that was sent is done with any result", "tools/fc/watch.py",
        "    if version_of(document) != image.version:\n", "    if False:\n",
        ("tests/fc/test_watch.py",),
    ),
    Mutant(
        "what an actor had waiting is lost with it", _RAY,
        "        self._again.extendleft(reversed(waiting))\n", "",
        _RAY_TESTS,
    ),
    Mutant(
        "an actor out of reach goes on", _RAY,
        """        self._members.remove(member)
        self._end(member)
        if member.starting:
""",
        """        self._members.remove(member)
        if member.starting:
""",
        _RAY_TESTS,
    ),
    Mutant(
        "access keys leave their process", "tools/credentials.py",
        "    def __reduce__(self) -> NoReturn:\n", "    def reduced(self) -> NoReturn:\n",
        ("tests/test_credentials.py::test_keys_stay_in_their_process",),
    ),
    Mutant(
        "letters of what is not done are deleted", _LETTERS,
        "        if not state.current:\n", "        if False:\n",
        _LETTER_TESTS,
    ),
    Mutant(
        "letters about another bucket are deleted", _LETTERS,
        "return fits and self.bucket == images.store.name and", "return fits and",
        _LETTER_TESTS,
    ),
    Mutant(
        "an estimate leaves cold starts out", "tools/estimate/estimate.py",
        "outcome.busy + outcome.starting, size.memory", "outcome.busy, size.memory",
        ("tests/estimate/test_estimate.py",),
    ),
)  # fmt: skip
