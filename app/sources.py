"""The domains' classes over one store: the same set for every runtime, engine and test."""

from collections.abc import Callable

from datasources.accounts import Accounts
from datasources.admission_cache import AdmissionCache
from datasources.catalog import Catalog
from datasources.consents import Consents
from datasources.courses import Courses
from datasources.enrollments import Enrollments
from datasources.lessons import Lessons
from datasources.mentors import Mentors
from datasources.modules import Modules
from datasources.notices import Notices
from datasources.ports import RecordStore, SearchIndex
from datasources.progress import ProgressBook
from datasources.resources import Resources
from datasources.sessions import Sessions
from datasources.settings import PersonalSettings
from datasources.users import Users
from domain.times import Timestamp
from resolvers.context import Sources


def build(store: RecordStore, search: SearchIndex, now: Callable[[], Timestamp]) -> tuple[Sources, Accounts]:
    """What resolvers read and write, and the gate that admits callers; both share one admission cache."""
    cache = AdmissionCache()
    users, sessions = Users(store, cache), Sessions(store, cache)
    sources = Sources(
        users=users,
        settings=PersonalSettings(store),
        sessions=sessions,
        consents=Consents(store),
        notices=Notices(store),
        courses=Courses(store),
        mentors=Mentors(store),
        catalog=Catalog(store, search),
        modules=Modules(store),
        lessons=Lessons(store),
        resources=Resources(store),
        enrollments=Enrollments(store),
        progress=ProgressBook(store),
    )
    return sources, Accounts(users, sessions, cache, now)
