"""Lists a place and counts its keys: all that a listing takes, in a process of its own.

usage: python -m tools.bench.listed PLACE    as on the command line of `fanlight run`
"""

import os
import sys

from tools.places import Access, Side


def main() -> None:
    """Print how many keys there are."""
    access = Access(os.environ.get("FANLIGHT_OSS_ENDPOINT", ""), os.environ.get("FC_REGION", ""))
    side = Side.images(sys.argv[1], access)
    print(sum(1 for _ in side.store.list(side.place.prefix)))


if __name__ == "__main__":
    main()
