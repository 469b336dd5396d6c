# What the jobs "lint" and "test" run in, as a team would make it for the variable CI_IMAGE: the packages are in it already.
FROM debian:bookworm-slim
RUN apt-get update -q && apt-get install -qy --no-install-recommends ca-certificates git make
COPY deps /scripts/deps
RUN /scripts/deps build test lint
