"""Counts in words."""

from collections.abc import Mapping


def counted(counts: Mapping[str, int]) -> str:
    """`1,024 classified, 1 cut request`: in the order of the kinds; empty if there are none."""
    return ", ".join(f"{counts[kind]:,} {kind.replace('_', ' ')}" for kind in sorted(counts))
