# nginx's official image (its Debian variants) with the module.
#
#   docker build -f packaging/docker/nginx.Dockerfile --build-arg NGINX=nginx:1.28.3 -t nginx-frappe:1.28.3 .
#
# The source is the one of exactly the image's version, from nginx.org; the arguments of
# configure are what `nginx -V` says in the image.

ARG NGINX=nginx:1.28.3
# Any Rust from 1.89 on; its Debian must not be newer than the one of NGINX.
ARG RUST=rust:1.90-slim-bookworm

FROM ${RUST} AS rust

FROM ${NGINX} AS build
# Where nginx-VERSION.tar.gz is.
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
# Before the first line, since a module is loaded before `events` and `http`.
RUN sed -i '1i load_module modules/ngx_http_frappe_module.so;' /etc/nginx/nginx.conf \
    && nginx -t
