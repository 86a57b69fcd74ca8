"""Write digits of MNIST's test set as image files, plain or pasted onto a sheet of paper.

usage: python -m tools.digits.export FOLDER [--count N] [--pasted] [--flat]
"""

import argparse
import sys
from pathlib import Path

from tools.digits.data import load_mnist
from tools.digits.evaluate import encode_png
from tools.digits.pasted import pasted


def main(arguments: list[str] | None = None) -> int:
    """Export from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.digits.export", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the images go, a folder for each label")
    parser.add_argument("--count", type=int, default=10_000, help="the first so many (10000)")
    parser.add_argument("--pasted", action="store_true", help="pasted onto paper, as JPEG")
    parser.add_argument("--flat", action="store_true", help="one folder, the label in each name")
    parser.add_argument("--data", type=Path, help="a folder with MNIST's idx files")
    chosen = parser.parse_args(arguments)
    mnist = load_mnist(chosen.data)
    for index in range(min(chosen.count, len(mnist.test_images))):
        image, label = mnist.test_images[index], int(mnist.test_labels[index])
        data = pasted(image, index) if chosen.pasted else encode_png(image)
        path = chosen.folder / name(label, index, is_pasted=chosen.pasted, flat=chosen.flat)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return 0


def name(label: int, index: int, *, is_pasted: bool, flat: bool) -> str:
    """`7/00000.png`; flat: `7-00000.png`, `pasted-7-00000.jpg`."""
    suffix = "jpg" if is_pasted else "png"
    if not flat:
        return f"{label}/{index:05d}.{suffix}"
    return f"{'pasted-' if is_pasted else ''}{label}-{index:05d}.{suffix}"


if __name__ == "__main__":
    sys.exit(main())
