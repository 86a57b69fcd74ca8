"""Reads every document of a place and parses it: all that reading results takes, with nothing made.

usage: python -m tools.bench.parsed PLACE    a folder, all in one, or oss://bucket/prefix/

A folder is read by one thread and with the standard library alone; of a bucket as many objects at
once as `fanlight results` reads. Documents are not checked, not put in order, and not kept.
"""

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

_THREADS = 32
"""Those that `fanlight results` reads a bucket with."""


def main() -> None:
    """Print how many there are."""
    place = sys.argv[1]
    documents = _of_bucket(place) if place.startswith("oss://") else _of_folder(place)
    print(sum(1 for document in documents if json.loads(document)))


def _of_folder(folder: str) -> Iterator[bytes]:
    with os.scandir(folder) as entries:
        for entry in entries:
            with open(entry.path, "rb") as file:  # noqa: PTH123 - a Path would double its cost
                yield file.read()


def _of_bucket(place: str) -> Iterator[bytes]:
    import oss2

    oss2.defaults.connection_pool_size = _THREADS
    name, _, prefix = place.removeprefix("oss://").partition("/")
    auth = oss2.StsAuth(
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
        auth_version=oss2.AUTH_VERSION_4,
    )
    bucket = oss2.Bucket(auth, os.environ["FANLIGHT_OSS_ENDPOINT"], name,
                         region=os.environ["FC_REGION"], enable_crc=False)  # fmt: skip
    token = ""
    with ThreadPoolExecutor(_THREADS) as pool:
        while True:
            page = bucket.list_objects_v2(prefix, continuation_token=token, max_keys=1000)
            keys = [found.key for found in page.object_list]
            yield from pool.map(lambda key: bytes(bucket.get_object(key).read()), keys)
            token = page.next_continuation_token
            if not page.is_truncated:
                return


if __name__ == "__main__":
    main()
