"""Results as one page to look at: `write` makes a file that works without a network."""

from tools.gallery.page import write

__all__ = ["write"]
