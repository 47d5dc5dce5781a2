"""What CloudWatch's dashboards show, as data: they are made from the schema, so a new field has its row by itself."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import GraphQLSchema

WIDTH = 24
HEIGHT = 4
NAMESPACE = "EduConnect"
"""Of the metrics that the product writes, app/telemetry/emf.py."""

Widget = dict[str, Any]
Metric = list[Any]


def of_root_fields(schema: GraphQLSchema, root: str, region: str, api_id: str | None) -> dict[str, Any]:
    """A row for each field of Query, Mutation or Subscription: how often, how long, how many errors.

    Args:
        api_id: of the AppSync API; None where only our server answers.
    """
    fields = schema.type_map[root].fields  # type: ignore[attr-defined] # a root is an object type
    return {"widgets": list(_rows(_of_field(root, name, region, api_id) for name in fields))}


def of_everything(parts: Mapping[str, Sequence[Metric]], region: str) -> dict[str, Any]:
    """Charts by their titles, three in a row."""
    charts = [_chart(title, metrics, region) for title, metrics in parts.items()]
    return {"widgets": list(_rows(charts[at : at + 3] for at in range(0, len(charts), 3)))}


def _of_field(root: str, name: str, region: str, api_id: str | None) -> list[Widget]:
    counted: list[Metric] = [[NAMESPACE, "operations", "kind", root.lower(), "field", name, {"stat": "Sum"}]]
    slow: list[Metric] = []
    failed: list[Metric] = []
    if api_id is not None:
        counted.append(_found(api_id, root, name, "Requests", "Sum"))
        slow = [_found(api_id, root, name, "Latency", stat) for stat in ("p50", "p95", "p99")]
        failed = [_found(api_id, root, name, "GraphQLError", "Sum")]
    titles = {"requests": counted, "latency on AppSync": slow, "errors on AppSync": failed}
    return [_chart(f"{root}.{name}: {title}", metrics, region) for title, metrics in titles.items() if metrics]


def _found(api_id: str, root: str, name: str, metric: str, stat: str) -> Metric:
    """By a search: AppSync names the resolver in a dimension."""
    query = f'Namespace="AWS/AppSync" MetricName="{metric}" "{api_id}" "{root}.{name}"'
    return [{"expression": f"SEARCH('{query}', '{stat}', 60)", "label": f"{metric} {stat}"}]


def _chart(title: str, metrics: Sequence[Metric], region: str) -> Widget:
    shown = {"title": title, "metrics": list(metrics), "region": region, "view": "timeSeries", "period": 60}
    return {"type": "metric", "properties": shown}


def _rows(rows: Any) -> Iterator[Widget]:
    for number, row in enumerate(rows):
        for at, widget in enumerate(row):
            width = WIDTH // len(row)
            yield {**widget, "x": at * width, "y": number * HEIGHT, "width": width, "height": HEIGHT}
