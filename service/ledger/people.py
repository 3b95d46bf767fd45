"""Who may use the page and the API: users (argon2), tokens and sessions (only their sha256 is kept)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from service.errors import BadUsage
from service.ledger.book import Ledger
from service.ledger.tables import sessions, tokens, users

SHORTEST_PASSWORD = 10


class Role(StrEnum):
    """What somebody may do: a reader looks, an admin also replays and retries."""

    READER = "reader"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody known: a user by name, a token by the first signs of its hash."""

    name: str
    role: Role


def add_user(ledger: Ledger, person: Person, password: str, now: float) -> None:
    """Add a user; a name is used once and the password must not be short."""
    if not person.name.strip() or len(person.name) > 64:
        raise BadUsage("a user name has 1 to 64 characters")
    if len(password) < SHORTEST_PASSWORD:
        raise BadUsage(f"the password needs at least {SHORTEST_PASSWORD} characters")
    kept = PasswordHasher().hash(password)
    try:
        with ledger.writing() as db:
            db.execute(insert(users).values(name=person.name, role=person.role.value, password=kept, created_at=now))
    except IntegrityError:
        raise BadUsage(f"there is a user {person.name!r} already; remove it first") from None


def remove_user(ledger: Ledger, name: str) -> None:
    """Remove a user and end all their sessions."""
    with ledger.writing() as db:
        db.execute(delete(sessions).where(sessions.c.user == name))
        gone = db.execute(delete(users).where(users.c.name == name)).rowcount
    if not gone:
        raise BadUsage(f"there is no user {name!r}; ichor user list shows who there is")


def list_users(ledger: Ledger) -> list[Person]:
    """Return the users by name."""
    with ledger.reading() as db:
        rows = db.execute(select(users.c.name, users.c.role).order_by(users.c.name)).all()
    return [Person(name=name, role=Role(role)) for name, role in rows]


def check_password(ledger: Ledger, name: str, password: str) -> Person | None:
    """Return the user when the password fits; an unknown name takes as long as a wrong password."""
    with ledger.reading() as db:
        row = db.execute(select(users).where(users.c.name == name)).mappings().first()
    hasher = PasswordHasher()
    if row is None:
        hasher.hash(password)
        return None
    try:
        hasher.verify(row["password"], password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    if hasher.check_needs_rehash(row["password"]):
        with ledger.writing() as db:
            db.execute(update(users).where(users.c.name == name).values(password=hasher.hash(password)))
    return Person(name=row["name"], role=Role(row["role"]))


def create_token(ledger: Ledger, role: Role, now: float) -> str:
    """Return a new token; this is the only time anyone sees it."""
    token = secrets.token_urlsafe(32)
    with ledger.writing() as db:
        db.execute(insert(tokens).values(token_hash=fingerprint(token), role=role.value, created_at=now, revoked=False))
    return token


def token_holder(ledger: Ledger, token: str) -> Person | None:
    """Return who a token stands for; None when it is unknown or revoked."""
    mark = fingerprint(token)
    query = select(tokens.c.role).where(tokens.c.token_hash == mark, tokens.c.revoked.is_(False))
    with ledger.reading() as db:
        role = db.execute(query).scalar_one_or_none()
    return Person(name=f"token {mark[:8]}", role=Role(role)) if role else None


def open_session(ledger: Ledger, person: Person, now: float, hours: float) -> str:
    """Return the cookie of a new session and forget the sessions that are over."""
    cookie = secrets.token_urlsafe(32)
    row = {"user": person.name, "role": person.role.value, "created_at": now, "expires_at": now + hours * 3600}
    with ledger.writing() as db:
        db.execute(delete(sessions).where(sessions.c.expires_at <= now))
        db.execute(insert(sessions).values(session_hash=fingerprint(cookie), **row))
    return cookie


def session_holder(ledger: Ledger, cookie: str, now: float) -> Person | None:
    """Return whose session this is, with the role they have today; None when it is over or the user is gone."""
    query = (
        select(users.c.name, users.c.role)
        .join(sessions, sessions.c.user == users.c.name)
        .where(sessions.c.session_hash == fingerprint(cookie), sessions.c.expires_at > now)
    )
    with ledger.reading() as db:
        row = db.execute(query).first()
    return Person(name=row[0], role=Role(row[1])) if row else None


def close_session(ledger: Ledger, cookie: str) -> None:
    """End a session; ending it twice is fine."""
    with ledger.writing() as db:
        db.execute(delete(sessions).where(sessions.c.session_hash == fingerprint(cookie)))


def fingerprint(secret: str) -> str:
    """Return the sha256 (hex) under which a random secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
