"""`fanlight model`: bundles, from where they come to where they go."""

import click

from tools.lazy import Lazy

_COMMANDS = {
    "get": "Fetch a published model and make a bundle of it.",
    "train": "Train a model on pictures of your own classes, or the digits.",
    "create": "Make a bundle of a .tflite or .onnx file or a SavedModel.",
    "inspect": "Say what a bundle is, and how fast it answers.",
    "publish": "Upload a bundle's zip to OSS, for FANLIGHT_MODEL.",
    "list": "List the bundles at hand and those that can be got.",
}


@click.group(cls=Lazy, prefix="tools.commands.model_", about=_COMMANDS)
def command() -> None:
    """Get, make, train, look at and publish models.

    A model is a bundle: a folder with model.json, labels.txt and the model's own file. Those in
    functions/models can be called by their names.

    \b
    fanlight model get products
    fanlight run photos/ --model products
    """
