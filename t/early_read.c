/*
 * A module for the tests.  In any nginx it reads a request's body before nginx chooses a location, as
 * "client_body_early_read" of nginx 1.31.5 does.
 *
 *     test_early_read memory | file | single;
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_uint_t  how;
} early_read_conf_t;


enum { IN_MEMORY, IN_FILE, IN_SINGLE_BUFFER };


static ngx_conf_enum_t  early_read_kinds[] = {
    { ngx_string("memory"), IN_MEMORY },
    { ngx_string("file"), IN_FILE },
    { ngx_string("single"), IN_SINGLE_BUFFER },
    { ngx_null_string, 0 }
};


static void *early_read_create_conf(ngx_conf_t *cf);
static ngx_int_t early_read_init(ngx_conf_t *cf);


static ngx_command_t  early_read_commands[] = {

    { ngx_string("test_early_read"),
      NGX_HTTP_SRV_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_SRV_CONF_OFFSET,
      offsetof(early_read_conf_t, how),
      early_read_kinds },

      ngx_null_command
};


static ngx_http_module_t  early_read_module_ctx = {
    NULL,
    early_read_init,
    NULL,
    NULL,
    early_read_create_conf,
    NULL,
    NULL,
    NULL
};


ngx_module_t  early_read_module = {
    NGX_MODULE_V1,
    &early_read_module_ctx,
    early_read_commands,
    NGX_HTTP_MODULE,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NGX_MODULE_V1_PADDING
};


ngx_module_t  *ngx_modules[] = { &early_read_module, NULL };
char          *ngx_module_names[] = { "early_read_module", NULL };
char          *ngx_module_order[] = { NULL };


static void
early_read_resume(ngx_http_request_t *r)
{
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}


static ngx_int_t
early_read_handler(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    early_read_conf_t  *conf;

    conf = ngx_http_get_module_srv_conf(r, early_read_module);

    if (conf->how == NGX_CONF_UNSET_UINT
        || r != r->main
        || r->request_body != NULL
        || (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked))
    {
        return NGX_DECLINED;
    }

    r->request_body_in_file_only = (conf->how == IN_FILE);
    r->request_body_in_clean_file = (conf->how == IN_FILE);
    r->request_body_in_single_buf = (conf->how == IN_SINGLE_BUFFER);

    rc = ngx_http_read_client_request_body(r, early_read_resume);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    ngx_http_finalize_request(r, NGX_DONE);

    return NGX_DONE;
}


static void *
early_read_create_conf(ngx_conf_t *cf)
{
    early_read_conf_t  *conf;

    conf = ngx_palloc(cf->pool, sizeof(early_read_conf_t));
    if (conf != NULL) {
        conf->how = NGX_CONF_UNSET_UINT;
    }

    return conf;
}


static ngx_int_t
early_read_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = early_read_handler;

    return NGX_OK;
}
