"""Secrets at rest: AES-256-GCM, bound to the place where the ciphertext stands.

A sealed value moved to another job or another parameter does not open. The key is a file of 32 random bytes, mode 0600.
"""

from __future__ import annotations

import base64
import os

from core.runner.token import store_key
from core.service import Unavailable

_NONCE = 12


def _key(store: str) -> bytes:
    try:
        return store_key(store)
    except ValueError as error:
        raise Unavailable(str(error)) from error


def seal(store: str, value: str, place: str) -> str:
    """The value as ciphertext, base64. `place` says where it will stand, such as "job:17:password"."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    sealed = AESGCM(_key(store)).encrypt(nonce, value.encode("utf-8", "surrogatepass"), place.encode())
    return base64.b64encode(nonce + sealed).decode("ascii")


def unseal(store: str, sealed: str, place: str) -> str:
    """The clear value. Raises Unavailable when it was sealed elsewhere or with another key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        blob = base64.b64decode(sealed, validate=True)
        clear = AESGCM(_key(store)).decrypt(blob[:_NONCE], blob[_NONCE:], place.encode())
    except (InvalidTag, ValueError) as error:
        raise Unavailable(
            f"The secret {place} does not open with the key of {store}: the key file was changed."
        ) from error
    return clear.decode("utf-8", "surrogatepass")
