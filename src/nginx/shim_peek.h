/*
 * The part of shim.h that looks at a body need: events, buffers, and what HTTP/2
 * and HTTP/3 keep.  Without those two in nginx the functions for them do nothing.
 */

static inline ngx_uint_t
ngx_http_frappe_is_http2(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    return r->stream != NULL;
#else
    return 0;
#endif
}


static inline ngx_uint_t
ngx_http_frappe_is_http3(ngx_http_request_t *r)
{
#if (NGX_HTTP_V3)
    return r->http_version == NGX_HTTP_VERSION_30;
#else
    return 0;
#endif
}


/*
 * The body, where all of it has come with the header: HTTP/1.x with a
 * Content-Length.  NULL where some of it has not, or its bytes are framed.
 */
static inline u_char *
ngx_http_frappe_arrived_body(ngx_http_request_t *r)
{
    if (r->headers_in.chunked || ngx_http_frappe_is_http2(r)
        || ngx_http_frappe_is_http3(r)
        || r->headers_in.content_length_n
           > r->header_in->last - r->header_in->pos)
    {
        return NULL;
    }

    return r->header_in->pos;
}


static inline ngx_buf_t *
ngx_http_frappe_v2_preread(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    return r->stream->preread;
#else
    return NULL;
#endif
}


static inline void
ngx_http_frappe_set_v2_preread(ngx_http_request_t *r, ngx_buf_t *b)
{
#if (NGX_HTTP_V2)
    r->stream->preread = b;
#endif
}


/*
 * What may still arrive before somebody reads and enlarges the window: whole
 * frames, and the rest of one that has begun.
 */
static inline size_t
ngx_http_frappe_v2_to_come(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    size_t                     size;
    ngx_http_v2_connection_t  *h2c;

    h2c = r->stream->connection;
    size = r->stream->recv_window;

    if (h2c->state.stream == r->stream) {
        size += h2c->state.length;
    }

    return size;
#else
    return 0;
#endif
}


static inline void
ngx_http_frappe_v2_skip_rest(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    if (r->stream) {
        r->stream->skip_data = 1;
    }
#endif
}


static inline ngx_uint_t
ngx_http_frappe_v2_is_closed(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    return r->stream->in_closed;
#else
    return 0;
#endif
}


/*
 * The state of a parser for what follows the header, opaque to Rust since it is
 * no type of an nginx without HTTP/3.  A copy: what nginx reads later is its own.
 */
static inline void *
ngx_http_frappe_v3_frames(ngx_http_request_t *r)
{
#if (NGX_HTTP_V3)
    ngx_http_v3_parse_data_t  *st;

    st = ngx_palloc(r->pool, sizeof(ngx_http_v3_parse_data_t));
    if (st != NULL) {
        *st = r->v3_parse->body;
    }

    return st;
#else
    return NULL;
#endif
}


/* Reads to the beginning of a DATA frame's bytes, or says why it cannot. */
static inline ngx_int_t
ngx_http_frappe_v3_parse(ngx_http_request_t *r, void *frames, ngx_buf_t *b)
{
#if (NGX_HTTP_V3)
    return ngx_http_v3_parse_data(r->connection, frames, b);
#else
    return NGX_ERROR;
#endif
}


/* Bytes of the frame that are still to come. */
static inline size_t
ngx_http_frappe_v3_left(void *frames)
{
#if (NGX_HTTP_V3)
    ngx_http_v3_parse_data_t  *st;

    st = frames;

    return st->length;
#else
    return 0;
#endif
}


static inline size_t
ngx_http_frappe_v3_take(void *frames, size_t size)
{
#if (NGX_HTTP_V3)
    ngx_http_v3_parse_data_t  *st;

    st = frames;

    if (st->type != NGX_HTTP_V3_FRAME_DATA) {
        return 0;
    }

    size = ngx_min(size, st->length);
    st->length -= size;

    return size;
#else
    return 0;
#endif
}


static inline ngx_msec_t
ngx_http_frappe_body_timeout(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return clcf->client_body_timeout;
}


static inline off_t
ngx_http_frappe_max_body_size(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return clcf->client_max_body_size;
}


static inline size_t
ngx_http_frappe_large_header_size(ngx_http_request_t *r)
{
    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    return cscf->large_client_header_buffers.size;
}


static inline void
ngx_http_frappe_add_timer(ngx_event_t *ev, ngx_msec_t timer)
{
    ngx_add_timer(ev, timer);
}


static inline void
ngx_http_frappe_del_timer(ngx_event_t *ev)
{
    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


/* Lets the event loop handle what else has happened first. */
static inline void
ngx_http_frappe_post_next(ngx_event_t *ev)
{
    ngx_post_event(ev, &ngx_posted_next_events);
}


static inline ssize_t
ngx_http_frappe_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    return c->recv(c, buf, size);
}


static inline ssize_t
ngx_http_frappe_send(ngx_connection_t *c, u_char *buf, size_t size)
{
    return c->send(c, buf, size);
}


/* The argument for trailers is there from 1.27.2 on. */
static inline ngx_int_t
ngx_http_frappe_parse_chunked(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_chunked_t *ctx)
{
#if (nginx_version >= 1027002)
    return ngx_http_parse_chunked(r, b, ctx, 0);
#else
    return ngx_http_parse_chunked(r, b, ctx);
#endif
}


static inline void
ngx_http_frappe_set_no_buffering(ngx_http_request_t *r, ngx_uint_t on)
{
    r->request_body_no_buffering = on ? 1 : 0;
}


/* The client waits for "100 Continue"; asks only once. */
static inline ngx_uint_t
ngx_http_frappe_expects_continue(ngx_http_request_t *r)
{
    ngx_str_t  *expect;

    if (r->expect_tested
        || r->headers_in.expect == NULL
        || r->http_version < NGX_HTTP_VERSION_11)
    {
        return 0;
    }

    r->expect_tested = 1;
    expect = &r->headers_in.expect->value;

    return expect->len == sizeof("100-continue") - 1
           && ngx_strncasecmp(expect->data, (u_char *) "100-continue",
                              sizeof("100-continue") - 1) == 0;
}


/* Nothing has come for too long; says so of the connection, too. */
static inline ngx_uint_t
ngx_http_frappe_has_timed_out(ngx_connection_t *c)
{
    if (!c->read->timedout) {
        return 0;
    }

    c->timedout = 1;

    return 1;
}


static inline ngx_uint_t
ngx_http_frappe_has_error(ngx_connection_t *c)
{
    return c->error;
}


static inline void
ngx_http_frappe_set_error(ngx_connection_t *c)
{
    c->error = 1;
}
