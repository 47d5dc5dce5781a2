"""SNS, SQS and SES on this machine, as moto's server plays them; a topic and a queue for changes among them."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aioboto3
from moto.server import ThreadedMotoServer
from ulid import ULID

from app.change_route import ChangeRoute
from datasources.aws.change_queue import SqsChangeQueue
from datasources.aws.change_topic import SnsChangeTopic

REGION = "eu-central-1"


@contextmanager
def running_services() -> Iterator[str]:
    """The server's URL."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@asynccontextmanager
async def clients(url: str, *services: str) -> AsyncIterator[list[Any]]:
    """A client of each service; their keys are in the environment."""
    session = aioboto3.Session(region_name=REGION)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(session.client(name, endpoint_url=url)) for name in services]


@dataclass(frozen=True)
class Waiting:
    """A topic of changes and its queue. `url` and `dead_url` are of the queue and of that for its dead letters."""

    topic: SnsChangeTopic
    queue: SqsChangeQueue
    topic_arn: str
    url: str
    dead_url: str
    sns: Any
    sqs: Any

    @property
    def route(self) -> ChangeRoute:
        return ChangeRoute(self.topic, self.queue)

    async def dead(self) -> list[dict[str, Any]]:
        """The dead letters, each as it was sent."""
        answer = await self.sqs.receive_message(QueueUrl=self.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    async def show_again(self, receipts: list[str]) -> None:
        """As if their time had passed, without anything having been done about them."""
        for receipt in receipts:
            await self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=0)


@asynccontextmanager
async def waiting(url: str, *, most_tries: int = 3, raw: bool = True) -> AsyncIterator[Waiting]:
    """A fresh topic with a fresh queue behind it.

    Args:
        raw: messages reach the queue without SNS's envelope.
    """
    async with clients(url, "sns", "sqs") as (sns, sqs):
        name = str(ULID())
        dead = await _queue(sqs, f"{name}-dead.fifo")
        policy = json.dumps({"deadLetterTargetArn": await _arn(sqs, dead), "maxReceiveCount": most_tries})
        queue = await _queue(sqs, f"{name}.fifo", RedrivePolicy=policy)
        topic = (await sns.create_topic(Name=f"{name}.fifo", Attributes={"FifoTopic": "true"}))["TopicArn"]
        await sns.subscribe(
            TopicArn=topic,
            Protocol="sqs",
            Endpoint=await _arn(sqs, queue),
            Attributes={"RawMessageDelivery": str(raw).lower()},
        )
        yield Waiting(SnsChangeTopic(sns, topic), SqsChangeQueue(sqs, queue), topic, queue, dead, sns, sqs)


async def _queue(sqs: Any, name: str, **attributes: str) -> str:
    made = await sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", **attributes})
    return str(made["QueueUrl"])


async def _arn(sqs: Any, url: str) -> str:
    found = await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(found["Attributes"]["QueueArn"])
