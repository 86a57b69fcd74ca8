"""Uploads by form, as a browser sends them."""

import hashlib
import hmac
import json

import oss2
import requests


def post_form(bucket: oss2.Bucket, key: str, **fields: str) -> requests.Response:
    """The answer to a form that is signed by id and secret and may write anything."""
    document = json.dumps({"expiration": "2099-01-01T00:00:00.000Z", "conditions": []})
    policy = oss2.utils.b64encode_as_string(document)
    signature = hmac.new(b"secret", policy.encode(), hashlib.sha1).digest()
    signed = {
        "key": key,
        "policy": policy,
        "OSSAccessKeyId": "id",
        "signature": oss2.utils.b64encode_as_string(signature),
    }
    url = f"{bucket.endpoint}/{bucket.bucket_name}"
    file = {"file": ("n", b"body")}
    return requests.post(url, data={**signed, **fields}, files=file, timeout=20)
