"""What Function Compute allows one function; figures from its pages on limits and instance types.

https://www.alibabacloud.com/help/en/functioncompute/fc/product-overview/limits-1
"""

from collections.abc import Iterator

from tools.template import Function

MAX_ENVIRONMENT = 4096
"""Bytes of all names and values together."""
_GB = 1024


def beyond_limits(function: Function) -> Iterator[str]:
    """What the platform would refuse, each with what it allows."""
    if not function.role:
        yield "role is not set; without one the function has no keys to reach OSS with"
    yield from _environment(function)
    yield from _ranges(function)
    yield from _size(function)


def _environment(function: Function) -> Iterator[str]:
    used = sum(len(k.encode()) + len(v.encode()) for k, v in function.environment.items())
    if used > MAX_ENVIRONMENT:
        yield (
            f"environmentVariables have {used:,} bytes, Function Compute takes "
            f"{MAX_ENVIRONMENT:,}; shorten them"
        )
    for name in sorted(function.environment):
        if name.startswith("FC_"):
            yield f"environmentVariables: {name} is the platform's own; rename it, FC_ is reserved"


def _ranges(function: Function) -> Iterator[str]:
    for name, value, low, high in (
        ("timeout", function.timeout, 1, 86_400),
        ("the initializer's timeout", function.initializer_timeout, 1, 300),
        ("preStop's timeout", function.pre_stop_timeout, 1, 90),
        ("maxAsyncRetryAttempts", function.retries, 0, 8),
        ("maxAsyncEventAgeInSeconds", function.max_age, 1, 604_800),
        ("memorySize", function.memory_mb, 128, 32_768),
    ):
        if not low <= value <= high:
            yield f"{name} is {value:g}; use {low:,} to {high:,}"


def _size(function: Function) -> Iterator[str]:
    if function.memory_mb % 64:
        yield f"memorySize is {function.memory_mb}; use a multiple of 64"
    if function.disk_mb not in (512, 10_240):
        yield f"diskSize is {function.disk_mb}; use 512 or 10240"
    if not function.cpu:
        return
    twentieths = function.cpu * 20
    if not 0.05 <= function.cpu <= 16 or abs(twentieths - round(twentieths)) > 1e-6:
        yield f"cpu is {function.cpu:g}; use 0.05 to 16 in steps of 0.05"
    elif not function.cpu <= function.memory_mb / _GB <= 4 * function.cpu:
        yield (
            f"cpu is {function.cpu:g} for memorySize {function.memory_mb}; each vCPU takes 1 to "
            f"4 GB: use memorySize {64 * -(-function.cpu * _GB // 64):.0f} to "
            f"{64 * (4 * function.cpu * _GB // 64):.0f}, or another cpu"
        )
