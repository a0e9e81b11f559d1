# syntax=docker/dockerfile:1
# Podium's image: the server, and the worker that the demo's pods run. `make image` builds it.
#
# Three stages: the pages' scripts and fonts from npm, the program from cargo, and both without the tools that made them
# on a base that has a C library, certificates and a user, but no shell. The stages run on the platform that the image is
# for, so `docker buildx build --platform linux/amd64,linux/arm64` needs no cross compiler: on a foreign platform it
# emulates, and takes its time.

FROM node:24-bookworm-slim AS assets
WORKDIR /podium
COPY .npmrc package.json package-lock.json ./
COPY static/vendor.mjs static/
# Without what only tests need. The script that runs afterwards copies what pages need to static/vendor.
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev

# Debian 12, as the base below: a program runs with the C library it was built against, or a newer one.
FROM rust:1.95-bookworm AS build
# Set by the builder; each platform has a cache of its own.
ARG TARGETARCH
# `docker buildx build --sbom=true` looks into this stage too: Cargo.lock is here, and the libraries in the program
# cannot be seen from outside it.
ARG BUILDKIT_SBOM_SCAN_STAGE=true
WORKDIR /podium
COPY . .
COPY --from=assets /podium/static/vendor static/vendor
# The target folder is a cache and not part of the stage, so the program is copied out of it.
RUN --mount=type=cache,id=cargo-registry-$TARGETARCH,target=/usr/local/cargo/registry \
    --mount=type=cache,id=cargo-target-$TARGETARCH,target=/podium/target \
    cargo build --release --locked --bin podium && \
    install -D target/release/podium /out/podium

FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Podium" \
      org.opencontainers.image.description="Give a talk on event-driven autoscaling, and do it live" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot" \
      podium.sbom.sources="/usr/share/doc/podium/Cargo.lock /usr/share/doc/podium/package-lock.json"
# What is in the program, to the version: every scanner reads these files. An SBOM in a standard form is attached by the
# builder (`--sbom=true`), as it must name the base's packages too.
COPY LICENSE Cargo.lock package-lock.json /usr/share/doc/podium/
COPY --from=build /out/podium /usr/local/bin/podium
# The base's `nonroot`, by its number: Kubernetes cannot tell from a name that it is not root.
USER 65532:65532
EXPOSE 3030
ENTRYPOINT ["/usr/local/bin/podium"]
CMD ["serve", "--listen", "0.0.0.0:3030"]
