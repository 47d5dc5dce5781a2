"""Mail over SMTP."""

import asyncio
import re
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib

from datasources.senders import Mail, Refused
from domain.errors import DomainError, dependency_failed

TRY_SECONDS = 20
AT_ONCE = 5
"""Connections to the server; more mails wait."""
_NO_SUCH_MAILBOX = frozenset({550, 551, 553})
_ENHANCED = re.compile(r"5\.(\d{1,3})\.\d{1,3}\b")
"""RFC 3463: the class, then the subject, where 1 is the address."""


class Smtp:
    """A `Mailer`.

    Args:
        url: `smtp://user:password@host:587`, which turns to TLS where the server can, or `smtps://` for TLS from the
            first byte. User and password may be absent; with them, nothing is sent without TLS.
        sender: the address that mail comes from.
        tls: how servers prove themselves; None asks the system's authorities.
    """

    def __init__(self, url: str, sender: str, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.hostname is None:
            raise ValueError("an SMTP URL names a host")
        self._host = parts.hostname
        self._is_tls = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._is_tls else 587)
        self._user = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        self._sender = sender
        self._tls = tls
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def send(self, mail: Mail) -> None:
        async with self._turn:
            try:
                await aiosmtplib.send(
                    _message(mail, self._sender),
                    hostname=self._host,
                    port=self._port,
                    username=self._user,
                    password=self._password,
                    use_tls=self._is_tls,
                    # None: when the server offers it. A password needs it.
                    start_tls=None if self._user is None or self._is_tls else True,
                    tls_context=self._tls,
                    timeout=TRY_SECONDS,
                )
            except aiosmtplib.SMTPRecipientsRefused as error:
                raise _recipient_refused(error) from None
            except (aiosmtplib.SMTPException, OSError, TimeoutError):
                # Whatever else the server says is about us or about today, not about the address.
                raise dependency_failed("The mail server") from None


def _recipient_refused(error: aiosmtplib.SMTPRecipientsRefused) -> Refused | DomainError:
    """Refused only where the server says that the address itself is bad, not that it dislikes us or is full."""
    answer = error.recipients[0]
    enhanced = _ENHANCED.match(answer.message)
    is_bad_address = enhanced[1] == "1" if enhanced else answer.code in _NO_SUCH_MAILBOX
    return Refused(str(answer.code)) if is_bad_address else dependency_failed("The mail server")


def _message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = " ".join(mail.subject.split())
    # The same at every try, so that a mail that was sent twice is shown once.
    message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    return message
