"""The GraphQL request that a client sent: in a JSON body, a query string, or a frame of a socket."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from app.auth.credentials import Operation
from app.execution import GraphQLRequest
from app.http.body import UNREADABLE, json_object, json_value
from app.http.replies import Refusal, malformed
from app.persisted import HashMismatch, PersistedDocuments, UnknownDocument, UntrustedDocument, asked_id
from domain.errors import Code

MOST_PARAMETERS = 20


class RequestReader:
    """Reads requests; one that only names its document gets the text.

    All methods raise Refusal 400 for what is no request, 403 for a document that is not trusted, and a refusal with
    status 200, as Apollo's servers do, for an id that is not known: its client sends the text then.
    """

    def __init__(self, documents: PersistedDocuments) -> None:
        self._documents = documents

    def of_json(self, body: bytes) -> GraphQLRequest:
        return self.of_content(json_object(body))

    def of_query_string(self, query_string: bytes) -> GraphQLRequest:
        """What `?query=&variables=&operationName=&extensions=&documentId=` asks for: queries only."""
        try:
            pairs = parse_qsl(
                query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
            )
        except ValueError:
            raise malformed(UNREADABLE) from None
        given: dict[str, Any] = dict(pairs)
        for name in ("variables", "extensions"):
            given[name] = json_value(given[name].encode()) if given.get(name) else None
        return self.of_content(given, queries_only=True)

    def of_content(self, content: Mapping[str, Any], *, queries_only: bool = False) -> GraphQLRequest:
        """From a JSON object."""
        query = self._text(content)
        variables, name = content.get("variables"), content.get("operationName")
        if variables is not None and not isinstance(variables, dict):
            raise malformed(f"{UNREADABLE} `variables` must be an object.")
        if name is not None and not isinstance(name, str):
            raise malformed(f"{UNREADABLE} `operationName` must be a string.")
        return GraphQLRequest(query, variables, name or None, queries_only)

    def _text(self, content: Mapping[str, Any]) -> str:
        query = content.get("query")
        try:
            named = asked_id(content)
            if query is None and named is not None:
                return self._documents.text(named)
            if not isinstance(query, str) or not query.strip():
                raise malformed(UNREADABLE)
            if named is None:
                self._documents.check(query)
            else:
                self._documents.persist(named, query)
        except ValueError as error:
            raise malformed(f"{UNREADABLE} {error}") from None
        except UnknownDocument:
            raise Refusal(200, Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound") from None
        except HashMismatch:
            raise malformed("The provided sha does not match the query.") from None
        except UntrustedDocument:
            raise Refusal(403, Code.DOCUMENT_NOT_TRUSTED, "Only trusted documents are executed here.") from None
        return query


def shown(request: GraphQLRequest) -> Operation:
    """What a Lambda authorizer is told of a request."""
    return Operation(request.query, request.variables, request.operation_name)
