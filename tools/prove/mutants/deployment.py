"""Policies: each party may do what it needs, to what it needs it for."""

from tools.prove.mutants.mutant import Mutant

_RAM = "tools/deployment/ram.py"
_TESTS = ("tests/deployment/test_policy.py",)

MUTANTS = (
    Mutant(
        "functions may use the whole bucket", "tools/deployment/statements.py",
        '{place.bucket}/{place.prefix}*" for', '{place.bucket}/*" for',
        _TESTS,
    ),
    Mutant(
        "a role may be handed to any service", _RAM,
        'return {**statement, "Condition": condition} if statement else None', "return statement",
        _TESTS,
    ),
    Mutant(
        "who runs a backfill may invoke what triggers run", _RAM,
        " and not one.function.triggers", "",
        _TESTS,
    ),
)  # fmt: skip
