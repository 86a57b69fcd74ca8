"""Images beside their results: two listings merged as they stream, without reading a result."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fanlight.place import RESULT_SUFFIX, Place
from fanlight.store import Meta

_SUFFIX = RESULT_SUFFIX.encode()


@dataclass(frozen=True)
class Pair:
    """An image and what stands under its result's key.

    `key` is the image's, or what it would be. `image` None: the result is orphaned. `result` None:
    it is missing, also where it can never be since its key would be too long.
    """

    key: str
    image: Meta | None
    result: Meta | None


def pairs(
    images: Iterable[Meta],
    input: Place,  # noqa: A002 - as everywhere
    results: Iterable[Meta],
    output: Place,
) -> Iterator[Pair]:
    """Every image, and every result that has none, in the order of the results' keys.

    Both listings come in the order of their keys' bytes, as OSS gives them. Memory is bounded by
    the length of a key, however many there are. Folders' own objects are no images; what is under
    `output` and can be no image's result is passed over.
    """
    left, right = _images(images, input), _results(results, output)
    image, result = next(left, None), next(right, None)
    while image or result:
        if result is None or (image and image[0] < result[0]):
            assert image is not None  # noqa: S101 - for the type checker
            yield Pair(image[1].key, image[1], None)
            image = next(left, None)
        elif image is None or result[0] < image[0]:
            yield Pair(image_key(result[1].key, input, output) or "", None, result[1])
            result = next(right, None)
        else:
            yield Pair(image[1].key, image[1], result[1])
            image, result = next(left, None), next(right, None)


_Named = tuple[bytes, Meta]
"""What follows the output prefix in a result's key, which is what is compared, and an object."""


def _images(listed: Iterable[Meta], place: Place) -> Iterator[_Named]:
    """The images in the order of their results, which is not their own.

    `a` comes before `a-b`, but `a-b.json` before `a.json`: an image waits while one may follow
    that has its key and goes on with something below `.json`. Those that wait at one time are each
    a prefix of the next, so there are no more of them than a key has bytes.
    """
    waiting: list[_Named] = []
    for meta in listed:
        relative = place.relative(meta.key)
        if relative is None:
            continue
        name = _bytes(relative)
        while waiting and not _precedes(name, waiting[-1][0]):
            yield _result_of(waiting.pop())
        waiting.append((name, meta))
    while waiting:
        yield _result_of(waiting.pop())


def _precedes(later: bytes, name: bytes) -> bool:
    """Whether the result of `later`, which comes after `name`, comes before that of `name`."""
    # Whatever is below `.json` still is with `.json` behind it, also its own beginnings, `.js`.
    return later.startswith(name) and later[len(name) :] < _SUFFIX


def _result_of(image: _Named) -> _Named:
    return image[0] + _SUFFIX, image[1]


def _results(listed: Iterable[Meta], place: Place) -> Iterator[_Named]:
    for meta in listed:
        relative = _source(meta.key, place)
        if relative is not None:
            yield _bytes(relative + RESULT_SUFFIX), meta


def image_key(result: str, input: Place, output: Place) -> str | None:  # noqa: A002
    """The key of the image that has its result there; None if no image can."""
    relative = _source(result, output)
    return None if relative is None else f"{input.prefix}{relative}"


def _source(result: str, output: Place) -> str | None:
    """What an image's key ends with; a folder's own object has no result, so `a/.json` is none."""
    relative = output.relative(result)
    if relative is None or not relative.endswith(RESULT_SUFFIX):
        return None
    image = relative.removesuffix(RESULT_SUFFIX)
    return image if image and not image.endswith("/") else None


def _bytes(text: str) -> bytes:
    """What listings are ordered by. For bytes that are no UTF-8, str has another order."""
    return text.encode("utf-8", "surrogateescape")
