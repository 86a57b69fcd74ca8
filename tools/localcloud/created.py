"""What an OSS trigger tells a function of an object."""

import json

from tools.events import oss_event
from tools.localcloud.oss_types import ObjectCreated
from tools.template import Template


def created_event(template: Template, made: ObjectCreated) -> bytes:
    """The event of one object, as the platform invokes a function with it."""
    document = oss_event(
        made.bucket,
        made.key,
        name=made.name,
        size=made.size,
        etag=made.etag,
        mime_type=made.mime_type,
        user_meta=made.user_meta,
        region=template.region,
        account=template.account,
        request_id=made.request_id,
        position=made.position,
    )
    return json.dumps(document).encode()
