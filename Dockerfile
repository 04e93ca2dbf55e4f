# Not run where this repository is tested: there is no Docker there.
#   docker build -t bulkimport .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/data" bulkimport -c films testdata/films.jsonl
FROM rust:1-slim-bookworm AS build
WORKDIR /build
COPY . .
# Names the commit for --version: docker build --build-arg BUILD_COMMIT="$(git rev-parse --short=9 HEAD)" .
ARG BUILD_COMMIT
RUN cargo build --release --locked --bin bulkimport

FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home --uid 1000 bulkimport
COPY --from=build /build/target/release/bulkimport /usr/bin/bulkimport
USER bulkimport
WORKDIR /data
ENTRYPOINT ["bulkimport"]
