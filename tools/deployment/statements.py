"""Of what RAM policies are made: resources in OSS, statements, documents."""

from collections.abc import Iterable
from typing import Any

from fanlight.archive import Archive
from fanlight.place import Place

Document = dict[str, Any]


def below(places: Iterable[Place | None]) -> list[str]:
    """The objects below each place; None stands for one that is not named."""
    return distinct(f"acs:oss:*:*:{place.bucket}/{place.prefix}*" for place in places if place)


def lists(places: Iterable[Place]) -> list[Document | None]:
    """One statement a bucket: a condition holds for all resources of its statement."""
    prefixes: dict[str, list[str]] = {}
    for place in dict.fromkeys(places):
        prefixes.setdefault(place.bucket, []).append(f"{place.prefix}*")
    return [
        {
            "Effect": "Allow",
            "Action": ["oss:ListObjects"],
            "Resource": [f"acs:oss:*:*:{bucket}"],
            "Condition": {"StringLike": {"oss:Prefix": patterns}},
        }
        for bucket, patterns in prefixes.items()
    ]


def objects(archives: Iterable[Archive]) -> list[str]:
    """The very objects."""
    return distinct(f"acs:oss:*:*:{archive.bucket}/{archive.key}" for archive in archives)


def beside(archives: Iterable[Archive]) -> list[str]:
    """The archives' folders: the next version is published beside the one that is named."""
    folders = (Place(a.bucket, a.key[: a.key.rfind("/") + 1]) for a in archives)
    return below(place for place in folders if place.prefix) + objects(
        a for a in archives if "/" not in a.key
    )


def distinct(texts: Iterable[str]) -> list[str]:
    """Each once, in their order."""
    return list(dict.fromkeys(texts))


def allow(actions: list[str], resources: list[str]) -> Document | None:
    """A statement; None where there is nothing to allow it on."""
    if not resources:
        return None
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def document(*statements: Document | None) -> Document:
    """A policy of those statements that there are."""
    return {"Version": "1", "Statement": [statement for statement in statements if statement]}
