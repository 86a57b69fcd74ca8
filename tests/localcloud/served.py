"""An endpoint with one object, for tests of what its answers carry."""

from collections.abc import Iterator
from contextlib import contextmanager

import oss2

from tools.localcloud.oss import Credentials, OssEndpoint

BODY = b"123456789"


@contextmanager
def served() -> Iterator[oss2.Bucket]:
    """A bucket that holds BODY under the key `a`."""
    with OssEndpoint([Credentials("id", "secret")]) as endpoint:
        endpoint.create_bucket("pictures")
        auth = oss2.AuthV4("id", "secret")
        bucket = oss2.Bucket(auth, endpoint.url, "pictures", region="cn-hangzhou")
        bucket.put_object("a", BODY)
        yield bucket
