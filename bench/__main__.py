"""`python -m bench [http] [sqlite] [store] [startup]`: all when none is named, and then into docs/benchmarks.md."""

import sys

from bench import http, report, sqlite, startup, store

PARTS = ("http", "sqlite", "store", "startup")


def main() -> None:
    chosen = sys.argv[1:] or PARTS
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    left_out: list[str] = []
    results: list[report.Result] = []
    if "http" in chosen:
        results += http.measure(left_out)
    if "sqlite" in chosen:
        results += sqlite.measure()
    if "store" in chosen:
        results += store.measure()
    if "startup" in chosen:
        results += startup.measure()
    sys.stdout.write(report.table(results) + "\n")
    for line in left_out:
        sys.stdout.write(f"not measured: {line}\n")
    report.write(results, left_out)
    if set(chosen) == set(PARTS):
        report.publish(results, left_out)


if __name__ == "__main__":
    main()
