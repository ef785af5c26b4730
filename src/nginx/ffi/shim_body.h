/*
 * The part of shim.h that a peek needs: events, connections, and fields of HTTP/2 and HTTP/3.  In an
 * nginx without those two, the functions for them do nothing.
 */

static inline void
ngx_http_frappe_add_timer(ngx_event_t *ev, ngx_msec_t timer)
{
    ngx_add_timer(ev, timer);
}


static inline ngx_uint_t
ngx_http_frappe_timer_set(ngx_event_t *ev)
{
    return ev->timer_set;
}


static inline void
ngx_http_frappe_del_timer(ngx_event_t *ev)
{
    ngx_del_timer(ev);
}


/* Posts the event for the next turn of the event loop, behind all that has happened by now. */
static inline void
ngx_http_frappe_post_next(ngx_event_t *ev)
{
    ngx_post_event(ev, &ngx_posted_next_events);
}


static inline ngx_uint_t
ngx_http_frappe_event_timedout(ngx_event_t *ev)
{
    return ev->timedout;
}


static inline void
ngx_http_frappe_set_timedout(ngx_connection_t *c)
{
    c->timedout = 1;
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


/*
 * From 1.27.2 on, nginx's function has an argument for trailers.  A fork has the same version number
 * without that argument (freenginx 1.27.2), so this asks for the function's type, not for the version.
 */
typedef ngx_int_t ngx_http_frappe_chunked_t(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_chunked_t *ctx);
typedef ngx_int_t ngx_http_frappe_chunked_trailers_t(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_chunked_t *ctx, ngx_uint_t keep_trailers);

#define NGX_HTTP_FRAPPE_PARSE_CHUNKED_IS(type)                                                     \
    __builtin_types_compatible_p(__typeof__(ngx_http_parse_chunked), type)

_Static_assert(NGX_HTTP_FRAPPE_PARSE_CHUNKED_IS(ngx_http_frappe_chunked_t)
               || NGX_HTTP_FRAPPE_PARSE_CHUNKED_IS(ngx_http_frappe_chunked_trailers_t),
               "ngx_http_parse_chunked() has arguments that this module does not know");

static inline ngx_int_t
ngx_http_frappe_parse_chunked(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_http_chunked_t *ctx)
{
    void *parse = (void *) ngx_http_parse_chunked;

    if (NGX_HTTP_FRAPPE_PARSE_CHUNKED_IS(ngx_http_frappe_chunked_trailers_t)) {
        return ((ngx_http_frappe_chunked_trailers_t *) parse)(r, b, ctx, 0);
    }
    return ((ngx_http_frappe_chunked_t *) parse)(r, b, ctx);
}


/* HTTP/2: the stream.  All functions but the first are for a request that has a stream. */

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
ngx_http_frappe_v2_skips_data(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    return r->stream->skip_data;
#else
    return 0;
#endif
}


static inline void
ngx_http_frappe_v2_skip_data(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    r->stream->skip_data = 1;
#endif
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


static inline size_t
ngx_http_frappe_v2_window(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    return r->stream->recv_window;
#else
    return 0;
#endif
}


/* Whether the current frame of the connection is a DATA frame of this stream. */
static inline ngx_uint_t
ngx_http_frappe_v2_in_frame(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    return r->stream->connection->state.stream == r->stream;
#else
    return 0;
#endif
}


static inline size_t
ngx_http_frappe_v2_frame_left(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    return r->stream->connection->state.length;
#else
    return 0;
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
 * HTTP/3: the state of the parser for what follows the header.  It is opaque to Rust, since an nginx
 * without HTTP/3 does not have its type.
 */

static inline ngx_uint_t
ngx_http_frappe_is_http3(ngx_http_request_t *r)
{
#if (NGX_HTTP_V3)
    return r->http_version == NGX_HTTP_VERSION_30;
#else
    return 0;
#endif
}


static inline size_t
ngx_http_frappe_v3_state_size(void)
{
#if (NGX_HTTP_V3)
    return sizeof(ngx_http_v3_parse_data_t);
#else
    return 0;
#endif
}


/* The state that nginx's own parser has for this request. */
static inline void *
ngx_http_frappe_v3_state(ngx_http_request_t *r)
{
#if (NGX_HTTP_V3)
    return &r->v3_parse->body;
#else
    return NULL;
#endif
}


/* Reads up to the first byte of a DATA frame, or returns why it cannot. */
static inline ngx_int_t
ngx_http_frappe_v3_parse(ngx_http_request_t *r, void *state, ngx_buf_t *b)
{
#if (NGX_HTTP_V3)
    return ngx_http_v3_parse_data(r->connection, state, b);
#else
    return NGX_ERROR;
#endif
}


/* Bytes of the frame that has just begun. */
static inline size_t
ngx_http_frappe_v3_left(void *state)
{
#if (NGX_HTTP_V3)
    return ((ngx_http_v3_parse_data_t *) state)->length;
#else
    return 0;
#endif
}
