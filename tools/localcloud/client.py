"""A bucket of a running local cloud, as a person's client has it."""

from typing import Any

import oss2

from tools.localcloud.cloud import LocalCloud


def client(cloud: LocalCloud, bucket: str, **options: Any) -> oss2.Bucket:
    """With keys that may do everything. `options`: see `oss2.Bucket`."""
    auth = oss2.AuthV4(cloud.keys.access_key_id, cloud.keys.access_key_secret)
    return oss2.Bucket(auth, cloud.endpoint.url, bucket, region=cloud.template.region, **options)
