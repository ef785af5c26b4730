# An image of frappe_docker (frappe/erpnext or your own) with the module in its nginx.
#
#   docker build -f packaging/docker/frappe.Dockerfile --build-arg IMAGE=frappe/erpnext:v15.54.1 \
#       -t erpnext-routes:v15.54.1 .
#
# The module is built inside of the very image, so it fits its nginx, whatever Debian that is from.
# Nothing else of the build comes into the result.

ARG IMAGE=frappe/erpnext:version-15
# Any Rust from 1.89 on; its Debian must not be newer than the one of IMAGE.
ARG RUST=rust:1.90-slim-bookworm

FROM ${RUST} AS rust

FROM ${IMAGE} AS build
# hadolint ignore=DL3002
USER root
COPY --from=rust /usr/local/rustup /usr/local/rustup
COPY --from=rust /usr/local/cargo /usr/local/cargo
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH
WORKDIR /src
COPY . .
RUN build/deps.sh debian && make module NGINX=debian

FROM ${IMAGE}
# Who nginx runs as in the image.
ARG RUN_AS=frappe
# Where reports, uploads and background commands go: a second backend (compose.frappe.yaml has
# one), or as here the first one.
ARG REPORTS_BACKEND=\${BACKEND}
USER root
COPY --from=build /src/target/nginx-debian/ngx_http_frappe_module.so /usr/lib/nginx/modules/
COPY packaging/docker/mod-http-frappe.conf /etc/nginx/modules-enabled/50-mod-http-frappe.conf
COPY nginx-conf/routes-*.map /etc/nginx/frappe/
COPY nginx-conf/frappe-docker.conf.template /templates/nginx/frappe.conf.template
RUN sed -i "/^upstream reports-server/,/^}/s|\${BACKEND}|$REPORTS_BACKEND|" \
        /templates/nginx/frappe.conf.template
USER ${RUN_AS}
# nginx of this image takes the module; the template is filled in when a container starts.
RUN printf '%s\n' 'include /etc/nginx/modules-enabled/*.conf;' 'pid /tmp/check.pid;' \
        'error_log stderr;' 'events {}' >/tmp/check.conf \
    && nginx -t -e stderr -c /tmp/check.conf \
    && rm -f /tmp/check.conf /tmp/check.pid
