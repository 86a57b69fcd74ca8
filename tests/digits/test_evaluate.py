import cv2
import numpy as np

from fanlight.errors import Rejected
from tools.digits.data import Mnist
from tools.digits.evaluate import Accuracy, encode_png, evaluate

IMAGES = np.random.default_rng(0).integers(0, 256, (4, 28, 28)).astype(np.uint8)
DATA = Mnist(IMAGES, np.zeros(4, np.uint8), IMAGES, np.array([3, 1, 3, 3], np.uint8))


def test_counts_both_sets() -> None:
    """Plain digits come as PNG, pasted ones as JPEG, and each set is counted for itself."""
    accuracy = evaluate(lambda data: 3 if data[:4] == b"\x89PNG" else 1, DATA)

    assert accuracy == Accuracy(test_right=3, pasted_right=1, images=4)
    assert (accuracy.test, accuracy.pasted) == (0.75, 0.25)


def test_looks_at_the_first_few_and_tells_progress() -> None:
    """Fewer images can be asked for, and progress counts up to all that are classified."""
    seen: list[tuple[int, int]] = []

    accuracy = evaluate(
        lambda _: 3, DATA, images=2, progress=lambda done, total: seen.append((done, total))
    )

    assert accuracy == Accuracy(test_right=1, pasted_right=1, images=2)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_digit_not_found_is_a_mistake() -> None:
    """An image the classifier rejects counts as wrong; the others count as ever."""

    def classify(data: bytes) -> int:
        if data[:4] != b"\x89PNG":
            raise Rejected("nothing_found", "no digit")
        return 3

    assert evaluate(classify, DATA) == Accuracy(test_right=3, pasted_right=0, images=4)


def test_png_loses_nothing() -> None:
    """The plain set is MNIST to the last bit."""
    decoded = cv2.imdecode(np.frombuffer(encode_png(IMAGES[0]), np.uint8), cv2.IMREAD_UNCHANGED)

    assert decoded is not None
    np.testing.assert_array_equal(decoded, IMAGES[0])
