"""`python -m tests.fuzz COUNT [SEED]`: status 1 and the first differences when there are any."""

import asyncio
import logging
import sys
import warnings

import msgspec
import orjson

from tests.fuzz.differential import Fuzz

SHOWN = 5
STEP = 2_000


def main(count: int, seed: int) -> int:
    logging.disable()  # wrong answers are logged as the faults they are
    warnings.simplefilter("ignore", RuntimeWarning)  # graphql-core never awaits what stands below a null
    fuzz = Fuzz()
    done = different = 0
    while done < count:
        step = min(STEP, count - done)
        for each in asyncio.run(fuzz.run(step, seed + done)):
            different += 1
            if different <= SHOWN:
                sys.stdout.write(orjson.dumps(msgspec.to_builtins(each), option=orjson.OPT_INDENT_2).decode() + "\n")
        done += step
        sys.stderr.write(f"{done:,} operations, {different} answered differently; {dict(fuzz.counted)}\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
