# SPDX-License-Identifier: Apache-2.0
# Programs are built on Debian, for the target's processor by cross compiling; the image holds them and the libraries they load,
# nothing else: no shell, no package manager.
ARG DEBIAN=docker.io/library/debian:bookworm-slim

FROM --platform=${BUILDPLATFORM} ${DEBIAN} AS build
ARG TARGETARCH
ARG WEIR_VERSION
WORKDIR /src
COPY tools/packages.txt tools/image tools/
RUN tools/image packages "${TARGETARCH}"
COPY . .
RUN make -j"$(nproc)" CC="$(tools/image compiler "${TARGETARCH}")" ${WEIR_VERSION:+VERSION="${WEIR_VERSION}"} programs && \
    tools/image root /image "${TARGETARCH}"

FROM scratch
LABEL org.opencontainers.image.title="Weir" \
      org.opencontainers.image.description="A Kubernetes network in C and eBPF" \
      org.opencontainers.image.licenses="Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)"
COPY --from=build /image /
ENV PATH=/usr/bin
ENTRYPOINT ["/usr/bin/weir-agent"]
