"""The platform's limits for code, and how far a package is from them.

Source: Function Compute's limits page, as of November 2026.
"""

PACKAGE_SMALL = 100_000_000
"""Bytes of a zip: in the smaller regions, and sent inline through the API, everywhere."""

PACKAGE_SMALL_BINARY = 100 * 1024 * 1024
"""The same, should the platform count in MiB: its pages do not say."""

PACKAGE_LARGE = 500_000_000
"""Bytes of a zip: in the 11 larger regions."""

DISK = 512_000_000
"""Bytes an instance has room for unless diskSize: 10240 is set."""


def judged(compressed: int, size: int, disk: int = DISK) -> list[str]:
    """How a function's zip stands to each limit; a line that starts with `!` is a warning.

    `disk`: bytes that its instances have.
    """
    lines = [
        f"{_from(compressed, PACKAGE_SMALL)} 100 MB, {_from(compressed, PACKAGE_SMALL_BINARY)} "
        f"100 MiB, {_from(compressed, PACKAGE_LARGE)} 500 MB; "
        f"unpacked {_from(size, disk)} {disk // 1_000_000:,} MB of disk"
    ]
    if compressed > PACKAGE_SMALL:
        lines.append(
            "! more than 100 MB: it can be deployed in the 11 regions that take 500 MB, not in "
            "the others, and not inline through the API. A model can stay in OSS: "
            "`fanlight model publish`"
        )
    if size > disk:
        lines.append("! unpacked it needs more disk than that: set diskSize: 10240")
    return lines


def _from(size: int, limit: int) -> str:
    return f"{megabytes(abs(limit - size))} {'below' if size <= limit else 'ABOVE'}"


def megabytes(size: int) -> str:
    """`91.7 MB`: a million bytes each."""
    return f"{size / 1e6:,.1f} MB"
