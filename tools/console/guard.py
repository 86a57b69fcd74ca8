"""Who may ask: the page itself, and no other page of the browser it is open in.

The ports are on loopback, which a browser reaches for any page in it. A name that is made to point
here (DNS rebinding) shows in Host, and a page of another origin in Origin or Sec-Fetch-Site, which
no script can set.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the interface exists for type checkers only
    from _typeshed.wsgi import WSGIEnvironment

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""In every answer of both ports."""


class Forbidden(Exception):
    """The request is answered 403, with this text."""

    status = HTTPStatus.FORBIDDEN


def hosts(port: str) -> list[str]:
    """What this port may be called. Browsers leave the one of HTTP away."""
    names = ["127.0.0.1", "localhost"]
    return [f"{name}:{port}" for name in names] + (names if port == "80" else [])


def require_host(environ: "WSGIEnvironment") -> None:
    """Raise Forbidden unless the request was meant for this machine by name."""
    known = hosts(environ["SERVER_PORT"])
    if environ.get("HTTP_HOST") not in known:
        raise Forbidden(f"this port answers to {' and '.join(known)} alone, not to another name")


def require_own_page(environ: "WSGIEnvironment", *, change: bool) -> None:
    """Raise Forbidden for another origin. `change`: where nothing tells the origin, too.

    Every browser says where a POST comes from; of a GET some say nothing if it is their own.
    """
    origin, site = environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")
    own = f"http://{environ.get('HTTP_HOST')}"
    if origin not in (None, own) or site not in (None, "same-origin"):
        raise Forbidden(f"this is for the page at {own} alone")
    if change and origin is None and site is None:
        raise Forbidden(f"send Origin: {own}, as the page does")


def require_near_page(environ: "WSGIEnvironment") -> None:
    """Raise Forbidden for a page of another machine: it is to learn nothing, not even sizes."""
    if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site":
        raise Forbidden("objects are shown to pages of this machine alone")
