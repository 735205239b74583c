"""Bearer tokens: each names a user, is shown once, and is kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
import time

from billp.serving.api.database import Database

_FRESH_S = 5.0  # for which the answer to a token is remembered, so that a revoked one works no longer than that
_REMEMBERED = 10_000


class Tokens:
    """The tokens of one service."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[str | None, float]] = {}

    async def make(self, person: str) -> str:
        """Returns a new token for a person, beside those they have."""
        token = f"billp_{secrets.token_urlsafe(32)}"
        await self._database.rows(
            "INSERT INTO tokens (digest, person, made) VALUES (?, ?, ?)", _digest(token), person, time.time()
        )
        return token

    async def revoke(self, person: str) -> int:
        """Deletes the person's tokens; returns how many there were."""
        rows = await self._database.rows("DELETE FROM tokens WHERE person = ? RETURNING digest", person)
        return len(rows)

    async def there_are(self) -> bool:
        """Returns whether anybody has a token."""
        return bool(await self._database.rows("SELECT 1 FROM tokens LIMIT 1"))

    async def person_of(self, token: str) -> str | None:
        """Whose token it is; None where there is no such token."""
        digest, now = _digest(token), time.monotonic()
        person, at = self._known.get(digest, (None, -_FRESH_S))
        if now - at < _FRESH_S:
            return person
        rows = await self._database.rows("SELECT person FROM tokens WHERE digest = ?", digest)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[digest] = (str(rows[0][0]) if rows else None, now)
        return self._known[digest][0]


def _digest(token: str) -> str:
    """Tokens are random and long, so that a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()
