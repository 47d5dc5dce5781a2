"""Courses: the unit of enrollment."""

from domain.records import Record
from domain.times import Timestamp


class Money(Record, frozen=True):
    """Minor units of an ISO 4217 currency."""

    amount_minor: int
    currency: str


class Course(Record, frozen=True):
    """A course's META item. Seats and counts live on items of their own."""

    id: str
    slug: str
    title: str
    level: str
    language: str
    category: str
    tags: tuple[str, ...]
    state: str
    access_model: str
    completion_percent: float
    owner_id: str
    lesson_count: int
    """Published lessons."""
    duration_seconds: int
    """Of the published lessons."""
    created_at: Timestamp
    updated_at: Timestamp
    version: int
    summary: str | None = None
    description: str | None = None
    cover_image_url: str | None = None
    price: Money | None = None
    capacity: int | None = None
    starts_at: Timestamp | None = None
    ends_at: Timestamp | None = None
    access_days: int | None = None
    published_at: Timestamp | None = None
