/*
 * What Rust must not say a second time, as functions: nginx's function-like macros (but for the
 * look into its arrays of contexts and configurations, where a call would cost more than what it
 * does: raw.rs), differences between its versions, and all bit fields, which bindgen misplaces where a smaller field stands
 * before them (ngx_http_request_t from 1.29 on).  The target's own headers say what they mean;
 * build.rs binds them.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


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


/* A body to be read, or one that has been, and that nobody has given up. */
static inline ngx_uint_t
ngx_http_frappe_has_body(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)
    if (r->stream && r->stream->skip_data) {
        return 0;
    }
#endif

    return (r->headers_in.content_length_n > 0 || r->headers_in.chunked)
           && !r->discard_body;
}


static inline ngx_uint_t
ngx_http_frappe_may_have_body(ngx_http_request_t *r, ngx_module_t *module)
{
    return ngx_http_frappe_has_body(r)
           || ngx_http_get_module_ctx(r, (*module)) != NULL;
}


/*
 * The client has announced a body.  A body that nginx has discarded is no longer
 * in content_length_n.
 */
static inline ngx_uint_t
ngx_http_frappe_had_body(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = r->headers_in.content_length;

    return r->headers_in.content_length_n > 0
           || r->headers_in.chunked
           || (h != NULL && ngx_atoof(h->value.data, h->value.len) > 0);
}


static inline ngx_uint_t
ngx_http_frappe_is_redirected(ngx_http_request_t *r)
{
    return r->internal || r->filter_finalize;
}


static inline ngx_uint_t
ngx_http_frappe_is_before_location(ngx_http_request_t *r)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    return r->phase_handler
           < (ngx_int_t) cmcf->phase_engine.location_rewrite_index;
}


/*
 * The dav module stores the body of this request, as no handler of the location comes first.
 * Its directive says where in its configuration the bits of the methods are.
 */
static inline ngx_uint_t
ngx_http_frappe_dav_put(ngx_http_request_t *r, ngx_module_t *dav,
    ngx_command_t *methods)
{
    u_char  *conf;

    if (r->method != NGX_HTTP_PUT || r->content_handler != NULL) {
        return 0;
    }

    conf = ngx_http_get_module_loc_conf(r, (*dav));

    return (*(ngx_uint_t *) (conf + methods->offset) & NGX_HTTP_PUT) ? 1 : 0;
}


static inline ngx_uint_t
ngx_http_frappe_is_chunked(ngx_http_request_t *r)
{
    return r->headers_in.chunked;
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


/* All variables that are defined, by their names. */
static inline ngx_array_t *
ngx_http_frappe_conf_variable_keys(ngx_conf_t *cf)
{
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    return &cmcf->variables_keys->keys;
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


static inline void
ngx_http_frappe_ask_again(ngx_http_variable_value_t *v)
{
    v->no_cacheable = 1;
}


/* The values of the variables that have this handler are kept from now on. */
static inline void
ngx_http_frappe_keep_values(ngx_http_request_t *r,
    ngx_http_get_variable_pt handler)
{
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (v[i].get_handler == handler) {
            r->variables[i].no_cacheable = 0;
        }
    }
}


static inline void
ngx_http_frappe_forget_variable(ngx_http_request_t *r, ngx_uint_t index)
{
    r->variables[index].valid = 0;
    r->variables[index].not_found = 0;
}


#include "shim_peek.h"
