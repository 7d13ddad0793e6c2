#!/usr/bin/env python3
"""Verifies a webhook of waihu, as a receiver does before it believes a word of it.

    verify_webhook.py SECRET ID TIMESTAMP SIGNATURES [NOW] < body

Only Python's own library. The same is in the libraries of standardwebhooks.com, in many languages.
"""

import base64
import hashlib
import hmac
import sys
import time

# Older (or newer) than this is a recording that somebody plays back [s].
TOLERANCE_S = 5 * 60


def verify(secret: str, headers: dict, body: bytes, now_s: float) -> bool:
    """Whether `body` was sent by whoever knows `secret`, a moment ago."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    sent_s = int(headers["webhook-timestamp"])
    if abs(now_s - sent_s) > TOLERANCE_S:
        return False
    signed = f"{headers['webhook-id']}.{sent_s}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    # While a secret is changed there are two signatures, of the new one and of the old one.
    for signature in headers["webhook-signature"].split(" "):
        version, _, value = signature.partition(",")
        if version == "v1" and hmac.compare_digest(value, expected):
            return True
    return False


if __name__ == "__main__":
    secret, message, timestamp, signatures, *now = sys.argv[1:]
    headers = {"webhook-id": message, "webhook-timestamp": timestamp, "webhook-signature": signatures}
    true = verify(secret, headers, sys.stdin.buffer.read(), float(now[0]) if now else time.time())
    print("true" if true else "FALSE")
    sys.exit(0 if true else 1)
