"""Events as the platform writes them, made from a bucket and a key."""

import time
import uuid
from typing import Any


def oss_event(  # noqa: PLR0913 - the fields of an event that differ from one to the next
    bucket: str,
    key: str,
    *,
    name: str = "ObjectCreated:PutObject",
    size: int = 0,
    etag: str = "",
    mime_type: str = "application/octet-stream",
    user_meta: dict[str, str] | None = None,
    region: str = "cn-hangzhou",
    account: str = "1234567890123456",
    request_id: str = "",
    at: float | None = None,
    position: int | None = None,
) -> dict[str, Any]:
    """The native trigger's document for one object. `at`: seconds since 1970, now by default.

    `position`: where what was appended begins; only events of AppendObject have it.
    """
    now = time.time() if at is None else at
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".000Z"
    return {"events": [{
        "eventName": name,
        "eventSource": "acs:oss",
        "eventTime": stamp,
        "eventVersion": "1.0",
        "oss": {
            "bucket": {
                "arn": f"acs:oss:{region}:{account}:{bucket}",
                "name": bucket,
                "ownerIdentity": account,
            },
            "object": {
                "deltaSize": size - (position or 0),
                "eTag": etag,
                "key": key,
                "objectMeta": {"mimeType": mime_type, "userMeta": user_meta or {}},
                "size": size,
                **({} if position is None else {"position": position}),
            },
            "ossSchemaVersion": "1.0",
            "ruleId": "9adac8e253828f4f7c0466d941fa3db81161e853",
        },
        "region": region,
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": request_id or uuid.uuid4().hex[:24].upper()},
        "userIdentity": {"principalId": account},
    }]}  # fmt: skip
