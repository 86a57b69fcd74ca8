"""The console: no other page of the browser may ask, no upload runs, no open failure is hidden."""

from tools.prove.mutants.mutant import Mutant

_GUARD = "tools/console/guard.py"
_TESTS = "tests/console/test_console.py"
_OTHERS = (f"{_TESTS}::test_no_other_page_may_act_or_listen",)

MUTANTS = (
    Mutant(
        "it answers to any name", _GUARD,
        'if environ.get("HTTP_HOST") not in known:', "if False:",
        (f"{_TESTS}::test_it_answers_to_its_own_name_alone",),
    ),
    Mutant(
        "any origin may act", _GUARD,
        "origin not in (None, own) or ", "",
        _OTHERS,
    ),
    Mutant(
        "a page of another port may act", _GUARD,
        'site not in (None, "same-origin")', 'site not in (None, "same-origin", "same-site")',
        _OTHERS,
    ),
    Mutant(
        "a browser guesses what an object is", _GUARD,
        '    "X-Content-Type-Options": "nosniff",\n', "",
        (f"{_TESTS}::test_an_object_is_shown_for_what_it_is",),
    ),
    Mutant(
        "an object runs in its page", "tools/console/objects.py",
        "sandbox; ", "",
        (f"{_TESTS}::test_an_object_is_shown_for_what_it_is",),
    ),
    Mutant(
        "a failure is done with any result", "tools/console/documents.py",
        'if about.get("version") == now:', "if about:",
        ("tests/console/test_documents.py",),
    ),
    Mutant(
        "a letter is replayed with its neighbours", "tools/console/page.py",
        "event = own_event(letter)", 'event = letter.get("event")',
        (f"{_TESTS}::test_a_letter_is_replayed_without_its_neighbours",),
    ),
)  # fmt: skip
