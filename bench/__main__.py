"""`python -m bench [http] [store] [startup]`: all of them when none is named."""

import sys

from bench import http, report, startup, store


def main() -> None:
    chosen = set(sys.argv[1:]) or {"http", "store", "startup"}
    left_out: list[str] = []
    results: list[report.Result] = []
    if "http" in chosen:
        results += http.measure(left_out)
    if "store" in chosen:
        results += store.measure()
    if "startup" in chosen:
        results += startup.measure()
    print(report.table(results))
    for line in left_out:
        print(f"not measured: {line}")
    report.write(results, left_out)


if __name__ == "__main__":
    main()
