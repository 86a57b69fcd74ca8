"""What comes out: keys, labels and documents are text wherever they are shown, and images data."""

from tools.prove.mutants.mutant import Mutant

_PAGE = "tools/gallery/page.py"
_THUMBNAILS = "tools/gallery/thumbnails.py"

MUTANTS = (
    Mutant(
        "a spreadsheet computes what a label says", "tools/results/csv.py",
        "    if _COMPUTED(value):\n", "    if False:\n",
        ("tests/results/test_files.py::test_a_formula_is_text_and_comes_back",),
    ),
    Mutant(
        "the key of a failure steers a terminal", "tools/runs.py",
        'one_line(shown(outcome["key"]))', 'one_line(outcome["key"])',
        ("tests/test_run.py::test_what_failed_is_counted_and_steers_no_terminal",),
    ),
    Mutant(
        "the error of a letter steers a terminal", "tools/explained.py",
        "{shown(letter.error)}", "{letter.error}",
        ("tests/test_explained.py",),
    ),
    Mutant(
        "a document ends its script block", _PAGE,
        r""".replace("<", r"\u003c")""", "",
        ("tests/gallery/test_page.py",),
    ),
    Mutant(
        "the title of a page is HTML", _PAGE,
        "title=html.escape(shown(title).replace", "title=str(shown(title).replace",
        ("tests/gallery/test_page.py",),
    ),
    Mutant(
        "one score that is no number costs all their page", "tools/gallery/cards.py",
        "return value if abs(value) < 2**53 and math.isfinite(value) else None", "return value",
        ("tests/gallery/test_cards.py::test_what_a_page_cannot_hold_as_a_number_is_none",),
    ),
    Mutant(
        "any object of a bucket has a thumbnail", _THUMBNAILS,
        "if self.images.place.relative(one.key) is None:", "if False:",
        ("tests/gallery/test_thumbnails.py::test_a_key_outside_of_the_prefix_is_not_read",),
    ),
    Mutant(
        "an image of any size is read for its thumbnail", _THUMBNAILS,
        "self.images.store.get(one.key, self.limits.max_bytes, taken)",
        "self.images.store.get(one.key, 1 << 40, taken)",
        ("tests/gallery/test_thumbnails.py::test_what_the_classifier_would_not_take_is_not_read",),
    ),
)  # fmt: skip
