# The service as an image of its program and what that loads.
#   docker build -t app:dev .                                        the service (stage `runtime`)
#   docker build --target dev -t app:watch .                         the compiler too, watching the sources
#   docker buildx build --platform linux/amd64,linux/arm64 .         cross-compiled: nothing is emulated
#   --build-arg BASE_IMAGE=debian:bookworm-slim                      Debian 12; a digest pins either: debian@sha256:…
#   --build-arg APT_SOURCE=URI --build-arg APT_SECURITY_SOURCE=URI   a mirror, or a snapshot, in place of the base's own sources
#   --build-arg ASSETS=cdn                                           docs pages that point at the CDN; no npm
#   --build-arg APP_VERSION=1.2.0                                    and REVISION, SOURCE, CREATED, LICENSES for its labels
ARG BASE_IMAGE=debian:trixie-slim

# ---- packages: the layers that outlive a change of code ----

# hadolint ignore=DL3006,DL3029
FROM --platform=$BUILDPLATFORM ${BASE_IMAGE} AS base
WORKDIR /src
ARG APT_SOURCE="" APT_SECURITY_SOURCE=""
# The lists of a snapshot have expired by definition.
RUN set -eu; \
    replace() { find /etc/apt -name '*.list' -exec sed -Ei "$1" {} + -o -name '*.sources' -exec sed -Ei "$1" {} +; }; \
    if [ -n "$APT_SOURCE" ]; then \
        replace "s#[a-z]+://[^ ]+/debian/?( |\$)#$APT_SOURCE\\1#"; \
        echo 'Acquire::Check-Valid-Until "false";' >/etc/apt/apt.conf.d/90source; \
    fi; \
    if [ -n "$APT_SECURITY_SOURCE" ]; then replace "s#[a-z]+://[^ ]+/debian-security/?( |\$)#$APT_SECURITY_SOURCE\\1#"; fi
COPY scripts/deps scripts/

FROM base AS assets
ARG ASSETS=npm
RUN [ "$ASSETS" = cdn ] || { scripts/deps assets && rm -rf /var/lib/apt/lists/*; }
COPY scripts/fetch-assets scripts/
RUN ASSETS=$ASSETS scripts/fetch-assets build/assets

FROM base AS deps
ARG TARGETARCH
RUN scripts/deps --arch "$TARGETARCH" compile image && rm -rf /var/lib/apt/lists/*

# ---- the program ----

FROM deps AS source
COPY Makefile ./
COPY scripts scripts
COPY --from=assets /src/build/assets build/assets
COPY runtime runtime

# Without debug information, but with the names of functions: a core dump or a profile stays readable.
FROM source AS build
ARG TARGETARCH
ENV MAKEFLAGS="ARCH=$TARGETARCH B=build/image EXTRA_CFLAGS=-g0 EXTRA_LDFLAGS=-Wl,-S"
RUN --mount=type=cache,id=apus-ccache,target=/root/.cache/ccache touch build/assets/* && make lib
COPY app app
RUN --mount=type=cache,id=apus-ccache,target=/root/.cache/ccache make app && \
    scripts/rootfs build/image/app/app app/migrations /rootfs

# ---- what is changed while it runs ----

FROM deps AS dev
RUN scripts/deps dev && rm -rf /var/lib/apt/lists/*
COPY Makefile ./
COPY scripts scripts
COPY --from=assets /src/build/assets build/assets
COPY runtime runtime
RUN --mount=type=cache,id=apus-ccache,target=/root/.cache/ccache touch build/assets/* && make lib
COPY app app
ENV PATH=/src/build/release/app:$PATH DEV_BUILD="make -s LINKER=mold app"
# What does not compile is for `dev` to show.
RUN --mount=type=cache,id=apus-ccache,target=/root/.cache/ccache $DEV_BUILD || true
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["scripts/dev", "build/release/app/app"]

# ---- what is shipped ----

FROM scratch AS runtime
COPY --from=build /rootfs /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 1000:1000
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/app", "entrypoint", "--"]
ARG APP_VERSION=0.1.0 REVISION="" SOURCE="" CREATED="" LICENSES=NOASSERTION
ENV APP_VERSION=$APP_VERSION
LABEL org.opencontainers.image.title="hello-fastapi" \
      org.opencontainers.image.description="The example service of Apus, a web framework for C in the manner of FastAPI" \
      org.opencontainers.image.version="$APP_VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.licenses="$LICENSES"
