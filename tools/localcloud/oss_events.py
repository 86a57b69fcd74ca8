"""Tells the listener of an endpoint what was made, objects at least once each.

A process may die between the object and its event, and not every upload can be sent again. So the
event is kept with the object until the listener has returned, and told at the next start if not.
"""

import json
from collections.abc import Callable

from tools.localcloud.oss_types import ObjectCreated, Request, Stored
from tools.localcloud.oss_untold import Untold


class Events:
    """The events for `listener`; without one there are none, and nothing is kept."""

    def __init__(self, untold: Untold, listener: Callable[[ObjectCreated], None] | None) -> None:
        self._untold, self._listener = untold, listener

    def of(self, request: Request, name: str, position: int | None = None) -> str:
        """What the object itself does not say, as text to be kept with it; empty for no event.

        `name`: of the operation. `position`: where what is appended begins.
        """
        if self._listener is None:
            return ""
        return json.dumps([name, request.request_id, position])

    def tell_part(self, bucket: str, key: str, stored: Stored, event: str) -> None:
        """Tell of what is no object yet; what the listener raises goes through."""
        if self._listener is None:
            return
        name, request_id, position = json.loads(event)
        meta = {k: v for k, v in stored.headers.items() if k.startswith("x-oss-meta-")}
        made = ObjectCreated(
            bucket=bucket,
            key=key,
            name=f"ObjectCreated:{name}",
            size=stored.size,
            etag=stored.etag,
            mime_type=stored.headers.get("content-type", ""),
            user_meta={k: v.encode("latin-1").decode(errors="replace") for k, v in meta.items()},
            request_id=request_id,
            position=position,
        )
        self._listener(made)

    def tell(self, bucket: str, key: str, stored: Stored, event: str) -> None:
        """Tell of an object that was written with `event`, which is then no longer kept."""
        if self._listener is None:
            return
        self.tell_part(bucket, key, stored, event)
        self._untold.told(bucket, key, event)

    def tell_rest(self) -> None:
        """Tell of each object that is there and whose event nobody has been seen to take."""
        if self._listener is None:
            return
        for bucket, key, event, stored in self._untold.rest():
            self.tell(bucket, key, stored, event)
