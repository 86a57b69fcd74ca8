"""Untrusted text on a terminal: keys and labels can hold control characters."""


def shown(text: str) -> str:
    """The text with everything that is not printable escaped; newlines stay."""
    return "".join(
        char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text
    )
