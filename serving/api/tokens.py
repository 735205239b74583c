"""Bearer tokens: each names a user, is shown once, and is kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
import time

from billp.serving.api.database import Database

_FRESH_S = 5.0  # seconds for which a token's user is cached; a revoked token works no longer than that
_REMEMBERED = 10_000


class Tokens:
    """The tokens of one service."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[str | None, float]] = {}

    async def make(self, person: str) -> str:
        """Returns a new token for a person, in addition to existing ones."""
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
        """Returns whether any token exists."""
        return bool(await self._database.rows("SELECT 1 FROM tokens LIMIT 1"))

    async def person_of(self, token: str) -> str | None:
        """Returns whose token it is; None if there is no such token."""
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
    """Returns a plain hash, which suffices since tokens are random and long."""
    return hashlib.sha256(token.encode()).hexdigest()
