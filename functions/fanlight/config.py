"""Settings, from environment variables. All problems are named at once."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fanlight.archive import Archive
from fanlight.errors import ConfigError
from fanlight.place import SCHEME, Place
from fanlight.thresholds import Thresholds, read_thresholds

DEFAULT_MAX_BYTES = 32 * 1024 * 1024
"""Of an image as it is stored. It is read whole, into memory."""

DEFAULT_MAX_PIXELS = 64_000_000
"""At its worst, 16-bit RGBA, such a picture took 1.3 to 1.4 GB, the network and Python included."""

DEFAULT_SWEEP_AFTER = 900
"""Seconds. An event is there within some; those that are tried again take a few minutes."""


@dataclass(frozen=True)
class Limits:
    """What an image may cost before it is refused: bytes as stored, width times height in pixels.

    Both are known, from its store and from its header, before so much is read or decoded.
    """

    max_bytes: int = DEFAULT_MAX_BYTES
    max_pixels: int = DEFAULT_MAX_PIXELS


@dataclass(frozen=True)
class Config:
    """The settings of the classify function.

    `model`: a bundle's folder in the code, or its zip in OSS. `libs`: a zip of packages to import
    from. `top_k` and `thresholds` None mean what the model's bundle says. `oss_resize`: images are
    made smaller by OSS before they are fetched, see `store_resized`. `sweep_after`: seconds for
    which a sweep leaves an image to its event.
    """

    input: Place
    output: Place
    failed: Place | None
    model: Path | Archive
    libs: Archive | None
    endpoint: str
    region: str
    limits: Limits
    top_k: int | None
    thresholds: Thresholds | None
    oss_resize: bool = False
    sweep_after: int = DEFAULT_SWEEP_AFTER

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Config":
        """Read `FANLIGHT_*` and what the platform sets; ConfigError lists every problem."""
        read = _Reader(environ)
        source, output = read.place("FANLIGHT_INPUT"), read.place("FANLIGHT_OUTPUT")
        failed = read.place("FANLIGHT_FAILED", required=False)
        for name, place in (("FANLIGHT_OUTPUT", output), ("FANLIGHT_FAILED", failed)):
            if source and place and source.holds(place):
                read.problems.append(
                    f"{name}: {place} lies inside FANLIGHT_INPUT {source}; each file written there "
                    "would trigger the function again"
                )
            elif source and place and place.holds(source):
                read.problems.append(
                    f"{name}: {place} holds FANLIGHT_INPUT {source}; a file written there could "
                    "trigger the function again"
                )
        config = cls(
            input=source or _NOWHERE,
            output=output or _NOWHERE,
            failed=failed,
            model=read.model("FANLIGHT_MODEL"),
            libs=read.archive("FANLIGHT_LIBS", environ.get("FANLIGHT_LIBS", "")),
            region=read.region(),
            endpoint=read.endpoint(),
            limits=Limits(
                read.number("FANLIGHT_MAX_BYTES", DEFAULT_MAX_BYTES),
                read.number("FANLIGHT_MAX_PIXELS", DEFAULT_MAX_PIXELS),
            ),
            top_k=read.number("FANLIGHT_TOP_K", 0) or None,
            thresholds=read.thresholds("FANLIGHT_THRESHOLDS"),
            oss_resize=read.switch("FANLIGHT_OSS_RESIZE"),
            sweep_after=read.number("FANLIGHT_SWEEP_AFTER", DEFAULT_SWEEP_AFTER),
        )
        read.finish()
        return config


@dataclass(frozen=True)
class FailedConfig:
    """The settings of the dead-letter function."""

    failed: Place
    endpoint: str
    region: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "FailedConfig":
        """Read the few settings filing needs; ConfigError lists every problem."""
        read = _Reader(environ)
        config = cls(read.place("FANLIGHT_FAILED") or _NOWHERE, read.endpoint(), read.region())
        read.finish()
        return config


_NOWHERE = Place("", "")  # stands in while problems are collected; finish() raises


class _Reader:
    """Reads settings one by one and remembers what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def finish(self) -> None:
        if self.problems:
            raise ConfigError("wrong settings:" + "".join(f"\n  {p}" for p in self.problems))

    def _text(self, name: str, remedy: str) -> str:
        value = self._environ.get(name, "")
        if not value and remedy:
            self.problems.append(f"{name} is not set; {remedy}")
        return value

    def place(self, name: str, *, required: bool = True) -> Place | None:
        text = self._text(name, "write oss://bucket/prefix/" if required else "")
        if not text:
            return None
        try:
            return Place.parse(text)
        except ConfigError as error:
            self.problems.append(f"{name}: {error}")
            return None

    def model(self, name: str) -> Path | Archive:
        text = self._text(
            name,
            "name a folder of the package, such as models/digits, or a zip in OSS, "
            "oss://bucket/key.zip#sha256=...",
        )
        if text.startswith(SCHEME):
            return self.archive(name, text) or Path()
        # FC sets the folder the code was unpacked to; it is not always the working folder.
        path = Path(self._environ.get("FC_FUNC_CODE_PATH", ""), text)
        # A Path would raise for a name that is too long to be one.
        if text and not os.path.isfile(path / "model.json"):  # noqa: PTH113
            self.problems.append(f"{name}: {text} is not a model bundle, it has no model.json")
        return path

    def archive(self, name: str, text: str) -> Archive | None:
        try:
            return Archive.parse(text) if text else None
        except ConfigError as error:
            self.problems.append(f"{name}: {error}")
            return None

    def thresholds(self, name: str) -> Thresholds | None:
        text = self._environ.get(name, "")
        if not text:
            return None
        try:
            return read_thresholds(json.loads(text))
        except (ValueError, RecursionError) as error:
            self.problems.append(f"{name}: {error}")
            return None

    def region(self) -> str:
        return self._text(
            "FC_REGION", "Function Compute sets it; elsewhere set it to the bucket's region"
        )

    def endpoint(self) -> str:
        given = self._environ.get("FANLIGHT_OSS_ENDPOINT", "")
        if given and not given.startswith(("https://", "http://")):
            self.problems.append(f"FANLIGHT_OSS_ENDPOINT: {given!r} must start with https://")
        return given or internal_endpoint(self._environ.get("FC_REGION", ""))

    def switch(self, name: str) -> bool:
        text = self._environ.get(name, "") or "off"
        if text not in ("on", "off"):
            self.problems.append(f"{name}: {text!r} is neither on nor off")
        return text == "on"

    def number(self, name: str, default: int) -> int:
        text = self._environ.get(name, "")
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and int(text) > 0):
            self.problems.append(f"{name}: {text!r} is not a whole number above 0")
            return default
        return int(text)


def internal_endpoint(region: str) -> str:
    """The endpoint that is free of traffic fees from inside the region."""
    return f"https://oss-{region}-internal.aliyuncs.com"
