"""One image explained: what is there, what its result says, and what failed with it."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from fanlight.errors import KeyRefused
from fanlight.place import result_key
from fanlight.reconcile import RESULT_LIMIT, document_of
from fanlight.store import Meta
from tools.letters import Letter, letters
from tools.places import Side
from tools.plan import Check, check_key
from tools.saying import one_line
from tools.shown import shown


@dataclass(frozen=True)
class Explained:
    """An image, its result and its dead letters. `letters` None: nobody said where they are.

    `target`: the key of its result, None where it can have none. `recipe`: that of results made
    now, None where it is not known.
    """

    check: Check
    image: Meta | None
    target: str | None
    document: dict[str, Any] | None
    written: bool
    recipe: str | None
    letters: list[Letter] | None

    def as_json(self) -> dict[str, Any]:
        """All of it; the result as it is stored."""
        return {
            "key": self.check.key,
            "state": self.check.state,
            "reason": self.reason or None,
            "image": asdict(self.image) if self.image else None,
            "result_key": self.target,
            "result": self.document,
            "older_recipe": self.older,
            "dead_letters": None if self.letters is None else [asdict(one) for one in self.letters],
        }

    @property
    def older(self) -> bool | None:
        """Whether the result was made otherwise than now; None where that is not known."""
        if self.document is None or self.recipe is None:
            return None
        return self.document.get("recipe") != self.recipe

    @property
    def reason(self) -> str:
        """Why it is in its state: of a rejected image, what its result says."""
        if self.check.state != "rejected" or self.document is None:
            return self.check.reason
        why = self.document.get("reason")
        return f"{why.get('code')}: {why.get('message')}" if isinstance(why, dict) else ""

    @property
    def left(self) -> bool:
        """Whether it is not as it should be. A result whose image is gone is nobody's work."""
        return not self.check.current and self.check.state != "orphaned"

    def lines(self) -> list[str]:
        """For people."""
        if self.image is None:
            lines = [f"image    {shown(self.check.key)}: there is none"]
        else:
            about = f"{self.image.size:,} bytes, version {self.image.version}"
            lines = [f"image    {shown(self.check.key)}", f"         {about}"]
        if self.target is not None:
            if self.written:
                about = ", which run leaves" if self.image is None else ""
            else:
                about = ": there is none"
            lines.append(f"result   {shown(self.target)}{about}")
        if self.document:
            model = self.document["model"]
            lines.append(f"model    {shown(str(model['name']))} {shown(str(model['version']))}")
        if self.older is not None:
            lines.append(f"recipe   {'older: made with another' if self.older else 'that of this'} "
                         "model and settings")  # fmt: skip
        reason = f": {shown(self.reason)}" if self.reason else ""
        lines.append(f"state    {self.check.state}{reason}")
        return [one_line(line) for line in lines + [_line(one) for one in self.letters or []]]


def explained(
    key: str, images: Side, results: Side, failed: Side | None, recipe: str | None
) -> Explained:
    """Look at one image. `key` may be given whole or relative to the place of the images."""
    if images.place.relative(key) is None:
        key = images.place.prefix + key
    image, found = images.store.head(key), check_key(key, images, results)
    target = None if found.state == "refused" else _target(key, images, results)
    result = results.store.get(target, RESULT_LIMIT) if target else None
    if found.state == "gone":
        found = _gone(found, result is not None)
    own = None
    if failed is not None:
        every = (one for one in letters(failed, results) if one.names(images))
        own = [one for one in every if key in one.spellings(images)]
    return Explained(found, image, target, document_of(result), result is not None, recipe, own)


def _gone(found: Check, written: bool) -> Check:  # noqa: FBT001 - of two cases
    if written:
        return replace(found, state="orphaned", reason="there is no such image, but its result")
    return replace(found, reason="there is neither such an image nor a result of it")


def _target(key: str, images: Side, results: Side) -> str | None:
    relative = images.place.relative(key)
    try:
        return None if relative is None else result_key(relative, results.place)
    except KeyRefused:
        return None


def _line(letter: Letter) -> str:
    suspected = ", suspected" if letter.suspected else ""
    return (f"letter   {shown(letter.place)}: {shown(letter.error)} "
            f"(attempts: {letter.attempts}{suspected})").replace("\n", " ")  # fmt: skip
