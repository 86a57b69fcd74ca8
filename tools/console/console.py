"""The console of a running local cloud, on two ports of this machine."""

from contextlib import ExitStack
from urllib.parse import urlsplit

from tools.console.documents import Documents
from tools.console.objects import Objects
from tools.console.page import Page
from tools.console.places import targets
from tools.console.uploads import LARGEST, Uploads
from tools.console.watch import Watch
from tools.localcloud.cloud import LocalCloud
from tools.localcloud.server import WsgiServer


class Console:
    """Shows what `watch` was told by `cloud`, which must have been started, while in use."""

    def __init__(
        self, cloud: LocalCloud, watch: Watch, port: int = 0, object_port: int = 0
    ) -> None:
        """`port`: of the page; `object_port`: of what is in the buckets; 0 takes a free one."""
        self._watch = watch
        self._documents = Documents(watch.feed, cloud.endpoint.store, cloud.template)
        uploads = Uploads(cloud.endpoint.url, cloud.template.region, cloud.keys)
        self._page = Page(watch, targets(cloud.template), uploads, cloud.invoke_async,
                          lambda: cloud.load().unfinished)  # fmt: skip
        self._server = WsgiServer(self._page, port, max_body=LARGEST,
                                  screen=self._page.screen)  # fmt: skip
        self._objects = WsgiServer(Objects(cloud.endpoint.store), object_port, max_body=0)

    @property
    def url(self) -> str:
        """Where the page is."""
        return self._server.url

    @property
    def objects_url(self) -> str:
        """Where objects are shown from."""
        return self._objects.url

    def start(self) -> None:
        """Serve. Raises OSError if a port is taken."""
        with ExitStack() as undo:
            self._objects.start()
            undo.callback(self._objects.stop)
            self._page.objects_port = str(urlsplit(self.objects_url).port)
            self._server.start()
            undo.pop_all()
        self._watch.documents = self._documents
        self._documents.start()

    def stop(self) -> None:
        """Close both ports, and every page's connection."""
        self._watch.documents = None
        self._documents.stop()
        self._watch.feed.close()
        self._server.stop()
        self._objects.stop()

    def __enter__(self) -> "Console":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
