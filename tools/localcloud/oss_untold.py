"""Which objects were written of which the listener may not have heard."""

from tools.localcloud import oss_rows
from tools.localcloud.oss_index import Index
from tools.localcloud.oss_types import Stored


class Untold:
    """The events that were written with their objects, in one transaction, and are not told yet.

    An event is text of which no two writes have the same. It goes with its object: when that is
    removed or another takes its place.
    """

    def __init__(self, index: Index) -> None:
        self._index = index

    def told(self, bucket: str, key: str, event: str) -> None:
        """Forget an event; one that was written since stays."""
        query = "DELETE FROM untold WHERE bucket = ? AND key = ? AND event = ?"
        with self._index.writing() as rows:
            rows.execute(query, (bucket, key.encode(), event))

    def rest(self) -> list[tuple[str, str, str, Stored]]:
        """Bucket, key and event of each object that is left, and the object; oldest first."""
        with self._index.reading() as rows:
            found = rows.execute("SELECT bucket, key, event FROM untold ORDER BY rowid").fetchall()
            return [
                (bucket, key.decode(), event, oss_rows.require(rows, bucket, key.decode()).stored)
                for bucket, key, event in found
            ]
