"""The part that learns: from an embedding to a score a class, chosen by cross-validation."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.training.embed import Floats
from tools.training.parallel import Progress
from tools.training.parts import folds

Labels = npt.NDArray[np.int64]

FOLDS = 5
"""Parts of the training pictures, each of which is judged by what was learned from the others."""
HEADS = 5
"""On 1,000 photographs of clothes three heads together gave 86.6% where one gave 86.2% on average,
in cross-validation within them."""
_FEWEST_STEPS, _EPOCHS, _BATCH = 300, 20, 256
_RATE, _DECAY, _SMOOTHING = 1e-3, 0.02, 0.05
"""AdamW's learning rate at the start and its weight decay; label smoothing."""
_MANY = 3_000
"""From so many pictures on, one fold says enough and five would take long."""


@dataclass(frozen=True)
class Shape:
    """`hidden`: units of the layer in between, 0 for none; `dropout`: before each layer."""

    hidden: int
    dropout: float

    @property
    def layers(self) -> str:
        """As people would say it."""
        hidden = f"{self.hidden} hidden units" if self.hidden else "no hidden layer"
        return f"{hidden}, dropout {self.dropout}"


SHAPES = (Shape(0, 0.5), Shape(0, 0.7), Shape(256, 0.6))
"""What is tried: little to overfit with, more of it held back, and a layer in between."""


@dataclass(frozen=True)
class Trial:
    """How a shape did on pictures of the training set that it had not seen."""

    shape: Shape
    accuracy: float
    log_loss: float

    def document(self) -> dict[str, Any]:
        """For the report."""
        return {**asdict(self.shape), "accuracy": round(self.accuracy, 4),
                "log_loss": round(self.log_loss, 4)}  # fmt: skip


@dataclass(frozen=True)
class Head:
    """Dense layers as (inputs x outputs weights, biases); ReLU between them, softmax after."""

    layers: tuple[tuple[Floats, Floats], ...]

    def probabilities(self, embeddings: Floats) -> Floats:
        """From n x dimensions to n x classes; each row sums to 1."""
        out = embeddings
        for index, (weights, biases) in enumerate(self.layers):
            out = (np.maximum(out, 0) if index else out) @ weights + biases
        exponents = np.exp(out - out.max(axis=1, keepdims=True))
        return np.asarray(exponents / exponents.sum(axis=1, keepdims=True), np.float32)


def trials(embeddings: Floats, labels: Labels, seed: int, progress: Progress) -> list[Trial]:
    """Every shape, by cross-validation; best first. `embeddings` are those of `embed`.

    A fold is trained on with all its views and judged by the pictures as they are.
    """
    count = min(FOLDS, int(np.bincount(labels).min()))
    fold = np.asarray(folds([int(label) for label in labels], count, seed))
    rounds = range(1 if len(labels) >= _MANY else count)
    found = []
    for shape in SHAPES:
        right, loss, judged = 0, 0.0, 0
        for left_out in rounds:
            kept = fold != left_out
            head = fit(embeddings[kept], labels[kept], shape, seed)
            given, true = head.probabilities(embeddings[~kept, 0]), labels[~kept]
            right += int((given.argmax(axis=1) == true).sum())
            loss -= float(np.log(given[np.arange(len(true)), true] + 1e-9).sum())
            judged += len(true)
            progress()
        found.append(Trial(shape, right / judged, loss / judged))
    return best_first(found)


def rounds_of(pictures: int) -> int:
    """How often `trials` and then `fit_several` report progress, at most."""
    return len(SHAPES) * (1 if pictures >= _MANY else FOLDS) + HEADS


def best_first(found: Sequence[Trial]) -> list[Trial]:
    """By log loss: it moves less by chance than accuracy, and likes scores that can be believed."""
    return sorted(found, key=lambda trial: trial.log_loss)


def fit(embeddings: Floats, labels: Labels, shape: Shape, seed: int) -> Head:
    """Train a head on n x views x dimensions; the same seed on the same machine: the same head."""
    import keras

    keras.utils.set_random_seed(seed)
    _, views, size = embeddings.shape
    flat = embeddings.reshape(-1, size)
    mean, spread = flat.mean(axis=0), flat.std(axis=0) + 1e-3
    classes = int(labels.max()) + 1
    targets = np.eye(classes, dtype=np.float32)[np.repeat(labels, views)]
    # Of few pictures there are several in an epoch, for each epoch has a cost of its own.
    copies = max(1, math.ceil(_FEWEST_STEPS * _BATCH / (_EPOCHS * len(flat))))
    rows, goals = np.tile((flat - mean) / spread, (copies, 1)), np.tile(targets, (copies, 1))
    network = _network(keras, size, classes, shape, _EPOCHS * -(-len(rows) // _BATCH))
    network.fit(rows, goals, batch_size=_BATCH, epochs=_EPOCHS, verbose=0)
    return _folded(network, mean, spread)


def fit_several(
    embeddings: Floats, labels: Labels, shape: Shape, seed: int, progress: Progress
) -> Head:
    """The mean of HEADS heads of other seeds: one alone is a matter of luck by some percent."""
    heads = []
    for number in range(HEADS):
        heads.append(fit(embeddings, labels, shape, seed + number))
        progress()
    return mean(heads)


def mean(heads: Sequence[Head]) -> Head:
    """One head whose logits are the mean of those of `heads`, which are all of one shape."""
    lasts = [head.layers[-1] for head in heads]
    biases = np.mean([bias for _, bias in lasts], axis=0)
    if len(heads[0].layers) == 1:
        return Head(((np.mean([weights for weights, _ in lasts], axis=0), biases),))
    # Hidden units side by side, and a last layer that weighs each head by its share.
    firsts = [head.layers[0] for head in heads]
    hidden = np.hstack([w for w, _ in firsts]), np.concatenate([b for _, b in firsts])
    weights = np.vstack([weights for weights, _ in lasts]) / np.float32(len(heads))
    return Head((hidden, (weights, biases)))


def _network(keras: Any, size: int, classes: int, shape: Shape, steps: int) -> Any:
    layers = [keras.Input((size,)), keras.layers.Dropout(shape.dropout)]
    if shape.hidden:
        layers += [keras.layers.Dense(shape.hidden, activation="relu"),
                   keras.layers.Dropout(shape.dropout)]  # fmt: skip
    network = keras.Sequential([*layers, keras.layers.Dense(classes, activation="softmax")])
    network.compile(
        keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(_RATE, steps), weight_decay=_DECAY
        ),
        keras.losses.CategoricalCrossentropy(label_smoothing=_SMOOTHING),
    )
    return network


def _folded(network: Any, mean: Floats, spread: Floats) -> Head:
    """The normalisation of the input becomes part of the first layer: one step less to run."""
    dense = [layer.get_weights() for layer in network.layers if layer.get_weights()]
    (weights, biases), *rest = dense
    first = weights / spread[:, None], biases - (mean / spread) @ weights
    return Head((first, *((weights, biases) for weights, biases in rest)))
