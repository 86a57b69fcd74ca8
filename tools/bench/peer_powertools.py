"""Powertools for AWS Lambda: its batch processor, with a record for each image.

usage: python -m tools.bench.peer_powertools BUNDLE SOURCE OUT

An SQS event, whose records name files as those of a bucket would name objects. 10,000 records is
the largest batch that Lambda takes from a queue. What failed is printed, as it would be returned.
"""

import json
import os
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from tools.bench.peer_work import Work, task

_BATCH = 10_000


def main() -> None:
    """Call the handler with batch after batch."""
    chosen = task()
    work = Work(chosen, os.cpu_count() or 1)
    processor = BatchProcessor(event_type=EventType.SQS)

    def classify(record: SQSRecord) -> None:
        work(json.loads(record.body)["key"])

    for event in _events(chosen.paths()):
        answer = process_partial_response(
            event=event, record_handler=classify, processor=processor, context=SimpleNamespace()
        )
        failures: Sequence[Any] = answer["batchItemFailures"]
        print(f"batchItemFailures: {json.dumps(failures)}")


def _events(paths: Sequence[str]) -> Iterator[dict[str, Any]]:
    for first in range(0, len(paths), _BATCH):
        yield {"Records": [
            {"messageId": path, "body": json.dumps({"key": path}), "eventSource": "aws:sqs"}
            for path in paths[first : first + _BATCH]
        ]}  # fmt: skip


if __name__ == "__main__":
    main()
