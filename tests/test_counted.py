"""Counts in words."""

from tools.counted import counted


def test_each_count_has_its_kind() -> None:
    """Sorted, with separators in large numbers, and none of the underscores of the kinds."""
    assert counted({"lost": 1, "cut_request": 12_345}) == "12,345 cut request, 1 lost"
    assert counted({}) == ""
