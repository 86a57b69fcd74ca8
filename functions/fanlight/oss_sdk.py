"""oss2, without the time that its encryption takes to import. Import it from here.

oss2 brings what encrypts objects before they are sent: a cipher library and the SDK of a key
service, with an HTTP library of its own. They are nearly half of what importing oss2 takes, and
nothing here encrypts. `oss2.CryptoBucket` works all the same: its first use imports them.
"""

from fanlight.later import left_for_later

ENCRYPTION = (
    "Crypto.Cipher.AES", "Crypto.Cipher.PKCS1_OAEP", "Crypto.Cipher.PKCS1_v1_5",
    "Crypto.PublicKey.RSA", "Crypto.Random", "Crypto.Util.Counter", "aliyunsdkcore.client",
    "aliyunsdkkms.request.v20160120.DecryptRequest",
    "aliyunsdkkms.request.v20160120.EncryptRequest",
    "aliyunsdkkms.request.v20160120.GenerateDataKeyRequest",
)  # fmt: skip
"""What oss2/utils.py and oss2/crypto.py of oss2 2.19.1 import, as whole modules."""

with left_for_later(ENCRYPTION):
    import oss2
    import oss2.exceptions

__all__ = ["oss2"]
