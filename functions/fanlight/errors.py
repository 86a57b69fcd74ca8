"""What can go wrong, sorted by whose fault it is and whether trying again can help."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # events raise these errors, so the import would go round in a circle
    from fanlight.event import Record


class FanlightError(Exception):
    """Anything Fanlight raises on purpose. Its text says what to do about it."""


class EventError(FanlightError):
    """The event is not one Fanlight can read. Trying again gives the same.

    `records` are those that could be read all the same.
    """

    def __init__(self, message: str, records: "tuple[Record, ...]" = ()) -> None:
        super().__init__(message)
        self.records = records


class ConfigError(FanlightError):
    """A setting, a permission or a bucket is wrong; the text says what to change."""


class UnknownAccessKey(ConfigError):
    """OSS does not know the access key: it is mistyped, or was withdrawn."""


class WrongDigest(ConfigError):
    """A zip from OSS is not the one the setting names."""


class DamagedZip(ConfigError):
    """A zip cannot be read: it is cut short, or no zip."""


class UnsafeZip(ConfigError):
    """A zip has an entry that would leave its folder, or is not a plain file."""


class ZipBomb(ConfigError):
    """A zip would unpack to more than it says, or to more than anyone needs."""


class NoRoom(ConfigError):
    """The instance's disk is too small for what is to be unpacked."""


class ModelMismatch(ConfigError):
    """The network is not the one that the bundle's model.json describes."""


class TransientError(FanlightError):
    """The network, the store or a race got in the way. Trying again can help."""


class Unsettled(TransientError):
    """An overwrite succeeded, but an earlier try of it lost its answer and may still land."""


class StaleCredentials(TransientError):
    """The credentials have expired. Only with new ones can it be tried again."""


class DecoderEnded(FanlightError):
    """An image's decoding crashed, hung or took too much memory in the process made for it."""


class KeyRefused(FanlightError):
    """This key can never have a result, whatever its object holds."""


class Rejected(FanlightError):
    """The image's own fault, and final: it becomes a result, never a retry."""

    def __init__(self, code: str, message: str) -> None:
        """`code` is one of `fanlight.result.REASONS`; `message` is for people."""
        super().__init__(message)
        self.code = code
        self.message = message
