"""What the platform tells the destination of a function that failed for good."""

import time
from typing import Any

from tools.localcloud.instance import Answer
from tools.localcloud.waiting import Invocation
from tools.template import Function, Template


def failure_document(
    template: Template, function: Function, invocation: Invocation, answer: Answer
) -> dict[str, Any]:
    """What the platform sends an `onFailure` destination."""
    arn = f"acs:fc:{template.region}:{template.account}:functions/{function.name}"
    return {
        "timestamp": int(time.time() * 1000),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": arn,
            "condition": "UnhandledInvocationError",
            "approximateInvokeCount": invocation.attempts,
        },
        "requestPayload": invocation.event.decode("utf-8", "replace"),
        "responseContext": {"statusCode": 200, "functionError": "UnhandledInvocationError"},
        "responsePayload": answer.payload,
    }
