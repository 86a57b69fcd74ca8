"""oss2 without its encryption: new processes say what was imported, and that all of it works."""

import json
import subprocess
import sys
from typing import Any

from fanlight.oss_sdk import ENCRYPTION
from tests.localcloud.served import served
from tools.template import SOURCE


def said(code: str, *arguments: str) -> Any:
    """What `code` prints as JSON, in a process that finds the functions' code."""
    found = f"import sys; sys.path.insert(0, {str(SOURCE)!r})\n{code}"
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", found, *arguments],
                         capture_output=True, text=True, check=False)  # fmt: skip
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


_LOADED = """
import json
from fanlight.oss_sdk import oss2
print(json.dumps(sorted(sys.modules)))
"""


def test_encryption_is_not_imported() -> None:
    """None of what encrypts is loaded, nor what only that would load."""
    loaded = set(said(_LOADED))

    assert "oss2.crypto" in loaded
    assert loaded.isdisjoint(ENCRYPTION)
    assert loaded.isdisjoint({"cffi", "cryptography", "aliyunsdkcore.vendored", "Crypto.Math"})


_ENCRYPTED = """
import json
from fanlight.oss_sdk import oss2
from Crypto.PublicKey import RSA

pair = RSA.generate(2048)
keys = {"private_key": pair.export_key(), "public_key": pair.public_key().export_key()}
where = (oss2.AuthV4("id", "secret"), sys.argv[1], "pictures")
bucket = oss2.CryptoBucket(*where, region="cn-hangzhou",
                           crypto_provider=oss2.RsaProvider(key_pair=keys))
bucket.put_object("secret", b"what nobody sees")
stored = oss2.Bucket(*where, region="cn-hangzhou").get_object("secret").read()
print(json.dumps([bucket.get_object("secret").read().decode(), stored == b"what nobody sees"]))
"""


def test_what_encrypts_still_does() -> None:
    """A bucket of oss2 that encrypts on the client's side writes and reads through OSS."""
    with served() as bucket:
        assert said(_ENCRYPTED, bucket.endpoint) == ["what nobody sees", False]


_KEY_SERVICE = """
import json
from fanlight.oss_sdk import oss2

provider = oss2.AliKMSProvider("id", "secret", "cn-hangzhou", "key")
import aliyunsdkcore.client
try:
    provider.kms_client.add_endpoint("cn-hangzhou", "kms", "127.0.0.1:9")
    provider.get_key()
    provider.encrypt_data(b"data")
except Exception as error:
    print(json.dumps([type(provider.kms_client) is aliyunsdkcore.client.AcsClient,
                      type(error).__module__.split(".")[0]]))
"""


def test_the_key_service_is_there_too() -> None:
    """Its client is the SDK's own, and its errors come out as they would have."""
    known, raised_by = said(_KEY_SERVICE)

    assert known
    assert raised_by in {"oss2", "aliyunsdkcore"}
