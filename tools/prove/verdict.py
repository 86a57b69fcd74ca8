"""Whether what a bucket holds is as promised: each object a true result, or a letter naming it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import oss2

from fanlight import result
from fanlight.place import RESULT_SUFFIX

SECRETS = ("local-secret", "role-secret-", "role-token-")
"""What the keys of a local cloud hide, or begin with."""

_SHOWN = 20


class Listed(Protocol):
    """An object as a listing has it. `last_modified`: seconds since 1970."""

    key: str
    etag: str
    size: int
    last_modified: int


@dataclass(frozen=True)
class Found:
    """What is in a bucket. `results`: by the key of their object; `letters`: by their own."""

    objects: Sequence[Listed]
    results: Mapping[str, bytes]
    letters: Mapping[str, bytes]


@dataclass
class Verdict:
    """How many objects have a true result, how many only a letter, and what is neither."""

    true: int = 0
    named: int = 0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"checked       {self.true + self.named + len(self.violations):,} objects: "
            f"{self.true:,} results are true, {self.named:,} are named by a dead letter",
            f"violations    {len(self.violations)}",
            *(f"VIOLATION  {violation}" for violation in self.violations[:_SHOWN]),
        ]
        return "\n".join(lines)


def found_in(bucket: oss2.Bucket, images: str, results: str, letters: str) -> Found:
    """All that is below three prefixes of a bucket."""

    def read(prefix: str) -> dict[str, bytes]:
        listed = oss2.ObjectIteratorV2(bucket, prefix=prefix, max_keys=1000)
        return {item.key: bucket.get_object(item.key).read() for item in listed}

    return Found(
        list(oss2.ObjectIteratorV2(bucket, prefix=images, max_keys=1000)),
        {
            f"{images}{key.removeprefix(results).removesuffix(RESULT_SUFFIX)}": data
            for key, data in read(results).items()
        },
        read(letters),
    )


def judged(
    found: Found, expected: Mapping[str, Mapping[str, Any]], leaked: Sequence[str]
) -> Verdict:
    """The verdict. `expected`: result documents by the ETag of the content they speak of."""
    verdict = Verdict()
    named = {_named(letter) for letter in found.letters.values()}
    for item in found.objects:
        wrong = _wrong(item, found.results.get(item.key), expected)
        if not wrong:
            verdict.true += 1
        elif item.key in named:
            verdict.named += 1
        else:
            verdict.violations.append(f"{item.key}: {wrong}")
    verdict.violations += leaked
    for kind in (found.results, found.letters):
        for key, data in kind.items():
            verdict.violations += leaks(f"what is written of {key}", data.decode())
    return verdict


def _wrong(item: Listed, data: bytes | None, expected: Mapping[str, Mapping[str, Any]]) -> str:
    """What is wrong with an object's result; empty if it is true."""
    if item.etag not in expected:
        return "nobody uploaded this content"
    document = result.from_bytes(data) if data is not None else None
    if document is None:
        return "there is no result" if data is None else "what is written is no result"
    version = f"{item.etag}-{item.size}-{item.last_modified}"
    if document["source"]["version"] != version:
        return f"the result is of {document['source']['version']}, the object is {version}"
    told, right = _told(document), _told(expected[item.etag])
    return "" if told == right else f"the result says {told}, it should say {right}"


def _told(document: Mapping[str, Any]) -> Any:
    return document["status"], document.get("predictions"), document.get("reason")


def _named(letter: bytes) -> str:
    source = json.loads(letter)["source"]
    return str(source["key"]) if source else ""


def leaks(where: str, text: str) -> list[str]:
    """A violation for each secret that a text holds, which it does not repeat."""
    return [f"{where} has a secret ({secret}...)" for secret in SECRETS if secret in text]
