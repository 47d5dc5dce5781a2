"""What each field of the SDL means. Importing the package fills the registry."""

from resolvers import base, catalog, courses, enrollment, lessons, outline, progress, users
from resolvers.registry import registry

__all__ = ["base", "catalog", "courses", "enrollment", "lessons", "outline", "progress", "registry", "users"]
