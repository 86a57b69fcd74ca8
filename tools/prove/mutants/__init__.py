"""The promises of the code, each with what it would be without one, and the tests that say so."""

from tools.prove.mutants import console, core, deployment, events, runs, shown, stores, sweep
from tools.prove.mutants.mutant import Mutant

__all__ = ["MUTANTS", "Mutant"]

MUTANTS = tuple(
    mutant
    for part in (core, stores, events, sweep, runs, shown, console, deployment)
    for mutant in part.MUTANTS
)
