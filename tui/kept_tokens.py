"""The app tokens that `jobdeck login` keeps, one per server: in the keyring where there is one, else in a 0600 file.

With JOBDECK_HOME they are always in the file: that directory holds all there is.
"""

from __future__ import annotations

import json
import os
from typing import Any

from core.config import directories
from core.service import Unavailable

FILE = "servers.json"
_KEYRING_NAME = "jobdeck"


def token_of(server: str) -> str | None:
    """The token that is kept for a server's URL."""
    value = _read().get(server, ...)
    if value is not ...:
        return value if isinstance(value, str) else _from_keyring(server)
    return None


def servers() -> list[str]:
    """The URLs of all servers that a token is kept for."""
    return sorted(_read())


def keep(server: str, token: str) -> str:
    """Keep a token; says where. Raises Unavailable."""
    known = _read()
    keyring = _keyring()
    if keyring is not None:
        try:
            keyring.set_password(_KEYRING_NAME, server, token)
        except Exception as error:
            # Backends raise what they like: locked, no desktop session, cancelled by the person.
            _note(error)
        else:
            # That there is one is in the file; which one is not.
            _write(known | {server: None})
            return "the keyring"
    _write(known | {server: token})
    return _path()


def forget(server: str) -> bool:
    """Let go of a server's token; False when there was none. Raises Unavailable."""
    known = _read()
    if server not in known:
        return False
    if known.pop(server) is None and (keyring := _keyring()) is not None:
        try:
            keyring.delete_password(_KEYRING_NAME, server)
        except Exception as error:
            raise Unavailable(f"The keyring does not let go of the token: {error}. Unlock it and try again.") from error
    _write(known)
    return True


def _path() -> str:
    return os.path.join(os.path.dirname(directories()[1]), FILE)


def _read() -> dict[str, Any]:
    path = _path()
    try:
        with open(path, encoding="utf-8") as file:
            known = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Unavailable(f"{path} cannot be read: {error}. Mend or remove it, then log in again.") from error
    if not isinstance(known, dict):
        raise Unavailable(f"{path} holds no servers and tokens. Remove it, then log in again.")
    return known


def _write(known: dict[str, Any]) -> None:
    path = _path()
    new = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1)
            file.flush()
            os.fsync(descriptor)
        os.rename(new, path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}. The token was not kept.") from error


def _keyring() -> Any:
    """The user's keyring, where the library is installed and has one that works."""
    if os.environ.get("JOBDECK_HOME"):
        return None
    try:
        import keyring  # type: ignore[import-not-found, unused-ignore]

        # Backends that only refuse, or keep nothing, have a priority of 0 or less.
        return keyring if keyring.get_keyring().priority > 0 else None
    except ImportError:
        return None
    except Exception as error:
        _note(error)
        return None


def _from_keyring(server: str) -> str | None:
    keyring = _keyring()
    try:
        token: str | None = None if keyring is None else keyring.get_password(_KEYRING_NAME, server)
    except Exception as error:
        raise Unavailable(
            f"The keyring does not give the token of {server}: {error}. Unlock it, or set JOBDECK_TOKEN."
        ) from error
    return token


def _note(error: Exception) -> None:
    import logging

    logging.getLogger("jobdeck").info("the keyring cannot be used: %s", error)
