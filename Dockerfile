# The server (`--target server`), and the same with ffmpeg for a process that runs the workers (`--target worker`, the default).
# Neither needs to write anywhere but /tmp and, with RECORDS=sqlite or BLOBS=files, /data: run it with a read-only root.

FROM python:3.13-slim-trixie AS packages

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /opt/educonnect
# requirements-traces.txt for an image that can send traces.
ARG REQUIREMENTS=requirements.txt
COPY requirements-uv.txt requirements.txt requirements-traces.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements-uv.txt \
    && python -m venv --without-pip .venv \
    && uv pip install --no-cache --python .venv/bin/python --compile-bytecode --require-hashes -r "${REQUIREMENTS}"

COPY domain ./domain
COPY datasources ./datasources
COPY resolvers ./resolvers
COPY subscriptions ./subscriptions
COPY schema ./schema
COPY app ./app
# The files never change, so their bytecode need not be held against their times, which a layer does not keep.
RUN .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash app datasources domain resolvers subscriptions \
    && rm requirements*.txt


FROM python:3.13-slim-trixie AS server

RUN groupadd --gid 10001 educonnect \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin educonnect \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=packages /opt/educonnect /opt/educonnect

WORKDIR /opt/educonnect
ENV PATH=/opt/educonnect/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENVIRONMENT=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/data \
    DRAIN_NOTICE_SECONDS=5 \
    DRAIN_SECONDS=20
VOLUME ["/data", "/tmp"]
EXPOSE 8000
USER 10001:10001
# A stopping container has to be given more than both drain times: `docker stop --time 60`, on ECS `stopTimeout`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-m", "app.probe"]
ENTRYPOINT ["python", "-m", "app"]
CMD ["serve"]


FROM server AS worker

USER 0:0
# Debian keeps one version of it a release, with the mends: a pinned one would be gone after the next.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/*
USER 10001:10001
