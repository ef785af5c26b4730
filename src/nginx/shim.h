/*
 * nginx's function-like macros as functions: the target's own headers say what they mean, so
 * that no offset or cast of nginx is written a second time in Rust.  build.rs binds them.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


static inline void *
ngx_http_frappe_get_ctx(ngx_http_request_t *r, ngx_module_t *module)
{
    return ngx_http_get_module_ctx(r, (*module));
}


static inline void
ngx_http_frappe_set_ctx(ngx_http_request_t *r, void *ctx, ngx_module_t *module)
{
    ngx_http_set_ctx(r, ctx, (*module));
}


static inline void *
ngx_http_frappe_get_main_conf(ngx_http_request_t *r, ngx_module_t *module)
{
    return ngx_http_get_module_main_conf(r, (*module));
}


static inline void *
ngx_http_frappe_get_loc_conf(ngx_http_request_t *r, ngx_module_t *module)
{
    return ngx_http_get_module_loc_conf(r, (*module));
}


static inline void *
ngx_http_frappe_conf_get_main_conf(ngx_conf_t *cf, ngx_module_t *module)
{
    return ngx_http_conf_get_module_main_conf(cf, (*module));
}


static inline ngx_uint_t
ngx_http_frappe_buf_in_memory(ngx_buf_t *b)
{
    return ngx_buf_in_memory(b) ? 1 : 0;
}


/* A body read or being read, or one that nobody will read any more. */
static inline ngx_uint_t
ngx_http_frappe_has_body(ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}


static inline ngx_uint_t
ngx_http_frappe_is_redirected(ngx_http_request_t *r)
{
    return r->internal || r->filter_finalize;
}


static inline ngx_uint_t
ngx_http_frappe_is_discarded(ngx_http_request_t *r)
{
    return r->discard_body;
}


static inline ngx_http_handler_pt *
ngx_http_frappe_push_phase_handler(ngx_conf_t *cf, ngx_http_phases phase)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    return ngx_array_push(&cmcf->phases[phase].handlers);
}


static inline ngx_array_t *
ngx_http_frappe_conf_variables(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    return &cmcf->variables;
}


static inline void
ngx_http_frappe_set_value(ngx_http_variable_value_t *v, u_char *data, size_t len)
{
    v->len = len;
    v->data = data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}


/* Empty and not found: other code may look at either. */
static inline void
ngx_http_frappe_set_not_found(ngx_http_variable_value_t *v)
{
    v->len = 0;
    v->data = (u_char *) "";
    v->valid = 0;
    v->no_cacheable = 0;
    v->not_found = 1;
}
