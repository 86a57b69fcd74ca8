"""A loaded model and its limits, as the function that turns an object's bytes into a result."""

from dataclasses import dataclass, field
from typing import Any

from fanlight import result
from fanlight.config import Limits
from fanlight.errors import Rejected
from fanlight.image import too_many_bytes
from fanlight.model import Model
from fanlight.result import Source


@dataclass(frozen=True)
class Answerer:
    """Gives every object its document; `recipe` names all that goes into it."""

    model: Model
    limits: Limits
    top_k: int
    recipe: str = field(init=False)

    def __post_init__(self) -> None:
        recipe = result.recipe(self.model.bundle, self.limits, self.top_k)
        object.__setattr__(self, "recipe", recipe)

    def __call__(self, source: Source, data: bytes | None) -> dict[str, Any]:
        """The document for an object; `data` is None when it has more bytes than the limit."""
        bundle = self.model.bundle
        try:
            if data is None:
                raise too_many_bytes(source.size, self.limits)
            header, predictions = self.model.classify(data, self.limits, self.top_k)
        except Rejected as reason:
            return result.rejected(source, reason, bundle, self.recipe)
        return result.classified(source, header, bundle, self.recipe, predictions)
