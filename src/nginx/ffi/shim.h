/*
 * What bindgen cannot give to Rust from nginx's headers:
 *
 *   - function-like macros;
 *   - functions whose arguments differ between versions of nginx;
 *   - fields of structures with bit fields: bindgen misplaces those if a smaller field stands
 *     before them (ngx_http_request_t from 1.29 on);
 *   - fields that an nginx without HTTP/2 or HTTP/3 does not have.
 *
 * These functions only read, write or call; Rust makes all decisions.  They are compiled with the
 * headers of the nginx that the module is for; build.rs makes the bindings.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* Buffers. */

static inline ngx_uint_t
ngx_http_frappe_buf_in_memory(ngx_buf_t *b)
{
    return ngx_buf_in_memory(b) ? 1 : 0;
}


static inline ngx_uint_t
ngx_http_frappe_buf_in_file(ngx_buf_t *b)
{
    return b->in_file;
}


static inline ngx_uint_t
ngx_http_frappe_buf_is_last(ngx_buf_t *b)
{
    return b->last_buf;
}


/* A request's bits. */

static inline ngx_uint_t
ngx_http_frappe_is_chunked(ngx_http_request_t *r)
{
    return r->headers_in.chunked;
}


static inline ngx_uint_t
ngx_http_frappe_discards_body(ngx_http_request_t *r)
{
    return r->discard_body;
}


static inline ngx_uint_t
ngx_http_frappe_is_internal(ngx_http_request_t *r)
{
    return r->internal | r->filter_finalize;
}


static inline ngx_uint_t
ngx_http_frappe_expect_tested(ngx_http_request_t *r)
{
    return r->expect_tested;
}


static inline void
ngx_http_frappe_set_expect_tested(ngx_http_request_t *r)
{
    r->expect_tested = 1;
}


static inline void
ngx_http_frappe_set_no_buffering(ngx_http_request_t *r, ngx_uint_t on)
{
    r->request_body_no_buffering = on & 1;
}


static inline ngx_uint_t
ngx_http_frappe_no_buffering(ngx_http_request_t *r)
{
    return r->request_body_no_buffering;
}


static inline void
ngx_http_frappe_set_in_file_only(ngx_http_request_t *r)
{
    r->request_body_in_file_only = 1;
}


/* Configuration: fields of structures with bit fields. */

static inline ngx_msec_t
ngx_http_frappe_body_timeout(ngx_http_core_loc_conf_t *clcf)
{
    return clcf->client_body_timeout;
}


static inline off_t
ngx_http_frappe_max_body_size(ngx_http_core_loc_conf_t *clcf)
{
    return clcf->client_max_body_size;
}


static inline size_t
ngx_http_frappe_body_buffer_size(ngx_http_core_loc_conf_t *clcf)
{
    return clcf->client_body_buffer_size;
}


static inline size_t
ngx_http_frappe_large_header_size(ngx_http_core_srv_conf_t *cscf)
{
    return cscf->large_client_header_buffers.size;
}


/* Values of variables. */

static inline void
ngx_http_frappe_set_value(ngx_http_variable_value_t *v, u_char *data, size_t len)
{
    v->len = len;
    v->data = data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}


/* Sets the empty text, too: some code of nginx looks at the length alone. */
static inline void
ngx_http_frappe_set_not_found(ngx_http_variable_value_t *v)
{
    v->len = 0;
    v->data = (u_char *) "";
    v->valid = 0;
    v->no_cacheable = 0;
    v->not_found = 1;
}


static inline void
ngx_http_frappe_set_no_cacheable(ngx_http_variable_value_t *v)
{
    v->no_cacheable = 1;
}


static inline ngx_uint_t
ngx_http_frappe_is_no_cacheable(ngx_http_variable_value_t *v)
{
    return v->no_cacheable;
}


static inline void
ngx_http_frappe_forget(ngx_http_variable_value_t *v)
{
    v->valid = 0;
    v->not_found = 0;
}


#include "shim_body.h"
#include "shim_status.h"
