"""The environment of an instance's process."""

import os

from tools.template import Function

_INHERITED = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE")
"""An instance knows what its template gives it, not what this machine happens to have set."""


def environ_of(
    function: Function, instance: str, disk: str, extra: dict[str, str]
) -> dict[str, str]:
    """What the platform sets, then the template, then `extra`. `disk`: the instance's own."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {
        **inherited,
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": disk,
        "HOME": disk,
        "FC_FUNC_CODE_PATH": str(function.code),
        "FC_FUNCTION_NAME": function.name,
        "FC_FUNCTION_HANDLER": function.handler,
        "FC_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "FC_INSTANCE_ID": instance,
        **function.environment,
        **extra,
    }
