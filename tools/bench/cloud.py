"""The local OSS endpoint in a process of its own, so that it never takes the measured one's time.

usage: python -m tools.bench.cloud [FOLDER]

It prints its address, and serves until standard input ends; with what is stored in FOLDER.
"""

import subprocess
import sys
from pathlib import Path
from types import TracebackType

import oss2

from tools.localcloud.oss import Credentials, OssEndpoint

BUCKET, REGION = "bench", "cn-hangzhou"
KEYS = Credentials("STS.bench", "only-for-this-machine", "bench-token")
FUNCTIONS = Path(__file__).parents[2] / "functions"
_ROOT = FUNCTIONS.parent


class OssProcess:
    """An endpoint with the bucket BUCKET, as long as the `with` block lasts.

    `data`: a store's folder, which stays; without one, what is stored goes in the end.
    """

    def __init__(self, data: Path | None = None) -> None:
        self._data = data

    def __enter__(self) -> "OssProcess":
        """Start it and wait for its address."""
        command = [
            sys.executable,
            "-m",
            "tools.bench.cloud",
            *([str(self._data)] if self._data else []),
        ]
        self._process = subprocess.Popen(command, cwd=_ROOT, text=True, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE,
                                         start_new_session=True)  # fmt: skip
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise OSError("the local OSS endpoint does not start")
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.communicate()

    def bucket(self) -> oss2.Bucket:
        """A client with connections of its own, that computes no CRC, as the function's."""
        auth = oss2.StsAuth(KEYS.access_key_id, KEYS.access_key_secret, KEYS.security_token,
                            auth_version=oss2.AUTH_VERSION_4)  # fmt: skip
        return oss2.Bucket(auth, self.url, BUCKET, region=REGION, session=oss2.Session(),
                           enable_crc=False)  # fmt: skip

    def settings(self, bundle: Path, output: str = "output/") -> dict[str, str]:
        """The environment of a function that works on `input/` with a bundle."""
        return {
            "FANLIGHT_INPUT": f"oss://{BUCKET}/input/",
            "FANLIGHT_OUTPUT": f"oss://{BUCKET}/{output}",
            "FANLIGHT_FAILED": f"oss://{BUCKET}/failed/",
            "FANLIGHT_MODEL": str(bundle.resolve()),
            "FANLIGHT_OSS_ENDPOINT": self.url,
            "FC_FUNC_CODE_PATH": str(FUNCTIONS),
            "FC_REGION": REGION,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEYS.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEYS.access_key_secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": KEYS.security_token,
        }


def main() -> None:
    """Serve until standard input ends, which it does with whoever started this."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with OssEndpoint([KEYS], region=REGION, data=data) as endpoint:
        endpoint.create_bucket(BUCKET)
        print(endpoint.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
