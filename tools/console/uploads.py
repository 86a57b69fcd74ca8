"""Puts pictures into the buckets over HTTP, as any client does: what follows is the same."""

import time
from functools import lru_cache

from fanlight.oss_sdk import oss2
from fanlight.place import MAX_KEY_BYTES
from tools.console.places import Target
from tools.localcloud.body import Body
from tools.localcloud.credentials import Credentials

LARGEST = 100 * 1024 * 1024
"""Bytes of one picture. More than any function takes, so that its refusal can be seen."""

_TRIES, _PAUSE = 6, 0.2


class NotStored(Exception):
    """What to tell the person who uploaded."""


class Uploads:
    """A client of the OSS endpoint."""

    def __init__(self, endpoint: str, region: str, keys: Credentials) -> None:
        self._endpoint, self._region = endpoint, region
        self._auth = oss2.AuthV4(keys.access_key_id, keys.access_key_secret)
        self._bucket = lru_cache(self._opened)

    def put(self, target: Target, name: str, body: Body) -> str:
        """Upload to a place below the target's; returns the key. Raises NotStored."""
        key = target.prefix + name.lstrip("/")
        size = len(key.encode("utf-8", "replace"))
        if not name.strip("/"):
            raise NotStored("the picture has no name")
        if size > MAX_KEY_BYTES:
            raise NotStored(f"the key would have {size} bytes, OSS allows {MAX_KEY_BYTES}")
        for left in reversed(range(_TRIES)):
            try:
                self._bucket(target.bucket).put_object(key, _Reader(body))
            except (oss2.exceptions.OssError, OSError) as error:
                # With --chaos it is as in the cloud: who uploads tries again.
                if not left:
                    told = getattr(error, "message", "") or type(error).__name__
                    raise NotStored(f"OSS: {told}") from None
                time.sleep(_PAUSE)
            else:
                break
        return key

    def _opened(self, name: str) -> oss2.Bucket:
        return oss2.Bucket(self._auth, self._endpoint, name, region=self._region)


class _Reader:
    """A body as oss2 reads a file, from its start: so no more of it than a piece is in memory."""

    def __init__(self, body: Body) -> None:
        self._body, self._at = body, 0

    def __len__(self) -> int:
        return self._body.size

    def read(self, size: int) -> bytes:
        start, self._at = self._at, min(self._at + size, self._body.size)
        return self._body.part(start, self._at).read()
