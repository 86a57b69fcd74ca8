"""Function Compute entry point: files a letter for each key that failed for good."""

import os
import time
from typing import Any

from fanlight.config import FailedConfig
from fanlight.document import to_bytes
from fanlight.failure import letters
from fanlight.log import Log
from fanlight.runtime import credentials, retry
from fanlight.store import Store
from fanlight.store_oss import OssStore


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Write the letters of one failed invocation; invoked again, it writes the same ones."""
    config = FailedConfig.from_environ(os.environ)
    log = Log(context.request_id)
    store = OssStore(
        config.failed.bucket,
        endpoint=config.endpoint,
        region=config.region,
        credentials=credentials(context, os.environ),
        retry=retry(context),
    )
    return file(event, store, config.failed.prefix, log)


def file(event: bytes, store: Store, prefix: str, log: Log) -> dict[str, Any]:
    """The letters of one failed invocation, below `prefix`; their keys."""
    written = []
    date = time.strftime("%Y-%m-%d", time.gmtime())
    for number, letter in enumerate(letters(event)):
        name = letter["request_id"] or log.request_id
        key = f"{prefix}{date}/{name}-{number}.json"
        store.put(key, to_bytes(letter), if_absent=True)  # a letter never changes
        log("dead letter", key=key, source=letter["source"], error=letter["error"])
        written.append(key)
    return {"letters": written}
