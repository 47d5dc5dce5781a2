"""`python -m app schema check`: will AppSync take the schema, and does it keep our own conventions?

Nothing else checks a schema against AppSync before it is uploaded. Each rule is one small function over
the document or over the schema built from it; a rule yields its findings, `file:line Coordinate: what`.
"""

from graphql import DocumentNode

from app import sdl
from app.portability import appsync, authorization, conventions, operations, subscriptions

DOCUMENT_RULES = (*appsync.DOCUMENT_RULES, *conventions.DOCUMENT_RULES)
SCHEMA_RULES = (
    *appsync.SCHEMA_RULES,
    *conventions.SCHEMA_RULES,
    *operations.SCHEMA_RULES,
    *authorization.SCHEMA_RULES,
    *subscriptions.SCHEMA_RULES,
)


def check(document: DocumentNode) -> list[str]:
    """All findings, in the rules' order; empty when the schema is fine.

    A document that GraphQL itself refuses has findings about its text only.
    """
    findings = [finding for rule in DOCUMENT_RULES for finding in rule(document)]
    try:
        schema = sdl.build(document)
    except TypeError as error:
        return findings + str(error).splitlines()
    return findings + [finding for rule in SCHEMA_RULES for finding in rule(schema)]
