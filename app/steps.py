"""All that workers do, in whatever process they run."""

from app.attendance_steps import attendance_steps
from app.clock import now
from app.export_steps import export_steps
from app.media_engines import MediaEngines
from app.media_steps import media_steps
from app.meeting_steps import meeting_steps
from app.notification_steps import notification_steps
from app.presence_steps import Heard, presence_steps
from app.processing_steps import processing_steps
from app.product import Product
from app.worker_steps import Step, all_steps
from datasources.malware import ScanResults
from datasources.senders import Senders
from resolvers.context import Publish, Recheck


def product_steps(
    product: Product,
    senders: Senders,
    scans: ScanResults | None,
    media: MediaEngines,
    *,
    publish: Publish,
    recheck: Recheck,
    heard: Heard,
) -> list[Step]:
    """
    Args:
        publish: returns once subscribers were told: a step goes on only when it has told of what it did.
    """
    store, sources, settings = product.store, product.sources, product.settings
    return [
        *all_steps(store, sources, now, publish),
        *attendance_steps(store, sources, now, publish),
        *meeting_steps(sources, product.calls, now, publish, recheck),
        *presence_steps(store, sources, now, publish, heard),
        *notification_steps(
            store,
            now,
            publish,
            senders,
            site=settings.clients_url,
            announced_per_second=settings.announced_per_second,
        ),
        *media_steps(store, sources, now, publish, scans),
        *export_steps(sources, publish),
        *processing_steps(store, sources.media, media, now),
    ]
