"""Executing a bound schema: text and variables in, a status and a payload out."""

import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, cast

import msgspec
import orjson
from graphql import ExecutionResult, GraphQLError, GraphQLResolveInfo, GraphQLSchema
from graphql.execution import MiddlewareManager

from app.access import denied_coordinates, unauthorized
from app.documents import MOST_REQUEST_FAULTS, Document, Documents, Operation, Refused
from app.errors import error_object, field_errors, located, refusal, refused_request
from app.limits import Limits, hold_cost, hold_values
from app.plain_fields import PlainFieldsExecutor
from app.plans.cache import Plans
from app.plans.variables import InvalidVariables
from app.scope import RequestScope
from app.time_limit import TimeLimit
from app.validation_messages import variable_messages
from domain.callers import Caller
from domain.errors import Code, DomainError
from resolvers.context import Context

_NO_VARIABLES: Mapping[str, Any] = {}


class GraphQLRequest(msgspec.Struct, frozen=True):
    """What a client sent.

    Attributes:
        query: the document's text.
        variables: raw JSON values by name; None is none.
        operation_name: which operation of the document; None when there is only one.
        queries_only: refuse anything that changes state, as GET must.
    """

    query: str
    variables: Mapping[str, Any] | None = None
    operation_name: str | None = None
    queries_only: bool = False


class Answer(msgspec.Struct, frozen=True):
    """An HTTP status and the body's object: `data` and `errors` as AppSync writes them.

    Attributes:
        content: parts of `data` may be structs, which hold just what was selected.
    """

    status: int
    content: dict[str, Any]

    @property
    def body(self) -> bytes:
        """The content as JSON."""
        return _encode(self.content)

    @property
    def payload(self) -> dict[str, Any]:
        """The content as a client reads it."""
        read: dict[str, Any] = orjson.loads(self.body)
        return read


def _usual(value: Any) -> Any:
    """A value of a class of its own as JSON has it."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_encode = msgspec.json.Encoder(enc_hook=_usual).encode

Mutated = Callable[[Operation, Mapping[str, Any]], None]
Observe = Callable[[Operation | None, Answer, float], None]


class _NotExecuted(Exception):
    """Nothing was, for the reason that the answer tells."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer


class Executor:
    """The one way to execute operations on a bound schema. One a process; every call is on its own.

    Args:
        schema: from `bind`.
        limits: what a document may ask for.
        introspection: whether `__schema` and `__type` exist.
        seconds: time for one operation.
        documents: how many prepared documents are kept.
        document_bytes: about how much memory they may take.
        mutated: is told of every executed mutation and its data.
        plans: for operations that come again; None: graphql-core executes all.
        observe: is told of every answer: of which operation, if any could be executed, and after how many seconds.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        limits: Limits | None = None,
        introspection: bool = True,
        seconds: float = 30.0,
        documents: int = 2_000,
        document_bytes: int = 64 * 1024 * 1024,
        mutated: Mutated | None = None,
        plans: Plans | None = None,
        observe: Observe | None = None,
    ) -> None:
        self.schema = schema
        self.limits = limits or Limits()
        self.documents = Documents(
            schema, self.limits, introspection=introspection, most=documents, most_bytes=document_bytes
        )
        self._time = TimeLimit(seconds)
        self._mutated = mutated
        self._plans = plans
        self._observe = observe

    async def execute(self, request: GraphQLRequest, ctx: Context, request_id: str) -> Answer:
        """Never raises but for cancellation; whatever goes wrong is in the answer.

        Args:
            ctx: what every resolver receives.
            request_id: named in every error.
        """
        began, operation = time.perf_counter(), None
        try:
            operation = self._operation(request, request_id)
            variables = request.variables or _NO_VARIABLES
            if variables:
                hold_values(variables, self.limits)
            if operation.cost.pages:
                hold_cost(operation.cost, variables, self.limits)
            execution = None
            if self._plans is not None and not ctx.caller.denied_fields:
                execution = self._plans.execution(operation, variables, ctx)
            if execution is None:
                content, errors = await self._by_graphql_core(operation, variables, RequestScope(ctx, request_id))
            else:
                await self._time.hold(execution.run())
                content, errors = execution.content, execution.errors() if execution.failures else ()
            if self._mutated is not None and operation.kind == "mutation" and content["data"] is not None:
                self._mutated(operation, content["data"])
            if errors:
                content["errors"] = field_errors(errors, self.schema, request_id)
            answer = Answer(200, content)
        except _NotExecuted as reason:
            answer = reason.answer
        except InvalidVariables as invalid:
            answer = refused_variables(invalid.faults, request_id)
        except TimeoutError:
            late = DomainError(Code.TIMEOUT, f"The operation took longer than {self._time.seconds:g} seconds.")
            answer = _failed(late, request_id)
        except Exception as error:
            answer = _failed(refusal(error, request_id), request_id)
        if self._observe is not None:
            self._observe(operation, answer, time.perf_counter() - began)
        return answer

    def _operation(self, request: GraphQLRequest, request_id: str) -> Operation:
        """What is to be executed. Raises _NotExecuted."""
        document = self.documents.prepared(request.query)
        operation = document.operation(request.operation_name)
        if operation is None:
            raise _NotExecuted(_unfound(document, request, request_id))
        if operation.kind == "subscription":
            raise _NotExecuted(_bad_request("Subscriptions need a WebSocket.", request_id))
        if request.queries_only and operation.kind == "mutation":
            message = "Only queries may be sent this way."
            raise _NotExecuted(Answer(405, refused_request("MethodNotAllowedException", message, request_id)))
        return operation

    async def _by_graphql_core(
        self, operation: Operation, variables: Mapping[str, Any], scope: RequestScope
    ) -> tuple[dict[str, Any], Sequence[GraphQLError]]:
        caller = scope.ctx.caller
        # What `graphql.execute` does, without incremental delivery, which AppSync does not have.
        execution = PlainFieldsExecutor.build(
            self.schema,
            operation.document,
            context_value=scope,
            raw_variable_values=dict(variables),
            operation_name=operation.name,
            middleware=_refusing(caller) if caller.denied_fields else None,
            max_coercion_errors=MOST_REQUEST_FAULTS,
            hide_suggestions=True,
        )
        if isinstance(execution, list):
            raise InvalidVariables(execution)
        result = cast("ExecutionResult | Coroutine[Any, Any, ExecutionResult]", execution.execute_operation())
        try:
            if not isinstance(result, ExecutionResult):
                result = await self._time.hold(result)
        finally:
            scope.close()
        # They hold their executor: without this cycle nothing of a request waits for the garbage collector.
        del execution.async_helpers
        return {"data": result.data}, result.errors or ()


def refused_document(document: Refused, request_id: str) -> Answer:
    """Why a document is not executed."""
    if document.malformed:
        fault = document.faults[0]
        body = refused_request("MalformedHttpRequestException", fault.message, request_id, fault.locations)
        return Answer(400, body)
    errors = [
        error_object(
            fault.message,
            request_id,
            locations=fault.locations,
            error_type=fault.error.code.value if fault.error else None,
            info=fault.error.info if fault.error else None,
        )
        for fault in document.faults
    ]
    return Answer(200, {"data": None, "errors": errors})


def refused_variables(faults: Sequence[GraphQLError], request_id: str) -> Answer:
    """Why an operation is not executed with these variables."""
    errors = [
        error_object(text, request_id, locations=located(fault))
        for text, fault in zip(variable_messages(faults), faults, strict=True)
    ]
    return Answer(200, {"data": None, "errors": errors})


def _unfound(document: Document | Refused, request: GraphQLRequest, request_id: str) -> Answer:
    """Why the document has no operation for the request."""
    if request.operation_name is None and document.several:
        return _bad_request("Missing operation name.", request_id)
    if isinstance(document, Refused):
        return refused_document(document, request_id)
    return _bad_request("The document has no operation of that name.", request_id)


def _bad_request(message: str, request_id: str) -> Answer:
    return Answer(400, refused_request("BadRequestException", message, request_id))


def _failed(error: DomainError, request_id: str) -> Answer:
    fault = error_object(error.message, request_id, error_type=error.code.value, info=error.info)
    return Answer(200, {"data": None, "errors": [fault]})


def _refusing(caller: Caller) -> MiddlewareManager:
    """Refuses the fields that a Lambda authorizer took away. Only its callers pay for it."""
    denied = denied_coordinates(caller)

    def refuse(resolve: Any, source: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
        coordinate = f"{info.parent_type.name}.{info.field_name}"
        if coordinate in denied:
            raise unauthorized(coordinate)
        return resolve(source, info, **args)

    return MiddlewareManager(refuse)
