import itertools

import numpy as np
import pytest

from tools.training.embed import Floats
from tools.training.head import (
    HEADS,
    Head,
    Shape,
    Trial,
    best_first,
    fit,
    mean,
    rounds_of,
    trials,
)


def points(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three clouds that hardly touch, as two views of each point."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    centres = np.eye(3, 8) * 6 + 10
    views = centres[labels][:, None] + random.normal(0, 1, (count, 2, 8))
    return views.astype(np.float32), labels


def test_a_head_without_a_layer_in_between() -> None:
    """Scores are the softmax of a linear map, as computed by hand."""
    weights = np.array([[1.0, 0.0], [0.0, 2.0]], np.float32)
    head = Head(((weights, np.array([0.0, -1.0], np.float32)),))

    scores = head.probabilities(np.array([[1.0, 1.0], [0.0, 2.0]], np.float32))

    np.testing.assert_allclose(scores, [[0.5, 0.5], [0.0474, 0.9526]], atol=1e-4)


def test_a_layer_in_between_is_cut_at_zero() -> None:
    """What is below 0 in the hidden layer counts as 0."""
    eye = np.eye(2, dtype=np.float32)
    head = Head(((eye, np.zeros(2, np.float32)), (eye, np.zeros(2, np.float32))))

    scores = head.probabilities(np.array([[-5.0, 0.0]], np.float32))

    np.testing.assert_allclose(scores, [[0.5, 0.5]])


@pytest.mark.parametrize("sizes", [(4, 3), (4, 6, 3)])
def test_the_mean_of_heads_has_the_mean_of_their_logits(sizes: tuple[int, ...]) -> None:
    """Several heads as one give the softmax of their logits' mean, with or without a layer."""
    random = np.random.default_rng(3)

    def drawn(*shape: int) -> Floats:
        return random.normal(0, 1, shape).astype(np.float32)

    heads = [
        Head(tuple(
            (drawn(*pair), drawn(*pair[1:]))
            for pair in itertools.pairwise(sizes)
        ))
        for _ in range(3)
    ]  # fmt: skip
    points_seen = drawn(7, 4)

    together = mean(heads).probabilities(points_seen)

    product = np.prod([head.probabilities(points_seen) for head in heads], axis=0) ** (1 / 3)
    np.testing.assert_allclose(
        together, product / product.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6
    )


def test_the_smallest_log_loss_wins() -> None:
    """Heads are put in order by log loss, whatever their accuracy."""
    first, second = Trial(Shape(0, 0.5), 0.9, 0.5), Trial(Shape(9, 0.5), 0.8, 0.4)

    assert best_first([first, second]) == [second, first]


@pytest.mark.tensorflow
def test_fit_learns_and_repeats() -> None:
    """A head tells easy classes apart that it has not seen, and the same seed gives the same."""
    pytest.importorskip("tensorflow")
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    views, labels = points(60, 1)
    fresh, true = points(60, 2)

    once, again = (fit(views, labels, Shape(64, 0.1), 3) for _ in range(2))

    assert (once.probabilities(fresh[:, 0]).argmax(axis=1) == true).mean() > 0.95
    for (weights, biases), (weights_again, biases_again) in zip(
        once.layers, again.layers, strict=True
    ):
        np.testing.assert_array_equal(weights, weights_again)
        np.testing.assert_array_equal(biases, biases_again)


@pytest.mark.tensorflow
def test_trials_are_of_unseen_pictures() -> None:
    """Labels by the toss of a coin cannot be told from pictures that were left out."""
    pytest.importorskip("tensorflow")
    random = np.random.default_rng(0)
    views = random.normal(0, 1, (48, 1, 16)).astype(np.float32)
    labels = np.arange(48) % 2
    done: list[None] = []

    found = trials(views, labels, 1, lambda: done.append(None))

    assert len(done) + HEADS == rounds_of(48) == 20
    assert found == sorted(found, key=lambda trial: trial.log_loss)
    assert all(0.2 < trial.accuracy < 0.8 for trial in found)
