"""`python -m bench [PART ...]`: all but the longest when none is named; writes the page, its plot and the results."""

import sys
import time
import traceback

from bench import (
    documents,
    dynamodb,
    faces,
    fanout,
    functions,
    http,
    messages,
    plot,
    report,
    sqlite,
    startup,
    store,
    upload_memory,
    upload_speed,
    uploads,
    users,
)
from bench.report import Part, Result

PARTS = {
    "http": Part(
        "HTTP, data in memory",
        http.measure,
        """\
- Small is 5 fields, medium 584 fields in three levels, large 1,000 objects of 8 fields (180 KB).
""",
    ),
    "sqlite": Part(
        "HTTP, data in SQLite",
        sqlite.measure,
        """\
- Small is one course, page is a course with 20 modules, 100 lessons and its owner, catalog is 100 courses of 8 fields.
- The peers have plain tables of their own with the indexes that these questions need, filled with the same school, and
  check no credentials. Strawberry has both caches, aiosqlite and DataLoaders; Mercurius has its JIT, its loaders and
  prepared statements of better-sqlite3.
- Ours reads every page from the file, but decodes it only if its bytes are not those that it remembers; theirs decode
  each time. Nothing changes while it is timed, but for "changed": there, before each request, the title of a lesson on
  the page, or of a course in the catalog, changes in the file of every server, and one request waits for the other.
""",
    ),
    "documents": Part(
        "Documents that nothing was tuned to",
        lambda _: documents.measure(),
        """\
- Plans against graphql-core in one process, in turn, JSON of the answer included. In the fuzz corpus, random operations
  of a fixed seed on our schema and on an odd one, resolvers give at once what they gave before. The demo school is
  asked as it runs, on SQLite: GraphiQL's first tab, the room client's query, and what README, docs and the story show.
- A document counts where both answer alike and without errors. The worst is the one on which plans gain least.
""",
    ),
    "fanout": Part(
        "Fan-out over WebSockets",
        fanout.measure,
        """\
- One message of 5 fields to everybody in a room. Ours goes the whole way: `sendMessage` over HTTP, on disk, read for
  its subscribers, encoded, delivered in AppSync's protocol to users who each signed in. Strawberry's own handler (on
  uvicorn) and `graphql-ws` (on `ws`) speak graphql-transport-ws, check nobody, keep nothing and ping nobody. The raw
  protocol writer is the limit: uvloop, and one ready frame written to every socket, without looking at what is said.
  Strawberry's handler is left out with 10,000, of which one message would take it seconds.
- "A message to one" is the server's CPU time for the whole message, its sending included, by the number of
  subscribers. Ours looks at every subscriber's rights every 25 seconds: what falls between messages is not in it.
- "Until the last has it" begins when the message is sent. "A connection" is what the server's memory grows by, after
  the first 50 subscribers, until all have heard a message.
- The subscribers are one process for each server, with raw sockets and epoll. They read every frame; each of them has
  to get exactly one, with the message that was sent.
""",
    ),
    "users": Part(
        "Many users at once",
        lambda _: users.measure(),
        """\
- Ours as it runs, on SQLite. Each user is signed in, has one subscription and asks something every 5 seconds, spread
  evenly and in turn: the rooms they are in, the last 20 messages with their senders, a course. In each of 50 rooms
  somebody says something every second.
- Times are counted from the moment at which a user wanted to ask. A refusal, a cut connection, a GraphQL error and more
  than 10 seconds are errors.
- One process serves all; who asks and who listens has the other cores.
""",
    ),
    "messages": Part(
        "Messages in chat",
        lambda _: messages.measure(),
        """\
- Ours as it runs, on SQLite, with the limits of rooms and users raised. 50 people say the next thing as soon as the
  last one is acknowledged, which is when it is synced to disk; each of the 100 rooms has two of them.
- What a message costs while they are sent, and what it costs when workers have read it for the search index, for
  notifications and for lost events, are told apart: under full load workers follow later.
- The limits are told beside it: HTTP, sign-in and execution of a mutation that does nothing, and the same rows written
  by nothing but SQLite. A message is four rows: itself, two of the room's log, one of the change feed.
""",
    ),
    "store": Part(
        "SQLite store",
        lambda _: store.measure(),
        """\
- Writes are synced to disk before they count.
""",
    ),
    "dynamodb": Part(
        "DynamoDB's client",
        lambda _: dynamodb.measure(),
        """\
- CPU of the client's process for one operation, 16 at once, against a local server in its own process that answers at
  once and always the same: no emulator is in it. All send the requests that the store makes, with a session token.
- "Our client" sends and reads the wire's JSON, as the peers do: a request signed by hand (SigV4, aiohttp, orjson, and
  nothing for when it fails) and aioboto3's client as it comes. "Our store" is the whole port: it also makes the request
  of records and conditions, checks it, has a deadline, and makes records of the answer.
""",
    ),
    "upload-speed": Part(
        "Speed of uploads",
        lambda _: upload_speed.measure(),
        """\
- Files of 64 MB into the embedded store, over one connection and over four, against aiohttp that does nothing but
  write to a file what comes, and against the same that also syncs it. Ours checks the signature, computes a CRC64NVME,
  syncs file, folder and index. All servers may use all cores, and share them with the senders. Each file replaces the
  one before, which ours removes behind its answer; the others remove theirs before.
- The ratio is the median of the rounds' ratios; behind it the middle half of them, because a disk that others use too
  is now fast and now slow. CPU time feels less of that.
""",
    ),
    "upload-memory": Part(
        "Memory of one large upload",
        upload_memory.measure,
        """\
- 5 GB into the embedded store by one request, made up as they are sent. The server's most memory ever, less what it had
  before. Its answer has to carry the checksum of what was sent.
""",
    ),
    "uploads": Part(
        "Uploads under faults",
        lambda _: uploads.measure(),
        """\
- 10,000 uploads in parts of 4 KiB (lowered for this, else 5 MiB) by `examples/upload.py`, 1,247 at once, by 200 users,
  through the whole API and with all workers. Of thirty requests one is cut off amid its body and one loses its answer,
  one URL in fifty has expired, the server is killed three times (kill -9) and started again, and more comes than it
  takes at once, so that it answers 503.
- The last of the four servers begins at 40 % and takes the other 60 %. Its memory is shown from 50 % on: it grows at
  first, and has to be flat in the last quarter.
- A client that gives up is started again, as a user would, and goes on where it was. All that completed is compared
  byte for byte.
""",
        by_itself=True,
    ),
    "faces": Part(
        "Faces on one machine",
        faces.measure,
        """\
- A picture of 400 x 400 pixels is decoded, its face found, judged and described, by processes beside the server.
  Comparing also reads the sealed description of the known face. First the engine has to tell two pictures of one
  person from two of different people.
- Rates feel the machine's other work; the CPU time of one face tells what a core can do that has no other.
- The event loop has the server's other work: the pause is how late its timer was at most while all processes compared.
""",
    ),
    "lambda": Part(
        "On AWS Lambda's runtime client",
        lambda _: functions.measure(),
        """\
- The resolver function under `awslambdaric`, in a process of its own, against a local runtime API; the peer is a
  handler that returns a constant. Byte code is there, as in what is deployed. DynamoDB is an emulator beside it.
- Init ends when the process asks for its first event: everything is imported, the schema bound, clients open, and one
  request to DynamoDB and one to S3 answered. On AWS a function's CPU goes by its memory: 1,769 MB are one core.
- A call is `getServerInfo` by an API key: what coercion, identity, the gate and the envelope cost. Time feels what else
  the machine does, CPU time hardly.
""",
    ),
    "startup": Part("Start-up", lambda _: startup.measure(), ""),
}


def main() -> None:
    chosen = sys.argv[1:] or [name for name, part in PARTS.items() if not part.by_itself]
    if unknown := set(chosen) - set(PARTS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    everything: list[Result] = []
    left_out = [] if sys.argv[1:] else [f"{name}, unless it is named" for name in PARTS if PARTS[name].by_itself]
    failed = False
    for name in chosen:
        missing: list[str] = []
        began = time.monotonic()
        try:
            results = PARTS[name].measure(missing)
        except Exception:
            traceback.print_exc()
            left_out.append(f"{name}, which failed")
            failed = True
            continue
        sys.stderr.write(f"{PARTS[name].title}: {time.monotonic() - began:.0f} s\n")
        report.publish(PARTS, name, results, missing)
        plot.PICTURE.write_text(plot.drawn(report.keep(PARTS, name, results)), encoding="utf-8")
        everything += results
        left_out += missing
    sys.stdout.write(report.table(everything) + "\n")
    for line in left_out:
        sys.stdout.write(f"not measured: {line}\n")
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
