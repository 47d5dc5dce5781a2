"""The ways out of the house, as the settings choose them."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.clock import now
from app.settings import Settings, SettingsFault
from app.ways_out import open_senders, push_key
from datasources.local.smtp import Smtp
from datasources.local.sqlite import SQLiteStore
from datasources.local.web_push_key import public_key
from datasources.outbox import Outbox
from datasources.senders import Mail, Senders


def settings(folder: Path, **chosen: str) -> Settings:
    return Settings.load({"DATA_DIR": str(folder), **chosen})


async def opened(store: SQLiteStore, chosen: Settings) -> Senders:
    async with open_senders(chosen, store, now) as senders:
        return senders


async def test_a_laptop_keeps_mail_in_its_outbox_and_pushes_to_browsers(
    sqlite_store: SQLiteStore, tmp_path: Path
) -> None:
    senders = await opened(sqlite_store, settings(tmp_path))

    assert isinstance(senders.mailer, Outbox)
    assert set(senders.pushes) == {"WEB_PUSH"}
    assert (senders.texts, senders.feedback) == (None, None)
    mails = [Mail(f"id-{number}", "ben@example.org", f"Mail {number}", "Body.") for number in range(3)]
    for mail in mails:
        await senders.mailer.send(mail)
    await senders.mailer.send(mails[0])
    assert await Outbox(sqlite_store, now).latest(2) == [mails[2], mails[1]]


def test_web_push_is_loaded_by_the_first_push_and_not_before(tmp_path: Path) -> None:
    script = """
import asyncio, pathlib, sys
from app.clock import now
from app.settings import Settings
from app.ways_out import open_senders
from datasources.senders import Push, Refused
from domain.push_tokens import registered

async def main():
    device = registered({"platform": "FCM", "token": "no subscription"}, "ben", now())
    async with open_senders(Settings.load({"DATA_DIR": sys.argv[1]}), None, now) as senders:
        yet = "pywebpush" in sys.modules
        sent = [senders.pushes["WEB_PUSH"].send(device, Push("id", "Title", "Body")) for _ in range(3)]
        print(yet, [type(each).__name__ for each in await asyncio.gather(*sent, return_exceptions=True)])

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False ['Refused', 'Refused', 'Refused']"


async def test_a_mail_server_is_used_where_there_is_one(sqlite_store: SQLiteStore, tmp_path: Path) -> None:
    chosen = settings(tmp_path, MAIL="smtp", SMTP_URL="smtp://mail.example.org:25", MAIL_FROM="school@example.org")

    assert isinstance((await opened(sqlite_store, chosen)).mailer, Smtp)


async def test_phones_and_texts_go_over_sns_where_it_is_set_up(sqlite_store: SQLiteStore, tmp_path: Path) -> None:
    arn = "arn:aws:sns:eu-central-1:123456789012:app/GCM/ours"
    chosen = settings(tmp_path, SNS_PUSH_APPLICATIONS=f"FCM={arn}", SNS_TEXTS="on")

    senders = await opened(sqlite_store, chosen)

    assert set(senders.pushes) == {"FCM", "WEB_PUSH"}
    assert senders.texts is not None


def test_the_key_of_pushes_is_made_once_where_one_machine_is_all(tmp_path: Path) -> None:
    made = push_key(settings(tmp_path))

    assert made is not None
    assert push_key(settings(tmp_path)) == made
    assert len(public_key(made)) == 87
    secret = {"CURSOR_SECRET": "x" * 32}
    assert push_key(settings(tmp_path, RECORDS="dynamodb", **secret)) is None
    assert push_key(settings(tmp_path, RECORDS="dynamodb", WEB_PUSH_KEY=made, **secret)) == made


@pytest.mark.parametrize(
    ("chosen", "variable"),
    [
        ({"MAIL": "smtp", "MAIL_FROM": "school@example.org"}, "SMTP_URL"),
        ({"MAIL": "ses"}, "MAIL_FROM"),
        ({"MAIL_FROM": "nobody"}, "MAIL_FROM"),
        ({"SMTP_URL": "http://mail.example.org"}, "SMTP_URL"),
        ({"WEB_PUSH_KEY": "short"}, "WEB_PUSH_KEY"),
        ({"SNS_PUSH_APPLICATIONS": "PAGER=arn:x"}, "SNS_PUSH_APPLICATIONS"),
    ],
)
def test_settings_that_cannot_work_are_told(tmp_path: Path, chosen: dict[str, str], variable: str) -> None:
    with pytest.raises(SettingsFault) as fault:
        settings(tmp_path, **chosen)

    assert [line.partition(":")[0] for line in fault.value.faults] == [variable]
