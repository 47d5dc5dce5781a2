"""Mail over SMTP, against a server that takes it, refuses it, or is not there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from email import message_from_bytes
from email.message import Message
from email.policy import default

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from datasources.local.smtp import Smtp
from datasources.senders import Mail, Refused
from domain.errors import DomainError

MAIL = Mail("01ARZ3NDEKTSV4RRFFQ69G5FAV", "ben@example.org", "Zürich\nand more", "We meet outside. Grüße!\n")


class Sink:
    """Takes mail, but answers a recipient with `answer`, where that is set."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answer: str | None = None

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer is not None:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        assert isinstance(envelope.content, bytes)
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
async def mailer(sink: Sink) -> AsyncIterator[Smtp]:
    def connected() -> SMTP:
        return SMTP(sink, hostname="sink", loop=asyncio.get_running_loop())

    factory: Callable[[], asyncio.Protocol] = connected
    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    async with server:
        yield Smtp(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}", "school@example.org")


async def test_a_mail_arrives_as_it_was_written_and_names_itself(mailer: Smtp, sink: Sink) -> None:
    await mailer.send(MAIL)

    [message] = sink.messages
    assert (message["To"], message["From"]) == ("ben@example.org", "school@example.org")
    assert message["Subject"] == "Zürich and more"
    assert message["Message-ID"] == "<01ARZ3NDEKTSV4RRFFQ69G5FAV@example.org>"
    assert message.get_content().splitlines() == MAIL.body.splitlines()  # type: ignore[attr-defined]  # an EmailMessage, by the policy


async def test_many_mails_at_once_all_arrive(mailer: Smtp, sink: Sink) -> None:
    await asyncio.gather(*(mailer.send(MAIL) for _ in range(50)))

    assert len(sink.messages) == 50


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user ben@example.org", "550 unknown", "553 what is that"])
async def test_an_unknown_address_is_refused_for_good_and_not_repeated(mailer: Smtp, sink: Sink, answer: str) -> None:
    sink.answer = answer

    with pytest.raises(Refused) as refused:
        await mailer.send(MAIL)

    assert "example.org" not in str(refused.value)


@pytest.mark.parametrize("answer", ["450 later", "550 5.7.1 relaying denied", "552 5.2.2 mailbox full", "554 no"])
async def test_what_is_not_the_addresss_fault_may_work_later(mailer: Smtp, sink: Sink, answer: str) -> None:
    sink.answer = answer

    with pytest.raises(DomainError, match="did not answer"):
        await mailer.send(MAIL)


async def test_a_server_that_is_not_there_may_come_back() -> None:
    with pytest.raises(DomainError, match="did not answer"):
        await Smtp("smtp://127.0.0.1:1", "school@example.org").send(MAIL)


async def test_a_password_is_not_sent_without_tls(mailer: Smtp, sink: Sink) -> None:
    port = mailer._port
    with pytest.raises(DomainError):
        await Smtp(f"smtp://user:secret@127.0.0.1:{port}", "school@example.org").send(MAIL)

    assert sink.messages == []
