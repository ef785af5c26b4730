# An image of frappe_docker (frappe/erpnext or your own) with the module in its nginx.
#
#   docker build -f packaging/docker/frappe.Dockerfile --build-arg IMAGE=frappe/erpnext:v15.54.1 \
#       -t erpnext-routes:v15.54.1 .
#
# The module is built in the same image, so it fits the image's nginx, of any release of Debian. The result
# has nothing else of the build.

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
# The user that nginx runs as in the image.
ARG RUN_AS=frappe
# The backend for reports, uploads and background commands. By default it is the first one;
# compose.frappe.yaml has a second.
ARG REPORTS_BACKEND=\${BACKEND}
USER root
COPY --from=build /src/target/nginx-debian/ngx_http_frappe_module.so /usr/lib/nginx/modules/
COPY packaging/docker/mod-http-frappe.conf /etc/nginx/modules-enabled/50-mod-http-frappe.conf
COPY nginx-conf/routes-*.map /etc/nginx/frappe/
COPY nginx-conf/frappe-docker.conf.template /templates/nginx/frappe.conf.template
RUN sed -i "/^upstream reports-server/,/^}/s|\${BACKEND}|$REPORTS_BACKEND|" \
        /templates/nginx/frappe.conf.template
USER ${RUN_AS}
# Checks that the image's nginx loads the module. A container fills in the template when it starts.
RUN printf '%s\n' 'include /etc/nginx/modules-enabled/*.conf;' 'pid /tmp/check.pid;' \
        'error_log stderr;' 'events {}' >/tmp/check.conf \
    && nginx -t -e stderr -c /tmp/check.conf \
    && rm -f /tmp/check.conf /tmp/check.pid
