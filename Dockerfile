# SPDX-License-Identifier: Apache-2.0
# Programs are built on Debian; the image holds them and the libraries they load, nothing else: no shell, no package manager.
ARG DEBIAN=docker.io/library/debian:bookworm-slim

FROM ${DEBIAN} AS build
WORKDIR /src
COPY tools/packages.txt tools/
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(sed 's/#.*//' tools/packages.txt)
COPY . .
RUN make -j"$(nproc)" programs && tools/image root /image

FROM scratch
LABEL org.opencontainers.image.title="Weir" \
      org.opencontainers.image.description="A Kubernetes network in C and eBPF" \
      org.opencontainers.image.licenses="Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"
COPY --from=build /image /
ENV PATH=/usr/bin
ENTRYPOINT ["/usr/bin/weir-agent"]
