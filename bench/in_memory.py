"""The product's own HTTP server over the benchmark's schema, from memory. PORT and BENCH_KEY from the environment.

Sign-in, limits, rate limiting, logging, metrics and authorization are all on, as in the product.
"""

import asyncio
import os
import tempfile

import msgspec
from graphql import parse

from app import logs, scalars, sdl
from app.binding import bind
from app.execution import Executor, Observe
from app.http.application import application
from app.http.health import Health
from app.plans.cache import Plans
from app.server import bound_socket, new_event_loop, server
from app.settings import Settings
from app.wiring import open_app
from bench.shapes import SDL, school
from domain.callers import USER_MODES
from domain.records import Record
from resolvers.context import Context
from resolvers.registry import Registry


class Lesson(Record, frozen=True):
    id: str
    title: str
    kind: str
    rank: str
    is_preview: bool
    duration_seconds: int
    version: int
    summary: str | None


class Module(Record, frozen=True):
    id: str
    title: str
    rank: str
    lessons: tuple[Lesson, ...]


class Course(Record, frozen=True):
    id: str
    title: str
    summary: str | None
    level: str
    language: str
    version: int
    modules: tuple[Module, ...]


def executor(observe: Observe) -> Executor:
    data = school()
    course = msgspec.convert(data["course"], Course)
    lessons = msgspec.convert(data["lessons"], tuple[Lesson, ...])
    registry = Registry()

    @registry.field("Query.course")
    async def _(_: Context) -> Course:
        return course

    @registry.field("Query.lessons")
    async def _(_: Context) -> tuple[Lesson, ...]:
        return lessons

    schema = sdl.build(parse(SDL))
    scalars.install(schema)
    bind(schema, registry, {"Course": Course, "Module": Module, "Lesson": Lesson}, USER_MODES)
    return Executor(schema, plans=Plans(schema), observe=observe)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.load(
            {
                "PORT": os.environ["PORT"],
                "DATA_DIR": folder,
                "API_KEYS": os.environ["BENCH_KEY"],
                "SEED_DEMO": "off",
                "RATE_PER_SECOND": "1000000",
                "RATE_BURST": "1000000",
            }
        )
        access_log = logs.configure(settings.log_level, hold_seconds=logs.HOLD_SECONDS)
        async with open_app(settings) as app:
            health = Health(app.store.ready)
            service = msgspec.structs.replace(app, executor=executor(app.instruments.operation))
            counted = app.instruments.counted(access_log)
            front = application(service, settings, health, issuer=None, graphiql=None, access_log=counted)
            with bound_socket(settings.host, settings.port) as listener:
                await server(front, health, settings).serve(sockets=[listener])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
