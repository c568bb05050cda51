# A worker of the work pool `research`, with all that its flow runs need. See docs/server.md.
#
#   docker build -t research-flows .

FROM python:3.13-slim

# The flow runs' working folder: relative paths in their parameters (data/, runs/) are in it.
WORKDIR /srv/research
COPY pyproject.toml constraints.txt README.md ./
COPY research research
COPY flows flows
RUN pip install --no-cache-dir -c constraints.txt ".[s3]" \
    && useradd --create-home researcher \
    && mkdir runs cache && chown researcher runs cache
COPY prefect.yaml ./
COPY schemas schemas
COPY data data

USER researcher
ENV RESEARCH_CACHE_DIR=/srv/research/cache DO_NOT_TRACK=1
# A worker that is told to end gives its runs 30 seconds to commit: `docker stop` must, too (--stop-timeout 40).
STOPSIGNAL SIGTERM
CMD ["prefect", "worker", "start", "--pool", "research"]
