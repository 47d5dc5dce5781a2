"""How mail, pushes and text messages leave, as the settings choose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from app import key_file
from app.settings import Settings, SettingsFault
from datasources.local.web_push_key import new_key, public_key
from datasources.outbox import Outbox
from datasources.ports import RecordStore
from datasources.senders import Mailer, MailFeedback, Push, PushSender, Senders, TextSender
from domain.push_tokens import PushToken
from domain.times import Timestamp

PUSH_KEY_FILE = "web-push-key"


@asynccontextmanager
async def open_senders(settings: Settings, store: RecordStore, now: Callable[[], Timestamp]) -> AsyncIterator[Senders]:
    """Open until the context ends. Raises SettingsFault, OSError for DATA_DIR."""
    async with AsyncExitStack() as stack:
        mailer = await _mailer(settings, store, now, stack)
        pushes, texts = await _over_sns(settings, stack)
        key = push_key(settings)
        if key is not None:
            pushes["WEB_PUSH"] = _web_push(key, settings, stack)
        yield Senders(mailer, pushes, texts, await _feedback(settings, stack))


def push_key(settings: Settings) -> str | None:
    """The key that signs pushes to browsers, made when there is none; None where processes could not share it."""
    if settings.web_push_key is not None or settings.records != "sqlite":
        return settings.web_push_key
    path = settings.data_dir / PUSH_KEY_FILE
    if not path.exists():
        key_file.write_once(path, new_key().encode())
    return path.read_text(encoding="ascii")


def _web_push(key: str, settings: Settings, stack: AsyncExitStack) -> PushSender:
    try:
        public_key(key)
    except ValueError:
        raise SettingsFault(["WEB_PUSH_KEY: is no key"]) from None

    async def open_now() -> PushSender:
        # Its libraries take long to import, and most processes push nothing for a while.
        open_web_push = await asyncio.to_thread(_imported)
        contact = f"mailto:{settings.mail_from}"
        return await stack.enter_async_context(open_web_push(key, contact=contact, hosts=settings.web_push_hosts))

    return _OpenedByFirstPush(open_now)


def _imported() -> Callable[..., AbstractAsyncContextManager[PushSender]]:
    from datasources.local.web_push import open_web_push

    return open_web_push


class _OpenedByFirstPush:
    """A `PushSender`."""

    def __init__(self, open_now: Callable[[], Awaitable[PushSender]]) -> None:
        self._open_now = open_now
        self._opening = asyncio.Lock()
        self._sender: PushSender | None = None

    async def send(self, device: PushToken, push: Push) -> None:
        async with self._opening:
            if self._sender is None:
                self._sender = await self._open_now()
        await self._sender.send(device, push)


async def _mailer(
    settings: Settings, store: RecordStore, now: Callable[[], Timestamp], stack: AsyncExitStack
) -> Mailer | None:
    if settings.mail == "smtp" and settings.smtp_url is not None:
        from datasources.local.smtp import Smtp

        try:
            return Smtp(settings.smtp_url, settings.mail_from)
        except ValueError:
            raise SettingsFault(["SMTP_URL: is no URL of a mail server"]) from None
    if settings.mail == "ses":
        from datasources.aws.ses import open_ses

        opened = open_ses(settings.mail_from, region=settings.aws_region, endpoint_url=settings.aws_endpoint_url)
        return await stack.enter_async_context(opened)
    return Outbox(store, now) if settings.mail == "outbox" else None


async def _over_sns(settings: Settings, stack: AsyncExitStack) -> tuple[dict[str, PushSender], TextSender | None]:
    if not settings.sns_push_applications and not settings.sns_texts:
        return {}, None
    from datasources.aws.sns import SnsPush, SnsTexts, open_sns

    opened = open_sns(region=settings.aws_region, endpoint_url=settings.aws_endpoint_url)
    client = await stack.enter_async_context(opened)
    pushes: dict[str, PushSender] = {}
    for application in settings.sns_push_applications:
        platform, _, arn = application.partition("=")
        pushes[platform] = SnsPush(client, arn, is_apple=platform == "APNS")
    return pushes, SnsTexts(client) if settings.sns_texts else None


async def _feedback(settings: Settings, stack: AsyncExitStack) -> MailFeedback | None:
    if settings.mail_feedback_queue_url is None:
        return None
    from datasources.aws.mail_feedback import SesFeedback
    from datasources.aws.queue_messages import open_queue

    opened = open_queue(
        settings.mail_feedback_queue_url, region=settings.aws_region, endpoint_url=settings.aws_endpoint_url
    )
    return SesFeedback(await stack.enter_async_context(opened))
