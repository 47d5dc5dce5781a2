"""`token` and `api-key`: credentials of the built-in sign-in, for developers and tests."""

import argparse
import asyncio
import os
import sys

from app.auth.local_issuer import LocalIssuer, user_id
from app.cli.faults import Fault
from app.clock import now
from app.engines import open_engines
from app.settings import Settings
from app.sign_in import open_issuer
from datasources.api_keys import ApiKeys
from datasources.tables import USERS
from datasources.users import user_of
from domain.callers import Group
from domain.users import groups_of


def token(chosen: argparse.Namespace) -> int:
    return asyncio.run(_token(chosen, Settings.load(os.environ)))


def api_key(chosen: argparse.Namespace) -> int:
    return asyncio.run(_api_key(chosen, Settings.load(os.environ)))


async def _token(chosen: argparse.Namespace, settings: Settings) -> int:
    issuer = await open_issuer(settings)
    if issuer is None:
        raise Fault("LOCAL_ISSUER is off here, so tokens come from the configured sign-in.")
    _signed(issuer, chosen, frozenset())  # before anything is looked up for a user who cannot be
    groups = _named(chosen.group) if chosen.group else await _stored(settings, chosen.user)
    sys.stdout.write(_signed(issuer, chosen, groups) + "\n")
    return 0


def _signed(issuer: LocalIssuer, chosen: argparse.Namespace, groups: frozenset[str]) -> str:
    try:
        return issuer.token(chosen.user, groups, ttl=chosen.ttl, token_use="id" if chosen.id else "access")
    except ValueError as error:
        raise Fault(str(error)) from error


def _named(groups: list[str]) -> frozenset[str]:
    known = {group.value for group in Group}
    if unknown := set(groups) - known:
        raise Fault(f"There is no group {sorted(unknown)[0]!r}; there are {', '.join(sorted(known))}.")
    return frozenset(groups)


async def _stored(settings: Settings, username: str) -> frozenset[str]:
    """The groups of the user's roles; Students for whom we do not know."""
    async with open_engines(settings) as engines:
        item = await engines.store.get(USERS, {"userId": user_id(username)})
    return groups_of(user_of(item).roles) if item is not None else frozenset({Group.STUDENTS.value})


async def _api_key(chosen: argparse.Namespace, settings: Settings) -> int:
    async with open_engines(settings) as engines:
        key, text = await ApiKeys(engines.store).create(now(), description=chosen.description, days=chosen.days)
    sys.stderr.write(f"API key {key.id}, good until {key.expires_at}; it is shown only once:\n")
    sys.stdout.write(f"{text}\n")
    return 0
