"""What our code imports, read without running it."""

from pathlib import Path

from tools.packaging.imports import third_party
from tools.template import SOURCE


def test_imports_are_followed(tmp_path: Path) -> None:
    """Through our own modules, also inside functions; not into what nothing imports."""
    (tmp_path / "own").mkdir()
    for name, text in {
        "entry.py": "import os\nfrom own import first\nimport numpy as np\n",
        "own/__init__.py": "",
        "own/first.py": "def f():\n    import cv2.utils\n    from own.second import x\n",
        "own/second.py": "from PIL import Image\nx = 1\n",
        "own/unused.py": "import tensorflow\n",
    }.items():
        (tmp_path / name).write_text(text)

    assert third_party(tmp_path, ["entry"]) == (
        {"entry", "own", "own.first", "own.second"},
        {"numpy", "cv2", "PIL"},
    )


def test_the_dead_letter_function_needs_no_images() -> None:
    """Filing a letter takes the OSS client alone."""
    ours, others = third_party(SOURCE, ["deadletter"])

    assert others == {"oss2", "requests", "urllib3"}
    assert "fanlight.model" not in ours
