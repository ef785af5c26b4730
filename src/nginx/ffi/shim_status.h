/*
 * The part of shim.h that the figures need.
 */


static inline void
ngx_http_frappe_set_content_handler(ngx_conf_t *cf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;
}


static inline ngx_core_conf_t *
ngx_http_frappe_core_conf(ngx_cycle_t *cycle)
{
    return (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
}


/* A new element in the list of the response's headers. */
static inline ngx_table_elt_t *
ngx_http_frappe_push_header(ngx_http_request_t *r)
{
    return ngx_list_push(&r->headers_out.headers);
}


/* The text of a variable that nginx has looked up; empty where it is not found. */
static inline ngx_str_t
ngx_http_frappe_value_text(ngx_http_variable_value_t *v)
{
    ngx_str_t  text;

    text.len = v->not_found ? 0 : v->len;
    text.data = v->data;

    return text;
}


static inline void
ngx_http_frappe_hold(ngx_http_request_t *r)
{
    r->main->count++;
}


static inline ngx_uint_t
ngx_http_frappe_header_only(ngx_http_request_t *r)
{
    return r->header_only;
}


/* Makes a buffer of bytes that do not change. */
static inline void
ngx_http_frappe_set_buf(ngx_buf_t *b, u_char *pos, size_t len, ngx_uint_t last)
{
    b->pos = pos;
    b->last = pos + len;
    b->memory = len ? 1 : 0;
    b->last_buf = last;
    b->last_in_chain = last;
}


/* A worker that shuts down does not wait for the timer of this event. */
static inline void
ngx_http_frappe_set_cancelable(ngx_event_t *ev)
{
    ev->cancelable = 1;
}


static inline ngx_uint_t
ngx_http_frappe_has_timer(ngx_event_t *ev)
{
    return ev->timer_set;
}
