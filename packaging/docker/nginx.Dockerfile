# nginx's official image (its Debian variants) with the module.
#
#   docker build -f packaging/docker/nginx.Dockerfile --build-arg NGINX=nginx:1.28.3 -t nginx-frappe:1.28.3 .
#
# The module is built with the source of exactly the image's version, from nginx.org, and with the
# configure arguments that `nginx -V` prints in the image.

ARG NGINX=nginx:1.28.3
# Any Rust from 1.89 on; its Debian must not be newer than the one of NGINX.
ARG RUST=rust:1.90-slim-bookworm

FROM ${RUST} AS rust

FROM ${NGINX} AS build
# The address of the directory with nginx-VERSION.tar.gz.
ARG DOWNLOAD=https://nginx.org/download
COPY --from=rust /usr/local/rustup /usr/local/rustup
COPY --from=rust /usr/local/cargo /usr/local/cargo
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:$PATH
WORKDIR /src
COPY . .
RUN build/deps.sh \
    && curl -fsSLO "$DOWNLOAD/nginx-$NGINX_VERSION.tar.gz" \
    && packaging/build-for-nginx.sh --source "nginx-$NGINX_VERSION.tar.gz" /usr/sbin/nginx \
    && cp target/nginx-own-*/ngx_http_frappe_module.so .

FROM ${NGINX}
COPY --from=build /src/ngx_http_frappe_module.so /usr/lib/nginx/modules/
COPY nginx-conf/routes-*.map /etc/nginx/frappe/
# load_module must stand before `events` and `http`, so it becomes the first line.
RUN sed -i '1i load_module modules/ngx_http_frappe_module.so;' /etc/nginx/nginx.conf \
    && nginx -t
